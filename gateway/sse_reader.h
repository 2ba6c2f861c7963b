/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_READER_H
#define GATEWAY_SSE_READER_H

/*
 * One reader of a job's stream: its life is in sse_reader.c, what it gets in sse_reader_feed.c;
 * only these two include this.
 *
 *   ASKING      the job's newest event is asked for; the stream is open already if PostgreSQL was
 *               away (EventSource gives up on any answer but 200, so it waits there)
 *   FOLLOWING   fed page by page from PostgreSQL while it is behind, live from then on
 *   ENDING      has the job's last event, or waits for the whole text that goes before it
 *   CLOSED      gone; freed once no answer of PostgreSQL is outstanding
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "gateway/sse_topic.h"

enum reader_state { READER_ASKING, READER_FOLLOWING, READER_ENDING, READER_CLOSED };

struct sse_reader {
    struct sse_hub *hub;          /* borrowed */
    struct sse_topic *topic;      /* borrowed; NULL once CLOSED */
    struct http_request *request; /* to be released; NULL once answered */
    struct sse_conn *conn;        /* NULL before the answer and once CLOSED */
    struct sse_wish wish;
    enum reader_state state;
    struct stream_place place;
    bool is_turn_queued; /* on the hub's list */
    bool is_reading;     /* a page is on its way, or its turn is queued */
    bool is_greeted;     /* the progress so far was asked for */
    bool needs_text;
    bool is_text_coming;
    int64_t progress;             /* the rank of the last progress_update */
    struct sse_event *end;        /* owned: the job's last event, held until the text was sent */
    struct event *retry;          /* owned */
    unsigned questions;           /* to PostgreSQL, not answered yet */
    TAILQ_ENTRY(sse_reader) link; /* of the topic, or of those leaving */
    TAILQ_ENTRY(sse_reader) turn;
};

/* Counts an answer of PostgreSQL; false: the reader has gone, and is freed with its last answer. */
bool sse_reader_is_answer_wanted(struct sse_reader *reader) MUST_CHECK;
/* After a failed question, with jitter. */
void sse_reader_retry_soon(struct sse_reader *reader);
/* Does what its place calls for: a page while it is behind, a greeting when it has caught up. */
void sse_reader_advance(struct sse_reader *reader);

#endif
