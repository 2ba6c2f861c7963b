/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/attrs.h"

/* A copy (owned by the caller) in which each byte that is not part of valid UTF-8 (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF) and each U+0000 is U+FFFD, so that
 * PostgreSQL, JSON and browsers take it. Pure. */
char *utf8_clean(const char *text, size_t length) NEVER_NULL FREED_BY(free);
bool utf8_is_clean(const char *text, size_t length);

#endif
