/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/transcription.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#include "common/mem.h"
#include "worker/hearing.h"
#include "worker/silence.h"
#include "worker/window_cover.h"
#include "worker/window_cutter.h"
#include "worker/worker_metrics.h"

/* A window that is being read. */
struct outstanding {
    struct outstanding *prev, *next;
    struct transcription *transcription;
    struct window window;  /* owned */
    struct sound_map *map; /* owned */
    const struct hearing_rules *rules;
    struct speech_call *call;
    bool is_second;             /* the call is for what was in doubt the first time: */
    struct hearing first;       /* owned */
    struct hearing_again again; /* what it has been asked for */
    int16_t *again_samples;     /* owned */
};

/* What was heard in a window, placed. */
struct heard {
    struct reading reading;   /* owned */
    struct coverage coverage; /* owned */
};

struct transcription {
    struct speech_client *client; /* borrowed */
    struct metrics *metrics;      /* borrowed */
    struct transcription_options options;
    struct transcription_handlers handlers;
    struct window_cutter *cutter;
    struct outstanding *outstanding; /* utlist */
    size_t outstanding_count;
    struct heard *heard; /* by window */
    size_t heard_capacity;
    struct transcription_stats stats;
    size_t most_words; /* of a window whose language is told */
    bool has_ended;
    bool has_stopped;
};

struct transcription *transcription_new(struct speech_client *client, struct metrics *metrics,
                                        const struct transcription_options *options,
                                        struct transcription_handlers handlers)
{
    struct transcription *transcription = mem_new(sizeof *transcription);

    transcription->client = client;
    transcription->metrics = metrics;
    transcription->options = *options;
    transcription->handlers = handlers;
    transcription->cutter = window_cutter_new(options->window_samples, options->overlap_samples);
    return transcription;
}

static void outstanding_free(struct outstanding *outstanding)
{
    struct transcription *transcription = outstanding->transcription;

    DL_DELETE(transcription->outstanding, outstanding);
    transcription->outstanding_count--;
    free(outstanding->window.samples);
    free(outstanding->again_samples);
    sound_map_free(outstanding->map);
    hearing_done(&outstanding->first);
    free(outstanding);
}

void transcription_stop(struct transcription *transcription)
{
    transcription->has_stopped = true;
    while (transcription->outstanding != NULL) {
        if (transcription->outstanding->call != NULL)
            speech_call_cancel(transcription->outstanding->call);
        outstanding_free(transcription->outstanding);
    }
}

void transcription_free(struct transcription *transcription)
{
    if (transcription == NULL)
        return;
    transcription_stop(transcription);
    for (int32_t i = 0; i < window_cutter_count(transcription->cutter); i++) {
        reading_done(&transcription->heard[i].reading);
        coverage_done(&transcription->heard[i].coverage);
    }
    free(transcription->heard);
    window_cutter_free(transcription->cutter);
    free(transcription);
}

static void reserve_heard(struct transcription *transcription, int32_t window_index)
{
    size_t needed = (size_t)window_index + 1;

    if (needed > transcription->heard_capacity) {
        transcription->heard_capacity = needed * 2;
        transcription->heard = mem_resize(transcription->heard, transcription->heard_capacity,
                                          sizeof *transcription->heard);
    }
    transcription->heard[window_index] = (struct heard){0};
}

/* Takes over what was heard, which is relative to the window. */
static void keep(struct transcription *transcription, const struct window *window,
                 struct heard take_heard)
{
    struct heard *heard = &transcription->heard[window->index];
    struct window_scale scale = transcription->options.scale;

    *heard = take_heard;
    window_place(&heard->reading, scale, window->start);
    window_cover_place(&heard->coverage, scale, window->start);
    transcription->handlers.on_window(transcription->handlers.context, window->index,
                                      &heard->reading);
}

static void count_notes(struct transcription *transcription, const struct hearing *hearing)
{
    for (size_t i = 0; i < hearing->note_count; i++)
        metrics_add(transcription->metrics, WORKER_METRIC_FILTERED,
                    WORKER_FILTERED(hearing->notes[i].reason), 1);
}

