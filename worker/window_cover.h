/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WINDOW_COVER_H
#define WORKER_WINDOW_COVER_H

/* What became of a chunk's samples, from what became of those of its windows. Pure. */

#include <stddef.h>
#include <stdint.h>

#include "common/coverage.h"
#include "worker/window_join.h"

/* Moves a window's coverage from PCM samples relative to the window, as window_place(). */
void window_cover_place(struct coverage *coverage, struct window_scale scale, int64_t window_start);
/* Of [0, own_samples): each window tells up to where the text goes over to the next. */
void window_cover_join(const struct coverage *windows, size_t count, const int64_t *crossings,
                       int64_t own_samples, struct coverage *ret_coverage);

#endif
