/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/rewind.h"

#include <assert.h>

#include "assembler/coverage_book.h"
#include "assembler/gap.h"

/* Its words up to the border have been sent, and stay; where the next chunk takes over is open. */
static void open_seam(struct job *job, struct chunk *previous)
{
    previous->words.last = -1;
    previous->is_changed = true;
    job->settled_parts = previous->index;
    gap_learn_rate(job, previous);
}

void rewind_text(struct job *job, const struct rewind_prefix *prefix)
{
    const struct chunk *chunk = job_chunk(job, job->rewind_to);
    struct chunk *previous = job->rewind_to > 0 ? job_chunk(job, job->rewind_to - 1) : NULL;

    assert(chunk != NULL && (previous != NULL || job->rewind_to == 0));
    job->frontier = job->rewind_to;
    job->settled_parts = job->rewind_to;
    job->frontier_sample = chunk->is_placed ? chunk->start_sample : 0;
    job->available_chunks = prefix->available_chunks;
    job->transcript_bytes = prefix->transcript_bytes;
    job->covered = prefix->covered;
    coverage_book_pass(job, NULL, 0);
    job->is_changed = true;
    if (previous != NULL && chunk_has_sound(previous))
        open_seam(job, previous);
}
