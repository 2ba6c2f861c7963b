/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_BLOB_DELETION_H
#define ASSEMBLER_BLOB_DELETION_H

/*
 * The task blob.delete: the blobs of a job go piece by piece, each piece a task that is the cause
 * of the next, so that neither a record nor a transaction grows with the job. A piece that can't be
 * deleted at all is passed. It is begun twice for a job that has ended: when its blobs are not
 * needed any more, and when the job itself goes, for what was uploaded to it since. Pure.
 */

#include <stdint.h>

#include "assembler/job.h"
#include "common/event.h"

/* The first piece, due in `due_in_us`. `then_purges`: the last one's end is the job's, too. */
void blob_deletion_begin(struct job *job, int64_t due_in_us, bool then_purges);

/* The job is reopened: what is planned is not done any more. Where something may be gone already,
 * or a worker may still delete it, its blobs count as deleted: nothing waits for them. Of tasks
 * that are stored, that is keeps_blobs' matter. */
void blob_deletion_take_back(struct job *job);

/* For the table of kinds. */
void blob_deletion_on_done(struct job *job, const struct job_open_task *task, const char *result);
void blob_deletion_on_failed(struct job *job, const struct job_open_task *task,
                             const struct event_failed *failed);

#endif
