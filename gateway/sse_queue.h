/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_QUEUE_H
#define GATEWAY_SSE_QUEUE_H

/* What waits for one reader: references to shared events, the first perhaps partly sent. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "gateway/sse_event.h"

struct sse_slot {
    struct sse_event *event; /* a reference of its own */
};

struct sse_queue {
    struct sse_slot *slots; /* owned; a ring of `capacity` */
    size_t capacity;        /* a power of two; 0 while nothing was ever queued */
    size_t first;
    size_t count;
    size_t view_count;
    size_t sent_bytes; /* of the first event */
    size_t waiting_bytes;
};

void sse_queue_done(struct sse_queue *queue);
/* Takes a reference of its own; an older view of the same number is dropped, and counted in the
 * result. */
size_t sse_queue_push(struct sse_queue *queue, struct sse_event *event);
/* Drops all views that have not begun to be sent; gives how many. */
size_t sse_queue_drop_views(struct sse_queue *queue);
/* Bytes that wait beyond the event being sent. */
size_t sse_queue_bytes_beyond_first(const struct sse_queue *queue);
/* The next parts to send, at most `count`; gives how many. */
size_t sse_queue_parts(const struct sse_queue *queue, struct iovec *parts, size_t count);
/* `length` bytes were sent; gives how many events that completed. */
size_t sse_queue_advance(struct sse_queue *queue, size_t length);

#endif
