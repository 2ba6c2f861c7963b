/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_WORKER_SOUND_FIXTURE_H
#define TESTS_UNIT_WORKER_SOUND_FIXTURE_H

/* Sounds that are like speech, music and noise in what sound_map.h looks at, 16 kHz mono. */

#include <math.h>
#include <stdint.h>

#include "common/mem.h"
#include "worker/media_report.h"

#define SOUND_SECOND MEDIA_PCM_RATE

static inline int16_t sound_noise(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (int16_t)(*state >> 16);
}

/* Syllables of 150 ms in 250 ms, each with another pitch and another formant. */
static inline int16_t sound_speech_at(int64_t sample)
{
    double seconds = (double)sample / SOUND_SECOND;
    int64_t syllable = (int64_t)(seconds / 0.25);
    double within = seconds - (double)syllable * 0.25;
    double pitch = 110 + 17 * (double)(syllable * 7 % 5);
    double formant = 400 + 350 * (double)(syllable * 3 % 7) + 2500 * within;

    if (within > 0.15)
        return 0;
    double envelope = sin(M_PI * within / 0.15);
    double voice = sin(2 * M_PI * pitch * seconds) + 0.8 * sin(2 * M_PI * formant * seconds);
    return (int16_t)(6000 * envelope * voice);
}

/* A chord that changes every two seconds. */
static inline int16_t sound_music_at(int64_t sample)
{
    static const double ROOTS[] = {220, 262, 196, 247};
    double seconds = (double)sample / SOUND_SECOND;
    double root = ROOTS[(int64_t)(seconds / 2) % 4];

    return (int16_t)(3000 *
                     (sin(2 * M_PI * root * seconds) + sin(2 * M_PI * root * 1.25 * seconds) +
                      sin(2 * M_PI * root * 1.5 * seconds)));
}

static inline int16_t *sound_new(double seconds)
{
    return mem_array((size_t)(seconds * SOUND_SECOND), sizeof(int16_t));
}

/* From one second to another. */
static inline void sound_add(int16_t *samples, double from, double to, int16_t (*at)(int64_t),
                             double gain)
{
    for (int64_t i = (int64_t)(from * SOUND_SECOND); i < (int64_t)(to * SOUND_SECOND); i++)
        samples[i] = (int16_t)(samples[i] + gain * at(i));
}

static inline void sound_add_noise(int16_t *samples, double from, double to, double gain)
{
    uint32_t state = 1;

    for (int64_t i = (int64_t)(from * SOUND_SECOND); i < (int64_t)(to * SOUND_SECOND); i++)
        samples[i] = (int16_t)(samples[i] + gain * sound_noise(&state));
}

#endif
