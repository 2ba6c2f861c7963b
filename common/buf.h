/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

/*
 * A growing byte string with a limit, always NUL-terminated once something was appended. What goes
 * over the limit is not appended at all and the buffer remembers it: append freely, ask
 * buf_is_over() once at the end.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"

struct buf {
    char *data; /* owned; NULL while empty */
    size_t length;
    size_t capacity;
    size_t limit_bytes;
    bool over;
};

void buf_init(struct buf *buf, size_t limit_bytes);
void buf_done(struct buf *buf);
void buf_clear(struct buf *buf);
void buf_append(struct buf *buf, const void *data, size_t length);
void buf_append_string(struct buf *buf, const char *string);
void buf_append_format(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
bool buf_is_over(const struct buf *buf);
/* The bytes as a NUL-terminated string, never NULL; valid until the next change. */
const char *buf_string(const struct buf *buf);
/* Hands the bytes over (free()) and leaves the buffer empty. Never NULL. */
char *buf_take(struct buf *buf);

#endif
