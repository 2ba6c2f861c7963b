/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_TASK_RUN_H
#define WORKER_TASK_RUN_H

/*
 * Does what the table in task.c says for one attempt: asks for its bytes, runs the decoder, has the
 * windows read, and keeps the result until Kafka has acknowledged it. Thread: the loop's.
 */

#include "common/attrs.h"
#include "worker/task_services.h"
#include "worker/work_item.h"

struct task_run;

struct task_handlers {
    /* The result is acknowledged, or not wanted: the record of the work is done with. Free the task
     * afterwards, not in the call (loop_defer_free). */
    void (*on_finished)(void *context, struct task_run *run);
    void *context;
};

/* Gives up whatever runs, without a result. */
void task_run_free(struct task_run *run);
struct task_run *task_run_new(const struct task_services *services, struct work_item *take_item,
                              struct task_handlers handlers) FREED_BY(task_run_free);
void task_run_start(struct task_run *run);
const struct event *task_run_work(const struct task_run *run);
/* Its record's partition is ours again, or somebody else's; what runs goes on. */
void task_run_set_ours(struct task_run *run, bool is_ours);
/* Stops whatever runs: nobody wants the result. on_finished is called before it returns. */
void task_run_drop(struct task_run *run);

#endif
