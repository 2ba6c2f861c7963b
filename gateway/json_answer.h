/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JSON_ANSWER_H
#define GATEWAY_JSON_ANSWER_H

/*
 * The last step of every JSON answer with a body of its own: compressed with gzip where the client
 * takes it and it is worth while, and on routes marked API_CONDITIONAL with an entity tag of its
 * bytes, or 304 if that is what the client has. Long answers are hashed and compressed on the pool.
 */

struct gateway;
struct http_request;

/* To be called once, before the handler has the request. */
void json_answer_prepare(struct gateway *gateway, struct http_request *request);

#endif
