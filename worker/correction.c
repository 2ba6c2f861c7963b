/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/correction.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/mem.h"
#include "worker/llm_pieces.h"
#include "worker/worker_metrics.h"

/* The words [first, last) of the reading. */
struct piece {
    struct correction *correction;
    size_t first;
    size_t last;
    struct llm_call *call; /* NULL: answered */
};

struct correction {
    const struct correction_service *service; /* borrowed */
    struct reading *reading;                  /* borrowed */
    struct llm_span span;
    correction_on_done on_done;
    void *context;
    struct piece *pieces; /* owned */
    size_t count;
    size_t open;            /* pieces without an answer */
    struct event *deadline; /* owned */
    uint64_t started_us;
    uint64_t ended_us;
    int32_t requests;
    int32_t rejected;
    enum llm_verdict first_rejection;
};

static void reject(struct correction *correction, enum llm_verdict verdict)
{
    if (correction->rejected++ == 0)
        correction->first_rejection = verdict;
}

static void note(struct correction *correction, enum llm_verdict verdict)
{
    metrics_add(correction->service->metrics, WORKER_METRIC_LLM_PIECES, (size_t)verdict, 1);
    if (verdict != LLM_ACCEPTED)
        reject(correction, verdict);
    correction->open--;
}

static void give_up(struct correction *correction, enum llm_verdict verdict)
{
    /* From the last one: those that wait go before one that is sent makes room for them. */
    for (size_t i = correction->count; i-- > 0;) {
        if (correction->pieces[i].call == NULL)
            continue;
        llm_call_cancel(TAKE(correction->pieces[i].call));
        note(correction, verdict);
    }
}

static void end(struct correction *correction)
{
    (void)event_del(correction->deadline);
    correction->ended_us = clock_now_us();
    correction->on_done(correction->context);
}

static enum llm_verdict judge(const struct piece *piece, const char *text)
{
    struct correction *correction = piece->correction;
    struct llm_units heard;
    struct llm_units answer;

    llm_units_of_words(correction->reading, piece->first, piece->last, &heard);
    llm_units_of_text(text, &answer);
    struct llm_judgement judgement = llm_guard_judge(&heard, text, &answer, &LLM_LIMITS_DEFAULT);
    if (judgement.verdict == LLM_ACCEPTED)
        llm_align_apply(&judgement.alignment, &heard, &answer, correction->span,
                        correction->reading, piece->first);
    llm_alignment_done(&judgement.alignment);
    llm_units_done(&heard);
    llm_units_done(&answer);
    return judgement.verdict;
}

/* No use asking for the other pieces. */
static bool is_about_all(enum llm_verdict verdict)
{
    return verdict == LLM_UNAVAILABLE || verdict == LLM_LIMITED || verdict == LLM_TIMED_OUT ||
           verdict == LLM_REQUEST_REFUSED;
}

static void on_answer(void *context, struct llm_answer *answer)
{
    struct piece *piece = context;
    struct correction *correction = piece->correction;
    enum llm_verdict verdict = answer->verdict;

    piece->call = NULL;
    correction->requests += answer->requests;
    if (verdict == LLM_ACCEPTED)
        verdict = judge(piece, answer->text);
    note(correction, verdict);
    if (is_about_all(verdict))
        give_up(correction, verdict);
    if (correction->open == 0)
        end(correction);
}

static void on_deadline(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct correction *correction = context;

    give_up(correction, LLM_TIMED_OUT);
    end(correction);
}

static void cut(struct correction *correction, size_t word_count)
{
    const struct reading *reading = correction->reading;

    for (size_t first = 0, last; first < word_count; first = last) {
        last = llm_pieces_end(reading, first, word_count, correction->service->piece_words);
        correction->pieces =
            mem_resize(correction->pieces, correction->count + 1, sizeof *correction->pieces);
        correction->pieces[correction->count++] =
            (struct piece){.correction = correction, .first = first, .last = last};
    }
    correction->open = correction->count;
}

static void ask(struct correction *correction)
{
    for (size_t i = 0; i < correction->count; i++) {
        struct piece *piece = &correction->pieces[i];
        CLEANUP(mem_free_at)
        char *text = reading_text(correction->reading, piece->first, piece->last);

        piece->call = llm_client_call(correction->service->client, text, on_answer, piece);
    }
}

struct correction *correction_start(const struct correction_service *service,
                                    struct reading *reading, size_t word_count,
                                    struct llm_span span, correction_on_done on_done, void *context)
{
    struct correction *correction = mem_new(sizeof *correction);

    correction->service = service;
    correction->reading = reading;
    correction->span = span;
    correction->on_done = on_done;
    correction->context = context;
    correction->started_us = clock_now_us();
    correction->ended_us = correction->started_us;
    correction->deadline = evtimer_new(loop_base(service->loop), on_deadline, correction);
    cut(correction, word_count);
    if (correction->count == 0)
        return correction;
    if (service->client == NULL) {
        for (size_t i = 0; i < correction->count; i++)
            note(correction, LLM_NOT_CONFIGURED);
        return correction;
    }
    loop_start_timer(correction->deadline, (uint64_t)service->deadline_us);
    ask(correction);
    return correction;
}

void correction_free(struct correction *correction)
{
    if (correction == NULL)
        return;
    for (size_t i = 0; i < correction->count; i++)
        if (correction->pieces[i].call != NULL)
            llm_call_cancel(correction->pieces[i].call);
    event_free(correction->deadline);
    free(correction->pieces);
    free(correction);
}

bool correction_is_done(const struct correction *correction)
{
    return correction->open == 0;
}

struct event_correction correction_summary(const struct correction *correction)
{
    const struct llm_client *client = correction->service->client;
    struct event_correction summary = {
        .is_there = true,
        .model = mem_copy_string(client == NULL ? "" : llm_client_model(client)),
        .pieces = (int32_t)correction->count,
        .rejected = correction->rejected,
        .requests = correction->requests,
        .time_ms = (int64_t)(correction->ended_us - correction->started_us) / 1000,
    };

    if (correction->rejected > 0)
        (void)snprintf(summary.reason, sizeof summary.reason, "%s",
                       llm_verdict_name(correction->first_rejection));
    return summary;
}
