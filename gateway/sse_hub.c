/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_hub.h"

#include <event2/event.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
#include "gateway/progress_view.h"
#include "gateway/sse_topic.h"

/* Every 15th tick asks PostgreSQL whether Kafka has passed anything over, each one while the feed
 * is down. */
static const struct timeval TICK = {.tv_sec = 1};
#define TICKS_PER_COMPARISON 15
/* "{", ids with commas, "}": of more jobs than that the rest is compared the next time. */
#define COMPARED_BYTES_MAX ((size_t)1024 * 1024)

struct sse_hub {
    struct sse_shared shared;
    bool (*is_feed_up)(void *feed);
    void *feed;
    struct sse_topic *topics;    /* by job; owned */
    struct event *compare_timer; /* owned */
    unsigned ticks;
    uint64_t view_serial;
    bool is_comparing;
    bool is_draining;
};

static void on_tick(evutil_socket_t fd, short events, void *context);
static void on_unused(struct sse_topic *topic, void *context);

struct sse_hub *sse_hub_new(const struct sse_hub_settings *settings)
{
    struct sse_hub *hub = mem_new(sizeof *hub);

    hub->shared = (struct sse_shared){
        .loop = settings->loop, .pg = settings->pg, .streams = settings->streams};
    sse_turns_init(&hub->shared.pages, SSE_PAGES_MAX);
    hub->is_feed_up = settings->is_feed_up;
    hub->feed = settings->context;
    hub->view_serial = SSE_VIEW_OTHERS;
    hub->compare_timer = event_new(loop_base(settings->loop), -1, EV_PERSIST, on_tick, hub);
    (void)event_add(hub->compare_timer, &TICK);
    return hub;
}

/* What is still here waits for answers that never come, PostgreSQL's connections being closed. */
void sse_hub_free(struct sse_hub *hub)
{
    struct sse_topic *topic, *next;

    if (hub == NULL)
        return;
    HASH_ITER(hh, hub->topics, topic, next)
    on_unused(topic, hub);
    event_free(hub->compare_timer);
    free(hub);
}

static void on_unused(struct sse_topic *topic, void *context)
{
    struct sse_hub *hub = context;

    HASH_DEL(hub->topics, topic);
    sse_topic_free(topic);
}

static struct sse_topic *find(const struct sse_hub *hub, const char *job_id, size_t length)
{
    struct sse_topic *topic = NULL;

    HASH_FIND(hh, hub->topics, job_id, length, topic);
    return topic;
}

static struct sse_topic *add_topic(struct sse_hub *hub, const struct id *job)
{
    struct sse_topic *topic = sse_topic_new(&hub->shared, job, on_unused, hub);

    HASH_ADD_STR(hub->topics, job.text, topic);
    return topic;
}

void sse_hub_open(struct sse_hub *hub, struct http_request *take_request,
                  const struct sse_wish *wish)
{
    struct sse_topic *topic = find(hub, wish->job.text, strlen(wish->job.text));

    if (hub->is_draining) {
        http_request_drop(take_request);
        return;
    }
    if (topic == NULL)
        topic = add_topic(hub, &wish->job);
    sse_topic_join(topic, take_request, wish);
}

bool sse_hub_is_followed(const struct sse_hub *hub, const char *job_id, size_t length)
{
    return find(hub, job_id, length) != NULL;
}

static void show(struct sse_hub *hub, struct sse_topic *topic, const struct sse_live *live)
{
    bool is_progress = strcmp(live->type, "progress_update") == 0;
    uint64_t number = is_progress ? SSE_VIEW_PROGRESS : hub->view_serial++;
    int64_t rank = is_progress ? progress_view_rank(live->data, live->length) : VIEW_HAS_NO_RANK;
    struct sse_event *view = sse_event_new(0, live->type, live->data, live->length, number);

    sse_topic_show(topic, view, rank);
    sse_event_unref(view);
}

void sse_hub_publish(struct sse_hub *hub, const char *job_id, size_t length,
                     const struct sse_live *live)
{
    struct sse_topic *topic = find(hub, job_id, length);

    if (topic == NULL)
        return;
    if (live->seq == 0)
        show(hub, topic, live);
    else
        sse_topic_publish(topic, sse_item_new(live->seq, live->type, live->data, live->length));
}

void sse_hub_drain(struct sse_hub *hub)
{
    struct sse_topic *topic, *next;

    hub->is_draining = true;
    HASH_ITER(hh, hub->topics, topic, next)
    sse_topic_drop_unanswered(topic);
    sse_streams_close_all(hub->shared.streams);
}

const struct sse_hub_stats *sse_hub_stats(const struct sse_hub *hub)
{
    return &hub->shared.stats;
}

static void on_heads(void *context, PGresult *result, const struct err *err)
{
    struct sse_hub *hub = context;

    (void)err; /* the next comparison is near */
    hub->is_comparing = false;
    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        const char *job_id = PQgetvalue(result, row, 0);
        struct sse_topic *topic = find(hub, job_id, strlen(job_id));

        if (topic != NULL)
            sse_topic_compare(topic, strtoull(PQgetvalue(result, row, 1), NULL, 10));
    }
}

static void compare(struct sse_hub *hub)
{
    struct buf ids;
    const struct sse_topic *topic;

    buf_init(&ids, COMPARED_BYTES_MAX);
    for (topic = hub->topics;
         topic != NULL && ids.length + (size_t)2 * ID_SIZE < COMPARED_BYTES_MAX;
         topic = topic->hh.next)
        buf_append_format(&ids, "%c%s", ids.length == 0 ? '{' : ',', topic->job.text);
    buf_append_string(&ids, "}");
    hub->is_comparing = true;
    jobs_read_heads(hub->shared.pg, buf_string(&ids), on_heads, hub);
    buf_done(&ids);
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
    struct sse_hub *hub = context;
    bool is_due = ++hub->ticks % TICKS_PER_COMPARISON == 0 || !hub->is_feed_up(hub->feed);

    (void)fd;
    (void)events;
    if (is_due && hub->topics != NULL && !hub->is_comparing && !hub->is_draining)
        compare(hub);
}
