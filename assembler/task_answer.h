/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_TASK_ANSWER_H
#define ASSEMBLER_TASK_ANSWER_H

/* What workers say of a task does to it: the one place that closes it, tries it again, or gives it
 * up. Pure. */

#include <stdint.h>

#include "assembler/job.h"
#include "common/event.h"

enum task_answer_effect {
    TASK_ANSWER_SUPERSEDED, /* of another attempt, or of a task that is closed */
    TASK_ANSWER_DONE,
    TASK_ANSWER_RETRIED,
    TASK_ANSWER_FAILED,
    TASK_ANSWER_CRASHED, /* failed: it kills its workers, they must skip it */
    TASK_ANSWER_NOTED    /* a start, or one that was given back */
};

/* Of task.done and task.failed. `random` is uniform. */
enum task_answer_effect task_answer_apply(struct job *job, const struct event *answer,
                                          uint64_t random);
/* Of task.started and task.released; `max_starts` as in job_state.h. */
enum task_answer_effect task_answer_start(struct job *job, const struct event *event,
                                          int32_t max_starts);

#endif
