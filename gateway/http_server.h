/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_SERVER_H
#define GATEWAY_HTTP_SERVER_H

/*
 * A strict HTTP/1.1 server on one libevent loop: connections, their limits and deadlines, and the
 * way from a request's head to its route. The application gives it a table of routes and answers
 * through http_request.h. Everything runs on the loop's thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "gateway/http_guard.h"
#include "gateway/http_method.h"
#include "gateway/router.h"

struct http_request;
struct http_server;
struct loop;

struct http_limits {
    size_t header_bytes;          /* request line and headers as sent; 32 KiB */
    unsigned header_count;        /* 100 */
    unsigned connections;         /* 10,000; more are answered 503 */
    unsigned address_connections; /* of one address, 0 = any number; 1,024; more: 429 */
    unsigned header_ms;           /* for the whole head; 10 s */
    unsigned idle_ms;             /* between two requests; 60 s */
    unsigned window_ms;           /* how often the rate of bodies and answers is looked at; 5 s */
    unsigned min_bytes_per_s;     /* of a body, or of an answer being taken; 1,024 */
    unsigned linger_ms;           /* reading on after an early answer; 5 s */
    uint64_t linger_bytes;        /* and at most so much of it; 128 MiB */
    unsigned user_timeout_ms;     /* TCP_USER_TIMEOUT: a peer that acknowledges nothing; 30 s */
};

extern const struct http_limits http_limits_default;

/* What one request was, for the access log. Borrowed for the call. */
struct http_access {
    const char *request_id;
    const char *address;
    const char *method;  /* "-" if it was not understood */
    const char *path;    /* without the query; "-" if it was not understood */
    const char *pattern; /* of the route, "-" without one */
    int status;          /* 499: the client went away before the answer */
    uint64_t body_bytes; /* of the request */
    uint64_t sent_bytes; /* of the answer's body */
    uint64_t duration_us;
};

struct http_server_settings {
    const struct route *routes; /* must outlive the server */
    size_t route_count;
    void *context; /* for handlers and the callbacks below */
    struct http_limits limits;
    struct http_guard guard;
    /* Optional: runs for each matched request when its head is there, before any of its body and
     * before its handler. False after it has released the request (401, say). */
    bool (*admit)(struct http_request *request, void *context);
    /* Optional: runs instead of the route's handler, which it must call, now or later, or release
     * the request. */
    void (*run)(struct http_request *request, void *context);
    /* Optional. */
    void (*on_access)(const struct http_access *access, void *context);
};

/* Counted since the start, but for the first two. */
struct http_stats {
    uint64_t connections; /* open now, streams included */
    uint64_t streams;     /* open now */
    uint64_t accepted;
    uint64_t refused;   /* over a limit of connections */
    uint64_t requests;  /* answered by a handler or the server */
    uint64_t malformed; /* refused by the parser or its checks */
    uint64_t timeouts;  /* of any phase */
    uint64_t aborted;   /* the client went away before its answer */
    uint64_t body_bytes;
};

struct http_server *http_server_new(struct loop *loop, const struct http_server_settings *settings);

/* Listens on a numeric address ("127.0.0.1", "::", "0.0.0.0"); port 0 takes a free one. May be
 * called for several addresses. `reuse_port` lets more gateways of this host share the port.
 * Fails: ERR_REJECT, ERR_RETRY (address in use). */
MUST_CHECK bool http_server_listen(struct http_server *server, const char *address, uint16_t port,
                                   bool reuse_port, struct err *err);
/* Of the first listener; 0 before http_server_listen(). */
uint16_t http_server_port(const struct http_server *server);

const struct http_stats *http_server_stats(const struct http_server *server);

/* Stops listening, closes idle connections, closes the others after their answer and calls
 * `on_empty` once none is left, from the loop, perhaps at once. Streams are closed by their owner
 * (sse_streams_close_all). */
void http_server_drain(struct http_server *server, void (*on_empty)(void *context), void *context);

/* Closes everything at once; requests not yet released see on_abort and must still be released,
 * which stays legal after this. Not from a callback of the server. */
void http_server_free(struct http_server *server);

#endif
