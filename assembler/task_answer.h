/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_TASK_ANSWER_H
#define ASSEMBLER_TASK_ANSWER_H

/* What task.done and task.failed do to the task they answer: the one place that closes it, tries it
 * again, or gives it up. Pure. */

#include <stdint.h>

#include "assembler/job.h"
#include "common/event.h"

enum task_answer_effect {
    TASK_ANSWER_SUPERSEDED, /* of another attempt, or of a task that is closed */
    TASK_ANSWER_DONE,
    TASK_ANSWER_RETRIED,
    TASK_ANSWER_FAILED
};

/* `random` is uniform. */
enum task_answer_effect task_answer_apply(struct job *job, const struct event *answer,
                                          uint64_t random);

#endif
