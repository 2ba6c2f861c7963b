/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_FORMAT_H
#define GATEWAY_SSE_FORMAT_H

/* The text/event-stream format: pure. */

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Appends one event. `id` 0 means none; `type` NULL means the default "message". Data is cut into
 * `data:` lines at CR LF, LF and CR; NULL is none at all, which dispatches nothing and only moves
 * the reader's last id. `type` must hold no line break. */
void sse_format_event(struct buf *ret_text, uint64_t id, const char *type, const char *data,
                      size_t data_length);

enum sse_last_id {
    SSE_LAST_ID_NONE, /* no header, or an empty one: a new reader */
    SSE_LAST_ID_SEQ,  /* a sequence number, 1 to 2^53 */
    SSE_LAST_ID_GARBAGE,
};

/* `value` is the Last-Event-ID header or NULL: decimal digits without sign, space or leading 0. */
enum sse_last_id sse_parse_last_id(const char *value, uint64_t *ret_seq);

#endif
