/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_CONN_H
#define GATEWAY_SSE_CONN_H

/*
 * Event streams. An event is encoded once and shared by reference by all its readers; a stream
 * holds references and writes to its socket at the end of the loop's turn, so that what comes
 * together leaves together. A reader that takes no byte for `stall_ms`, or has more than
 * `waiting_bytes` waiting beyond the event being sent, is slow: its views are dropped first, then
 * it is closed and comes back with Last-Event-ID. Comments keep quiet streams alive.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/sse_event.h"

struct http_request;
struct loop;
struct sse_conn;
struct sse_streams;

struct sse_limits {
    size_t waiting_bytes;  /* 256 KiB */
    unsigned stall_ms;     /* 10 s */
    unsigned heartbeat_ms; /* 15 s */
    int send_buffer_bytes; /* SO_SNDBUF; 32 KiB */
};

extern const struct sse_limits sse_limits_default;

/* --- all streams of a process --- */

struct sse_stats {
    uint64_t open;
    uint64_t opened;
    uint64_t events_sent; /* handed to the kernel in full */
    uint64_t bytes_sent;
    uint64_t views_dropped;
    uint64_t slow_closed;
};

struct sse_streams *sse_streams_new(struct loop *loop, const struct sse_limits *limits);
const struct sse_stats *sse_streams_stats(const struct sse_streams *streams);
/* Closes all, with their on_close: a draining gateway just closes, readers go elsewhere. */
void sse_streams_close_all(struct sse_streams *streams);
/* After the last stream was closed. */
void sse_streams_free(struct sse_streams *streams);

/* --- one stream --- */

enum sse_close_reason {
    SSE_CLOSE_CLIENT,   /* the reader went away */
    SSE_CLOSE_SLOW,     /* the reader was slow */
    SSE_CLOSE_FINISHED, /* sse_conn_finish() has sent everything */
    SSE_CLOSE_ASKED,    /* sse_streams_close_all() */
};

struct sse_callbacks {
    /* Runs once, from the loop or inside sse_streams_close_all(); the stream is gone when it
     * returns. */
    void (*on_close)(struct sse_conn *conn, enum sse_close_reason reason, void *context);
    /* Optional: everything queued was handed to the kernel; the place to feed a long replay on. */
    void (*on_drained)(struct sse_conn *conn, void *context);
};

/* Answers 200 text/event-stream with `retry:` (0: none) and releases the request. NULL if the
 * client is gone or only asked for the head; no callback runs then. `callbacks` must last. */
struct sse_conn *sse_conn_start(struct sse_streams *streams, struct http_request *take_request,
                                unsigned retry_ms, const struct sse_callbacks *callbacks,
                                void *context);

/* Queues a reference of its own. A long replay must come in parts (on_drained), or its reader
 * counts as slow. The stream is never closed inside this call, only later from the loop. After
 * sse_conn_finish() nothing more is taken. */
void sse_conn_send(struct sse_conn *conn, struct sse_event *event);
/* Bytes queued and not yet taken by the kernel. */
size_t sse_conn_waiting_bytes(const struct sse_conn *conn);
/* Closes after what is queued was sent: for terminal events. */
void sse_conn_finish(struct sse_conn *conn);

#endif
