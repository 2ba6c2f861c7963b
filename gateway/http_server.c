/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "gateway/http_address.h"
#include "gateway/http_conn.h"
#include "gateway/problem.h"

#define LISTENERS_MAX 8
#define BACKLOG 4096

/* Connections over the limit that may still be told so; more are closed without a word. */
#define REFUSALS_AT_ONCE 256

/* How long to stop accepting when the process is out of descriptors. */
#define ACCEPT_PAUSE_US 100000

const struct http_limits http_limits_default = {
    .header_bytes = (size_t)32 * 1024,
    .header_count = 100,
    .connections = 10000,
    .address_connections = 1024,
    .header_ms = 10000,
    .idle_ms = 60000,
    .window_ms = 5000,
    .min_bytes_per_s = 1024,
    .linger_ms = 5000,
    .linger_bytes = (uint64_t)128 * 1024 * 1024,
    .user_timeout_ms = 30000,
};

struct http_server {
    struct http_env env; /* first: the connections know the server by it */
    struct http_addresses *addresses;
    struct evconnlistener *listeners[LISTENERS_MAX];
    size_t listener_count;
    uint16_t port;              /* of the first listener */
    struct event *accept_again; /* after a pause */
    void (*on_empty)(void *context);
    void *on_empty_context;
    struct event *tell_empty;
};

static void on_conn_closed(struct http_env *env, const char *address);
static void on_accept_again(evutil_socket_t fd, short what, void *context);
static void on_tell_empty(evutil_socket_t fd, short what, void *context);

static const struct timeval *common_timer(struct loop *loop, unsigned duration_ms)
{
    const struct timeval duration = {.tv_sec = duration_ms / 1000,
                                     .tv_usec = (suseconds_t)(duration_ms % 1000) * 1000};
    return event_base_init_common_timeout(loop_base(loop), &duration);
}

struct http_server *http_server_new(struct loop *loop, const struct http_server_settings *settings)
{
    struct http_server *server = mem_new(sizeof *server);
    struct http_env *env = &server->env;
    env->loop = loop;
    env->settings = *settings;
    env->timers[HTTP_TIMER_HEADER] = common_timer(loop, settings->limits.header_ms);
    env->timers[HTTP_TIMER_IDLE] = common_timer(loop, settings->limits.idle_ms);
    env->timers[HTTP_TIMER_WINDOW] = common_timer(loop, settings->limits.window_ms);
    env->timers[HTTP_TIMER_LINGER] = common_timer(loop, settings->limits.linger_ms);
    env->receive_buffer = mem_array(HTTP_RECEIVE_BYTES, 1);
    env->on_conn_closed = on_conn_closed;
    TAILQ_INIT(&env->conns);
    server->addresses = http_addresses_new();
    server->accept_again = event_new(loop_base(loop), -1, 0, on_accept_again, server);
    server->tell_empty = event_new(loop_base(loop), -1, 0, on_tell_empty, server);
    return server;
}

static void stop_listening(struct http_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        evconnlistener_free(server->listeners[i]);
    server->listener_count = 0;
    event_del(server->accept_again);
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    stop_listening(server);
    while (!TAILQ_EMPTY(&server->env.conns))
        http_conn_close(TAILQ_FIRST(&server->env.conns));
    event_free(server->accept_again);
    event_free(server->tell_empty);
    http_addresses_free(server->addresses);
    free(server->env.receive_buffer);
    free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

const struct http_stats *http_server_stats(const struct http_server *server)
{
    return &server->env.stats;
}

/* --- accepting --- */

/* IPv4 clients of an IPv6 socket are counted under their own address. */
static void format_address(const struct sockaddr *peer, char *text, size_t size)
{
    text[0] = '\0';
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, peer, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, text, (socklen_t)size);
    } else if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, peer, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, (socklen_t)size);
        else
            inet_ntop(AF_INET6, &v6.sin6_addr, text, (socklen_t)size);
    }
}

static void refuse(struct http_server *server, int fd, const char *address,
                   enum problem_type reason)
{
    struct http_env *env = &server->env;
    env->stats.refused++;
    if (env->stats.connections > env->settings.limits.connections + REFUSALS_AT_ONCE) {
        http_addresses_remove(server->addresses, address);
        close(fd);
        return;
    }
    const struct problem problem = {.type = reason, .retry_after_s = 1};
    http_conn_refuse(env, fd, address, &problem);
}

