/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who calls whom: intake starts a task; each answer (an acknowledgement, the end of the audio, the
 * last window's words) becomes an event of the table, and the action that the table gives is
 * carried out here.
 */

#include "worker/task_run.h"

#include "common/clock.h"
#include "common/fault_point.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/claim.h"
#include "worker/listening.h"
#include "worker/task.h"
#include "worker/task_events.h"
#include "worker/worker_metrics.h"

#define ALIVE_EVERY_S 30

struct task_run {
    const struct task_services *services; /* borrowed */
    struct task_handlers handlers;
    struct task task;
    struct work_item *item; /* owned */
    struct claim claim;
    uint64_t started_us;
    struct event *alive_timer;   /* owned */
    struct fetch_files files;    /* open while fetching */
    struct listening *listening; /* owned; from decoding on */
    struct event transcript;     /* owned; once every window is read */
    bool has_transcript;
    struct correction *correction; /* owned; of the transcript */
    struct event result;           /* owned; when cut short */
    bool has_result;
    struct emission *emission; /* chunk.started or the result, unacknowledged */
};

static void step(struct task_run *run, enum task_event event);

static const struct event *work_of(const struct task_run *run)
{
    return &run->item->event;
}

/* The end that came early */

/* Keeps what is to be published instead of a transcript. */
static void set_result(struct task_run *run, struct event take_result)
{
    run->result = take_result;
    run->has_result = true;
}

static void set_failure(struct task_run *run, const struct err *err)
{
    set_result(run, task_event_failed(work_of(run), err));
}

static void stop_working(struct task_run *run)
{
    if (run->listening != NULL)
        listening_stop(run->listening);
    correction_free(TAKE(run->correction));
    fetch_close(&run->files);
}

/* Publishing */

static enum worker_task_label label_of(enum event_type type)
{
    if (type == EVENT_CHUNK_WAITING)
        return WORKER_TASK_WAITING;
    if (type == EVENT_CHUNK_DEFERRED)
        return WORKER_TASK_DEFERRED;
    return type == EVENT_CHUNK_FAILED ? WORKER_TASK_FAILED : WORKER_TASK_TRANSCRIBED;
}

static void log_result(const struct task_run *run, const struct event *result)
{
    log_info("attempt_ended", event_type_name(result->type), LOG_STR("job", result->job.text),
             LOG_INT("chunk", result->chunk_index), LOG_INT("attempt", result->attempt),
             LOG_STR("reason", result->type == EVENT_CHUNK_FAILED     ? result->failed.message
                               : result->type == EVENT_CHUNK_DEFERRED ? result->deferred.reason
                                                                      : ""),
             LOG_INT("took_ms", (clock_now_us() - run->started_us) / 1000),
             LOG_STR("traceparent", run->item->traceparent));
}

static bool publish(struct task_run *run, const struct event *result, struct err *err) MUST_CHECK;
static void publish_result(struct task_run *run);

static void on_result_settled(void *context, const struct err *err)
{
    struct task_run *run = context;

    run->emission = NULL;
    if (err == NULL) {
        step(run, TASK_EVENT_RESULT_ACKED);
    } else if (!run->has_result) {
        /* A transcript that Kafka finds too large; the failure that replaces it is small. */
        set_failure(run, err);
        publish_result(run);
    } else {
        log_error("record_refused", "Kafka refuses a result", LOG_ERR(err));
        run->services->on_fatal(run->services->context);
    }
}

/* False: the record would be too large. */
static bool publish(struct task_run *run, const struct event *result, struct err *err)
{
    if (!emit_event(run->services->emit, result, run->item->traceparent, on_result_settled, run,
                    &run->emission, err))
        return false;
    metrics_add(run->services->metrics, WORKER_METRIC_TASKS, label_of(result->type), 1);
    log_result(run, result);
    return true;
}

/* What is published instead of a transcript is small. */
static void publish_result(struct task_run *run)
{
    struct err err;

    if (!publish(run, &run->result, &err))
        abort();
}

static void conclude(struct task_run *run)
{
    const struct media_report *report = listening_report(run->listening);
    struct err err;

    run->transcript.transcribed.processing_time_ms =
        (int64_t)(clock_now_us() - run->started_us) / 1000;
    metrics_add(run->services->metrics, WORKER_METRIC_AUDIO_MILLISECONDS, 0,
                report->samples * 1000 / report->sample_rate);
    if (!publish(run, &run->transcript, &err)) {
        set_failure(run, &err);
        publish_result(run);
    }
}

/* Correcting */

static void take_correction(struct task_run *run)
{
    struct event_correction *summary = &run->transcript.transcribed.correction;

    *summary = correction_summary(run->correction);
    if (summary->rejected > 0)
        log_warn("correction_rejected", "text stays as it was heard",
                 LOG_STR("job", work_of(run)->job.text),
                 LOG_INT("chunk", work_of(run)->chunk_index), LOG_STR("reason", summary->reason),
                 LOG_INT("rejected", summary->rejected), LOG_INT("pieces", summary->pieces));
}

static void on_corrected(void *context)
{
    step(context, TASK_EVENT_CORRECTED);
}

/* The other reading of the words near a seam may have been corrected in another way, so that there
 * the text stays as it was heard. */
static struct llm_span span_between_seams(const struct task_run *run)
{
    const struct event *work = work_of(run);
    const struct media_report *report = listening_report(run->listening);
    int64_t overlap =
        (int64_t)run->services->overlap_samples * report->sample_rate / MEDIA_PCM_RATE;
    bool is_last = work->chunk_index == work->work.layout.total_chunks - 1;

    return (struct llm_span){
        .from = work->chunk_index == 0 ? INT64_MIN : overlap,
        .to = is_last ? INT64_MAX : report->samples - overlap,
    };
}

static enum task_event correct(struct task_run *run)
{
    const struct media_report *report = listening_report(run->listening);

    run->transcript =
        task_event_transcribed(work_of(run), report, listening_transcription(run->listening),
                               &run->services->speech_service);
    run->has_transcript = true;
    if (!work_of(run)->work.options.use_llm)
        return TASK_EVENT_CORRECTED;
    struct reading *reading = &run->transcript.transcribed.reading;
    run->correction = correction_start(&run->services->correction, reading, reading->word_count,
                                       span_between_seams(run), on_corrected, run);
    return correction_is_done(run->correction) ? TASK_EVENT_CORRECTED : TASK_EVENT_NONE;
}

/* Listening */

static void on_window(void *context, int32_t window_index, const struct reading *reading)
{
    struct task_run *run = context;
    const struct media_report *report = listening_report(run->listening);
    const struct event_window window = {
        .index = window_index,
        .count = transcription_window_count(listening_transcription(run->listening)),
        .overlap = (int64_t)run->services->overlap_samples * report->sample_rate / MEDIA_PCM_RATE,
        .reading = reading,
    };

    /* The only window's words are the result's. */
    if (window.count == 1 || reading->word_count == 0)
        return;
    struct event event = task_event_partial(work_of(run), report, &window);
    if (event.partial.text[0] != '\0')
        emit_event_once(run->services->emit, &event, run->item->traceparent);
    event_done(&event);
}

static void on_audio_ended(void *context)
{
    step(context, TASK_EVENT_AUDIO_ENDED);
}

static void on_all_read(void *context)
{
    step(context, TASK_EVENT_ALL_READ);
}

static void on_listening_failed(void *context, const struct err *err)
{
    set_failure(context, err);
    step(context, TASK_EVENT_CUT_SHORT);
}

static void on_speech_failed(void *context, const struct speech_result *result)
{
    struct task_run *run = context;

    set_result(run, task_event_of_speech(work_of(run), result, clock_wall_us()));
    step(run, TASK_EVENT_CUT_SHORT);
}

/* What happens at once, if anything; else a handler is called. */
static enum task_event decode(struct task_run *run)
{
    const struct listening_handlers handlers = {
        .on_window = on_window,
        .on_audio_ended = on_audio_ended,
        .on_all_read = on_all_read,
        .on_failed = on_listening_failed,
        .on_speech_failed = on_speech_failed,
        .context = run,
    };
    struct err err;

    if (fault_point(FAULT_DECODE, NULL)) {
        fetch_close(&run->files);
        (void)err_set(&err, ERR_RETRY, "decoder", 0, "decode: refused");
        set_failure(run, &err);
        return TASK_EVENT_CUT_SHORT;
    }
    run->listening = listening_start(run->services, work_of(run), &run->files, handlers, &err);
    fetch_close(&run->files);
    if (run->listening != NULL)
        return TASK_EVENT_NONE;
    set_failure(run, &err);
    return TASK_EVENT_CUT_SHORT;
}

/* Fetching */

static enum task_event fetch(struct task_run *run)
{
    struct media_need missing;
    struct err err;

    switch (fetch_open(&run->services->fetch, work_of(run), &run->files, &missing, &err)) {
    case FETCH_READY:
        return TASK_EVENT_FETCHED;
    case FETCH_WAITING:
        set_result(run, task_event_waiting(work_of(run), missing));
        break;
    case FETCH_FAILED:
        set_failure(run, &err);
        break;
    }
    return TASK_EVENT_CUT_SHORT;
}

/* Starting */

static void on_started_settled(void *context, const struct err *err)
{
    static const struct timeval ALIVE_EVERY = {.tv_sec = ALIVE_EVERY_S};
    struct task_run *run = context;

    run->emission = NULL;
    if (err != NULL) {
        log_error("record_refused", "Kafka refuses the start of an attempt", LOG_ERR(err));
        run->services->on_fatal(run->services->context);
        return;
    }
    (void)event_add(run->alive_timer, &ALIVE_EVERY);
    step(run, TASK_EVENT_STARTED_ACKED);
}

static void announce(struct task_run *run)
{
    claim_begin(&run->claim, on_started_settled, run, &run->emission);
}

static void on_alive_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct task_run *run = context;
    struct event event = task_event_alive(work_of(run));

    emit_event_once(run->services->emit, &event, run->item->traceparent);
    event_done(&event);
}

