/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_conn.h"

/*
 * Who starts me: the listener, with a socket. What I own: the socket, its events, the parser and
 * what is still to be sent. Normal end: the client closes, or an answer that closes, followed by a
 * lingering close. Abnormal end: a deadline, a refusal by the parser, a reset.
 *
 * Handlers run inside the read callback and may answer there or later. A read callback therefore
 * only changes `state`; what is watched and which deadline runs is set once, by http_conn_settle(),
 * when the callback is through. Answers that come later settle by themselves.
 *
 * A bufferevent was rejected: it reads 4 KiB at a time, its time-outs start again with every byte,
 * and it costs a kilobyte for each idle stream.
 */

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "gateway/http_receive.h"
#include "gateway/http_request_own.h"
#include "gateway/http_stream.h"

#define HEAD_LIMIT_BYTES ((size_t)64 * 1024)
#define PROBLEM_LIMIT_BYTES ((size_t)16 * 1024)
#define STATUS_CLIENT_GONE 499

#define FOLLOWS(state) (1U << HTTP_CONN_##state)

/* What is watched in each state, its deadline, and which states may follow; CLOSED may always. */
static const struct state_row {
    bool reads;
    bool watches_hangup;
    enum http_timer timer;
    unsigned next;
} STATES[] = {
    [HTTP_CONN_HEAD] = {true, false, HTTP_TIMER_HEADER,
                        FOLLOWS(BODY) | FOLLOWS(HANDLER) | FOLLOWS(FLUSH) | FOLLOWS(IDLE) |
                            FOLLOWS(LINGER)},
    [HTTP_CONN_BODY] = {true, false, HTTP_TIMER_WINDOW,
                        FOLLOWS(HANDLER) | FOLLOWS(FLUSH) | FOLLOWS(LINGER)},
    [HTTP_CONN_SINK] = {true, false, HTTP_TIMER_WINDOW,
                        FOLLOWS(HANDLER) | FOLLOWS(FLUSH) | FOLLOWS(LINGER)},
    [HTTP_CONN_HANDLER] = {false, true, HTTP_TIMER_NONE,
                           FOLLOWS(SINK) | FOLLOWS(FLUSH) | FOLLOWS(FEED_FLUSH) | FOLLOWS(IDLE) |
                               FOLLOWS(LINGER) | FOLLOWS(STREAM)},
    [HTTP_CONN_FLUSH] = {false, false, HTTP_TIMER_WINDOW, FOLLOWS(IDLE) | FOLLOWS(LINGER)},
    [HTTP_CONN_FEED] = {false, true, HTTP_TIMER_NONE,
                        FOLLOWS(FEED_FLUSH) | FOLLOWS(FLUSH) | FOLLOWS(IDLE) | FOLLOWS(LINGER)},
    [HTTP_CONN_FEED_FLUSH] = {false, false, HTTP_TIMER_WINDOW, FOLLOWS(FEED)},
    [HTTP_CONN_IDLE] = {true, false, HTTP_TIMER_IDLE, FOLLOWS(HEAD)},
    [HTTP_CONN_LINGER] = {true, false, HTTP_TIMER_LINGER, 0},
    [HTTP_CONN_STREAM] = {false, true, HTTP_TIMER_NONE, 0},
    [HTTP_CONN_CLOSED] = {false, false, HTTP_TIMER_NONE, 0},
};
static_assert(ARRAY_LEN(STATES) == HTTP_CONN_STATE_COUNT, "every state has its row");

void http_conn_set_state(struct http_conn *conn, enum http_conn_state state)
{
    assert((state == HTTP_CONN_CLOSED || (STATES[conn->state].next & 1U << state)) &&
           "the table of states allows this step");
    conn->state = state;
    conn->is_phase_new = true;
    conn->progress_bytes = 0;
}

/* --- events and deadlines --- */

static void want(struct event *event, bool wanted)
{
    if (wanted)
        event_add(event, NULL);
    else
        event_del(event);
}

static void set_deadline(struct http_conn *conn)
{
    const struct timeval *timer = conn->env->timers[STATES[conn->state].timer];
    if (timer != NULL)
        event_add(conn->deadline, timer);
    else
        event_del(conn->deadline);
    conn->is_phase_new = false;
}

/* Makes the events fit the state, once what led to it is over. */
void http_conn_settle(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_CLOSED || conn->is_processing)
        return;
    const struct state_row *row = &STATES[conn->state];
    want(conn->readable, row->reads);
    want(conn->hangup, row->watches_hangup);
    if (conn->state != HTTP_CONN_STREAM)
        want(conn->writable,
             conn->state == HTTP_CONN_FEED_FLUSH || !http_output_is_empty(&conn->output));
    if (conn->is_phase_new)
        set_deadline(conn);
    /* The next request may have come with the last: read on from the loop, not from here. */
    if (row->reads && conn->unread.length > 0)
        event_active(conn->readable, EV_READ, 0);
}

