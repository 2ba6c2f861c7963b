/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_REWIND_H
#define ASSEMBLER_REWIND_H

/*
 * Takes the ordered text back to a chunk that was passed as a gap and is to be tried once more.
 * What stands before it stays as it is: only the seam to it is open again. Pure.
 */

#include <stdint.h>

#include "assembler/job.h"

/* The text before the chunk, as the parts say that are left. */
struct rewind_prefix {
    int32_t available_chunks;
    int64_t transcript_bytes;
    struct coverage_sums covered;
};

/* The chunk job->rewind_to and the one before it must be loaded. */
void rewind_text(struct job *job, const struct rewind_prefix *prefix);

#endif
