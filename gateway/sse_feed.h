/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_FEED_H
#define GATEWAY_SSE_FEED_H

/*
 * What one reader of a job's stream is sent, in which order: durable events each once, by its
 * place; views only while it is up to date; the whole text, if it wants that, before the job's last
 * event.
 *
 *   SSE_FEED_WAITING     nothing is known of the job yet
 *   SSE_FEED_FOLLOWING   replayed while it is behind, live from then on
 *   SSE_FEED_ENDING      has the job's last event, or waits for the whole text that goes before it
 *   SSE_FEED_CLOSED      the reader has gone
 */

#include <stdbool.h>
#include <stdint.h>

#include "gateway/sse_conn.h"
#include "gateway/sse_item.h"
#include "gateway/sse_wish.h"
#include "gateway/stream_cursor.h"

struct sse_text;

enum sse_feed_state { SSE_FEED_WAITING, SSE_FEED_FOLLOWING, SSE_FEED_ENDING, SSE_FEED_CLOSED };

struct sse_feed {
    const struct stream_cursor *cursor; /* of the live stream; borrowed */
    struct sse_text *text;              /* borrowed */
    enum sse_partial partial;
    enum sse_feed_state state;
    struct sse_conn *conn; /* borrowed; NULL before the stream is open and once CLOSED */
    struct stream_place place;
    bool is_greeted; /* was up to date once, and so is interested in views */
    bool needs_text;
    bool is_text_coming;
    int64_t progress;      /* the rank of the last progress_update */
    struct sse_event *end; /* owned: the job's last event, held until the text was sent */
};

#define VIEW_HAS_NO_RANK (-1)

void sse_feed_init(struct sse_feed *feed, enum sse_partial partial,
                   const struct stream_cursor *cursor, struct sse_text *text);
void sse_feed_done(struct sse_feed *feed);
void sse_feed_follow(struct sse_feed *feed, struct stream_place place);
/* Nothing will follow what was sent. */
void sse_feed_finish(struct sse_feed *feed);
/* The stream has closed. */
void sse_feed_close(struct sse_feed *feed);

/* It must be fed from PostgreSQL, by sse_feed_replay(). */
bool sse_feed_is_behind(const struct sse_feed *feed);
/* The next event of a page; false: the feed wants no more of the page. */
bool sse_feed_replay(struct sse_feed *feed, const struct sse_item *item);
/* It has caught up: from now on it is shown views. */
void sse_feed_greet(struct sse_feed *feed);
/* An event that just left the cursor. */
void sse_feed_take(struct sse_feed *feed, const struct sse_item *item);
/* `rank` as of progress_view.h; VIEW_HAS_NO_RANK: shown whatever came before. */
void sse_feed_show(struct sse_feed *feed, struct sse_event *view, int64_t rank);

/* The whole text. */
bool sse_feed_needs_text(const struct sse_feed *feed);
bool sse_feed_waits_for_text(const struct sse_feed *feed); /* with its end held back */
void sse_feed_text_asked(struct sse_feed *feed);
/* `view` NULL: there is no text yet. */
void sse_feed_text_came(struct sse_feed *feed, struct sse_event *view);
void sse_feed_text_failed(struct sse_feed *feed);

#endif
