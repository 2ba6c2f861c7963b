/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_GATEWAY_HTTP_LOOPBACK_H
#define TESTS_UNIT_GATEWAY_HTTP_LOOPBACK_H

/*
 * A real server on a loopback port and its clients, both in this process and on one thread: the
 * client sends and receives without blocking while the loop is turned. Waiting means turning the
 * loop until something is there, at most 10 s.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/loop.h"
#include "common/mem.h"
#include "gateway/http_request.h"
#include "gateway/http_server.h"
#include "gateway/problem.h"

#define LOOPBACK_PATIENCE_US 10000000

struct loopback {
    struct loop *loop;
    struct http_server *server;
};

struct client {
    struct loopback *loopback;
    int fd;
    bool is_closed; /* the server has closed its side */
    bool is_reset;
    struct buf received;
};

static inline void loopback_start(struct loopback *loopback,
                                  const struct http_server_settings *settings)
{
    struct err err;
    signal(SIGPIPE, SIG_IGN);
    loopback->loop = loop_new();
    loopback->server = http_server_new(loopback->loop, settings);
    if (!http_server_listen(loopback->server, "127.0.0.1", 0, false, &err))
        fail_msg("%s", err.message);
}

static inline void loopback_turn(struct loopback *loopback)
{
    event_base_loop(loop_base(loopback->loop), EVLOOP_NONBLOCK);
}

static inline void loopback_stop(struct loopback *loopback)
{
    http_server_free(loopback->server);
    loop_free(loopback->loop);
}

static inline void client_connect(struct client *client, struct loopback *loopback)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(loopback->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    *client = (struct client){.loopback = loopback};
    buf_init(&client->received, (size_t)64 * 1024 * 1024);
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(client->fd >= 0);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof address), 0);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    loopback_turn(loopback);
}

static inline void client_close(struct client *client)
{
    close(client->fd);
    buf_done(&client->received);
    loopback_turn(client->loopback);
    loopback_turn(client->loopback);
}

/* Turns the loop once and takes what is there. */
static inline void client_turn(struct client *client)
{
    static char part[256 * 1024];
    loopback_turn(client->loopback);
    ssize_t length = 1;
    while (length > 0) {
        length = recv(client->fd, part, sizeof part, 0);
        if (length > 0)
            buf_append(&client->received, part, (size_t)length);
    }
    client->is_closed |= length == 0;
    client->is_reset |= length < 0 && errno != EAGAIN && errno != EINTR;
}

/* Waits a moment for either side, so that waiting does not burn the processor. */
static inline void client_wait(struct client *client)
{
    struct pollfd poll_client = {.fd = client->fd, .events = POLLIN};
    client_turn(client);
    (void)poll(&poll_client, 1, 1);
    client_turn(client);
}

/* Sends all, turning the loop when the kernel takes no more; false if the peer has gone. */
static inline bool client_send(struct client *client, const void *data, size_t length)
{
    const char *at = data;
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    while (length > 0 && clock_now_us() < end_us) {
        ssize_t sent = send(client->fd, at, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        }
        client_turn(client);
    }
    return length == 0;
}

static inline bool client_say(struct client *client, const char *text)
{
    return client_send(client, text, strlen(text));
}

static inline bool client_is_over(const struct client *client)
{
    return client->is_closed || client->is_reset;
}

static inline bool client_wait_for(struct client *client, const char *text)
{
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    while (strstr(buf_string(&client->received), text) == NULL) {
        if (client_is_over(client) || clock_now_us() > end_us)
            return false;
        client_wait(client);
    }
    return true;
}

static inline bool client_wait_for_end(struct client *client)
{
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    while (!client_is_over(client) && clock_now_us() < end_us)
        client_wait(client);
    return client_is_over(client);
}

/* One complete answer in `text`: its length, or 0 if it is not complete. */
static inline size_t answer_length(const char *text, int *ret_status, bool is_head_only)
{
    const char *end = strstr(text, "\r\n\r\n");
    if (end == NULL)
        return 0;
    *ret_status = atoi(text + sizeof "HTTP/1.1" - 0);
    size_t length = (size_t)(end + 4 - text), body = 0;
    const char *header = strstr(text, "Content-Length: ");
    if (header != NULL && header < end && !is_head_only)
        body = (size_t)atol(header + sizeof "Content-Length: " - 1);
    return strlen(text) >= length + body ? length + body : 0;
}

/* Waits for the next complete answer and cuts it off into `ret_answer` (or drops it if NULL); its
 * status, 0 if none came. */
static inline int client_take_answer(struct client *client, struct buf *ret_answer)
{
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    int status = 0;
    size_t length = 0;
    while ((length = answer_length(buf_string(&client->received), &status, false)) == 0) {
        if (client_is_over(client) || clock_now_us() > end_us)
            return 0;
        client_wait(client);
    }
    if (ret_answer != NULL) {
        buf_clear(ret_answer);
        buf_append(ret_answer, client->received.data, length);
    }
    size_t rest = client->received.length - length;
    memmove(client->received.data, client->received.data + length, rest + 1);
    client->received.length = rest;
    return status;
}

#endif
