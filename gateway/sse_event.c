/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_event.h"

#include <assert.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "gateway/sse_format.h"

/* Beside the data: field names, a line break for each line of it, the type. */
#define FRAME_BYTES ((size_t)4096)

struct sse_event {
    unsigned references;
    uint64_t view;
    size_t length;
    char *text; /* owned */
};

static struct sse_event *new_event(struct buf *take_text, uint64_t view)
{
    struct sse_event *event = mem_new(sizeof *event);
    event->references = 1;
    event->view = view;
    event->length = take_text->length;
    /* Without the room it grew with: events are kept for a while. */
    event->text = mem_resize(buf_take(take_text), event->length + 1, 1);
    return event;
}

struct sse_event *sse_event_new(uint64_t seq, const char *type, const char *data, size_t length,
                                uint64_t view)
{
    struct buf text;
    /* Data of line breaks only grows sevenfold. */
    buf_init(&text, length * 8 + FRAME_BYTES);
    sse_format_event(&text, seq, type, data, length);
    assert(!buf_is_over(&text) && "an event's type is short");
    return new_event(&text, view);
}

struct sse_event *sse_event_new_raw(const char *text)
{
    struct buf copy;
    buf_init(&copy, strlen(text));
    buf_append_string(&copy, text);
    return new_event(&copy, 0);
}

struct sse_event *sse_event_ref(struct sse_event *event)
{
    event->references++;
    return event;
}

void sse_event_unref(struct sse_event *event)
{
    if (event == NULL || --event->references > 0)
        return;
    free(event->text);
    free(event);
}

const char *sse_event_text(const struct sse_event *event)
{
    return event->text;
}

size_t sse_event_bytes(const struct sse_event *event)
{
    return event->length;
}

uint64_t sse_event_view(const struct sse_event *event)
{
    return event->view;
}
