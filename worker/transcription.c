/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/transcription.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#include "common/mem.h"
#include "worker/silence.h"
#include "worker/window_cutter.h"
#include "worker/worker_metrics.h"

/* A window that is being read. */
struct outstanding {
    struct outstanding *prev, *next;
    struct transcription *transcription;
    struct window window; /* owned */
    struct speech_call *call;
};

struct transcription {
    struct speech_client *client; /* borrowed */
    struct metrics *metrics;      /* borrowed */
    struct transcription_options options;
    struct transcription_handlers handlers;
    struct window_cutter *cutter;
    struct outstanding *outstanding; /* utlist */
    size_t outstanding_count;
    struct reading *readings; /* placed, by window */
    size_t reading_capacity;
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
    for (int32_t i = 0; i < window_cutter_count(transcription->cutter); i++)
        reading_done(&transcription->readings[i]);
    free(transcription->readings);
    window_cutter_free(transcription->cutter);
    free(transcription);
}

/* Takes the reading, which is relative to the window, over. */
static void keep_reading(struct transcription *transcription, const struct window *window,
                         struct reading take_reading)
{
    struct reading *reading = &transcription->readings[window->index];

    *reading = take_reading;
    window_place(reading, transcription->options.scale, window->start);
    transcription->handlers.on_window(transcription->handlers.context, window->index, reading);
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

static void on_result(void *context, struct speech_result *result)
{
    struct outstanding *outstanding = context;
    struct transcription *transcription = outstanding->transcription;
    struct window window = outstanding->window;

    outstanding->call = NULL;
    add_stats(transcription, result);
    outstanding_free(outstanding);
    if (result->outcome != SPEECH_HEARD) {
        transcription_stop(transcription);
        transcription->handlers.on_failed(transcription->handlers.context, result);
        return;
    }
    metrics_add(transcription->metrics, WORKER_METRIC_DROPPED_SEGMENTS, 0,
                (int64_t)result->reply.dropped_segments);
    struct reading reading = result->reply.reading;
    result->reply.reading = (struct reading){0};
    keep_reading(transcription, &window, reading);
}

static void ask(struct transcription *transcription, struct window take_window)
{
    struct outstanding *outstanding = mem_new(sizeof *outstanding);
    const struct speech_audio audio = {
        .samples = take_window.samples,
        .count = take_window.count,
        .language = transcription->options.language,
        .prompt = transcription->options.prompt,
    };

    outstanding->transcription = transcription;
    outstanding->window = take_window;
    DL_APPEND(transcription->outstanding, outstanding);
    transcription->outstanding_count++;
    outstanding->call = speech_client_call(transcription->client, &audio, on_result, outstanding);
    metrics_add(transcription->metrics, WORKER_METRIC_WINDOWS, WORKER_WINDOW_READ, 1);
}

static void skip(struct transcription *transcription, struct window take_window)
{
    const struct reading nothing = {.end = (int64_t)take_window.count};

    free(take_window.samples);
    metrics_add(transcription->metrics, WORKER_METRIC_WINDOWS, WORKER_WINDOW_SILENT, 1);
    keep_reading(transcription, &take_window, nothing);
}

static void reserve_reading(struct transcription *transcription, int32_t window_index)
{
    size_t needed = (size_t)window_index + 1;

    if (needed > transcription->reading_capacity) {
        transcription->reading_capacity = needed * 2;
        transcription->readings =
            mem_resize(transcription->readings, transcription->reading_capacity,
                       sizeof *transcription->readings);
    }
    transcription->readings[window_index] = (struct reading){0};
}

static void take_windows(struct transcription *transcription)
{
    struct window window;

    while (!transcription->has_stopped && window_cutter_take(transcription->cutter, &window)) {
        reserve_reading(transcription, window.index);
        if (silence_is(window.samples, window.count))
            skip(transcription, window);
        else
            ask(transcription, window);
    }
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

void transcription_join(const struct transcription *transcription, struct reading *ret_reading)
{
    assert(transcription_is_complete(transcription));
    window_join(transcription->readings, (size_t)window_cutter_count(transcription->cutter),
                transcription->options.scale.sample_rate, ret_reading);
}

const struct transcription_stats *transcription_stats(const struct transcription *transcription)
{
    return &transcription->stats;
}