static void free_conn(void *object)
{
    struct http_conn *conn = object;
    http_parser_done(&conn->parser);
    http_output_done(&conn->output);
    buf_done(&conn->unread);
    free(conn);
}

void http_conn_close(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_CLOSED)
        return;
    bool was_stream = conn->state == HTTP_CONN_STREAM;
    http_conn_set_state(conn, HTTP_CONN_CLOSED);
    event_free(conn->readable);
    event_free(conn->writable);
    event_free(conn->hangup);
    event_free(conn->deadline);
    close(conn->fd);
    TAILQ_REMOVE(&conn->env->conns, conn, entry);
    conn->env->stats.connections--;
    conn->env->stats.streams -= was_stream;
    struct http_request *request = conn->request;
    conn->request = NULL;
    if (request != NULL) {
        conn->env->stats.aborted++;
        http_request_leave(request, STATUS_CLIENT_GONE);
    }
    if (was_stream && conn->stream != NULL)
        conn->stream->on_closed(conn->stream_context);
    conn->env->on_conn_closed(conn->env, conn->address);
    loop_defer_free(conn->env->loop, free_conn, conn);
}

/* --- answering --- */

/* The client may still be sending: closing now would reset the connection and could take the answer
 * away from it. So only our side is shut, and what comes is thrown away for a while. */
static void linger(struct http_conn *conn)
{
    http_conn_set_state(conn, HTTP_CONN_LINGER);
    buf_done(&conn->unread);
    conn->linger_left = conn->env->settings.limits.linger_bytes;
    shutdown(conn->fd, SHUT_WR);
}

void http_conn_end_answer(struct http_conn *conn, bool closes)
{
    conn->is_body_pending = false;
    conn->closes_after = closes;
    if (!http_output_is_empty(&conn->output))
        http_conn_set_state(conn, HTTP_CONN_FLUSH);
    else if (closes)
        linger(conn);
    else
        http_conn_set_state(conn, HTTP_CONN_IDLE);
    http_conn_settle(conn);
}

/* Sends head and body, the body only where it belongs; consumes take_body. False when the peer is
 * gone. */
static bool send_reply(struct http_conn *conn, const struct http_reply *reply,
                       const struct http_reply_setting *setting, bool is_head_only)
{
    struct buf head;
    buf_init(&head, HEAD_LIMIT_BYTES);
    http_reply_format_head(reply, setting, &head);
    bool has_body = !is_head_only && http_reply_has_body(reply->status);
    const struct http_output_body body = {
        .data = reply->take_body != NULL ? reply->take_body : reply->body,
        .length = has_body ? reply->body_length : 0,
        .take = reply->take_body,
        .lasts = reply->body_lasts,
    };
    bool is_sent = http_output_send(&conn->output, head.data, head.length, &body);
    buf_done(&head);
    return is_sent;
}

void http_conn_answer(struct http_conn *conn, const struct http_reply *reply)
{
    struct http_request *request = conn->request;
    const struct http_head *head = http_request_head(request);
    bool closes = conn->is_body_pending || !head->keep_alive || conn->env->is_draining;
    struct http_reply_setting setting = http_request_setting(request, closes);
    conn->request = NULL;
    bool is_sent = send_reply(conn, reply, &setting, head->method == HTTP_METHOD_HEAD);
    http_request_finish(request, reply->status, reply->body_length);
    if (is_sent)
        http_conn_end_answer(conn, closes);
    else
        http_conn_close(conn);
}

/* The answer of the connection itself, to what is no request (yet), or no longer one. */
void http_conn_answer_problem(struct http_conn *conn, const struct problem *problem)
{
    struct buf json;
    buf_init(&json, PROBLEM_LIMIT_BYTES);
    problem_encode(problem, NULL, &json);
    const struct http_header retry_after = {"Retry-After", "1"};
    size_t length = json.length;
    const struct http_reply reply = {
        .status = problem_status(problem->type),
        .content_type = "application/problem+json",
        .body_length = length,
        .take_body = buf_take(&json),
        .headers = &retry_after,
        .header_count = problem->retry_after_s > 0 ? 1 : 0,
    };
    const struct http_reply_setting setting = {.closes = true};
    if (send_reply(conn, &reply, &setting, false))
        http_conn_end_answer(conn, true);
    else
        http_conn_close(conn);
}

