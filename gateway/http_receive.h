/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_RECEIVE_H
#define GATEWAY_HTTP_RECEIVE_H

/* What comes in on a connection: heads through the parser to their route, bodies to the handler or
 * its sink. Only http_*.c include this. */

#include <stdint.h>

struct http_conn;
struct http_sink;

/* The socket is readable, or bytes of the next request are waiting. The caller settles. */
void http_receive(struct http_conn *conn);
/* The handler takes the body of its request. */
void http_receive_body(struct http_conn *conn, uint64_t length, const struct http_sink *sink,
                       void *context);

#endif
