/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_ROUTER_H
#define GATEWAY_ROUTER_H

/*
 * The table of routes and its matching: pure, no I/O. A pattern is a path whose segments are
 * literal, with at most one capture: "{id}" takes exactly one segment, "{path*}" at the end takes
 * one or more. Captures never hold an empty segment, "." or "..". A path that is a pattern as it
 * stands belongs to that one alone.
 */

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http_method.h"

struct http_request;

enum route_body {
    ROUTE_BODY_NONE, /* a request with a body is refused */
    ROUTE_BODY_JSON, /* application/json, buffered up to body_limit_bytes; then `handle` runs */
    ROUTE_BODY_SINK, /* `handle` runs as soon as the head is there and takes the body or answers */
};

struct route {
    enum http_method method; /* never HEAD or OPTIONS */
    const char *pattern;
    enum route_body body;
    size_t body_limit_bytes; /* for ROUTE_BODY_JSON */
    /* Must release the request once, now or later: see http_request.h. `context` is the server's
     * (struct http_server_settings). */
    void (*handle)(struct http_request *request, void *context);
    unsigned access; /* the application's own mark for its `admit` callback; 0 if it has none */
    unsigned traits; /* more of those, as bits */
};

enum router_verdict { ROUTER_FOUND, ROUTER_NO_PATH, ROUTER_NO_METHOD };

struct router_match {
    const struct route *route; /* set for ROUTER_FOUND */
    const char *capture;       /* into the path, still percent-encoded; NULL if there is none */
    size_t capture_length;
    unsigned allowed; /* bit 1 << method for all that the path has; set unless ROUTER_NO_PATH */
};

/* `path` is the request's path without the query, not percent-decoded. */
enum router_verdict router_match(const struct route *routes, size_t count, enum http_method method,
                                 const char *path, struct router_match *ret_match);

/* "GET, HEAD, OPTIONS" for an Allow header; `text` of at least ROUTER_ALLOW_BYTES. */
#define ROUTER_ALLOW_BYTES 64
void router_format_allow(unsigned allowed, char *text);

#endif
