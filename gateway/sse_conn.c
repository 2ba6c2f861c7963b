/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_conn.h"

/*
 * A stream is in one of two lists: `quiet` when nothing waits for it, `blocked` when the kernel has
 * not taken everything. Both are ordered by the time of the last byte taken, so that one timer
 * finds who needs a heartbeat and who is too slow without looking at the others.
 *
 * sse_conn_send() only queues; the streams that got something are written to together, after the
 * callbacks that are due in this turn of the loop. A stream never ends inside sse_conn_send().
 */

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/attrs.h"
#include "common/clock.h"
#include "common/fault_point.h"
#include "common/loop.h"
#include "common/mem.h"
#include "gateway/http_stream.h"
#include "gateway/sse_queue.h"

/* Events written with one system call. */
#define PARTS_AT_ONCE 64

/* The timer is this much finer than the shortest limit it watches. */
#define TICKS_PER_LIMIT 8

const struct sse_limits sse_limits_default = {
    .waiting_bytes = (size_t)256 * 1024,
    .stall_ms = 10000,
    .heartbeat_ms = 15000,
    .send_buffer_bytes = 32 * 1024,
};

TAILQ_HEAD(conn_list, sse_conn);

struct sse_conn {
    struct sse_streams *streams;
    struct http_conn *http; /* the socket; NULL once the client has closed it */
    const struct sse_callbacks *callbacks;
    void *context;
    struct sse_queue queue;
    uint64_t last_taken_us;
    unsigned dirty_round; /* see on_flush() */
    bool is_blocked;      /* which of the two lists it is in */
    bool is_dirty;        /* in the list of those to be written to */
    bool is_filled;       /* something was queued since on_drained */
    bool is_finishing;
    bool is_too_slow;
    bool is_ended;
    TAILQ_ENTRY(sse_conn) entry;
    TAILQ_ENTRY(sse_conn) dirty_entry;
};

struct sse_streams {
    struct loop *loop;
    struct sse_limits limits;
    struct sse_stats stats;
    struct conn_list quiet;
    struct conn_list blocked;
    struct conn_list dirty;
    unsigned round;
    bool is_flushing;
    struct event *flush;
    struct event *tick;
    struct sse_event *heartbeat;
};

static void on_flush(evutil_socket_t fd, short what, void *context);
static void on_tick(evutil_socket_t fd, short what, void *context);
static void on_writable(void *context);
static void on_client_closed(void *context);
static void end(struct sse_conn *conn, enum sse_close_reason reason);

static const struct http_stream_callbacks HTTP_CALLBACKS = {on_writable, on_client_closed};

/* --- all streams --- */

struct sse_streams *sse_streams_new(struct loop *loop, const struct sse_limits *limits)
{
    struct sse_streams *streams = mem_new(sizeof *streams);
    unsigned shortest_ms =
        limits->stall_ms < limits->heartbeat_ms ? limits->stall_ms : limits->heartbeat_ms;
    unsigned tick_ms = shortest_ms / TICKS_PER_LIMIT + 1;
    streams->loop = loop;
    streams->limits = *limits;
    TAILQ_INIT(&streams->quiet);
    TAILQ_INIT(&streams->blocked);
    TAILQ_INIT(&streams->dirty);
    streams->heartbeat = sse_event_new_raw(":\n\n");
    streams->flush = event_new(loop_base(loop), -1, 0, on_flush, streams);
    streams->tick = event_new(loop_base(loop), -1, EV_PERSIST, on_tick, streams);
    loop_start_timer(streams->tick, (uint64_t)tick_ms * 1000);
    return streams;
}

const struct sse_stats *sse_streams_stats(const struct sse_streams *streams)
{
    return &streams->stats;
}

void sse_streams_close_all(struct sse_streams *streams)
{
    while (!TAILQ_EMPTY(&streams->quiet))
        end(TAILQ_FIRST(&streams->quiet), SSE_CLOSE_ASKED);
    while (!TAILQ_EMPTY(&streams->blocked))
        end(TAILQ_FIRST(&streams->blocked), SSE_CLOSE_ASKED);
}

