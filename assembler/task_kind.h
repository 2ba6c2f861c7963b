/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_TASK_KIND_H
#define ASSEMBLER_TASK_KIND_H

/*
 * The kinds of tasks, one row each: which record they are published as, whether workers answer, how
 * often a failed one is tried, and what its end means for the job. A new kind is a row here, a
 * value of the CHECK on tasks.kind, and a handler in worker/job_task_kinds.c. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/job.h"
#include "common/attrs.h"
#include "common/backoff.h"
#include "common/event.h"

struct task_kind {
    const char *name;       /* as in tasks.kind */
    enum event_type record; /* TASK_WORK: it has a payload, and workers answer it */
    /* Of those that are answered. */
    int32_t max_attempts;
    struct backoff backoff; /* between them, unless the answer asks for more */
    /* Or a schedule of its own: how long to wait after an attempt failed; NULL: the backoff. */
    int64_t (*delay_us)(int32_t attempt, uint64_t random);
    /* What follows for the job, in the transaction that closes the task; NULL: nothing. `result` is
     * a JSON object or NULL. */
    void (*on_done)(struct job *job, const struct job_open_task *task, const char *result);
    /* The next attempt is due in task->due_in_us; NULL: nothing follows. */
    void (*on_retried)(struct job *job, const struct job_open_task *task,
                       const struct event_failed *failed);
    /* After the last attempt, or a permanent failure. The job must go on all the same. */
    void (*on_failed)(struct job *job, const struct job_open_task *task,
                      const struct event_failed *failed);
};

const struct task_kind *task_kind(enum job_task_kind kind);
bool task_kind_is_answered(enum job_task_kind kind);
bool task_kind_parse(const char *name, enum job_task_kind *ret_kind) MUST_CHECK;

#endif
