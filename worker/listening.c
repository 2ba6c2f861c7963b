/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/listening.h"

#include "common/log.h"
#include "common/mem.h"
#include "worker/hearing_rules.h"

struct listening {
    const struct task_services *services; /* borrowed */
    const struct event *work;             /* borrowed */
    struct listening_handlers handlers;
    struct decoder_job *decoder_job; /* NULL once it has ended */
    bool decoder_is_paused;
    struct media_report report;          /* once there is a transcription */
    struct transcription *transcription; /* owned */
};

static void on_window(void *context, int32_t window_index, const struct reading *reading)
{
    struct listening *listening = context;

    listening->handlers.on_window(listening->handlers.context, window_index, reading);
    if (listening->decoder_is_paused && !transcription_is_full(listening->transcription)) {
        listening->decoder_is_paused = false;
        decoder_job_resume(listening->decoder_job);
    }
    /* While the decoder runs, its end finds out. */
    if (listening->decoder_job == NULL && transcription_is_complete(listening->transcription))
        listening->handlers.on_all_read(listening->handlers.context);
}

static void on_speech_failed(void *context, const struct speech_result *result)
{
    struct listening *listening = context;

    listening_stop(listening);
    listening->handlers.on_speech_failed(listening->handlers.context, result);
}

static void begin_transcription(struct listening *listening, const struct media_report *report)
{
    const struct task_services *services = listening->services;
    const struct event_work_options *options = &listening->work->work.options;
    const struct transcription_options transcription_options = {
        .window_samples =
            (size_t)hearing_rules_window(options->content_type, (int64_t)services->window_samples,
                                         (int64_t)services->overlap_samples),
        .overlap_samples = services->overlap_samples,
        .max_outstanding = services->max_windows,
        .language = options->language,
        .prompt = options->prompt,
        .content_type = options->content_type,
        .scale = {.start = report->reading_start, .sample_rate = report->sample_rate},
    };
    const struct transcription_handlers handlers = {
        .on_window = on_window, .on_failed = on_speech_failed, .context = listening};

    listening->report = *report;
    listening->transcription =
        transcription_new(services->speech, services->metrics, &transcription_options, handlers);
}

static void on_decoder_start(void *context, const struct media_report *report)
{
    begin_transcription(context, report);
}

static void on_decoder_pcm(void *context, const int16_t *samples, size_t count)
{
    struct listening *listening = context;

    transcription_push(listening->transcription, samples, count);
    if (transcription_is_full(listening->transcription)) {
        listening->decoder_is_paused = true;
        decoder_job_pause(listening->decoder_job);
    }
}

static void end_audio(struct listening *listening, const struct decoder_outcome *outcome)
{
    const struct listening_handlers *handlers = &listening->handlers;

    /* A chunk can own no audio at all. */
    if (listening->transcription == NULL)
        begin_transcription(listening, &outcome->report);
    if (outcome->undecodable_units > 0)
        log_warn("audio_damaged", "what cannot be decoded was taken for silence",
                 LOG_STR("job", listening->work->job.text),
                 LOG_INT("chunk", listening->work->chunk_index),
                 LOG_INT("units", outcome->undecodable_units));
    transcription_end(listening->transcription);
    listening->decoder_job = NULL;
    handlers->on_audio_ended(handlers->context);
    if (transcription_is_complete(listening->transcription))
        handlers->on_all_read(handlers->context);
}

static void fail(struct listening *listening, const struct err *err)
{
    listening->decoder_job = NULL;
    listening_stop(listening);
    listening->handlers.on_failed(listening->handlers.context, err);
}

static void on_decoder_done(void *context, const struct decoder_outcome *outcome)
{
    struct listening *listening = context;
    struct err err;

    switch (outcome->result) {
    case DECODER_DONE:
        end_audio(listening, outcome);
        break;
    case DECODER_NEED:
        /* The header was whole when it was fetched: the file has changed under us. */
        (void)err_set(&err, ERR_RETRY, "decoder", 0, "the decoder finds the header incomplete");
        fail(listening, &err);
        break;
    case DECODER_FAILED:
        fail(listening, &outcome->err);
        break;
    }
}

struct listening *listening_start(const struct task_services *services, const struct event *work,
                                  const struct fetch_files *files,
                                  struct listening_handlers handlers, struct err *err)
{
    static const struct decoder_callbacks CALLBACKS = {
        .on_start = on_decoder_start, .on_pcm = on_decoder_pcm, .on_done = on_decoder_done};
    const struct chunk_layout *layout = &work->work.layout;
    struct chunk_range range = chunk_layout_range(layout, work->chunk_index);
    bool is_last = work->chunk_index == layout->total_chunks - 1;
    const struct decoder_request request = {
        .total_size = layout->total_size,
        .range = {.own_start = range.start,
                  .own_end = range.end,
                  .resync_from = work->work.resync_from == 0 ? -1 : work->work.resync_from,
                  .next_end =
                      is_last ? range.end : chunk_layout_range(layout, work->chunk_index + 1).end},
        .extents = files->extents,
        .extent_count = files->extent_count,
        .limits = services->decoder_limits,
    };
    struct listening *listening = mem_new(sizeof *listening);

    listening->services = services;
    listening->work = work;
    listening->handlers = handlers;
    listening->decoder_job =
        decoder_client_decode(services->decoder, &request, &CALLBACKS, listening, err);
    if (listening->decoder_job != NULL)
        return listening;
    free(listening);
    return NULL;
}

void listening_stop(struct listening *listening)
{
    if (listening->decoder_job != NULL)
        decoder_job_cancel(listening->decoder_job);
    listening->decoder_job = NULL;
    if (listening->transcription != NULL)
        transcription_stop(listening->transcription);
}

void listening_free(struct listening *listening)
{
    if (listening == NULL)
        return;
    listening_stop(listening);
    transcription_free(listening->transcription);
    free(listening);
}

const struct media_report *listening_report(const struct listening *listening)
{
    return &listening->report;
}

const struct transcription *listening_transcription(const struct listening *listening)
{
    return listening->transcription;
}
