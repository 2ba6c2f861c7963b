/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_range.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS_MAX 18

/* Digits at `*text`, which is moved behind them; -1 if there are none, or too many. */
static int64_t take_number(const char **text)
{
    size_t digits = strspn(*text, "0123456789");
    int64_t number = digits > 0 && digits <= DIGITS_MAX ? strtoll(*text, NULL, 10) : -1;

    *text += digits;
    return number;
}

static enum http_range_verdict last_bytes(int64_t count, int64_t size, struct http_range *ret_range)
{
    if (count == 0)
        return HTTP_RANGE_UNSATISFIABLE;
    if (count < size)
        ret_range->first = size - count;
    return HTTP_RANGE_PART;
}

enum http_range_verdict http_range_parse(const char *header, int64_t size,
                                         struct http_range *ret_range)
{
    *ret_range = (struct http_range){0, size - 1};
    if (header == NULL || strncasecmp(header, "bytes=", 6) != 0)
        return HTTP_RANGE_WHOLE;
    const char *at = header + 6;
    bool is_suffix = *at == '-';
    int64_t first = is_suffix ? -1 : take_number(&at);
    if (*at++ != '-' || (!is_suffix && first < 0))
        return HTTP_RANGE_WHOLE;
    bool is_open = *at == '\0' && !is_suffix;
    int64_t last = is_open ? size - 1 : take_number(&at);
    if (*at != '\0' || last < 0 || (!is_suffix && !is_open && last < first))
        return HTTP_RANGE_WHOLE;
    if (is_suffix)
        return last_bytes(last, size, ret_range);
    if (first >= size)
        return HTTP_RANGE_UNSATISFIABLE;
    *ret_range = (struct http_range){first, last < size ? last : size - 1};
    return HTTP_RANGE_PART;
}

bool http_range_is_current(const char *if_range, const char *etag)
{
    return if_range == NULL || (strncmp(etag, "W/", 2) != 0 && strcmp(if_range, etag) == 0);
}