static void conclude(struct outstanding *outstanding, struct hearing take_hearing)
{
    struct transcription *transcription = outstanding->transcription;
    struct window window = outstanding->window;
    struct heard heard = {0};

    hearing_conclude(&take_hearing, outstanding->map, &heard.coverage);
    count_notes(transcription, &take_hearing);
    heard.reading = take_hearing.reading;
    take_hearing.reading = (struct reading){0};
    hearing_done(&take_hearing);
    outstanding_free(outstanding);
    keep(transcription, &window, heard);
}

static void add_stats(struct transcription *transcription, const struct speech_result *result)
{
    struct transcription_stats *stats = &transcription->stats;
    size_t words = result->outcome == SPEECH_HEARD ? result->reply.reading.word_count : 0;

    stats->requests += result->requests;
    stats->speech_us += result->duration_us;
    if (words > transcription->most_words && result->reply.language[0] != '\0') {
        transcription->most_words = words;
        memcpy(stats->language, result->reply.language, sizeof stats->language);
    }
}

static void on_result(void *context, struct speech_result *result);

/* Without the prompt, which can be what makes a model skip words. */
static void ask_again(struct outstanding *outstanding, struct hearing take_first)
{
    struct transcription *transcription = outstanding->transcription;
    struct hearing_again again = hearing_again(&take_first);
    size_t lead = (size_t)again.lead;
    size_t count = (size_t)(again.span.to - again.span.from);
    int16_t *samples = mem_array(lead + count, sizeof *samples);

    memcpy(samples + lead, outstanding->window.samples + again.span.from, count * sizeof *samples);
    outstanding->is_second = true;
    outstanding->first = take_first;
    outstanding->again = again;
    outstanding->again_samples = samples;
    const struct speech_audio audio = {.samples = samples,
                                       .count = lead + count,
                                       .language = transcription->options.language,
                                       .is_music = outstanding->rules->is_music};
    outstanding->call = speech_client_call(transcription->client, &audio, on_result, outstanding);
    transcription->stats.asked_again++;
    metrics_add(transcription->metrics, WORKER_METRIC_WINDOWS, WORKER_WINDOW_ASKED_AGAIN, 1);
}

/* As much as lies in the window, in its positions. */
static void shift(struct reading *reading, const struct hearing_again *again)
{
    int64_t by = again->span.from - again->lead;

    reading->start = again->span.from;
    reading->end = again->span.to;
    for (size_t i = 0; i < reading->word_count; i++) {
        struct reading_word *word = &reading->words[i];
        word->start = word->start + by < reading->start ? reading->start : word->start + by;
        word->end = word->end + by < word->start ? word->start : word->end + by;
    }
}

static struct reading take_reading(struct speech_result *result)
{
    struct reading reading = result->reply.reading;

    result->reply.reading = (struct reading){0};
    return reading;
}

/* A second call that fails leaves the first answer, with its doubts. */
static void on_second(struct outstanding *outstanding, struct speech_result *result)
{
    struct hearing first = outstanding->first;

    outstanding->first = (struct hearing){0};
    if (result->outcome == SPEECH_HEARD) {
        struct reading reading = take_reading(result);
        shift(&reading, &outstanding->again);
        struct hearing second = hearing_judge(outstanding->map, outstanding->rules, reading);
        first = hearing_mend(outstanding->map, outstanding->rules, first, second);
    }
    conclude(outstanding, first);
}

static void on_first(struct outstanding *outstanding, struct speech_result *result)
{
    struct hearing hearing =
        hearing_judge(outstanding->map, outstanding->rules, take_reading(result));

    if (hearing_is_doubtful(&hearing) && outstanding->rules->asks_again)
        ask_again(outstanding, hearing);
    else
        conclude(outstanding, hearing);
}

static void on_result(void *context, struct speech_result *result)
{
    struct outstanding *outstanding = context;
    struct transcription *transcription = outstanding->transcription;

    outstanding->call = NULL;
    add_stats(transcription, result);
    if (outstanding->is_second) {
        on_second(outstanding, result);
    } else if (result->outcome == SPEECH_HEARD) {
        on_first(outstanding, result);
    } else {
        transcription_stop(transcription);
        transcription->handlers.on_failed(transcription->handlers.context, result);
    }
}

