/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_queue.h"

#include <assert.h>
#include <stdint.h>

#include "common/mem.h"

#define FIRST_CAPACITY 8

static struct sse_event **slot(const struct sse_queue *queue, size_t index)
{
    return &queue->events[(queue->first + index) & (queue->capacity - 1)];
}

void sse_queue_done(struct sse_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        sse_event_unref(*slot(queue, i));
    free(queue->events);
    *queue = (struct sse_queue){0};
}

static void grow(struct sse_queue *queue)
{
    size_t capacity = queue->capacity == 0 ? FIRST_CAPACITY : queue->capacity * 2;
    struct sse_event **events = mem_array(capacity, sizeof *events);
    for (size_t i = 0; i < queue->count; i++)
        events[i] = *slot(queue, i);
    free(queue->events);
    queue->events = events;
    queue->capacity = capacity;
    queue->first = 0;
}

/* Drops the views for which `view` is their number, or all if it is 0; never what has begun. */
static size_t drop_views(struct sse_queue *queue, uint64_t view)
{
    size_t kept = queue->sent_bytes > 0 ? 1 : 0;
    size_t dropped = 0;
    for (size_t i = kept; i < queue->count; i++) {
        struct sse_event *event = *slot(queue, i);
        uint64_t own_view = sse_event_view(event);
        if (own_view != 0 && (view == 0 || own_view == view)) {
            queue->waiting_bytes -= sse_event_bytes(event);
            queue->view_count--;
            sse_event_unref(event);
            dropped++;
        } else {
            *slot(queue, kept++) = event;
        }
    }
    queue->count -= dropped;
    return dropped;
}

size_t sse_queue_push(struct sse_queue *queue, struct sse_event *event)
{
    uint64_t view = sse_event_view(event);
    size_t dropped = view != 0 && queue->view_count > 0 ? drop_views(queue, view) : 0;
    if (queue->count == queue->capacity)
        grow(queue);
    *slot(queue, queue->count++) = sse_event_ref(event);
    queue->view_count += view != 0;
    queue->waiting_bytes += sse_event_bytes(event);
    return dropped;
}

size_t sse_queue_drop_views(struct sse_queue *queue)
{
    return queue->view_count > 0 ? drop_views(queue, 0) : 0;
}

size_t sse_queue_bytes_beyond_first(const struct sse_queue *queue)
{
    if (queue->count == 0)
        return 0;
    return queue->waiting_bytes - (sse_event_bytes(*slot(queue, 0)) - queue->sent_bytes);
}

size_t sse_queue_parts(const struct sse_queue *queue, struct iovec *parts, size_t count)
{
    size_t used = 0;
    for (; used < count && used < queue->count; used++) {
        const struct sse_event *event = *slot(queue, used);
        size_t skip = used == 0 ? queue->sent_bytes : 0;
        parts[used].iov_base = (void *)(uintptr_t)(sse_event_text(event) + skip);
        parts[used].iov_len = sse_event_bytes(event) - skip;
    }
    return used;
}

size_t sse_queue_advance(struct sse_queue *queue, size_t length)
{
    size_t completed = 0;
    assert(length <= queue->waiting_bytes && "no more is sent than waits");
    queue->waiting_bytes -= length;
    queue->sent_bytes += length;
    while (queue->count > 0 && queue->sent_bytes >= sse_event_bytes(*slot(queue, 0))) {
        struct sse_event *event = *slot(queue, 0);
        queue->sent_bytes -= sse_event_bytes(event);
        queue->view_count -= sse_event_view(event) != 0;
        queue->first = (queue->first + 1) & (queue->capacity - 1);
        queue->count--;
        sse_event_unref(event);
        completed++;
    }
    return completed;
}
