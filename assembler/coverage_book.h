/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_COVERAGE_BOOK_H
#define ASSEMBLER_COVERAGE_BOOK_H

/*
 * Adds up what became of a recording, chunk by chunk as the frontier passes. The sums of a job are
 * at any time those of all its samples up to the frontier: what no chunk has told of is booked as
 * failed. Pure.
 */

#include "assembler/job.h"

/* From its result. A worker's figures that do not add up to the chunk's samples are not believed.
 */
void coverage_book_result(struct chunk *chunk, const struct event_hearing *hearing);
/* The chunk has failed, and its length is known or estimated. */
void coverage_book_gap(struct chunk *chunk, int64_t samples);
/* The frontier has passed the chunk, of `samples` samples at the job's rate, or has been moved
 * back: then `chunk` is NULL and the job's sums are those of the chunks that it stands behind. */
void coverage_book_pass(struct job *job, const struct chunk *chunk, int64_t samples);
/* The chunk before the frontier is that much longer. */
void coverage_book_border(struct job *job, struct chunk *chunk, int64_t samples);

#endif
