/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_TRANSCRIPTION_H
#define WORKER_TRANSCRIPTION_H

/*
 * From a chunk's PCM to its words: cuts windows as the audio comes in, has them read in parallel,
 * judges what was heard (hearing.h) and asks once more where it is in doubt, and joins it all.
 * Holds at most `max_outstanding` windows and the one that fills; the owner stops the audio while
 * it is full. Thread: the loop's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/coverage.h"
#include "common/metrics.h"
#include "common/reading.h"
#include "worker/language.h"
#include "worker/sound_map.h"
#include "worker/speech_client.h"
#include "worker/window_join.h"

struct transcription;

struct transcription_options {
    size_t window_samples; /* at 16 kHz */
    size_t overlap_samples;
    size_t max_outstanding;
    const char *language;     /* borrowed; NULL: detect */
    const char *prompt;       /* borrowed; NULL: none */
    const char *content_type; /* borrowed; see hearing_rules.h */
    struct window_scale scale;
};

struct transcription_handlers {
    /* A window has been read; `reading` is placed and borrowed. Also from within push and end,
     * for silent windows. */
    void (*on_window)(void *context, int32_t window_index, const struct reading *reading);
    /* Nothing else follows; the other windows are given up. The result is borrowed. */
    void (*on_failed)(void *context, const struct speech_result *result);
    void *context;
};

struct transcription_stats {
    int32_t requests;
    int32_t asked_again;                /* windows that were asked for twice */
    uint64_t speech_us;                 /* sum of the requests' durations */
    char language[LANGUAGE_SIZE];       /* of the window with the most words; "" */
    int32_t classes[SOUND_CLASS_COUNT]; /* windows by what sounds in them */
    int32_t music_windows;              /* that were asked for as music, and */
    int32_t other_windows;
};

/* Gives up what is outstanding. Not from within its handlers. */
void transcription_free(struct transcription *transcription);
struct transcription *transcription_new(struct speech_client *client, struct metrics *metrics,
                                        const struct transcription_options *options,
                                        struct transcription_handlers handlers)
    FREED_BY(transcription_free);

void transcription_push(struct transcription *transcription, const int16_t *samples, size_t count);
void transcription_end(struct transcription *transcription);
/* No further audio, please, until a window has been read. */
bool transcription_is_full(const struct transcription *transcription);
/* The audio has ended and every window has been read. */
bool transcription_is_complete(const struct transcription *transcription);
/* Windows altogether; 0 while the audio has not ended. */
int32_t transcription_window_count(const struct transcription *transcription);
/* Gives up what is outstanding: no handler is called any more. */
void transcription_stop(struct transcription *transcription);

/* Once complete. What became of the samples [0, own_samples) is told in `ret_coverage`. */
void transcription_join(const struct transcription *transcription, int64_t own_samples,
                        struct reading *ret_reading, struct coverage *ret_coverage);
const struct transcription_stats *transcription_stats(const struct transcription *transcription);

#endif
