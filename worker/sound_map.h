/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SOUND_MAP_H
#define WORKER_SOUND_MAP_H

/*
 * What can be heard where in a window, decided from its samples alone and before anybody is asked
 * what is said in it: silence, speech, music, or speech over music. Pure.
 *
 * Silence is what lies below a threshold that follows the recording's own noise; quiet recordings
 * lower it, so that quiet speech is never taken for silence. What sounds is judged in blocks of
 * about a second and a half. Speech comes in syllables and pauses: its level rises and falls by 10
 * dB and more, while music holds it; under speech the spectrum changes all the time, under held
 * notes it does not, under steady noise only by chance. Figures: docs/hearing.md.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

enum sound_class {
    SOUND_SILENCE, /* nothing but the recording's own noise */
    SOUND_SPEECH,
    SOUND_MUSIC,
    SOUND_MIXED, /* speech over music, or both in turn */
    SOUND_CLASS_COUNT
};

/* Samples [from, to) of the window. */
struct sound_span {
    int64_t from;
    int64_t to;
};

struct sound_map;

void sound_map_free(struct sound_map *map);
/* `samples` are mono at 16 kHz. */
struct sound_map *sound_map_new(const int16_t *samples, size_t count) FREED_BY(sound_map_free);

/* Of the whole window. */
enum sound_class sound_map_class(const struct sound_map *map);
/* How many samples of the span are not silent, and of these how many may be speech. */
int64_t sound_map_active(const struct sound_map *map, struct sound_span span);
int64_t sound_map_speech(const struct sound_map *map, struct sound_span span);
/* The first silent stretch of at least `shortest` samples at or after `at`; false: none. */
bool sound_map_next_silence(const struct sound_map *map, int64_t at, int64_t shortest,
                            struct sound_span *ret_span) MUST_CHECK;

const char *sound_class_name(enum sound_class class);

#endif
