/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_READER_H
#define GATEWAY_SSE_READER_H

/*
 * One reader of a job's stream: its request, its questions to PostgreSQL and its pages. What it is
 * sent of them is its feed's business (sse_feed.h). A page is asked for when the one before has
 * left for the kernel: what waits for a reader stays small, however long the job and however slow
 * the reader.
 *
 * If PostgreSQL is away when a reader comes, its stream is opened all the same and it waits there:
 * EventSource gives up on any answer but 200.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "gateway/sse_feed.h"
#include "gateway/sse_shared.h"
#include "gateway/sse_wish.h"

struct event;
struct http_request;
struct sse_reader;

struct sse_reader_callbacks {
    /* The job's newest event as PostgreSQL tells it, before the reader begins to follow. */
    void (*on_last_seq)(void *context, uint64_t last_seq);
    /* It has gone and no answer of PostgreSQL is outstanding: to be freed. */
    void (*on_gone)(void *context, struct sse_reader *reader);
};

struct sse_reader {
    struct sse_shared *shared;                    /* borrowed */
    const struct sse_reader_callbacks *callbacks; /* must last */
    void *context;
    struct http_request *request; /* to be released; NULL once answered */
    struct id job;
    uint64_t last_id; /* as of sse_wish.h */
    struct sse_feed feed;
    struct sse_turn turn;
    bool is_reading;              /* a page is on its way, or its turn is waited for */
    struct event *retry;          /* owned */
    unsigned questions;           /* to PostgreSQL, not answered yet */
    TAILQ_ENTRY(sse_reader) link; /* the owner's */
};

TAILQ_HEAD(sse_readers, sse_reader);

/* `cursor` and `text` are the job's and outlive the reader. It must be in its owner's list before
 * sse_reader_begin(). */
struct sse_reader *sse_reader_new(struct sse_shared *shared, struct http_request *take_request,
                                  const struct sse_wish *wish, const struct stream_cursor *cursor,
                                  struct sse_text *text);
void sse_reader_begin(struct sse_reader *reader, const struct sse_reader_callbacks *callbacks,
                      void *context);
/* Before the stream is open: the request is dropped. */
void sse_reader_leave_early(struct sse_reader *reader);
void sse_reader_free(struct sse_reader *reader);

#endif
