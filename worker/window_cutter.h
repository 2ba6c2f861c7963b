/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WINDOW_CUTTER_H
#define WORKER_WINDOW_CUTTER_H

/*
 * Cuts a stream of PCM into windows of one length, each of which begins `overlap` before its
 * predecessor ends; the last one is as long as the audio that is left. A window is there as soon as
 * its last sample is, and is known to be the last one only when the audio has ended or goes on.
 * Pure; holds at most one window and what was pushed last.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

struct window {
    int32_t index;
    int64_t start; /* in PCM samples from the beginning of the stream */
    size_t count;
    int16_t *samples; /* owned by whoever takes the window; free() */
};

struct window_cutter;

void window_cutter_free(struct window_cutter *cutter);
/* 0 <= overlap_samples < window_samples. */
struct window_cutter *window_cutter_new(size_t window_samples, size_t overlap_samples)
    FREED_BY(window_cutter_free);

/* Take every window before pushing more. */
void window_cutter_push(struct window_cutter *cutter, const int16_t *samples, size_t count);
/* Nothing more comes. */
void window_cutter_end(struct window_cutter *cutter);
/* False: none is complete. The last one exists if the stream has a sample that no other has. */
bool window_cutter_take(struct window_cutter *cutter, struct window *ret_window) MUST_CHECK;
/* How many windows were taken so far. */
int32_t window_cutter_count(const struct window_cutter *cutter);

#endif
