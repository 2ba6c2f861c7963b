/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_feed.h"

#include "gateway/sse_text.h"

void sse_feed_init(struct sse_feed *feed, enum sse_partial partial,
                   const struct stream_cursor *cursor, struct sse_text *text)
{
    *feed = (struct sse_feed){.cursor = cursor,
                              .text = text,
                              .partial = partial,
                              .needs_text = partial == SSE_PARTIAL_TEXT};
}

void sse_feed_done(struct sse_feed *feed)
{
    sse_event_unref(feed->end);
}

void sse_feed_follow(struct sse_feed *feed, struct stream_place place)
{
    feed->place = place;
    feed->state = SSE_FEED_FOLLOWING;
}

void sse_feed_finish(struct sse_feed *feed)
{
    feed->state = SSE_FEED_ENDING;
    sse_conn_finish(feed->conn);
}

void sse_feed_close(struct sse_feed *feed)
{
    feed->state = SSE_FEED_CLOSED;
    feed->conn = NULL;
}

/* --- durable events --- */

static void end(struct sse_feed *feed, struct sse_event *event)
{
    if (feed->needs_text || feed->is_text_coming) {
        feed->state = SSE_FEED_ENDING;
        feed->end = sse_event_ref(event);
        sse_text_want_now(feed->text);
        return;
    }
    sse_conn_send(feed->conn, event);
    sse_feed_finish(feed);
}

static void give(struct sse_feed *feed, const struct sse_item *item)
{
    bool is_last = item->seq + 1 == feed->cursor->next;

    if (item->kind == SSE_KIND_RESTART)
        feed->progress = 0;
    if (item->kind == SSE_KIND_DELTA && feed->partial == SSE_PARTIAL_TEXT) {
        sse_conn_send(feed->conn, item->bare);
        feed->needs_text = true;
    } else if (item->kind == SSE_KIND_TERMINAL && is_last) {
        end(feed, item->event);
    } else {
        sse_conn_send(feed->conn, item->event);
    }
}

bool sse_feed_is_behind(const struct sse_feed *feed)
{
    return stream_place_is_behind(feed->place, feed->cursor);
}

static bool is_live(const struct sse_feed *feed)
{
    return feed->state == SSE_FEED_FOLLOWING && feed->is_greeted && !sse_feed_is_behind(feed);
}

bool sse_feed_replay(struct sse_feed *feed, const struct sse_item *item)
{
    if (feed->state != SSE_FEED_FOLLOWING ||
        !stream_place_take_replayed(&feed->place, feed->cursor, item->seq))
        return false;
    give(feed, item);
    return true;
}

void sse_feed_greet(struct sse_feed *feed)
{
    feed->is_greeted = true;
    if (feed->needs_text)
        sse_text_want(feed->text);
}

void sse_feed_take(struct sse_feed *feed, const struct sse_item *item)
{
    if (feed->state != SSE_FEED_FOLLOWING || !stream_place_take_live(&feed->place, item->seq))
        return;
    give(feed, item);
    if (feed->needs_text && is_live(feed))
        sse_text_want(feed->text);
}

void sse_feed_show(struct sse_feed *feed, struct sse_event *view, int64_t rank)
{
    if (!is_live(feed) || (rank != VIEW_HAS_NO_RANK && rank < feed->progress))
        return;
    if (rank != VIEW_HAS_NO_RANK)
        feed->progress = rank;
    sse_conn_send(feed->conn, view);
}

/* --- the whole text --- */

bool sse_feed_waits_for_text(const struct sse_feed *feed)
{
    return feed->state == SSE_FEED_ENDING && feed->end != NULL && feed->needs_text;
}

bool sse_feed_needs_text(const struct sse_feed *feed)
{
    return sse_feed_waits_for_text(feed) || (feed->needs_text && is_live(feed));
}

void sse_feed_text_asked(struct sse_feed *feed)
{
    feed->needs_text = false;
    feed->is_text_coming = true;
}

void sse_feed_text_came(struct sse_feed *feed, struct sse_event *view)
{
    if (!feed->is_text_coming || feed->state == SSE_FEED_CLOSED)
        return;
    feed->is_text_coming = false;
    if (view != NULL)
        sse_conn_send(feed->conn, view);
    if (feed->end == NULL || feed->needs_text)
        return;
    sse_conn_send(feed->conn, feed->end);
    sse_conn_finish(feed->conn);
}

void sse_feed_text_failed(struct sse_feed *feed)
{
    feed->needs_text = feed->needs_text || feed->is_text_coming;
    feed->is_text_coming = false;
}
