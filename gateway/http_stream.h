/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_STREAM_H
#define GATEWAY_HTTP_STREAM_H

/* A connection that was taken out of HTTP's turns to send without end: what event streams stand on.
 */

#include <stdbool.h>

struct http_conn;
struct http_request;

struct http_stream_callbacks {
    void (*on_writable)(void *context); /* while it is wanted; the stream may be closed inside */
    void (*on_closed)(void *context);   /* the client is gone, or the server is being freed */
};

/* Sends the head and releases the request. NULL if there is nothing to stream to: the client is
 * gone, or it asked for the head only. No callback runs then. */
struct http_conn *http_stream_start(struct http_request *take_request, int send_buffer_bytes,
                                    const struct http_stream_callbacks *callbacks, void *context);
int http_stream_fd(const struct http_conn *conn);
void http_stream_want_writable(struct http_conn *conn, bool wanted);
/* Without on_closed. What the kernel has taken is still delivered. */
void http_stream_close(struct http_conn *conn);

#endif
