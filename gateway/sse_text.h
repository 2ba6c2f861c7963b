/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_TEXT_H
#define GATEWAY_SSE_TEXT_H

/*
 * The whole text of a job's growing transcript, as views: read from transcript_parts once for all
 * readers that need it, at most once a second and 64 KiB/s on average. Only the job's end doesn't
 * wait for that rate, because the text is sent before it.
 */

#include <stdbool.h>
#include <stdint.h>

struct event;
struct loop;
struct pg;
struct sse_event;

/* The owner may free the text inside on_text and on_failed. */
struct sse_text_callbacks {
    /* Right before it is read; false: nobody needs it any more, it isn't read. */
    bool (*is_needed)(void *context);
    /* `view` is borrowed; NULL: there is no text yet. */
    void (*on_text)(void *context, struct sse_event *view);
    /* It is asked for again by itself. */
    void (*on_failed)(void *context);
};

struct sse_text {
    const struct sse_text_callbacks *callbacks; /* must last */
    void *context;
    struct pg *pg;            /* borrowed */
    const char *job_id;       /* borrowed */
    struct event *timer;      /* owned */
    uint64_t next_allowed_us; /* when the next one may be sent */
    bool is_asking;           /* PostgreSQL's answer is outstanding: must not be freed */
};

void sse_text_init(struct sse_text *text, struct loop *loop, struct pg *pg, const char *job_id,
                   const struct sse_text_callbacks *callbacks, void *context);
void sse_text_done(struct sse_text *text);
/* Somebody needs it: as soon as its rate allows, or at once. */
void sse_text_want(struct sse_text *text);
void sse_text_want_now(struct sse_text *text);

#endif
