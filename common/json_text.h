/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_JSON_TEXT_H
#define COMMON_JSON_TEXT_H

/* Strings inside JSON that is written piece by piece, with sizes known before writing. Pure. */

#include <stddef.h>

#include "common/buf.h"

/* "text" with its quotes, on one line, other than ASCII as it is. The text is valid UTF-8. */
void json_text_append(struct buf *out, const char *text, size_t length);
/* The same without the quotes: a part of a string. */
void json_text_append_part(struct buf *out, const char *text, size_t length);
/* How many bytes of the text fit into `max_bytes` once escaped, cut between characters. At least
 * one character if there is any. */
size_t json_text_fit(const char *text, size_t length, size_t max_bytes);

#endif
