/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_REPLY_H
#define GATEWAY_HTTP_REPLY_H

/* The head of an answer as text: pure but for the Date header's clock. */

#include <stdbool.h>

#include "common/buf.h"
#include "gateway/http_request.h"

/* What the connection and the request add to a reply. */
struct http_reply_setting {
    bool closes;             /* Connection: close */
    bool keeps_1_0;          /* an HTTP/1.0 client is told that the connection stays open */
    const char *request_id;  /* or NULL */
    const char *cors_origin; /* a listed Origin, whose pages may read the answer, or NULL */
    const struct http_header *headers; /* further ones of the request's own */
    size_t header_count;
};

/* Whether an answer of that status may have a body (not 1xx, 204, 304). */
bool http_reply_has_body(int status);
void http_reply_format_head(const struct http_reply *reply,
                            const struct http_reply_setting *setting, struct buf *ret_head);
/* The head of an event stream: no length, ended by closing. */
void http_reply_format_stream_head(const struct http_reply_setting *setting, struct buf *ret_head);

#endif
