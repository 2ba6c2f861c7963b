/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_RANGE_H
#define GATEWAY_HTTP_RANGE_H

/* The Range header (RFC 9110, 14): single ranges of bytes. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"

enum http_range_verdict {
    HTTP_RANGE_WHOLE, /* none, or one that may be ignored: malformed, several, other units */
    HTTP_RANGE_PART,  /* 206 */
    HTTP_RANGE_UNSATISFIABLE, /* 416 */
};

struct http_range {
    int64_t first;
    int64_t last; /* inclusive */
};

/* `header` may be NULL. Of `size` > 0 bytes; the range is set for the whole, too. */
enum http_range_verdict http_range_parse(const char *header, int64_t size,
                                         struct http_range *ret_range) MUST_CHECK;

/* Whether an If-Range header (NULL: none) lets a Range count: only a strong, equal tag does. */
bool http_range_is_current(const char *if_range, const char *etag);

#endif
