/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_ASSEMBLY_H
#define ASSEMBLER_ASSEMBLY_H

/*
 * The ordered text. The frontier walks over terminal chunks in order; behind it text never changes.
 *
 * Chunk k's part is the words [first, last) of its own reading. `first` is known when the frontier
 * passes k, because the seam between k-1 and k needs both readings; `last` when it passes k+1.
 * Until then the words that end well before k's own end (the hold-back) are sent all the same, and
 * the seam is told not to take them back. A failed chunk is passed with a gap.
 *
 * If k-1 says that its last unit ends where k does not begin, k is read again from there, once
 * (a resync), before it is passed.
 *
 * Pure: job, chunks and readings in, parts, seams and tasks out.
 */

#include <stdint.h>

#include "assembler/job.h"
#include "common/attrs.h"
#include "common/buf.h"

struct assembly_limits {
    int32_t chunks; /* passed in one step */
    size_t text_bytes;
    int64_t hold_back_ms; /* how far from an open seam words may still change */
};

struct assembly_place {
    int32_t chunk_index;
    int64_t start_ms;
};

/* One step forward of a job's text. */
struct assembly_step {
    struct buf delta;  /* to be appended to the text so far, with its corrections */
    int64_t raw_bytes; /* the same as it was heard */
    int32_t from_chunk;
    int32_t to_chunk; /* parts [from, to] were passed or grew; from > to: nothing moved */
    struct assembly_place *placed; /* owned */
    size_t placed_count;
    int32_t hard_cuts;
    int32_t mismatches; /* chunks passed although they do not begin where the one before ends */
};

void assembly_step_done(struct assembly_step *step);
/* Passes as many loaded terminal chunks as the limits allow. A done chunk must have its reading;
 * one without, and a limit, end the step with job->has_more set. */
void assembly_advance(struct job *job, const struct assembly_limits *limits,
                      struct assembly_step *ret_step);
/* The words of a chunk that lie in its own samples by their middle: [first, last). */
struct chunk_words assembly_own_words(const struct job *job, const struct chunk *chunk);

#endif