void sse_streams_free(struct sse_streams *streams)
{
    if (streams == NULL)
        return;
    assert(TAILQ_EMPTY(&streams->quiet) && TAILQ_EMPTY(&streams->blocked) &&
           "all streams are closed first");
    event_free(streams->flush);
    event_free(streams->tick);
    sse_event_unref(streams->heartbeat);
    free(streams);
}

/* --- one stream --- */

static struct conn_list *list_of(struct sse_conn *conn)
{
    return conn->is_blocked ? &conn->streams->blocked : &conn->streams->quiet;
}

/* To the end of the list it now belongs to. */
static void move_to_end(struct sse_conn *conn, bool is_blocked)
{
    TAILQ_REMOVE(list_of(conn), conn, entry);
    conn->is_blocked = is_blocked;
    conn->last_taken_us = clock_now_us();
    TAILQ_INSERT_TAIL(list_of(conn), conn, entry);
}

static void mark_dirty(struct sse_conn *conn)
{
    if (conn->is_dirty)
        return;
    conn->is_dirty = true;
    conn->dirty_round = conn->streams->round;
    TAILQ_INSERT_TAIL(&conn->streams->dirty, conn, dirty_entry);
    if (!conn->streams->is_flushing)
        event_active(conn->streams->flush, EV_TIMEOUT, 0);
}

static void free_conn(void *object)
{
    struct sse_conn *conn = object;
    sse_queue_done(&conn->queue);
    free(conn);
}

static void end(struct sse_conn *conn, enum sse_close_reason reason)
{
    struct sse_streams *streams = conn->streams;
    assert(!conn->is_ended && "a stream ends once");
    conn->is_ended = true;
    TAILQ_REMOVE(list_of(conn), conn, entry);
    if (conn->is_dirty)
        TAILQ_REMOVE(&streams->dirty, conn, dirty_entry);
    streams->stats.open--;
    streams->stats.slow_closed += reason == SSE_CLOSE_SLOW;
    if (conn->http != NULL)
        http_stream_close(conn->http);
    conn->callbacks->on_close(conn, reason, conn->context);
    loop_defer_free(streams->loop, free_conn, conn);
}

static void queue_raw(struct sse_conn *conn, const char *text)
{
    struct sse_event *event = sse_event_new_raw(text);
    sse_conn_send(conn, event);
    sse_event_unref(event);
}

struct sse_conn *sse_conn_start(struct sse_streams *streams, struct http_request *take_request,
                                unsigned retry_ms, const struct sse_callbacks *callbacks,
                                void *context)
{
    struct sse_conn *conn = mem_new(sizeof *conn);
    conn->http =
        http_stream_start(take_request, streams->limits.send_buffer_bytes, &HTTP_CALLBACKS, conn);
    if (conn->http == NULL) {
        free(conn);
        return NULL;
    }
    conn->streams = streams;
    conn->callbacks = callbacks;
    conn->context = context;
    conn->last_taken_us = clock_now_us();
    TAILQ_INSERT_TAIL(&streams->quiet, conn, entry);
    streams->stats.open++;
    streams->stats.opened++;
    if (retry_ms > 0) {
        char line[32];
        snprintf(line, sizeof line, "retry: %u\n\n", retry_ms);
        queue_raw(conn, line);
    }
    return conn;
}

enum progress { PROGRESS_NONE, PROGRESS_SOME, PROGRESS_ALL, PROGRESS_BROKEN };

