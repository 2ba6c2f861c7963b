/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_FEED_H
#define GATEWAY_HTTP_FEED_H

/*
 * An answer whose body is made while it is sent, a piece at a time: the next one is asked for when
 * the kernel has taken the last, so that what a request holds is bounded by one piece. The request
 * stays the handler's until http_feed_end() or http_request_drop(), which breaks the answer off so
 * that the client can tell; http_request_on_abort() says that the client is gone. Loop thread only.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"

struct http_reply;
struct http_request;

/* Sends the head: status, content type and headers of `reply`; its body_length, or with is_chunked
 * no length. False: there is nothing to send to (the client is gone, or it asked for the head
 * only); then the request was released. Otherwise `on_room` runs whenever a piece may be given,
 * from the loop, until one is. */
bool http_feed_start(struct http_request *request, const struct http_reply *reply,
                     void (*on_room)(void *context), void *context) MUST_CHECK;
/* One piece, not empty, once for each on_room, now or later. Does nothing once the client is gone.
 */
void http_feed_send(struct http_request *request, void *take_data, size_t length);
/* The body is complete; instead of a piece. */
void http_feed_end(struct http_request *take_request);

#endif
