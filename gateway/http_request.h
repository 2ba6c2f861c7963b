/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_REQUEST_H
#define GATEWAY_HTTP_REQUEST_H

/*
 * One request, as its handler sees it. The handle stays valid until the handler releases it, which
 * it must do exactly once, at once or later (after a delivery report, a query's answer): by
 * http_respond(), http_respond_problem(), http_request_drop(), http_feed_end() or sse_conn_start().
 * That holds even when the client has gone away meanwhile; the answer is then thrown away. All
 * strings borrowed from a request live until its release. Loop thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "gateway/http_method.h"
#include "gateway/router.h"

struct http_request;
struct problem;

enum http_method http_request_method(const struct http_request *request);
/* Without the query, not decoded. */
const char *http_request_path(const struct http_request *request);
/* What "{id}" or "{path*}" took, percent-decoded; NULL if the pattern has neither. */
const char *http_request_capture(const struct http_request *request);
/* The raw query without '?', "" if there is none. May hold a signature: never log it. */
const char *http_request_raw_query(const struct http_request *request);
/* The first parameter of that name, percent- and plus-decoded; NULL if absent. */
const char *http_request_query(struct http_request *request, const char *name);
/* The header's first value, NULL if absent. Names compare without case. */
const char *http_request_header(const struct http_request *request, const char *name);
/* The body of a ROUTE_BODY_JSON route, NUL-terminated; "" and 0 otherwise. */
const char *http_request_body(const struct http_request *request, size_t *ret_length);
/* The Content-Length header; false if there was none. */
bool http_request_content_length(const struct http_request *request, uint64_t *ret_length);
const struct route *http_request_route(const struct http_request *request);
/* The peer's address without the port. */
const char *http_request_address(const struct http_request *request);
/* The client's X-Request-Id if it is sane, else one made here; also sent back. */
const char *http_request_id(const struct http_request *request);
/* The W3C traceparent if it is well-formed, else NULL. */
const char *http_request_traceparent(const struct http_request *request);
/* False once the client has gone away. */
bool http_request_is_alive(const struct http_request *request);

/* Runs once if the client goes away before the release (unless a sink was given, which has its
 * own); the request must still be released, then or later. It may be released inside the callback.
 */
void http_request_on_abort(struct http_request *request,
                           void (*on_abort)(struct http_request *request, void *context),
                           void *context);

/* Where the body of a ROUTE_BODY_SINK route goes. */
struct http_sink {
    /* A part of the body, straight from the socket buffer: copy what must last. False after the
     * sink has released the request (with an error answer): the rest is not read. */
    bool (*on_data)(void *context, const void *data, size_t length);
    /* All Content-Length bytes were given; the sink releases the request, now or later. */
    void (*on_end)(void *context);
    /* The client is gone, now or while the answer is being made, or the body came too slowly. The
     * sink still releases the request. */
    void (*on_abort)(void *context);
};

/* Starts the body of a request with a Content-Length (also 0: on_end runs at once); sends "100
 * Continue" if asked to. Never called twice; `sink` and `context` must last until the release. */
void http_request_take_body(struct http_request *request, const struct http_sink *sink,
                            void *context);

/* A header for the answer, whoever gives it: at most 4; copied, the name is static. */
void http_request_add_header(struct http_request *request, const char *name, const char *value);

struct http_reply;

/* Runs instead of http_respond() the next time, and passes the answer on, perhaps changed, by
 * http_respond(), now or later: then it takes over the reply's take_body and copies what else must
 * last. At most 2 wait, the newest of which runs first. They are not told of http_request_drop().
 */
void http_request_on_respond(struct http_request *request,
                             void (*on_respond)(struct http_request *take_request,
                                                const struct http_reply *reply, void *context),
                             void *context);

struct http_header {
    const char *name;
    const char *value;
};

struct http_reply {
    int status;
    const char *content_type; /* NULL: no body, and 204 and 304 never have one */
    const void *body;         /* copied, unless body_lasts */
    char *take_body;          /* instead of `body`: owned by the reply, freed by free() */
    size_t body_length;
    bool is_chunked; /* the length is not known: http_feed.h only */
    bool body_lasts; /* `body` outlives the server and is sent without a copy */
    const struct http_header *headers;
    size_t header_count;
};

/* Answers and releases. Content-Length, Date, Connection, X-Request-Id, X-Content-Type-Options and,
 * unless given, Cache-Control: no-store are added. */
void http_respond(struct http_request *take_request, const struct http_reply *reply);
/* The same with a body of JSON text that is freed here. */
void http_respond_json(struct http_request *take_request, int status, char *take_json,
                       size_t length);
/* The same with application/problem+json. */
void http_respond_problem(struct http_request *take_request, const struct problem *problem);
/* Releases without an answer: the connection is closed. */
void http_request_drop(struct http_request *take_request);

#endif