/* The machine */

static void finish(struct task_run *run)
{
    claim_end(&run->claim);
    (void)event_del(run->alive_timer);
    metrics_observe_us(run->services->metrics, WORKER_METRIC_TASK_SECONDS, 0,
                       clock_now_us() - run->started_us);
    run->handlers.on_finished(run->handlers.context, run);
}

static void give_up(struct task_run *run, enum worker_task_label label)
{
    stop_working(run);
    if (run->emission != NULL)
        emission_cancel(run->emission);
    run->emission = NULL;
    metrics_add(run->services->metrics, WORKER_METRIC_TASKS, label, 1);
}

static void drop(struct task_run *run)
{
    log_info("attempt_dropped", "nobody wants its result", LOG_STR("job", work_of(run)->job.text),
             LOG_INT("chunk", work_of(run)->chunk_index),
             LOG_INT("attempt", work_of(run)->attempt));
    give_up(run, WORKER_TASK_DROPPED);
    finish(run);
}

/* Gives the event that follows at once, or TASK_EVENT_NONE. */
static enum task_event perform(struct task_run *run, enum task_action action)
{
    switch (action) {
    case TASK_DO_ANNOUNCE:
        announce(run);
        break;
    case TASK_DO_FETCH:
        return fetch(run);
    case TASK_DO_DECODE:
        return decode(run);
    case TASK_DO_CORRECT:
        return correct(run);
    case TASK_DO_CONCLUDE:
        if (run->correction != NULL)
            take_correction(run);
        conclude(run);
        break;
    case TASK_DO_CUT_SHORT:
        stop_working(run);
        publish_result(run);
        break;
    case TASK_DO_FINISH:
        finish(run);
        break;
    case TASK_DO_ABANDON:
        claim_abandon(&run->claim);
        give_up(run, WORKER_TASK_ABANDONED);
        break;
    case TASK_DO_DROP:
        drop(run);
        break;
    case TASK_DO_NOTHING:
    case TASK_ACTION_COUNT:
        break;
    }
    return TASK_EVENT_NONE;
}

