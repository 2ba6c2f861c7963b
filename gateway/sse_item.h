/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_ITEM_H
#define GATEWAY_SSE_ITEM_H

/* A durable event on its way to a job's readers: encoded once, with what the hub must know of it.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "gateway/sse_conn.h"

/* Views take the place of an older one of the same number that still waits. */
enum sse_view {
    SSE_VIEW_PROGRESS = 1,
    SSE_VIEW_TEXT,
    SSE_VIEW_OTHERS, /* from here on each has a number of its own */
};

enum sse_kind {
    SSE_KIND_PLAIN,
    SSE_KIND_DELTA,    /* partial_transcript */
    SSE_KIND_RESTART,  /* retry_started: progress begins anew */
    SSE_KIND_TERMINAL, /* of a run of the job; nothing may follow */
};

struct sse_item {
    uint64_t seq;
    enum sse_kind kind;
    struct sse_event *event; /* owned */
    struct sse_event *bare;  /* owned; of a DELTA: its id alone, for readers of the whole text */
};

/* `item` is a struct sse_item; NULL is fine. */
void sse_item_free(void *item);
struct sse_item *sse_item_new(uint64_t seq, const char *type, const char *data, size_t length);
size_t sse_item_bytes(const struct sse_item *item);

#endif
