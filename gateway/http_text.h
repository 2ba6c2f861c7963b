/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_TEXT_H
#define GATEWAY_HTTP_TEXT_H

/* Small decisions about the text of a request: pure. */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "common/buf.h"

/* Percent-decodes `length` bytes; with `plus_is_space` also "+", as in queries. NULL for a broken
 * escape or an escaped NUL. Owned by the caller. */
char *http_text_decode(const char *text, size_t length, bool plus_is_space);

/* Finds name=value in a raw query, the name as it stands; false if it is absent. A name without '='
 * has an empty value. */
bool http_text_find_parameter(const char *query, const char *name, const char **ret_value,
                              size_t *ret_length);

/* Appends the bytes as a URL, or RFC 8187's extended value, has them: all but unreserved characters
 * percent-encoded. */
void http_text_append_escaped(const char *text, size_t length, struct buf *out);

/* 1 to 64 of A-Z a-z 0-9 . _ -: safe in logs and headers. */
bool http_text_is_request_id(const char *text);

/* W3C trace context, version 00, ids not all zero. */
bool http_text_is_traceparent(const char *text);

/* Host header: a name or an IP literal with an optional port, nothing else. */
bool http_text_is_host(const char *host);

#endif
