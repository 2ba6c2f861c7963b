/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_reader.h"

#include <assert.h>
#include <event2/event.h>

#include "common/backoff.h"
#include "common/loop.h"
#include "common/mem.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
#include "gateway/problem.h"
#include "gateway/progress_view.h"

static void on_head(void *context, PGresult *result, const struct err *err);
static void on_page(void *context, PGresult *result, const struct err *err);
static void on_progress(void *context, PGresult *result, const struct err *err);
static void on_turn(void *context);
static void on_retry(evutil_socket_t fd, short events, void *context);
static void on_abort(struct http_request *request, void *context);
static void on_close(struct sse_conn *conn, enum sse_close_reason reason, void *context);
static void on_drained(struct sse_conn *conn, void *context);

static const struct sse_callbacks STREAM_CALLBACKS = {.on_close = on_close,
                                                      .on_drained = on_drained};

struct sse_reader *sse_reader_new(struct sse_shared *shared, struct http_request *take_request,
                                  const struct sse_wish *wish, const struct stream_cursor *cursor,
                                  struct sse_text *text)
{
    struct sse_reader *reader = mem_new(sizeof *reader);

    reader->shared = shared;
    reader->request = take_request;
    reader->job = wish->job;
    reader->last_id = wish->last_id;
    reader->turn = (struct sse_turn){.on_turn = on_turn, .context = reader};
    reader->retry = evtimer_new(loop_base(shared->loop), on_retry, reader);
    sse_feed_init(&reader->feed, wish->partial, cursor, text);
    return reader;
}

void sse_reader_free(struct sse_reader *reader)
{
    sse_turns_withdraw(&reader->shared->pages, &reader->turn);
    sse_feed_done(&reader->feed);
    event_free(reader->retry);
    free(reader);
}

/* --- questions to PostgreSQL, whose answers may come after the reader has gone --- */

static void ask_head(struct sse_reader *reader)
{
    reader->questions++;
    jobs_read_head(reader->shared->pg, reader->job.text, on_head, reader);
}

/* Counts an answer; false: the reader has gone, and perhaps is freed. */
static bool is_answer_wanted(struct sse_reader *reader)
{
    reader->questions--;
    if (reader->feed.state != SSE_FEED_CLOSED)
        return true;
    if (reader->questions == 0)
        reader->callbacks->on_gone(reader->context, reader);
    return false;
}

/* After a failed question, with jitter. */
static void retry_soon(struct sse_reader *reader)
{
    loop_start_timer(reader->retry, 500000 + backoff_random() % 1000000);
}

/* --- coming and going --- */

void sse_reader_begin(struct sse_reader *reader, const struct sse_reader_callbacks *callbacks,
                      void *context)
{
    reader->callbacks = callbacks;
    reader->context = context;
    http_request_on_abort(reader->request, on_abort, reader);
    ask_head(reader);
}

static void leave(struct sse_reader *reader)
{
    assert(reader->feed.state != SSE_FEED_CLOSED);
    sse_feed_close(&reader->feed);
    (void)event_del(reader->retry);
    sse_turns_withdraw(&reader->shared->pages, &reader->turn);
    if (reader->questions == 0)
        reader->callbacks->on_gone(reader->context, reader);
}

void sse_reader_leave_early(struct sse_reader *reader)
{
    if (reader->request == NULL)
        return;
    http_request_drop(TAKE(reader->request));
    leave(reader);
}

/* False: the client has gone, and so is the reader. */
static bool open_stream(struct sse_reader *reader)
{
    unsigned retry_ms = 1000 + (unsigned)(backoff_random() % 2000);

    if (reader->feed.conn != NULL)
        return true;
    reader->feed.conn = sse_conn_start(reader->shared->streams, TAKE(reader->request), retry_ms,
                                       &STREAM_CALLBACKS, reader);
    if (reader->feed.conn != NULL)
        return true;
    leave(reader);
    return false;
}

static void job_is_unknown(struct sse_reader *reader)
{
    static const struct problem unknown = {.type = PROBLEM_JOB_NOT_FOUND,
                                           .detail = "there is no job of this id"};

    if (reader->request != NULL) {
        http_respond_problem(TAKE(reader->request), &unknown);
        leave(reader);
    } else {
        sse_feed_finish(&reader->feed);
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
        sse_feed_finish(&reader->feed);
    }
}

/* --- following --- */

static void greet(struct sse_reader *reader)
{
    sse_feed_greet(&reader->feed);
    reader->questions++;
    jobs_read_progress(reader->shared->pg, reader->job.text, on_progress, reader);
}

/* Does what its place calls for: a page while it is behind, a greeting when it has caught up. */
static void advance(struct sse_reader *reader)
{
    if (reader->feed.state != SSE_FEED_FOLLOWING || reader->is_reading)
        return;
    if (!sse_feed_is_behind(&reader->feed)) {
        if (!reader->feed.is_greeted)
            greet(reader);
        return;
    }
    if (sse_conn_waiting_bytes(reader->feed.conn) > 0)
        return; /* until on_drained */
    reader->is_reading = true;
    sse_turns_ask(&reader->shared->pages, &reader->turn);
}

static void follow(struct sse_reader *reader, const struct jobs_head *head)
{
    struct stream_place place = stream_place_after(reader->last_id, head->last_seq);

    if (head->is_terminal && place.next == head->last_seq + 1) {
        all_was_seen(reader);
        return;
    }
    if (!open_stream(reader))
        return;
    sse_feed_follow(&reader->feed, place);
    reader->callbacks->on_last_seq(reader->context, head->last_seq);
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
        if (open_stream(reader))
            retry_soon(reader);
    } else if (!jobs_decode_head(result, &head)) {
        job_is_unknown(reader);
    } else {
        follow(reader, &head);
    }
}

static void on_turn(void *context)
{
    struct sse_reader *reader = context;

    reader->questions++;
    jobs_read_events(reader->shared->pg, reader->job.text, reader->feed.place.next, on_page,
                     reader);
}

static void replay(struct sse_reader *reader, const PGresult *result)
{
    bool is_taken = true;

    for (int row = 0; is_taken && row < PQntuples(result); row++) {
        struct jobs_event event = jobs_decode_event(result, row);
        struct sse_item *item = sse_item_new(event.seq, event.type, event.data, event.length);

        is_taken = sse_feed_replay(&reader->feed, item);
        reader->shared->stats.replayed_events += is_taken;
        sse_item_free(item);
    }
}

static void on_page(void *context, PGresult *result, const struct err *err)
{
    struct sse_reader *reader = context;

    (void)err; /* pg says when PostgreSQL is away; here the answer is to ask again */
    sse_turns_give_back(&reader->shared->pages);
    if (!is_answer_wanted(reader))
        return;
    reader->is_reading = false;
    if (result == NULL) {
        retry_soon(reader);
    } else if (PQntuples(result) == 0) {
        sse_feed_finish(&reader->feed); /* the job was deleted meanwhile */
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
    const char *data = PQgetvalue(result, 0, 0);
    size_t length = (size_t)PQgetlength(result, 0, 0);
    struct sse_event *view = sse_event_new(0, "progress_update", data, length, SSE_VIEW_PROGRESS);
    sse_feed_show(&reader->feed, view, progress_view_rank(data, length));
    sse_event_unref(view);
}

/* --- callbacks --- */

static void on_retry(evutil_socket_t fd, short events, void *context)
{
    struct sse_reader *reader = context;

    (void)fd;
    (void)events;
    if (reader->feed.state == SSE_FEED_WAITING)
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
