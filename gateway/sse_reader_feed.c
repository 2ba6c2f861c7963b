/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader gets. A page is asked for when the one before has left for the kernel: what waits
 * for a reader stays small, however long the job and however slow the reader.
 */
#include "gateway/jobs_read.h"
#include "gateway/progress_view.h"
#include "gateway/sse_reader.h"

static void on_page(void *context, PGresult *result, const struct err *err);
static void on_progress(void *context, PGresult *result, const struct err *err);

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

void sse_reader_show(struct sse_reader *reader, struct sse_event *view, int64_t rank)
{
    if (!is_live(reader) || (rank != VIEW_HAS_NO_RANK && rank < reader->progress))
        return;
    if (rank != VIEW_HAS_NO_RANK)
        reader->progress = rank;
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

void sse_reader_advance(struct sse_reader *reader)
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
    if (!sse_reader_is_answer_wanted(reader))
        return;
    reader->is_reading = false;
    if (result == NULL) {
        sse_reader_retry_soon(reader);
    } else if (PQntuples(result) == 0) {
        reader->state = READER_ENDING; /* the job was deleted meanwhile */
        sse_conn_finish(reader->conn);
    } else {
        replay(reader, result);
        sse_reader_advance(reader);
    }
}

static void on_progress(void *context, PGresult *result, const struct err *err)
{
    struct sse_reader *reader = context;

    (void)err; /* a view may be missing */
    if (!sse_reader_is_answer_wanted(reader) || result == NULL || PQntuples(result) == 0)
        return;
    const char *data = PQgetvalue(result, 0, 0);
    size_t length = (size_t)PQgetlength(result, 0, 0);
    struct sse_event *view = sse_event_new(0, "progress_update", data, length, SSE_VIEW_PROGRESS);
    sse_reader_show(reader, view, progress_view_rank(data, length));
    sse_event_unref(view);
}
