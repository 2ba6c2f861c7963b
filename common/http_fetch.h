/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_HTTP_FETCH_H
#define COMMON_HTTP_FETCH_H

/*
 * HTTP requests by libcurl's multi socket interface on the event loop: many at once, none blocks.
 * No redirects, http and https only, no proxies from the environment, bodies bounded.
 */

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/loop.h"

struct http_fetch;         /* the shared multi handle */
struct http_fetch_request; /* one request in flight */

struct http_fetch_reply {
    long status;     /* 0 when no answer came; then `err` is set */
    struct buf body; /* freed after the callback; buf_take() keeps it */
    char content_type[96];
    int64_t retry_after_us; /* from Retry-After (seconds or a date); -1 when absent */
    bool was_sent;          /* false: the connection failed before the request went out */
    struct err err;         /* valid when status is 0; see http_fetch_err() */
    uint64_t duration_us;
};

typedef void (*http_fetch_on_reply)(void *context, struct http_fetch_reply *reply);

struct http_fetch_options {
    uint64_t connect_timeout_us;
    uint64_t total_timeout_us;
    size_t body_limit_bytes;
};

/* Cancels what is in flight. */
void http_fetch_free(struct http_fetch *fetch);
struct http_fetch *http_fetch_new(struct loop *loop, size_t max_connections)
    FREED_BY(http_fetch_free);

/* Sends what `take_easy` describes (URL, method, mime, headers set by the caller, who keeps the
 * mime and the header list until the reply, and may free them in it). Calls back exactly once,
 * never before it returns, unless cancelled. The callback may start and cancel other requests. */
struct http_fetch_request *http_fetch_start(struct http_fetch *fetch, CURL *take_easy,
                                            const struct http_fetch_options *options,
                                            http_fetch_on_reply on_reply, void *context);
/* No callback follows; the connection is closed. Not once the reply has come. */
void http_fetch_cancel(struct http_fetch_request *request);

/* ERR_REJECT when the request itself is at fault (URL, protocol, refused by a callback of the
 * caller's), else ERR_RETRY; domain "curl". Returns false. */
bool http_fetch_err(struct err *err, CURLcode code, const char *detail);

#endif
