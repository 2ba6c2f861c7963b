/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_PREVIOUS_OVERLAP_H
#define WORKER_PREVIOUS_OVERLAP_H

#include <stdint.h>

/* With so much, a seam costs little more than the same words anywhere else (docs/accuracy.md). */
#define PREVIOUS_OVERLAP_MAX_US INT64_C(10000000)

/*
 * How much of the previous chunk to hear: more than `overlap_us` if that costs no further window.
 * The text crosses over into this chunk's reading some seconds before the border, and a reading
 * that has been going on for longer there makes fewer errors.
 *
 * `heard_us` is the chunk itself with what is heard of the next one, by the byte rate. An
 * `overlap_us` of 0 says that nothing of a neighbour is wanted.
 */
int64_t previous_overlap_us(int64_t overlap_us, int64_t window_us, int64_t heard_us);

#endif
