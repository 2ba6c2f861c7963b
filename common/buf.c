/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

void buf_init(struct buf *buf, size_t limit_bytes)
{
    *buf = (struct buf){.limit_bytes = limit_bytes};
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->limit_bytes);
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->over = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

/* Room for `length` more bytes and the NUL, or false (and `over`) past the limit. */
static bool reserve(struct buf *buf, size_t length)
{
    if (buf->over || length > buf->limit_bytes || buf->length > buf->limit_bytes - length) {
        buf->over = true;
        return false;
    }
    size_t needed = buf->length + length + 1;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity < 64 ? 64 : buf->capacity * 2;
        buf->capacity = capacity < needed ? needed : capacity;
        buf->data = mem_resize(buf->data, buf->capacity, 1);
    }
    return true;
}

void buf_append(struct buf *buf, const void *data, size_t length)
{
    if (length == 0 || !reserve(buf, length))
        return;
    memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void buf_append_string(struct buf *buf, const char *string)
{
    buf_append(buf, string, strlen(string));
}

void buf_append_format(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length <= 0 || !reserve(buf, (size_t)length))
        return;
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
}

bool buf_is_over(const struct buf *buf)
{
    return buf->over;
}

const char *buf_string(const struct buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

char *buf_take(struct buf *buf)
{
    char *data = buf->data == NULL ? mem_copy("", 0) : buf->data;

    buf->data = NULL;
    buf->capacity = 0;
    buf_clear(buf);
    return data;
}
