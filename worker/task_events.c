/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/task_events.h"

#include <stdio.h>
#include <string.h>

#include "common/mem.h"

static struct event event_of(const struct event *work, enum event_type type)
{
    return (struct event){
        .type = type, .job = work->job, .chunk_index = work->chunk_index, .attempt = work->attempt};
}

struct event task_event_alive(const struct event *work)
{
    return event_of(work, EVENT_CHUNK_ALIVE);
}

struct event task_event_waiting(const struct event *work, struct media_need missing)
{
    struct event event = event_of(work, EVENT_CHUNK_WAITING);

    event.waiting = (struct event_waiting){.from = missing.start, .to = missing.end};
    return event;
}

static struct event failed(const struct event *work, const char *type, const struct err *err,
                           int64_t retry_after_us)
{
    struct event event = event_of(work, EVENT_CHUNK_FAILED);

    (void)snprintf(event.failed.type, sizeof event.failed.type, "%s", type);
    event.failed.message = mem_copy_string(err->message);
    event.failed.permanent = err->kind == ERR_REJECT;
    event.failed.retry_after_ms = retry_after_us < 0 ? -1 : retry_after_us / 1000;
    return event;
}

static const char *failure_type(const struct err *err)
{
    static const struct {
        const char *domain;
        const char *rejected;
        const char *failed;
    } TYPES[] = {
        {"media", "not_audio", "storage_failed"},
        {"decoder", "decoder_crashed", "decoder_failed"},
        {"kafka", "result_too_large", "publish_failed"},
    };

    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        if (strcmp(err->domain, TYPES[i].domain) == 0)
            return err->kind == ERR_REJECT ? TYPES[i].rejected : TYPES[i].failed;
    }
    return "storage_failed";
}

struct event task_event_failed(const struct event *work, const struct err *err)
{
    return failed(work, failure_type(err), err, -1);
}

struct event task_event_of_speech(const struct event *work, const struct speech_result *result,
                                  int64_t now_wall_us)
{
    if (result->outcome == SPEECH_FAILED)
        return failed(work, result->type, &result->err, result->retry_after_us);
    struct event event = event_of(work, EVENT_CHUNK_DEFERRED);
    event.deferred.until_wall_us = now_wall_us + result->until_us;
    event.deferred.reason = mem_copy_string(result->type);
    return event;
}

static int64_t max_position(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min_position(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct event task_event_partial(const struct event *work, const struct media_report *report,
                                const struct event_window *window)
{
    struct event event = event_of(work, EVENT_CHUNK_PARTIAL);
    bool is_last = window->count > 0 && window->index == window->count - 1;
    int64_t from = window->reading->start + (window->index > 0 ? window->overlap / 2 : 0);
    int64_t to = window->reading->end - (is_last ? 0 : window->overlap / 2);

    from = min_position(max_position(from, 0), report->samples);
    to = max_position(from, min_position(to, report->samples));
    event.partial.window_index = window->index;
    event.partial.window_count = window->count;
    event.partial.text = window_text_between(window->reading, from, to);
    event.partial.start_ms = from * 1000 / report->sample_rate;
    event.partial.end_ms = to * 1000 / report->sample_rate;
    return event;
}

static struct event_audio audio_of(const struct media_report *report)
{
    struct event_audio audio = {
        .sample_rate = report->sample_rate,
        .channels = report->channels,
        .samples = report->samples,
        .first_byte = report->first_byte,
        .next_byte = report->next_byte,
        .has_absolute_start = report->has_absolute_start,
        .absolute_start = report->absolute_start,
        .tail_complete = report->tail_complete,
        .border_byte = report->border_byte,
        .border_samples = report->border_samples,
    };

    (void)snprintf(audio.codec, sizeof audio.codec, "%s", report->codec);
    return audio;
}

/* What sounds in most of the windows; a little music makes speech no mixture. */
static enum sound_class content_of(const struct transcription_stats *stats)
{
    enum sound_class most = SOUND_SILENCE;

    for (enum sound_class class = 0; class < SOUND_CLASS_COUNT; class ++) {
        bool is_more = stats->classes[class] > stats->classes[most];
        if (class != SOUND_SILENCE && (is_more || stats->classes[most] == 0))
            most = class;
    }
    return most;
}

/* The record lists what is not text. */
static void list_parts(struct coverage take_coverage, struct event_hearing *hearing)
{
    size_t listed = 0;

    for (size_t i = 0; i < take_coverage.count; i++) {
        if (take_coverage.parts[i].kind == COVERAGE_TEXT)
            continue;
        if (listed < EVENT_COVERAGE_PARTS_MAX)
            take_coverage.parts[listed++] = take_coverage.parts[i];
        else
            hearing->unlisted++;
    }
    take_coverage.count = listed;
    hearing->coverage = take_coverage;
}

static void set_hearing(const struct transcription_stats *stats, struct coverage take_coverage,
                        struct event_hearing *hearing)
{
    hearing->is_told = true;
    hearing->asked_again = stats->asked_again;
    for (size_t class = 0; class < SOUND_CLASS_COUNT; class ++)
        hearing->windows += stats->classes[class];
    (void)snprintf(hearing->content, sizeof hearing->content, "%s",
                   sound_class_name(content_of(stats)));
    hearing->sums = coverage_sum(&take_coverage);
    list_parts(take_coverage, hearing);
}

/* Those that windows were asked of, the one for speech first. */
static void set_models(const struct transcription_stats *stats,
                       const struct speech_service *service, struct event_hearing *hearing)
{
    const char *music = speech_service_model(service, true);
    bool is_same = strcmp(music, service->model) == 0;

    if (stats->other_windows > 0 || (is_same && stats->music_windows > 0))
        hearing->models[hearing->model_count++] = mem_copy_string(service->model);
    if (stats->music_windows > 0 && !is_same)
        hearing->models[hearing->model_count++] = mem_copy_string(music);
}

struct event task_event_transcribed(const struct event *work, const struct media_report *report,
                                    const struct transcription *transcription,
                                    const struct speech_service *service)
{
    const struct transcription_stats *stats = transcription_stats(transcription);
    struct event event = event_of(work, EVENT_CHUNK_TRANSCRIBED);
    struct event_transcribed *transcribed = &event.transcribed;

    transcribed->audio = audio_of(report);
    struct coverage coverage;
    transcription_join(transcription, report->samples, &transcribed->reading, &coverage);
    set_hearing(stats, coverage, &transcribed->hearing);
    transcribed->reading.start = report->reading_start;
    transcribed->reading.end = report->reading_end;
    transcribed->reading.spans_previous = report->spans_previous;
    transcribed->reading.spans_next = report->spans_next;
    memcpy(transcribed->language, stats->language, sizeof transcribed->language);
    set_models(stats, service, &transcribed->hearing);
    transcribed->model = mem_copy_string(service->model);
    transcribed->requests = stats->requests;
    transcribed->speech_time_ms = (int64_t)(stats->speech_us / 1000);
    return event;
}
