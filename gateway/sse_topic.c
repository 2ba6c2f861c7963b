/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_topic.h"

#include <event2/event.h>

#include "common/loop.h"
#include "common/mem.h"
#include "gateway/jobs_read.h"

/* A predecessor is usually on its way through Kafka: wait this long before asking PostgreSQL. */
static const struct timeval GAP_WAIT = {.tv_usec = 50000};
static const struct timeval RETRY_WAIT = {.tv_sec = 1};

static void on_gap_timer(evutil_socket_t fd, short events, void *context);
static void on_last_seq(void *context, uint64_t last_seq);
static void on_gone(void *context, struct sse_reader *reader);
static bool is_text_needed(void *context);
static void on_text(void *context, struct sse_event *view);
static void on_text_failed(void *context);

static const struct sse_reader_callbacks READER_CALLBACKS = {.on_last_seq = on_last_seq,
                                                             .on_gone = on_gone};
static const struct sse_text_callbacks TEXT_CALLBACKS = {
    .is_needed = is_text_needed, .on_text = on_text, .on_failed = on_text_failed};

struct sse_topic *sse_topic_new(struct sse_shared *shared, const struct id *job,
                                void (*on_unused)(struct sse_topic *topic, void *context),
                                void *context)
{
    struct sse_topic *topic = mem_new(sizeof *topic);

    topic->shared = shared;
    topic->on_unused = on_unused;
    topic->context = context;
    topic->job = *job;
    stream_cursor_init(&topic->cursor, sse_item_free);
    TAILQ_INIT(&topic->readers);
    topic->gap_timer = evtimer_new(loop_base(shared->loop), on_gap_timer, topic);
    sse_text_init(&topic->text, shared->loop, shared->pg, topic->job.text, &TEXT_CALLBACKS, topic);
    shared->stats.jobs++;
    return topic;
}

static void remove_reader(struct sse_topic *topic, struct sse_reader *reader)
{
    TAILQ_REMOVE(&topic->readers, reader, link);
    sse_reader_free(reader);
}

void sse_topic_free(struct sse_topic *topic)
{
    struct sse_reader *reader;

    while ((reader = TAILQ_FIRST(&topic->readers)) != NULL)
        remove_reader(topic, reader);
    topic->shared->stats.jobs--;
    sse_text_done(&topic->text);
    event_free(topic->gap_timer);
    stream_cursor_done(&topic->cursor);
    free(topic);
}

static void release(struct sse_topic *topic)
{
    if (TAILQ_EMPTY(&topic->readers) && !topic->is_filling && !topic->text.is_asking &&
        !topic->is_being_left)
        topic->on_unused(topic, topic->context);
}

/* --- readers --- */

void sse_topic_join(struct sse_topic *topic, struct http_request *take_request,
                    const struct sse_wish *wish)
{
    struct sse_reader *reader =
        sse_reader_new(topic->shared, take_request, wish, &topic->cursor, &topic->text);

    TAILQ_INSERT_TAIL(&topic->readers, reader, link);
    sse_reader_begin(reader, &READER_CALLBACKS, topic);
}

void sse_topic_drop_unanswered(struct sse_topic *topic)
{
    struct sse_reader *reader = TAILQ_FIRST(&topic->readers);

    topic->is_being_left = true;
    while (reader != NULL) {
        struct sse_reader *next = TAILQ_NEXT(reader, link);
        sse_reader_leave_early(reader);
        reader = next;
    }
    topic->is_being_left = false;
    release(topic);
}

static void on_gone(void *context, struct sse_reader *reader)
{
    struct sse_topic *topic = context;

    remove_reader(topic, reader);
    release(topic);
}

/* --- live events --- */

static void deliver(struct sse_topic *topic)
{
    struct sse_item *item;
    uint64_t seq = 0;

    while ((item = stream_cursor_take(&topic->cursor, &seq)) != NULL) {
        struct sse_reader *reader;
        TAILQ_FOREACH(reader, &topic->readers, link)
        sse_feed_take(&reader->feed, item);
        topic->shared->stats.live_events++;
        sse_item_free(item);
    }
}