static void time_out(struct http_conn *conn)
{
    const struct problem problem = {.type = PROBLEM_REQUEST_TIMEOUT};
    struct http_request *request = conn->request;
    conn->request = NULL;
    conn->env->stats.timeouts++;
    http_conn_answer_problem(conn, &problem);
    if (request != NULL)
        http_request_leave(request, problem_status(problem.type));
}

/* Of a body coming in or an answer going out. */
static bool is_too_slow(struct http_conn *conn)
{
    const struct http_limits *limits = &conn->env->settings.limits;
    uint64_t progress = conn->progress_bytes;
    conn->progress_bytes = 0;
    return progress < (uint64_t)limits->min_bytes_per_s * limits->window_ms / 1000;
}

/* --- streams --- */

bool http_conn_become_stream(struct http_conn *conn, const struct buf *head,
                             const struct http_stream_callbacks *callbacks, void *context)
{
    conn->request = NULL;
    static const struct http_output_body NO_BODY = {0};
    if (!http_output_send(&conn->output, head->data, head->length, &NO_BODY) ||
        !http_output_is_empty(&conn->output)) {
        http_conn_close(conn);
        return false;
    }
    http_conn_set_state(conn, HTTP_CONN_STREAM);
    conn->env->stats.streams++;
    conn->stream = callbacks;
    conn->stream_context = context;
    http_parser_done(&conn->parser);
    buf_done(&conn->unread);
    http_conn_settle(conn);
    return true;
}

/* --- start and drain --- */

void http_conn_drain(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_IDLE ||
        (conn->state == HTTP_CONN_HEAD && !http_parser_is_started(&conn->parser)))
        http_conn_close(conn);
}

/* --- callbacks --- */

static void on_readable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_conn *conn = context;
    http_receive(conn);
    http_conn_settle(conn);
}

static void on_hangup(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    http_conn_close(context);
}

static void on_writable(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_conn *conn = context;
    size_t taken;
    if (conn->state == HTTP_CONN_STREAM) {
        conn->stream->on_writable(conn->stream_context);
        return;
    }
    if (!http_output_flush(&conn->output, &taken)) {
        http_conn_close(conn);
        return;
    }
    conn->progress_bytes += taken;
    if (!http_output_is_empty(&conn->output))
        return;
    if (conn->state == HTTP_CONN_FEED_FLUSH) {
        http_conn_set_state(conn, HTTP_CONN_FEED);
        http_conn_settle(conn);
        conn->feed.on_room(conn->feed.context);
    } else if (conn->state == HTTP_CONN_FLUSH) {
        http_conn_end_answer(conn, conn->closes_after);
    } else {
        http_conn_settle(conn);
    }
}

static void on_deadline(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct http_conn *conn = context;
    bool is_request_started =
        conn->state == HTTP_CONN_HEAD && http_parser_is_started(&conn->parser);
    bool is_moving = STATES[conn->state].timer == HTTP_TIMER_WINDOW && !is_too_slow(conn);
    if (is_moving)
        set_deadline(conn);
    else if (is_request_started || conn->state == HTTP_CONN_BODY || conn->state == HTTP_CONN_SINK)
        time_out(conn);
    else
        http_conn_close(conn);
}

static struct http_conn *new_conn(struct http_env *env, int take_fd, const char *address)
{
    struct event_base *base = loop_base(env->loop);
    struct http_conn *conn = mem_new(sizeof *conn);
    conn->env = env;
    conn->fd = take_fd;
    conn->is_phase_new = true;
    snprintf(conn->address, sizeof conn->address, "%s", address);
    conn->readable = event_new(base, take_fd, EV_READ | EV_PERSIST, on_readable, conn);
    conn->writable = event_new(base, take_fd, EV_WRITE | EV_PERSIST, on_writable, conn);
    conn->hangup = event_new(base, take_fd, EV_CLOSED | EV_PERSIST, on_hangup, conn);
    conn->deadline = event_new(base, -1, 0, on_deadline, conn);
    http_parser_init(&conn->parser, env->settings.limits.header_bytes,
                     env->settings.limits.header_count);
    http_output_init(&conn->output, take_fd);
    buf_init(&conn->unread, HTTP_RECEIVE_BYTES);
    TAILQ_INSERT_TAIL(&env->conns, conn, entry);
    env->stats.connections++;
    return conn;
}

void http_conn_start(struct http_env *env, int take_fd, const char *address)
{
    http_conn_settle(new_conn(env, take_fd, address));
}

void http_conn_refuse(struct http_env *env, int take_fd, const char *address,
                      const struct problem *problem)
{
    http_conn_answer_problem(new_conn(env, take_fd, address), problem);
}
