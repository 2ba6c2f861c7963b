/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One reader of a job's stream:
 *
 *   ASKING      the job's newest event is asked for; the stream is open already if PostgreSQL was
 *               away (EventSource gives up on any answer but 200, so it waits there)
 *   FOLLOWING   fed page by page from PostgreSQL while it is behind, live from then on
 *   ENDING      has the job's last event, or waits for the whole text that goes before it
 *   CLOSED      gone; freed once no answer of PostgreSQL is outstanding
 *
 * A page is asked for when the one before has left for the kernel: what waits for a reader stays
 * small, however long the job and however slow the reader.
 */
#include <assert.h>
#include <event2/event.h>

#include "common/backoff.h"
#include "common/mem.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
#include "gateway/problem.h"
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
    struct sse_event *end;        /* owned: the job's last event, held until the text was sent */
    struct event *retry;          /* owned */
    unsigned questions;           /* to PostgreSQL, not answered yet */
    TAILQ_ENTRY(sse_reader) link; /* of the topic, or of those leaving */
    TAILQ_ENTRY(sse_reader) turn;
};

static void on_head(void *context, PGresult *result, const struct err *err);
static void on_page(void *context, PGresult *result, const struct err *err);
static void on_progress(void *context, PGresult *result, const struct err *err);
static void on_retry(evutil_socket_t fd, short events, void *context);
static void on_abort(struct http_request *request, void *context);
static void on_close(struct sse_conn *conn, enum sse_close_reason reason, void *context);
static void on_drained(struct sse_conn *conn, void *context);

static const struct sse_callbacks CALLBACKS = {.on_close = on_close, .on_drained = on_drained};

struct sse_reader *sse_reader_next(struct sse_reader *reader)
{
    return TAILQ_NEXT(reader, link);
}

void sse_reader_free(struct sse_reader *reader)
{
    sse_event_unref(reader->end);
    event_free(reader->retry);
    free(reader);
}

static void leave(struct sse_reader *reader)
{
    struct sse_topic *topic = reader->topic;

    assert(reader->state != READER_CLOSED);
    reader->state = READER_CLOSED;
    reader->conn = NULL;
    reader->topic = NULL;
    (void)event_del(reader->retry);
    if (reader->is_turn_queued)
        TAILQ_REMOVE(&reader->hub->waiting, reader, turn);
    TAILQ_REMOVE(&topic->readers, reader, link);
    if (reader->questions == 0)
        sse_reader_free(reader);
    else
        TAILQ_INSERT_TAIL(&reader->hub->leaving, reader, link);
    sse_topic_release(topic);
}

/* Counts the answer; false: the reader has gone, and is freed with its last answer. */
static bool is_answer_wanted(struct sse_reader *reader)
{
    reader->questions--;
    if (reader->state != READER_CLOSED)
        return true;
    if (reader->questions == 0) {
        TAILQ_REMOVE(&reader->hub->leaving, reader, link);
        sse_reader_free(reader);
    }
    return false;
}

static void retry_soon(struct sse_reader *reader)
{
    uint64_t wait_us = 500000 + backoff_random() % 1000000;
    struct timeval wait = {.tv_sec = (time_t)(wait_us / 1000000),
                           .tv_usec = (suseconds_t)(wait_us % 1000000)};

    (void)event_add(reader->retry, &wait);
}

static void ask_head(struct sse_reader *reader)
{
    reader->questions++;
    jobs_read_head(reader->hub->settings.pg, reader->wish.job.text, on_head, reader);
}

void sse_reader_open(struct sse_topic *topic, struct http_request *take_request,
                     const struct sse_wish *wish)
{
    struct sse_reader *reader = mem_new(sizeof *reader);

    reader->hub = topic->hub;
    reader->topic = topic;
    reader->request = take_request;
    reader->wish = *wish;
    reader->needs_text = wish->partial == SSE_PARTIAL_TEXT;
    reader->retry = evtimer_new(loop_base(topic->hub->settings.loop), on_retry, reader);
    TAILQ_INSERT_TAIL(&topic->readers, reader, link);
    http_request_on_abort(take_request, on_abort, reader);
    ask_head(reader);
}

void sse_reader_leave_early(struct sse_reader *reader)
{
    if (reader->request == NULL)
        return;
    http_request_drop(TAKE(reader->request));
    leave(reader);
}

