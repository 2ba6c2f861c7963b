/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_GAP_H
#define ASSEMBLER_GAP_H

/*
 * How long a chunk is of which nothing is known but its bytes, and the gap that stands for it in
 * the text. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/job.h"

/* The chunk's samples at the job's rate: a recording whose rate changes on the way is placed by its
 * first rate. */
int64_t gap_job_samples(const struct job *job, const struct chunk *chunk);
/* A chunk with sound teaches the job's rate, and how many samples its bytes hold. */
void gap_learn_rate(struct job *job, const struct chunk *chunk);
/* The chunk at the frontier has failed: can its length be told? It is that of its bytes in the
 * chunk with sound before it or, at the beginning, in the first one after it, so that the text is
 * the same whatever the order of arrival. False: that one is not there yet. */
bool gap_can_estimate(struct job *job);
int64_t gap_samples(const struct job *job, const struct chunk *chunk);
/* " [gap 00:10:00–00:10:30]", from `start_sample` to the job's frontier; owned by the caller. */
char *gap_text(const struct job *job, int64_t start_sample, bool is_at_beginning);

#endif