static void on_accept(struct evconnlistener *listener UNUSED, evutil_socket_t fd,
                      struct sockaddr *peer, int length UNUSED, void *context)
{
    struct http_server *server = context;
    const struct http_limits *limits = &server->env.settings.limits;
    char address[INET6_ADDRSTRLEN];
    format_address(peer, address, sizeof address);
    server->env.stats.accepted++;
    unsigned of_address = http_addresses_add(server->addresses, address);
    if (server->env.stats.connections >= limits->connections)
        refuse(server, fd, address, PROBLEM_OVERLOADED);
    else if (limits->address_connections > 0 && of_address > limits->address_connections)
        refuse(server, fd, address, PROBLEM_TOO_MANY_CONNECTIONS);
    else
        http_conn_start(&server->env, fd, address);
}

/* Out of descriptors or memory: the listener stays readable, so wait instead of spinning. */
static void on_accept_error(struct evconnlistener *listener UNUSED, void *context)
{
    struct http_server *server = context;
    const struct timeval pause = {.tv_usec = ACCEPT_PAUSE_US};
    struct err err;
    (void)err_set_errno(&err, errno, "accept");
    log_warn("accept_failed", "accepting again in 100 ms", LOG_ERR(&err));
    for (size_t i = 0; i < server->listener_count; i++)
        evconnlistener_disable(server->listeners[i]);
    event_add(server->accept_again, &pause);
}

static void on_accept_again(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_server *server = context;
    for (size_t i = 0; i < server->listener_count; i++)
        evconnlistener_enable(server->listeners[i]);
}

static void set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof bound;
    struct sockaddr_in6 v6;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return 0;
    /* The port lies at the same place in both families. */
    memcpy(&v6, &bound, sizeof v6);
    return ntohs(v6.sin6_port);
}

bool http_server_listen(struct http_server *server, const char *address, uint16_t port,
                        bool reuse_port, struct err *err)
{
    char text[80];
    struct sockaddr_storage parsed = {0};
    int length = sizeof parsed;
    bool is_v6 = strchr(address, ':') != NULL;
    snprintf(text, sizeof text, is_v6 ? "[%s]:%u" : "%s:%u", address, port);
    bool is_any_port = port == 0; /* which evutil_parse_sockaddr_port refuses */
    if (is_any_port)
        snprintf(text, sizeof text, is_v6 ? "[%s]" : "%s", address);
    if (server->listener_count == LISTENERS_MAX ||
        evutil_parse_sockaddr_port(text, (struct sockaddr *)&parsed, &length) != 0)
        return err_set(err, ERR_REJECT, "http", 0, "\"%s\" is no address to listen on", address);
    struct evconnlistener *listener =
        evconnlistener_new_bind(loop_base(server->env.loop), on_accept, server,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE |
                                    (reuse_port ? LEV_OPT_REUSEABLE_PORT : 0U),
                                BACKLOG, (struct sockaddr *)&parsed, length);
    if (listener == NULL) {
        int reason = errno;
        bool is_in_use = reason == EADDRINUSE;
        return err_set(err, is_in_use ? ERR_RETRY : ERR_REJECT, "http", reason,
                       "listening on %s: %s", text, strerror(reason));
    }
    evconnlistener_set_error_cb(listener, on_accept_error);
    int fd = evconnlistener_get_fd(listener);
    /* Linux hands these on to accepted sockets. */
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)server->env.settings.limits.user_timeout_ms);
    if (server->listener_count == 0)
        server->port = bound_port(fd);
    server->listeners[server->listener_count++] = listener;
    return true;
}

/* --- draining --- */

static void tell_when_empty(struct http_server *server)
{
    if (server->env.is_draining && TAILQ_EMPTY(&server->env.conns))
        event_active(server->tell_empty, EV_TIMEOUT, 0);
}

void http_server_drain(struct http_server *server, void (*on_empty)(void *context), void *context)
{
    stop_listening(server);
    server->on_empty = on_empty;
    server->on_empty_context = context;
    server->env.is_draining = true;
    struct http_conn *conn = TAILQ_FIRST(&server->env.conns);
    while (conn != NULL) {
        struct http_conn *next = TAILQ_NEXT(conn, entry);
        http_conn_drain(conn);
        conn = next;
    }
    tell_when_empty(server);
}

static void on_tell_empty(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_server *server = context;
    server->on_empty(server->on_empty_context);
}

static void on_conn_closed(struct http_env *env, const char *address)
{
    struct http_server *server = (struct http_server *)env;
    http_addresses_remove(server->addresses, address);
    tell_when_empty(server);
}
