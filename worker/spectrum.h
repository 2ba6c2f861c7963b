/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SPECTRUM_H
#define WORKER_SPECTRUM_H

/*
 * The power of short frames of speech audio in bands of equal width, from 94 Hz (below are hum and
 * offset) to 3,844 Hz. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define SPECTRUM_BANDS 12
#define SPECTRUM_FRAME 512 /* samples at 16 kHz that a frame looks at: 32 ms */
#define SPECTRUM_HOP 256   /* from one frame to the next: 16 ms */

struct spectrum_frame {
    float level_db;                /* of all bands; 0 is a sine at full scale */
    float band_db[SPECTRUM_BANDS]; /* not below level_db - 50 */
    float flatness;                /* of the bins: near 1 is noise, near 0 is tones */
};

struct spectrum;

void spectrum_free(struct spectrum *spectrum);
struct spectrum *spectrum_new(void) FREED_BY(spectrum_free);
/* `samples` has SPECTRUM_FRAME samples at 16 kHz. */
struct spectrum_frame spectrum_analyse(struct spectrum *spectrum, const int16_t *samples);

#endif
