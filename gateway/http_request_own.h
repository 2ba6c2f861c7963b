/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_REQUEST_OWN_H
#define GATEWAY_HTTP_REQUEST_OWN_H

/*
 * The connection's side of a request. The connection owns it until http_request_hand_over(), the
 * handler from then on. Only http_*.c include this.
 */

#include "gateway/http_head.h"
#include "gateway/http_reply.h"
#include "gateway/http_request.h"

struct http_conn;

struct http_request *http_request_new(struct http_conn *conn, struct http_head *take_head);
const struct http_head *http_request_head(const struct http_request *request);
void http_request_set_match(struct http_request *request, const struct router_match *match);
void http_request_set_body(struct http_request *request, struct buf *take_body);
void http_request_add_body_bytes(struct http_request *request, size_t length);

/* The handler now owns the request. */
void http_request_hand_over(struct http_request *request);
/* The connection is gone, or has answered by itself with `status`: tells the handler that has it,
 * frees it if none has. */
void http_request_leave(struct http_request *request, int status);

struct http_reply_setting http_request_setting(const struct http_request *request, bool closes);
/* Counts it and writes it to the access log: when its answer is sent. */
void http_request_finish(const struct http_request *request, int status, uint64_t sent_bytes);
/* NULL once the client is gone. */
struct http_conn *http_request_conn(const struct http_request *request);
/* Takes the connection away from a request that is being released; NULL if it has none. */
struct http_conn *http_request_take_conn(struct http_request *request);
void http_request_free(struct http_request *request);

#endif