static void ask(struct transcription *transcription, struct window take_window,
                struct sound_map *take_map)
{
    struct outstanding *outstanding = mem_new(sizeof *outstanding);

    outstanding->transcription = transcription;
    outstanding->window = take_window;
    outstanding->map = take_map;
    outstanding->rules =
        hearing_rules_of_type(transcription->options.content_type, sound_map_class(take_map));
    DL_APPEND(transcription->outstanding, outstanding);
    transcription->outstanding_count++;
    const struct speech_audio audio = {
        .samples = take_window.samples,
        .count = take_window.count,
        .language = transcription->options.language,
        .prompt = outstanding->rules->uses_prompt ? transcription->options.prompt : NULL,
        .is_music = outstanding->rules->is_music,
    };
    transcription->stats.music_windows += audio.is_music;
    transcription->stats.other_windows += !audio.is_music;
    outstanding->call = speech_client_call(transcription->client, &audio, on_result, outstanding);
    metrics_add(transcription->metrics, WORKER_METRIC_WINDOWS, WORKER_WINDOW_READ, 1);
}

static void skip(struct transcription *transcription, struct window take_window)
{
    struct heard nothing = {.reading = {.end = (int64_t)take_window.count}};

    free(take_window.samples);
    coverage_init(&nothing.coverage, 0, nothing.reading.end, COVERAGE_SILENCE);
    metrics_add(transcription->metrics, WORKER_METRIC_WINDOWS, WORKER_WINDOW_SILENT, 1);
    transcription->stats.classes[SOUND_SILENCE]++;
    keep(transcription, &take_window, nothing);
}

static void hear(struct transcription *transcription, struct window take_window)
{
    reserve_heard(transcription, take_window.index);
    if (silence_is(take_window.samples, take_window.count)) {
        skip(transcription, take_window);
        return;
    }
    struct sound_map *map = sound_map_new(take_window.samples, take_window.count);
    transcription->stats.classes[sound_map_class(map)]++;
    ask(transcription, take_window, map);
}

static void take_windows(struct transcription *transcription)
{
    struct window window;

    while (!transcription->has_stopped && window_cutter_take(transcription->cutter, &window))
        hear(transcription, window);
}

void transcription_push(struct transcription *transcription, const int16_t *samples, size_t count)
{
    window_cutter_push(transcription->cutter, samples, count);
    take_windows(transcription);
}

void transcription_end(struct transcription *transcription)
{
    transcription->has_ended = true;
    window_cutter_end(transcription->cutter);
    take_windows(transcription);
}

bool transcription_is_full(const struct transcription *transcription)
{
    return transcription->outstanding_count >= transcription->options.max_outstanding;
}

bool transcription_is_complete(const struct transcription *transcription)
{
    return transcription->has_ended && transcription->outstanding_count == 0;
}

int32_t transcription_window_count(const struct transcription *transcription)
{
    return transcription->has_ended ? window_cutter_count(transcription->cutter) : 0;
}

void transcription_join(const struct transcription *transcription, int64_t own_samples,
                        struct reading *ret_reading, struct coverage *ret_coverage)
{
    assert(transcription_is_complete(transcription));
    size_t count = (size_t)window_cutter_count(transcription->cutter);
    CLEANUP(mem_free_at) struct reading *readings = mem_array(count, sizeof *readings);
    CLEANUP(mem_free_at) struct coverage *coverages = mem_array(count, sizeof *coverages);
    CLEANUP(mem_free_at) int64_t *crossings = mem_array(count, sizeof *crossings);

    for (size_t i = 0; i < count; i++) {
        readings[i] = transcription->heard[i].reading;
        coverages[i] = transcription->heard[i].coverage;
    }
    window_join(readings, count, transcription->options.scale.sample_rate, ret_reading, crossings);
    window_cover_join(coverages, count, crossings, own_samples, ret_coverage);
}

const struct transcription_stats *transcription_stats(const struct transcription *transcription)
{
    return &transcription->stats;
}
