/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_reader.h"

#include <assert.h>
#include <event2/event.h>

#include "common/backoff.h"
#include "common/mem.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
#include "gateway/problem.h"

static void on_head(void *context, PGresult *result, const struct err *err);
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

bool sse_reader_is_answer_wanted(struct sse_reader *reader)
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

void sse_reader_retry_soon(struct sse_reader *reader)
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
    if (reader->conn != NULL)
        return true;
    leave(reader);
    return false;
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
    sse_reader_advance(reader);
}

static void on_head(void *context, PGresult *result, const struct err *err)
{
    struct sse_reader *reader = context;
    struct jobs_head head;

    (void)err; /* pg says when PostgreSQL is away; here the answer is to ask again */
    if (!sse_reader_is_answer_wanted(reader))
        return;
    if (result == NULL) {
        if (start_stream(reader))
            sse_reader_retry_soon(reader);
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
        sse_reader_advance(reader);
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
    sse_reader_advance(context);
}
