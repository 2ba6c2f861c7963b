/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_text.h"

#include <event2/event.h>

#include "common/clock.h"
#include "common/loop.h"
#include "gateway/jobs_read.h"
#include "gateway/sse_item.h"

#define INTERVAL_US UINT64_C(1000000)
#define BYTES_PER_S 65536

static void on_timer(evutil_socket_t fd, short events, void *context);

void sse_text_init(struct sse_text *text, struct loop *loop, struct pg *pg, const char *job_id,
                   const struct sse_text_callbacks *callbacks, void *context)
{
    *text =
        (struct sse_text){.callbacks = callbacks, .context = context, .pg = pg, .job_id = job_id};
    text->timer = evtimer_new(loop_base(loop), on_timer, text);
}

void sse_text_done(struct sse_text *text)
{
    event_free(text->timer);
}

static void ask_at(struct sse_text *text, uint64_t due_us)
{
    uint64_t now_us = clock_now_us();

    loop_start_timer(text->timer, due_us > now_us ? due_us - now_us : 0);
}

void sse_text_want(struct sse_text *text)
{
    if (!text->is_asking && !event_pending(text->timer, EV_TIMEOUT, NULL))
        ask_at(text, text->next_allowed_us);
}

void sse_text_want_now(struct sse_text *text)
{
    if (!text->is_asking)
        ask_at(text, 0);
}

static void text_came(struct sse_text *text, const PGresult *result)
{
    const char *data = PQgetvalue(result, 0, 0);
    size_t length = (size_t)PQgetlength(result, 0, 0);
    bool is_empty = *PQgetvalue(result, 0, 1) != 't';
    struct sse_event *view =
        is_empty ? NULL : sse_event_new(0, "partial_transcript", data, length, SSE_VIEW_TEXT);
    uint64_t pause_us = length * UINT64_C(1000000) / BYTES_PER_S;

    text->next_allowed_us = clock_now_us() + (pause_us > INTERVAL_US ? pause_us : INTERVAL_US);
    text->callbacks->on_text(text->context, view);
    sse_event_unref(view);
}

static void on_answer(void *context, PGresult *result, const struct err *err)
{
    struct sse_text *text = context;

    (void)err; /* pg says when PostgreSQL is away; here the answer is to ask again */
    text->is_asking = false;
    if (result != NULL && PQntuples(result) > 0) {
        text_came(text, result);
    } else {
        ask_at(text, clock_now_us() + INTERVAL_US);
        text->callbacks->on_failed(text->context);
    }
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct sse_text *text = context;

    (void)fd;
    (void)events;
    if (!text->callbacks->is_needed(text->context))
        return;
    text->is_asking = true;
    jobs_read_text(text->pg, text->job_id, on_answer, text);
}
