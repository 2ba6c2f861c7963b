/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_topic.h"

#include <event2/event.h>

#include "common/mem.h"
#include "gateway/jobs_read.h"

/* A predecessor is usually on its way through Kafka: wait this long before asking PostgreSQL. */
static const struct timeval GAP_WAIT = {.tv_usec = 50000};
static const struct timeval RETRY_WAIT = {.tv_sec = 1};

static void on_gap_timer(evutil_socket_t fd, short events, void *context);

struct sse_topic *sse_topic_new(struct sse_hub *hub, const struct id *job)
{
    struct sse_topic *topic = mem_new(sizeof *topic);

    topic->hub = hub;
    topic->job = *job;
    stream_cursor_init(&topic->cursor, sse_item_free);
    TAILQ_INIT(&topic->readers);
    topic->gap_timer = evtimer_new(loop_base(hub->settings.loop), on_gap_timer, topic);
    sse_text_init(topic);
    HASH_ADD_STR(hub->topics, job.text, topic);
    hub->stats.jobs++;
    return topic;
}

void sse_topic_free(struct sse_topic *topic)
{
    HASH_DEL(topic->hub->topics, topic);
    topic->hub->stats.jobs--;
    sse_text_done(topic);
    event_free(topic->gap_timer);
    stream_cursor_done(&topic->cursor);
    free(topic);
}

void sse_topic_release(struct sse_topic *topic)
{
    if (TAILQ_EMPTY(&topic->readers) && topic->questions == 0)
        sse_topic_free(topic);
}

static void deliver(struct sse_topic *topic)
{
    struct sse_item *item;
    uint64_t seq = 0;

    while ((item = stream_cursor_take(&topic->cursor, &seq)) != NULL) {
        struct sse_reader *reader = TAILQ_FIRST(&topic->readers);
        for (; reader != NULL; reader = sse_reader_next(reader))
            sse_reader_take(reader, item);
        topic->hub->stats.live_events++;
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

void sse_topic_note(struct sse_topic *topic, uint64_t last_seq)
{
    stream_cursor_note(&topic->cursor, last_seq);
    deliver(topic);
    watch_for_gap(topic, &GAP_WAIT);
}

void sse_topic_publish(struct sse_topic *topic, struct sse_item *take_item)
{
    stream_cursor_offer(&topic->cursor, take_item->seq, take_item, sse_item_bytes(take_item));
    deliver(topic);
    watch_for_gap(topic, &GAP_WAIT);
}

void sse_topic_show(struct sse_topic *topic, struct sse_event *view, int64_t rank)
{
    struct sse_reader *reader = TAILQ_FIRST(&topic->readers);

    for (; reader != NULL; reader = sse_reader_next(reader))
        sse_reader_show(reader, view, rank);
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
    topic->questions--;
    topic->is_filling = false;
    if (has_rows)
        offer_rows(topic, result);
    watch_for_gap(topic, has_rows ? &at_once : &RETRY_WAIT);
    sse_topic_release(topic);
}

static void on_gap_timer(evutil_socket_t fd, short events, void *context)
{
    struct sse_topic *topic = context;
    struct sse_hub *hub = topic->hub;

    (void)fd;
    (void)events;
    if (TAILQ_EMPTY(&topic->readers))
        return;
    topic->is_filling = true;
    topic->questions++;
    hub->stats.gap_fills++;
    jobs_read_events(hub->settings.pg, topic->job.text, topic->cursor.next, on_fill, topic);
}
