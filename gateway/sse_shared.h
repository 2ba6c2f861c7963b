/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_SHARED_H
#define GATEWAY_SSE_SHARED_H

/* What the streams of all jobs share; the hub's, who outlives them. */

#include <stdint.h>

#include "gateway/sse_turns.h"

struct loop;
struct pg;
struct sse_streams;

struct sse_hub_stats {
    uint64_t jobs; /* followed now */
    uint64_t live_events;
    uint64_t replayed_events;
    uint64_t gap_fills;
};

struct sse_shared {
    struct loop *loop;
    struct pg *pg;
    struct sse_streams *streams;
    struct sse_turns pages; /* at most SSE_PAGES_MAX pages are in memory at a time */
    struct sse_hub_stats stats;
};

#define SSE_PAGES_MAX 16

#endif
