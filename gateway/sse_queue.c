/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_queue.h"

#include <assert.h>

#include "common/mem.h"
#include "gateway/io_part.h"

#define FIRST_CAPACITY 8

static struct sse_slot *slot(const struct sse_queue *queue, size_t index)
{
    return &queue->slots[(queue->first + index) & (queue->capacity - 1)];
}

static struct sse_event *event_at(const struct sse_queue *queue, size_t index)
{
    return slot(queue, index)->event;
}

void sse_queue_done(struct sse_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        sse_event_unref(event_at(queue, i));
    free(queue->slots);
    *queue = (struct sse_queue){0};
}

static void grow(struct sse_queue *queue)
{
    size_t capacity = queue->capacity == 0 ? FIRST_CAPACITY : queue->capacity * 2;
    struct sse_slot *slots = mem_array(capacity, sizeof *slots);
    for (size_t i = 0; i < queue->count; i++)
        slots[i] = *slot(queue, i);
    free(queue->slots);
    queue->slots = slots;
    queue->capacity = capacity;
    queue->first = 0;
}

/* Drops the views for which `view` is their number, or all if it is 0; never what has begun. */
static size_t drop_views(struct sse_queue *queue, uint64_t view)
{
    size_t kept = queue->sent_bytes > 0 ? 1 : 0;
    size_t dropped = 0;
    for (size_t i = kept; i < queue->count; i++) {
        struct sse_event *event = event_at(queue, i);
        uint64_t own_view = sse_event_view(event);
        if (own_view != 0 && (view == 0 || own_view == view)) {
            queue->waiting_bytes -= sse_event_bytes(event);
            queue->view_count--;
            sse_event_unref(event);
            dropped++;
        } else {
            slot(queue, kept++)->event = event;
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
    slot(queue, queue->count++)->event = sse_event_ref(event);
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
    return queue->waiting_bytes - (sse_event_bytes(event_at(queue, 0)) - queue->sent_bytes);
}

size_t sse_queue_parts(const struct sse_queue *queue, struct iovec *parts, size_t count)
{
    size_t used = 0;
    for (; used < count && used < queue->count; used++) {
        const struct sse_event *event = event_at(queue, used);
        size_t skip = used == 0 ? queue->sent_bytes : 0;
        parts[used] = io_part(sse_event_text(event) + skip, sse_event_bytes(event) - skip);
    }
    return used;
}

size_t sse_queue_advance(struct sse_queue *queue, size_t length)
{
    size_t completed = 0;
    assert(length <= queue->waiting_bytes && "no more is sent than waits");
    queue->waiting_bytes -= length;
    queue->sent_bytes += length;
    while (queue->count > 0 && queue->sent_bytes >= sse_event_bytes(event_at(queue, 0))) {
        struct sse_event *event = event_at(queue, 0);
        queue->sent_bytes -= sse_event_bytes(event);
        queue->view_count -= sse_event_view(event) != 0;
        queue->first = (queue->first + 1) & (queue->capacity - 1);
        queue->count--;
        sse_event_unref(event);
        completed++;
    }
    return completed;
}
