/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_format.h"

#include <inttypes.h>
#include <string.h>

/* JavaScript's largest exact integer: ids stay usable as numbers in a page. */
#define LARGEST_SEQ ((uint64_t)1 << 53)

static size_t line_length(const char *data, size_t length)
{
    size_t at = 0;
    while (at < length && data[at] != '\n' && data[at] != '\r')
        at++;
    return at;
}

static size_t break_length(const char *data, size_t length)
{
    if (length == 0)
        return 0;
    return data[0] == '\r' && length > 1 && data[1] == '\n' ? 2 : 1;
}

void sse_format_event(struct buf *ret_text, uint64_t id, const char *type, const char *data,
                      size_t data_length)
{
    if (id != 0)
        buf_append_format(ret_text, "id: %" PRIu64 "\n", id);
    if (type != NULL)
        buf_append_format(ret_text, "event: %s\n", type);
    size_t ended_by = data == NULL ? 0 : 1;
    while (ended_by > 0) {
        size_t line = line_length(data, data_length);
        ended_by = break_length(data + line, data_length - line);
        buf_append(ret_text, "data: ", 6);
        buf_append(ret_text, data, line);
        buf_append(ret_text, "\n", 1);
        data += line + ended_by;
        data_length -= line + ended_by;
    }
    buf_append(ret_text, "\n", 1);
}

enum sse_last_id sse_parse_last_id(const char *value, uint64_t *ret_seq)
{
    if (value == NULL || value[0] == '\0')
        return SSE_LAST_ID_NONE;
    size_t digits = strspn(value, "0123456789");
    if (value[0] == '0' || value[digits] != '\0' || digits > 16)
        return SSE_LAST_ID_GARBAGE;
    uint64_t seq = 0;
    for (size_t i = 0; i < digits; i++)
        seq = seq * 10 + (uint64_t)(value[i] - '0');
    if (seq > LARGEST_SEQ)
        return SSE_LAST_ID_GARBAGE;
    *ret_seq = seq;
    return SSE_LAST_ID_SEQ;
}
