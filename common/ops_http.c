/* SPDX-License-Identifier: Apache-2.0 */
#include "common/ops_http.h"

/*
 * On a thread of its own it brings its own loop: that thread is the only one to touch evhttp, and
 * ops_http_free() ends it by a posted call.
 */

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/mem.h"

#define REPLY_LIMIT_BYTES (1U << 20)
#define HEADER_LIMIT_BYTES 8192
#define TIMEOUT_S 10

struct ops_http {
    struct ops_http_sources sources;
    struct evhttp *http; /* owned */
    uint16_t port;
    struct loop *loop; /* owned; NULL on a base of others */
    pthread_t thread;  /* when `loop` is set */
};

static void reply(struct evhttp_request *request, int status, const char *type,
                  const struct buf *body)
{
    struct evbuffer *bytes = evbuffer_new();

    if (bytes == NULL)
        abort(); /* out of memory */
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evbuffer_add(bytes, buf_string(body), body->length);
    evhttp_send_reply(request, status, NULL, bytes);
    evbuffer_free(bytes);
}

static void on_healthz(struct evhttp_request *request, void *context UNUSED)
{
    struct buf body;

    buf_init(&body, REPLY_LIMIT_BYTES);
    buf_append_string(&body, "ok\n");
    reply(request, HTTP_OK, "text/plain", &body);
    buf_done(&body);
}

static void on_readyz(struct evhttp_request *request, void *context)
{
    struct ops_http *ops = context;
    struct buf members, body;

    buf_init(&members, REPLY_LIMIT_BYTES);
    buf_init(&body, REPLY_LIMIT_BYTES);
    bool is_ready = ops->sources.is_ready(ops->sources.context, &members);
    buf_append_format(&body, "{\"ready\":%s%s%s}\n", is_ready ? "true" : "false",
                      members.length > 0 ? "," : "", buf_string(&members));
    reply(request, is_ready ? HTTP_OK : HTTP_SERVUNAVAIL, "application/json", &body);
    buf_done(&body);
    buf_done(&members);
}

static void on_metrics(struct evhttp_request *request, void *context)
{
    struct ops_http *ops = context;
    struct buf body;

    buf_init(&body, REPLY_LIMIT_BYTES);
    metrics_format(ops->sources.metrics, &body);
    reply(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
    buf_done(&body);
}

/* "host:port" or "[host]:port"; the host is owned by the caller. */
static bool split_listen(const char *listen, char **ret_host, uint16_t *ret_port, struct err *err)
{
    const char *colon = strrchr(listen, ':');
    char *end = NULL;

    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
    if (colon == NULL || colon == listen || colon[1] < '0' || colon[1] > '9' || *end != '\0' ||
        port > UINT16_MAX)
        return err_set(err, ERR_REJECT, "http", 0, "\"%.80s\" is not host:port", listen);
    bool is_bracketed = listen[0] == '[' && colon[-1] == ']';
    const char *host = is_bracketed ? listen + 1 : listen;
    *ret_host = mem_copy(host, (size_t)(colon - host) - is_bracketed);
    *ret_port = (uint16_t)port;
    return true;
}

static uint16_t port_of(struct evhttp_bound_socket *socket)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t size = sizeof address;

    /* Cannot fail on a socket that is bound. */
    (void)getsockname(evhttp_bound_socket_get_fd(socket), &address.any, &size);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static bool bind_listen(struct ops_http *ops, const char *listen, struct err *err)
{
    CLEANUP(mem_free_at) char *host = NULL;
    uint16_t port;

    if (!split_listen(listen, &host, &port, err))
        return false;
    errno = EADDRNOTAVAIL; /* a name that doesn't resolve leaves errno alone */
    struct evhttp_bound_socket *socket = evhttp_bind_socket_with_handle(ops->http, host, port);
    if (socket == NULL)
        return err_set_errno(err, errno, listen);
    ops->port = port_of(socket);
    return true;
}

static struct evhttp *new_http(struct ops_http *ops, struct event_base *base)
{
    struct evhttp *http = evhttp_new(base);

    if (http == NULL)
        abort(); /* out of memory */
    /* Not HEAD, which evhttp 2.1 would answer with a body. */
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET);
    evhttp_set_max_headers_size(http, HEADER_LIMIT_BYTES);
    evhttp_set_max_body_size(http, HEADER_LIMIT_BYTES);
    evhttp_set_timeout(http, TIMEOUT_S);
    evhttp_set_cb(http, "/healthz", on_healthz, ops);
    evhttp_set_cb(http, "/readyz", on_readyz, ops);
    evhttp_set_cb(http, "/metrics", on_metrics, ops);
    return http;
}

static void *thread_main(void *context)
{
    loop_run(context);
    return NULL;
}

static void start_thread(struct ops_http *ops)
{
    sigset_t all, before;

    /* Signals are for the main thread. */
    (void)sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&ops->thread, NULL, thread_main, ops->loop) != 0)
        abort(); /* no threads at the very start: nothing could run */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool ops_http_start(struct event_base *base, const char *listen, struct ops_http_sources sources,
                    struct ops_http **ret_ops, struct err *err)
{
    struct ops_http *ops = mem_new(sizeof *ops);
    struct loop *loop = base == NULL ? loop_new() : NULL;

    assert(sources.metrics != NULL && sources.is_ready != NULL);
    ops->sources = sources;
    ops->http = new_http(ops, loop == NULL ? base : loop_base(loop));
    if (!bind_listen(ops, listen, err)) {
        evhttp_free(ops->http);
        loop_free(loop);
        free(ops);
        return false;
    }
    ops->loop = loop;
    if (loop != NULL)
        start_thread(ops);
    log_info("ops_listening", "serving /healthz, /readyz and /metrics", LOG_STR("listen", listen),
             LOG_INT("port", ops->port));
    *ret_ops = ops;
    return true;
}

uint16_t ops_http_port(const struct ops_http *ops)
{
    return ops->port;
}

static void on_stop(void *context)
{
    loop_stop(context);
}

void ops_http_free(struct ops_http *ops)
{
    if (ops == NULL)
        return;
    if (ops->loop != NULL) {
        loop_post(ops->loop, on_stop, ops->loop);
        pthread_join(ops->thread, NULL);
    }
    evhttp_free(ops->http);
    loop_free(ops->loop);
    free(ops);
}