/* False: the client has gone, and so is the reader. */
static bool start_stream(struct sse_reader *reader)
{
    unsigned retry_ms = 1000 + (unsigned)(backoff_random() % 2000);

    if (reader->conn != NULL)
        return true;
    reader->conn = sse_conn_start(reader->hub->settings.streams, TAKE(reader->request), retry_ms,
                                  &CALLBACKS, reader);
    if (reader->conn == NULL)
        leave(reader);
    return reader->conn != NULL;
}

/* --- what a reader gets --- */

static void end(struct sse_reader *reader, struct sse_event *event)
{
    reader->state = READER_ENDING;
    if (reader->needs_text || reader->is_text_coming) {
        reader->end = sse_event_ref(event);
        sse_text_want_now(reader->topic);
        return;
    }
    sse_conn_send(reader->conn, event);
    sse_conn_finish(reader->conn);
}

static void give(struct sse_reader *reader, const struct sse_item *item)
{
    bool is_last = item->seq + 1 == reader->topic->cursor.next;

    if (item->kind == SSE_KIND_DELTA && reader->wish.partial == SSE_PARTIAL_TEXT) {
        sse_conn_send(reader->conn, item->bare);
        reader->needs_text = true;
    } else if (item->kind == SSE_KIND_TERMINAL && is_last) {
        end(reader, item->event);
    } else {
        sse_conn_send(reader->conn, item->event);
    }
}

/* Up to date, and so interested in views. */
static bool is_live(const struct sse_reader *reader)
{
    return reader->state == READER_FOLLOWING && reader->is_greeted &&
           !stream_place_is_behind(reader->place, &reader->topic->cursor);
}

void sse_reader_take(struct sse_reader *reader, const struct sse_item *item)
{
    if (reader->state != READER_FOLLOWING || !stream_place_take_live(&reader->place, item->seq))
        return;
    give(reader, item);
    if (reader->needs_text && is_live(reader))
        sse_text_want(reader->topic);
}

void sse_reader_show(struct sse_reader *reader, struct sse_event *view)
{
    if (is_live(reader))
        sse_conn_send(reader->conn, view);
}

bool sse_reader_waits_for_text(const struct sse_reader *reader)
{
    return reader->end != NULL && reader->needs_text;
}

bool sse_reader_needs_text(const struct sse_reader *reader)
{
    return reader->needs_text && (is_live(reader) || reader->end != NULL);
}

void sse_reader_text_asked(struct sse_reader *reader)
{
    reader->needs_text = false;
    reader->is_text_coming = true;
}

void sse_reader_text_came(struct sse_reader *reader, struct sse_event *view)
{
    if (!reader->is_text_coming)
        return;
    reader->is_text_coming = false;
    if (view != NULL)
        sse_conn_send(reader->conn, view);
    if (reader->end == NULL || reader->needs_text)
        return;
    sse_conn_send(reader->conn, reader->end);
    sse_conn_finish(reader->conn);
}

void sse_reader_text_failed(struct sse_reader *reader)
{
    reader->needs_text = reader->needs_text || reader->is_text_coming;
    reader->is_text_coming = false;
}

/* --- catching up --- */

static void greet(struct sse_reader *reader)
{
    reader->is_greeted = true;
    reader->questions++;
    jobs_read_progress(reader->hub->settings.pg, reader->wish.job.text, on_progress, reader);
    if (reader->needs_text)
        sse_text_want(reader->topic);
}

static void advance(struct sse_reader *reader)
{
    if (reader->state != READER_FOLLOWING || reader->is_reading)
        return;
    if (!stream_place_is_behind(reader->place, &reader->topic->cursor)) {
        if (!reader->is_greeted)
            greet(reader);
        return;
    }
    if (sse_conn_waiting_bytes(reader->conn) > 0)
        return; /* until on_drained */
    reader->is_reading = true;
    reader->is_turn_queued = true;
    TAILQ_INSERT_TAIL(&reader->hub->waiting, reader, turn);
    sse_hub_serve_turns(reader->hub);
}

struct sse_reader *sse_reader_first_turn(struct sse_hub *hub)
{
    struct sse_reader *reader = TAILQ_FIRST(&hub->waiting);

    if (reader == NULL)
        return NULL;
    TAILQ_REMOVE(&hub->waiting, reader, turn);
    reader->is_turn_queued = false;
    return reader;
}

