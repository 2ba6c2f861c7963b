/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_item.h"

#include <string.h>

#include "common/mem.h"

static const struct {
    const char *type;
    enum sse_kind kind;
} KINDS[] = {
    {"partial_transcript", SSE_KIND_DELTA}, {"final_result", SSE_KIND_TERMINAL},
    {"job_failed", SSE_KIND_TERMINAL},      {"cancelled", SSE_KIND_TERMINAL},
    {"expired", SSE_KIND_TERMINAL},         {"retry_started", SSE_KIND_RESTART},
};

static enum sse_kind kind_of(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (strcmp(type, KINDS[i].type) == 0)
            return KINDS[i].kind;
    }
    return SSE_KIND_PLAIN;
}

void sse_item_free(void *item)
{
    struct sse_item *own = item;

    if (own == NULL)
        return;
    sse_event_unref(own->event);
    sse_event_unref(own->bare);
    free(own);
}

struct sse_item *sse_item_new(uint64_t seq, const char *type, const char *data, size_t length)
{
    struct sse_item *item = mem_new(sizeof *item);

    item->seq = seq;
    item->kind = kind_of(type);
    item->event = sse_event_new(seq, type, data, length, 0);
    if (item->kind == SSE_KIND_DELTA)
        item->bare = sse_event_new(seq, NULL, NULL, 0, 0);
    return item;
}

size_t sse_item_bytes(const struct sse_item *item)
{
    return sse_event_bytes(item->event);
}
