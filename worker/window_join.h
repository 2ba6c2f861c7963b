/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WINDOW_JOIN_H
#define WORKER_WINDOW_JOIN_H

/*
 * Makes one reading of a chunk from the readings of its windows, by the same seam rule that joins
 * chunks. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/reading.h"

/* Where the PCM of a chunk lies: its first sample is at `start`, in native samples relative to the
 * chunk's first owned one. */
struct window_scale {
    int64_t start;
    int32_t sample_rate;
};

/* PCM samples (16 kHz) from the beginning of the stream as a native position, rounded. */
int64_t window_position(struct window_scale scale, int64_t pcm);
/* Moves a window's reading from PCM samples relative to the window, which begins at `window_start`
 * of the stream, to native positions. */
void window_place(struct reading *reading, struct window_scale scale, int64_t window_start);

/* Joins placed readings, in order of their windows, into a new reading. Its spans_* are unset. The
 * readings of silent windows have no words. `ret_crossings` (NULL: not asked for) has room for one
 * position less than there are readings: where the text goes over from each to the next. */
void window_join(const struct reading *readings, size_t count, int32_t sample_rate,
                 struct reading *ret_reading, int64_t *ret_crossings);

/* The words of one window whose middle lies in [from, to), for a partial result; owned by the
 * caller. */
char *window_text_between(const struct reading *reading, int64_t from, int64_t to);

#endif