/* The one place where a task's state changes. */
static void set_state(struct task_run *run, enum task_event event, enum task_action *ret_action)
{
    enum task_state before = run->task.state;

    *ret_action = task_step(&run->task, event);
    log_debug("task_state", task_state_name(run->task.state),
              LOG_STR("from", task_state_name(before)), LOG_STR("by", task_event_name(event)),
              LOG_STR("job", work_of(run)->job.text), LOG_INT("chunk", work_of(run)->chunk_index),
              LOG_INT("attempt", work_of(run)->attempt));
}

static void step(struct task_run *run, enum task_event event)
{
    while (event != TASK_EVENT_NONE) {
        enum task_action action;
        set_state(run, event, &action);
        event = perform(run, action);
    }
}

/* Public */

struct task_run *task_run_new(const struct task_services *services, struct work_item *take_item,
                              struct task_handlers handlers)
{
    struct task_run *run = mem_new(sizeof *run);

    run->services = services;
    run->handlers = handlers;
    run->item = take_item;
    run->claim =
        (struct claim){.emit = services->emit, .item = take_item, .worker_id = services->worker_id};
    run->alive_timer = event_new(loop_base(services->loop), -1, EV_PERSIST, on_alive_timer, run);
    return run;
}

void task_run_start(struct task_run *run)
{
    run->started_us = clock_now_us();
    step(run, TASK_EVENT_BEGIN);
}

const struct event *task_run_work(const struct task_run *run)
{
    return work_of(run);
}

void task_run_set_ours(struct task_run *run, bool is_ours)
{
    claim_set_ours(&run->claim, is_ours);
}

void task_run_drop(struct task_run *run)
{
    if (task_can(&run->task, TASK_EVENT_FORBIDDEN))
        step(run, TASK_EVENT_FORBIDDEN);
}

void task_run_free(struct task_run *run)
{
    if (run == NULL)
        return;
    if (task_can(&run->task, TASK_EVENT_ABANDONED))
        step(run, TASK_EVENT_ABANDONED);
    listening_free(run->listening);
    event_free(run->alive_timer);
    if (run->has_transcript)
        event_done(&run->transcript);
    if (run->has_result)
        event_done(&run->result);
    work_item_free(run->item);
    free(run);
}
