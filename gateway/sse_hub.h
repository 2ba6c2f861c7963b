/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_HUB_H
#define GATEWAY_SSE_HUB_H

/*
 * The event streams of jobs: which readers follow which job, and what each gets. Kafka makes a
 * stream fast, PostgreSQL makes it right: a reader is fed from job_events up to the live stream's
 * place, joins it there, and whatever Kafka doubles, reorders or loses is put right from job_events
 * again (stream_cursor.h). Memory is bounded by the number of open streams. Loop thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/ids.h"
#include "common/loop.h"
#include "common/pg.h"
#include "gateway/sse_shared.h"
#include "gateway/sse_wish.h"

struct http_request;
struct sse_hub;
struct sse_streams;

struct sse_hub_settings {
    struct loop *loop;
    struct pg *pg;
    struct sse_streams *streams;
    /* While the feed of live events is down PostgreSQL is asked more often. */
    bool (*is_feed_up)(void *context);
    void *context;
};

/* A live event as it came from Kafka, borrowed. */
struct sse_live {
    uint64_t seq; /* 0: a view */
    const char *type;
    const char *data;
    size_t length;
};

/* After pg_free() and sse_hub_drain(). */
void sse_hub_free(struct sse_hub *hub);
struct sse_hub *sse_hub_new(const struct sse_hub_settings *settings) FREED_BY(sse_hub_free);
/* Answers the request: a stream, 204 if its reader has seen the job's end, or 404. */
void sse_hub_open(struct sse_hub *hub, struct http_request *take_request,
                  const struct sse_wish *wish);
/* Whether the job (not terminated) has readers here. */
bool sse_hub_is_followed(const struct sse_hub *hub, const char *job_id, size_t length);
void sse_hub_publish(struct sse_hub *hub, const char *job_id, size_t length,
                     const struct sse_live *live);
/* Closes all streams and takes no new ones: readers come back to another gateway. */
void sse_hub_drain(struct sse_hub *hub);
const struct sse_hub_stats *sse_hub_stats(const struct sse_hub *hub);

#endif