static enum progress send_parts(struct sse_conn *conn)
{
    struct iovec parts[PARTS_AT_ONCE];
    enum progress progress = PROGRESS_NONE;
    while (conn->queue.count > 0) {
        struct msghdr message = {.msg_iov = parts,
                                 .msg_iovlen = sse_queue_parts(&conn->queue, parts, PARTS_AT_ONCE)};
        if (fault_point(FAULT_STREAM_SEND, NULL))
            return PROGRESS_BROKEN;
        ssize_t sent = sendmsg(http_stream_fd(conn->http), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR ? progress : PROGRESS_BROKEN;
        conn->streams->stats.bytes_sent += (uint64_t)sent;
        conn->streams->stats.events_sent += sse_queue_advance(&conn->queue, (size_t)sent);
        progress = PROGRESS_SOME;
    }
    return PROGRESS_ALL;
}

/* Writes what the kernel takes. False if the stream has ended. */
static bool write_out(struct sse_conn *conn)
{
    enum progress progress = send_parts(conn);
    if (progress == PROGRESS_BROKEN) {
        end(conn, SSE_CLOSE_CLIENT);
        return false;
    }
    bool is_blocked = progress != PROGRESS_ALL;
    if (is_blocked != conn->is_blocked)
        http_stream_want_writable(conn->http, is_blocked);
    if (progress != PROGRESS_NONE || !conn->is_blocked)
        move_to_end(conn, is_blocked);
    return true;
}

static void tell_drained(struct sse_conn *conn)
{
    conn->is_filled = false;
    if (conn->callbacks->on_drained != NULL)
        conn->callbacks->on_drained(conn, conn->context);
}

static void flush(struct sse_conn *conn)
{
    if (!write_out(conn))
        return;
    if (conn->is_too_slow)
        end(conn, SSE_CLOSE_SLOW);
    else if (conn->queue.count == 0 && conn->is_finishing)
        end(conn, SSE_CLOSE_FINISHED);
    else if (conn->queue.count == 0 && conn->is_filled)
        tell_drained(conn);
}

/* Too much waits: perhaps the kernel takes some of it, perhaps it is only views. */
static void relieve(struct sse_conn *conn)
{
    size_t limit = conn->streams->limits.waiting_bytes;
    enum progress progress = send_parts(conn);
    if (progress == PROGRESS_BROKEN || sse_queue_bytes_beyond_first(&conn->queue) <= limit)
        return;
    conn->streams->stats.views_dropped += sse_queue_drop_views(&conn->queue);
    conn->is_too_slow = sse_queue_bytes_beyond_first(&conn->queue) > limit;
}

void sse_conn_send(struct sse_conn *conn, struct sse_event *event)
{
    if (conn->is_ended || conn->is_finishing || conn->is_too_slow)
        return;
    conn->is_filled = true;
    conn->streams->stats.views_dropped += sse_queue_push(&conn->queue, event);
    if (sse_queue_bytes_beyond_first(&conn->queue) > conn->streams->limits.waiting_bytes)
        relieve(conn);
    mark_dirty(conn);
}

size_t sse_conn_waiting_bytes(const struct sse_conn *conn)
{
    return conn->queue.waiting_bytes;
}

void sse_conn_finish(struct sse_conn *conn)
{
    conn->is_finishing = true;
    mark_dirty(conn);
}

/* --- callbacks --- */

/* What callbacks queue during a round is for the next one, so that a fast reader of a long replay
 * does not keep the loop to itself. */
static void on_flush(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    static const struct timeval NEXT_TURN = {0};
    struct sse_streams *streams = context;
    struct sse_conn *conn;
    streams->round++;
    streams->is_flushing = true;
    while ((conn = TAILQ_FIRST(&streams->dirty)) != NULL && conn->dirty_round != streams->round) {
        TAILQ_REMOVE(&streams->dirty, conn, dirty_entry);
        conn->is_dirty = false;
        flush(conn);
    }
    streams->is_flushing = false;
    if (conn != NULL)
        event_add(streams->flush, &NEXT_TURN);
}

static void on_writable(void *context)
{
    flush(context);
}

static void on_client_closed(void *context)
{
    struct sse_conn *conn = context;
    conn->http = NULL;
    end(conn, SSE_CLOSE_CLIENT);
}

static bool is_older(const struct sse_conn *conn, uint64_t now_us, unsigned limit_ms)
{
    return now_us - conn->last_taken_us >= (uint64_t)limit_ms * 1000;
}

static void on_tick(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct sse_streams *streams = context;
    uint64_t now_us = clock_now_us();
    struct sse_conn *conn;
    while ((conn = TAILQ_FIRST(&streams->blocked)) != NULL &&
           is_older(conn, now_us, streams->limits.stall_ms))
        end(conn, SSE_CLOSE_SLOW);
    TAILQ_FOREACH(conn, &streams->quiet, entry)
    {
        if (!is_older(conn, now_us, streams->limits.heartbeat_ms))
            break;
        sse_conn_send(conn, streams->heartbeat);
    }
}
