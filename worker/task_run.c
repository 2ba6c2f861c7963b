/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who calls whom: intake starts a task; each answer (an acknowledgement, the decoder's end, a
 * window's words) becomes an event of the table, and the action that the table gives is carried
 * out here. Decoder and speech service work at the same time: the decoder is paused while as many
 * windows as allowed are being read, which bounds what a task holds in memory.
 */

#include "worker/task_run.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/task.h"
#include "worker/task_events.h"
#include "worker/transcription.h"
#include "worker/worker_metrics.h"

#define ALIVE_EVERY_S 30

struct task_run {
    const struct task_services *services; /* borrowed */
    struct task_handlers handlers;
    struct task task;
    struct work_item *item; /* owned */
    uint64_t started_us;
    struct event *alive_timer; /* owned */
    struct fetch_files files;  /* open while fetching */
    struct decoder_job *decoder_job;
    bool decoder_is_paused;
    struct media_report report; /* once there is a transcription */
    struct transcription *transcription;
    struct event result; /* owned; when cut short */
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
    if (run->decoder_job != NULL)
        decoder_job_cancel(run->decoder_job);
    run->decoder_job = NULL;
    if (run->transcription != NULL)
        transcription_stop(run->transcription);
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
    const struct task_services *services = run->services;
    struct event result = task_event_transcribed(work_of(run), &run->report, run->transcription,
                                                 services->model, clock_now_us() - run->started_us);
    struct err err;

    metrics_add(services->metrics, WORKER_METRIC_AUDIO_MILLISECONDS, 0,
                run->report.samples * 1000 / run->report.sample_rate);
    if (!publish(run, &result, &err)) {
        set_failure(run, &err);
        publish_result(run);
    }
    event_done(&result);
}

/* Transcribing */

static void tell_partial(struct task_run *run, int32_t window_index, const struct reading *reading)
{
    const struct event_window window = {
        .index = window_index,
        .count = transcription_window_count(run->transcription),
        .overlap =
            (int64_t)run->services->overlap_samples * run->report.sample_rate / MEDIA_PCM_RATE,
        .reading = reading,
    };

    /* The only window's words are the result's. */
    if (window.count == 1 || reading->word_count == 0)
        return;
    struct event event = task_event_partial(work_of(run), &run->report, &window);
    if (event.partial.text[0] != '\0')
        emit_event_once(run->services->emit, &event, run->item->traceparent);
    event_done(&event);
}

static void on_window(void *context, int32_t window_index, const struct reading *reading)
{
    struct task_run *run = context;

    tell_partial(run, window_index, reading);
    if (run->decoder_is_paused && !transcription_is_full(run->transcription)) {
        run->decoder_is_paused = false;
        decoder_job_resume(run->decoder_job);
    }
    if (run->task.state == TASK_TRANSCRIBING && transcription_is_complete(run->transcription))
        step(run, TASK_EVENT_ALL_READ);
}

static void on_speech_failed(void *context, const struct speech_result *result)
{
    struct task_run *run = context;

    set_result(run, task_event_of_speech(work_of(run), result, clock_wall_us()));
    step(run, TASK_EVENT_CUT_SHORT);
}

static void begin_transcription(struct task_run *run, const struct media_report *report)
{
    const struct task_services *services = run->services;
    const struct event_work_options *options = &work_of(run)->work.options;
    const struct transcription_options transcription_options = {
        .window_samples = services->window_samples,
        .overlap_samples = services->overlap_samples,
        .max_outstanding = services->max_windows,
        .language = options->language,
        .prompt = options->prompt,
        .scale = {.start = report->reading_start, .sample_rate = report->sample_rate},
    };
    const struct transcription_handlers handlers = {
        .on_window = on_window, .on_failed = on_speech_failed, .context = run};

    run->report = *report;
    run->transcription =
        transcription_new(services->speech, services->metrics, &transcription_options, handlers);
}

/* Decoding */

static void on_decoder_start(void *context, const struct media_report *report)
{
    begin_transcription(context, report);
}

static void on_decoder_pcm(void *context, const int16_t *samples, size_t count)
{
    struct task_run *run = context;

    transcription_push(run->transcription, samples, count);
    if (transcription_is_full(run->transcription)) {
        run->decoder_is_paused = true;
        decoder_job_pause(run->decoder_job);
    }
}

static void end_audio(struct task_run *run, const struct decoder_outcome *outcome)
{
    if (run->transcription == NULL)
        begin_transcription(run, &outcome->report);
    if (outcome->undecodable_units > 0)
        log_warn("audio_damaged", "units that cannot be decoded were taken for silence",
                 LOG_STR("job", work_of(run)->job.text),
                 LOG_INT("chunk", work_of(run)->chunk_index),
                 LOG_INT("units", outcome->undecodable_units));
    transcription_end(run->transcription);
    step(run, TASK_EVENT_AUDIO_ENDED);
    if (transcription_is_complete(run->transcription))
        step(run, TASK_EVENT_ALL_READ);
}

static void on_decoder_done(void *context, const struct decoder_outcome *outcome)
{
    struct task_run *run = context;
    struct err err;

    run->decoder_job = NULL;
    switch (outcome->result) {
    case DECODER_DONE:
        end_audio(run, outcome);
        break;
    case DECODER_NEED:
        /* The header was whole when it was fetched: the file has changed under us. */
        (void)err_set(&err, ERR_RETRY, "decoder", 0, "the decoder finds the header incomplete");
        set_failure(run, &err);
        step(run, TASK_EVENT_CUT_SHORT);
        break;
    case DECODER_FAILED:
        set_failure(run, &outcome->err);
        step(run, TASK_EVENT_CUT_SHORT);
        break;
    }
}

/* What happens at once, if anything; else the decoder calls back. */
static enum task_event decode(struct task_run *run)
{
    static const struct decoder_callbacks CALLBACKS = {
        .on_start = on_decoder_start, .on_pcm = on_decoder_pcm, .on_done = on_decoder_done};
    const struct event *work = work_of(run);
    struct chunk_range range = chunk_layout_range(&work->work.layout, work->chunk_index);
    const struct decoder_request request = {
        .total_size = work->work.layout.total_size,
        .range = {.own_start = range.start,
                  .own_end = range.end,
                  .resync_from = work->work.resync_from == 0 ? -1 : work->work.resync_from},
        .extents = run->files.extents,
        .extent_count = run->files.extent_count,
        .limits = run->services->decoder_limits,
    };
    struct err err;

    run->decoder_job =
        decoder_client_decode(run->services->decoder, &request, &CALLBACKS, run, &err);
    fetch_close(&run->files);
    if (run->decoder_job != NULL)
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
    struct event event =
        task_event_started(work_of(run), run->item->place, run->services->worker_id);
    struct err err;

    if (!emit_event(run->services->emit, &event, run->item->traceparent, on_started_settled, run,
                    &run->emission, &err))
        abort(); /* it has a few hundred bytes */
    event_done(&event);
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
    (void)event_del(run->alive_timer);
    metrics_observe_us(run->services->metrics, WORKER_METRIC_TASK_SECONDS, 0,
                       clock_now_us() - run->started_us);
    run->handlers.on_finished(run->handlers.context, run);
}

static void abandon(struct task_run *run)
{
    stop_working(run);
    if (run->emission != NULL)
        emission_cancel(run->emission);
    run->emission = NULL;
    metrics_add(run->services->metrics, WORKER_METRIC_TASKS, WORKER_TASK_ABANDONED, 1);
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
    case TASK_DO_CONCLUDE:
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
        abandon(run);
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
    run->alive_timer = event_new(loop_base(services->loop), -1, EV_PERSIST, on_alive_timer, run);
    return run;
}

void task_run_start(struct task_run *run)
{
    run->started_us = clock_now_us();
    step(run, TASK_EVENT_BEGIN);
}

void task_run_free(struct task_run *run)
{
    if (run == NULL)
        return;
    if (task_can(&run->task, TASK_EVENT_ABANDONED))
        step(run, TASK_EVENT_ABANDONED);
    transcription_free(run->transcription);
    event_free(run->alive_timer);
    if (run->has_result)
        event_done(&run->result);
    work_item_free(run->item);
    free(run);
}
