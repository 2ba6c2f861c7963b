/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_APPLY_H
#define ASSEMBLER_APPLY_H

/*
 * From records to what a transaction writes: the state table and the walk of the ordered text say
 * what happens, this module turns it into events and tasks. Pure but for the random part of a
 * retry's wait.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/assembly.h"
#include "assembler/batch.h"
#include "assembler/job.h"
#include "assembler/job_state.h"
#include "assembler/rewind.h"
#include "common/metrics.h"

struct apply_settings {
    struct job_state_policy policy;
    struct assembly_limits limits;
    int64_t expire_after_ms;   /* without an upload */
    int64_t blob_retention_us; /* of jobs that are done or have failed; of others it is 0 */
    int64_t job_retention_us;  /* of all that is known of a job, from its end on */
    struct metrics *metrics;   /* borrowed */
};

enum apply_outcome { APPLY_DONE, APPLY_NO_JOB, APPLY_NO_CHUNK };

enum apply_outcome apply_record(const struct apply_settings *settings, struct job *job,
                                const struct record *record, int64_t now_wall_us);
/* Ends a job to which nothing has been uploaded for too long. */
void apply_expiry(const struct apply_settings *settings, struct job *job);
/* Takes the text back to job->rewind_to; `text` is what stands before it. */
void apply_rewind(struct job *job, const struct rewind_prefix *prefix, const char *text);
/* Moves the frontier and the status, adds the events of both, the terminal one last. */
void apply_advance(const struct apply_settings *settings, struct job *job);

#endif