void sse_reader_read_page(struct sse_reader *reader)
{
    reader->questions++;
    jobs_read_events(reader->hub->settings.pg, reader->wish.job.text, reader->place.next, on_page,
                     reader);
}

static void replay(struct sse_reader *reader, const PGresult *result)
{
    const struct stream_cursor *cursor = &reader->topic->cursor;

    for (int row = 0; row < PQntuples(result) && reader->state == READER_FOLLOWING; row++) {
        struct jobs_event event = jobs_decode_event(result, row);

        if (!stream_place_take_replayed(&reader->place, cursor, event.seq))
            break;
        struct sse_item *item = sse_item_new(event.seq, event.type, event.data, event.length);
        give(reader, item);
        sse_item_free(item);
        reader->hub->stats.replayed_events++;
    }
}

static void on_page(void *context, PGresult *result, const struct err *err)
{
    struct sse_reader *reader = context;

    (void)err; /* pg says when PostgreSQL is away; here the answer is to ask again */
    sse_hub_page_done(reader->hub);
    if (!is_answer_wanted(reader))
        return;
    reader->is_reading = false;
    if (result == NULL) {
        retry_soon(reader);
    } else if (PQntuples(result) == 0) {
        reader->state = READER_ENDING; /* the job was deleted meanwhile */
        sse_conn_finish(reader->conn);
    } else {
        replay(reader, result);
        advance(reader);
    }
}

static void on_progress(void *context, PGresult *result, const struct err *err)
{
    struct sse_reader *reader = context;

    (void)err; /* a view may be missing */
    if (!is_answer_wanted(reader) || result == NULL || PQntuples(result) == 0)
        return;
    struct sse_event *view = sse_event_new(0, "progress_update", PQgetvalue(result, 0, 0),
                                           (size_t)PQgetlength(result, 0, 0), SSE_VIEW_PROGRESS);
    sse_reader_show(reader, view);
    sse_event_unref(view);
}

/* --- beginning --- */

static void job_is_unknown(struct sse_reader *reader)
{
    static const struct problem unknown = {.type = PROBLEM_JOB_NOT_FOUND,
                                           .detail = "there is no job of this id"};

    if (reader->request != NULL) {
        http_respond_problem(TAKE(reader->request), &unknown);
        leave(reader);
    } else {
        reader->state = READER_ENDING;
        sse_conn_finish(reader->conn);
    }
}

/* Nothing will follow what the reader has: 204 tells an EventSource not to come back. */
static void all_was_seen(struct sse_reader *reader)
{
    static const struct http_reply nothing_more = {.status = 204};

    if (reader->request != NULL) {
        http_respond(TAKE(reader->request), &nothing_more);
        leave(reader);
    } else {
        reader->state = READER_ENDING;
        sse_conn_finish(reader->conn);
    }
}

static void follow(struct sse_reader *reader, const struct jobs_head *head)
{
    reader->place = stream_place_after(reader->wish.last_id, head->last_seq);
    if (head->is_terminal && reader->place.next == head->last_seq + 1) {
        all_was_seen(reader);
        return;
    }
    if (!start_stream(reader))
        return;
    reader->state = READER_FOLLOWING;
    sse_topic_note(reader->topic, head->last_seq);
    advance(reader);
}

static void on_head(void *context, PGresult *result, const struct err *err)
{
    struct sse_reader *reader = context;
    struct jobs_head head;

    (void)err; /* pg says when PostgreSQL is away; here the answer is to ask again */
    if (!is_answer_wanted(reader))
        return;
    if (result == NULL) {
        if (start_stream(reader))
            retry_soon(reader);
    } else if (!jobs_decode_head(result, &head)) {
        job_is_unknown(reader);
    } else {
        follow(reader, &head);
    }
}

/* --- callbacks --- */

static void on_retry(evutil_socket_t fd, short events, void *context)
{
    struct sse_reader *reader = context;

    (void)fd;
    (void)events;
    if (reader->state == READER_ASKING)
        ask_head(reader);
    else
        advance(reader);
}

static void on_abort(struct http_request *request, void *context)
{
    (void)request;
    sse_reader_leave_early(context);
}

static void on_close(struct sse_conn *conn, enum sse_close_reason reason, void *context)
{
    (void)conn;
    (void)reason;
    leave(context);
}

static void on_drained(struct sse_conn *conn, void *context)
{
    (void)conn;
    advance(context);
}
