/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole text of a growing transcript, as views: read from transcript_parts once for all of a
 * job's readers that need it, at most once a second and 64 KiB/s on average. Only the job's end
 * doesn't wait for that rate, because the text is sent before it.
 */
#include <event2/event.h>

#include "common/clock.h"
#include "gateway/jobs_read.h"
#include "gateway/sse_topic.h"

#define INTERVAL_US UINT64_C(1000000)
#define BYTES_PER_S 65536

static void on_timer(evutil_socket_t fd, short events, void *context);

void sse_text_init(struct sse_topic *topic)
{
    topic->text.timer = evtimer_new(loop_base(topic->hub->settings.loop), on_timer, topic);
}

void sse_text_done(struct sse_topic *topic)
{
    event_free(topic->text.timer);
}

static void ask_at(struct sse_topic *topic, uint64_t due_us)
{
    uint64_t now_us = clock_now_us();
    uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
    struct timeval wait = {.tv_sec = (time_t)(wait_us / 1000000),
                           .tv_usec = (suseconds_t)(wait_us % 1000000)};

    (void)event_add(topic->text.timer, &wait);
}

void sse_text_want(struct sse_topic *topic)
{
    if (!topic->text.is_asking && !event_pending(topic->text.timer, EV_TIMEOUT, NULL))
        ask_at(topic, topic->text.next_allowed_us);
}

void sse_text_want_now(struct sse_topic *topic)
{
    if (!topic->text.is_asking)
        ask_at(topic, 0);
}

/* Those whose need arose while the last answer was on its way. */
static void ask_again(struct sse_topic *topic)
{
    struct sse_reader *reader = TAILQ_FIRST(&topic->readers);

    for (; reader != NULL; reader = sse_reader_next(reader)) {
        if (sse_reader_waits_for_text(reader))
            sse_text_want_now(topic);
        else if (sse_reader_needs_text(reader))
            sse_text_want(topic);
    }
}

static void text_came(struct sse_topic *topic, const PGresult *result)
{
    const char *data = PQgetvalue(result, 0, 0);
    size_t length = (size_t)PQgetlength(result, 0, 0);
    bool is_empty = *PQgetvalue(result, 0, 1) != 't';
    struct sse_event *view =
        is_empty ? NULL : sse_event_new(0, "partial_transcript", data, length, SSE_VIEW_TEXT);
    uint64_t pause_us = length * UINT64_C(1000000) / BYTES_PER_S;

    topic->text.next_allowed_us =
        clock_now_us() + (pause_us > INTERVAL_US ? pause_us : INTERVAL_US);
    struct sse_reader *reader = TAILQ_FIRST(&topic->readers);
    for (; reader != NULL; reader = sse_reader_next(reader))
        sse_reader_text_came(reader, view);
    sse_event_unref(view);
    ask_again(topic);
}

static void text_failed(struct sse_topic *topic)
{
    struct sse_reader *reader = TAILQ_FIRST(&topic->readers);

    for (; reader != NULL; reader = sse_reader_next(reader))
        sse_reader_text_failed(reader);
    ask_at(topic, clock_now_us() + INTERVAL_US);
}

static void on_text(void *context, PGresult *result, const struct err *err)
{
    struct sse_topic *topic = context;

    (void)err; /* pg says when PostgreSQL is away; here the answer is to ask again */
    topic->questions--;
    topic->text.is_asking = false;
    if (result != NULL && PQntuples(result) > 0)
        text_came(topic, result);
    else
        text_failed(topic);
    sse_topic_release(topic);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct sse_topic *topic = context;
    bool is_needed = false;

    (void)fd;
    (void)events;
    struct sse_reader *reader = TAILQ_FIRST(&topic->readers);
    for (; reader != NULL; reader = sse_reader_next(reader)) {
        if (!sse_reader_needs_text(reader))
            continue;
        sse_reader_text_asked(reader);
        is_needed = true;
    }
    if (!is_needed)
        return;
    topic->text.is_asking = true;
    topic->questions++;
    jobs_read_text(topic->hub->settings.pg, topic->job.text, on_text, topic);
}