static void watch_for_gap(struct sse_topic *topic, const struct timeval *wait)
{
    if (!stream_cursor_has_gap(&topic->cursor))
        (void)event_del(topic->gap_timer);
    else if (!topic->is_filling && !event_pending(topic->gap_timer, EV_TIMEOUT, NULL))
        (void)event_add(topic->gap_timer, wait);
}

static void on_last_seq(void *context, uint64_t last_seq)
{
    struct sse_topic *topic = context;

    stream_cursor_note(&topic->cursor, last_seq);
    deliver(topic);
    watch_for_gap(topic, &GAP_WAIT);
}

void sse_topic_compare(struct sse_topic *topic, uint64_t last_seq)
{
    if (topic->cursor.next != 0)
        on_last_seq(topic, last_seq);
}

void sse_topic_publish(struct sse_topic *topic, struct sse_item *take_item)
{
    stream_cursor_offer(&topic->cursor, take_item->seq, take_item, sse_item_bytes(take_item));
    deliver(topic);
    watch_for_gap(topic, &GAP_WAIT);
}

void sse_topic_show(struct sse_topic *topic, struct sse_event *view, int64_t rank)
{
    struct sse_reader *reader;

    TAILQ_FOREACH(reader, &topic->readers, link)
    sse_feed_show(&reader->feed, view, rank);
}

static void offer_rows(struct sse_topic *topic, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        struct jobs_event event = jobs_decode_event(result, row);
        struct sse_item *item = sse_item_new(event.seq, event.type, event.data, event.length);

        stream_cursor_offer(&topic->cursor, event.seq, item, sse_item_bytes(item));
        deliver(topic);
    }
}

static void on_fill(void *context, PGresult *result, const struct err *err)
{
    struct sse_topic *topic = context;
    static const struct timeval at_once = {0};
    bool has_rows = result != NULL && PQntuples(result) > 0;

    (void)err; /* pg says when PostgreSQL is away; here the answer is to ask again */
    topic->is_filling = false;
    if (has_rows)
        offer_rows(topic, result);
    watch_for_gap(topic, has_rows ? &at_once : &RETRY_WAIT);
    release(topic);
}

static void on_gap_timer(evutil_socket_t fd, short events, void *context)
{
    struct sse_topic *topic = context;

    (void)fd;
    (void)events;
    topic->is_filling = true;
    topic->shared->stats.gap_fills++;
    jobs_read_events(topic->shared->pg, topic->job.text, topic->cursor.next, on_fill, topic);
}

/* --- the whole text --- */

static bool is_text_needed(void *context)
{
    struct sse_topic *topic = context;
    struct sse_reader *reader;
    bool is_needed = false;

    TAILQ_FOREACH(reader, &topic->readers, link)
    {
        if (!sse_feed_needs_text(&reader->feed))
            continue;
        sse_feed_text_asked(&reader->feed);
        is_needed = true;
    }
    return is_needed;
}

/* For those whose need arose while the answer was on its way. */
static void want_again(struct sse_topic *topic)
{
    struct sse_reader *reader;

    TAILQ_FOREACH(reader, &topic->readers, link)
    {
        if (sse_feed_waits_for_text(&reader->feed))
            sse_text_want_now(&topic->text);
        else if (sse_feed_needs_text(&reader->feed))
            sse_text_want(&topic->text);
    }
}

static void on_text(void *context, struct sse_event *view)
{
    struct sse_topic *topic = context;
    struct sse_reader *reader;

    TAILQ_FOREACH(reader, &topic->readers, link)
    sse_feed_text_came(&reader->feed, view);
    want_again(topic);
    release(topic);
}

static void on_text_failed(void *context)
{
    struct sse_topic *topic = context;
    struct sse_reader *reader;

    TAILQ_FOREACH(reader, &topic->readers, link)
    sse_feed_text_failed(&reader->feed);
    release(topic);
}
