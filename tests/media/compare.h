/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MEDIA_COMPARE_H
#define TESTS_MEDIA_COMPARE_H

/* Two pieces of PCM against each other. Pure. */

#include <stdbool.h>
#include <stdint.h>

struct pcm {
    const int16_t *samples; /* borrowed */
    int64_t count;
};

/* Rounding may differ by one step. */
bool compare_is_same(int16_t a, int16_t b);

/* By how many samples `piece` lies later in `whole` than at `expected`: the lag of the best
 * normalised cross-correlation, looked for within a frame and a half of the largest kind.
 * INT64_MAX: it is not to be found. */
int64_t compare_lag(struct pcm whole, struct pcm piece, int64_t expected);

#endif
