/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_TOPIC_H
#define GATEWAY_SSE_TOPIC_H

/*
 * One job's live stream and its readers; what the files of the hub share (sse_hub, sse_topic,
 * sse_reader, sse_text) and nobody else includes.
 *
 * PostgreSQL's answers may come after the one who asked has gone: a topic or reader with a question
 * open stays until the answer is there.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uthash.h>

#include "common/attrs.h"
#include "gateway/sse_hub.h"
#include "gateway/sse_item.h"
#include "gateway/stream_cursor.h"

struct sse_reader;
TAILQ_HEAD(sse_readers, sse_reader);

/* The whole text so far, for readers that want it so: sse_text.c. */
struct sse_text {
    struct event *timer;      /* owned */
    uint64_t next_allowed_us; /* when the next one may be sent */
    bool is_asking;
};

struct sse_topic {
    struct sse_hub *hub; /* borrowed */
    struct id job;
    struct stream_cursor cursor;
    struct sse_readers readers;
    struct event *gap_timer; /* owned */
    struct sse_text text;
    bool is_filling;
    unsigned questions; /* to PostgreSQL, not answered yet */
    UT_hash_handle hh;
};

#define SSE_PAGES_MAX 16
#define VIEW_HAS_NO_RANK (-1)

struct sse_hub {
    struct sse_hub_settings settings;
    struct sse_topic *topics;    /* by job; owned */
    struct sse_readers waiting;  /* for their turn to read a page */
    struct sse_readers leaving;  /* closed, an answer outstanding; owned */
    struct event *compare_timer; /* owned */
    unsigned pages_in_flight;
    unsigned ticks;
    uint64_t view_serial;
    bool is_comparing;
    bool is_draining;
    struct sse_hub_stats stats;
};

/* --- topics --- */

struct sse_topic *sse_topic_new(struct sse_hub *hub, const struct id *job);
void sse_topic_free(struct sse_topic *topic);
/* Frees it if nothing needs it any more. */
void sse_topic_release(struct sse_topic *topic);
/* The job's newest event as PostgreSQL tells it. */
void sse_topic_note(struct sse_topic *topic, uint64_t last_seq);
void sse_topic_publish(struct sse_topic *topic, struct sse_item *take_item);
/* `rank` as of progress_view.h; VIEW_HAS_NO_RANK: shown to all. */
void sse_topic_show(struct sse_topic *topic, struct sse_event *view, int64_t rank);

/* --- readers --- */

void sse_reader_open(struct sse_topic *topic, struct http_request *take_request,
                     const struct sse_wish *wish);
/* An event that just left the topic's cursor. */
void sse_reader_take(struct sse_reader *reader, const struct sse_item *item);
void sse_reader_show(struct sse_reader *reader, struct sse_event *view, int64_t rank);
/* The one that has waited longest, now off the list; NULL: none waits. */
struct sse_reader *sse_reader_first_turn(struct sse_hub *hub);
/* Has its turn. */
void sse_reader_read_page(struct sse_reader *reader);
/* Before the stream is open: the request is dropped. */
void sse_reader_leave_early(struct sse_reader *reader);
void sse_reader_free(struct sse_reader *reader);
struct sse_reader *sse_reader_next(struct sse_reader *reader);

/* The text's part of a reader. */
bool sse_reader_needs_text(const struct sse_reader *reader);
bool sse_reader_waits_for_text(const struct sse_reader *reader); /* with its end held back */
void sse_reader_text_asked(struct sse_reader *reader);
/* `view` NULL: there is no text yet. */
void sse_reader_text_came(struct sse_reader *reader, struct sse_event *view);
void sse_reader_text_failed(struct sse_reader *reader);

/* --- the whole text --- */

void sse_text_init(struct sse_topic *topic);
void sse_text_done(struct sse_topic *topic);
/* A reader needs it: as soon as its rate allows, or at once. */
void sse_text_want(struct sse_topic *topic);
void sse_text_want_now(struct sse_topic *topic);

/* --- turns --- */

/* At most SSE_PAGES_MAX pages are in memory at a time. */
void sse_hub_serve_turns(struct sse_hub *hub);
void sse_hub_page_done(struct sse_hub *hub);

#endif
