/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_TOPIC_H
#define GATEWAY_SSE_TOPIC_H

/*
 * One job's live stream: its events in order, each given to all of the job's readers, with holes
 * filled from PostgreSQL; and the whole text for those that want it.
 *
 * It lives as long as it has readers or an answer of PostgreSQL is outstanding.
 */

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "common/ids.h"
#include "gateway/sse_reader.h"
#include "gateway/sse_text.h"
#include "gateway/stream_cursor.h"

struct sse_topic {
    struct sse_shared *shared;                                 /* borrowed */
    void (*on_unused)(struct sse_topic *topic, void *context); /* to be freed */
    void *context;
    struct id job;
    struct stream_cursor cursor;
    struct sse_readers readers;
    struct event *gap_timer; /* owned */
    struct sse_text text;
    bool is_filling;
    bool is_being_left; /* by several readers at once */
    UT_hash_handle hh;  /* the owner's */
};

struct sse_topic *sse_topic_new(struct sse_shared *shared, const struct id *job,
                                void (*on_unused)(struct sse_topic *topic, void *context),
                                void *context);
/* With the readers that it has. */
void sse_topic_free(struct sse_topic *topic);
/* A reader comes, and is answered. */
void sse_topic_join(struct sse_topic *topic, struct http_request *take_request,
                    const struct sse_wish *wish);
/* Readers whose request is not answered yet go; the topic may be freed. */
void sse_topic_drop_unanswered(struct sse_topic *topic);
/* The job's newest event as PostgreSQL tells it; without a reader that has begun, of no interest.
 */
void sse_topic_compare(struct sse_topic *topic, uint64_t last_seq);
void sse_topic_publish(struct sse_topic *topic, struct sse_item *take_item);
/* `rank` as of sse_feed_show(). */
void sse_topic_show(struct sse_topic *topic, struct sse_event *view, int64_t rank);

#endif
