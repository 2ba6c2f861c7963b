/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_JOB_TASKS_H
#define WORKER_JOB_TASKS_H

/*
 * Takes tasks from jobs.tasks in the inbox's order, up to so many at a time, has their handlers do
 * them, and keeps the answer of each until Kafka has acknowledged it. Thread: the loop's.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"
#include "common/metrics.h"
#include "worker/control.h"
#include "worker/emit.h"
#include "worker/job_task.h"

struct job_tasks;

struct job_tasks_options {
    struct kafka_settings kafka; /* borrowed */
    const char *member_id;       /* NULL: a member for this run only */
    size_t max_in_flight;
    const struct job_task_services *services; /* borrowed */
    const struct control *control;            /* borrowed */
    struct emit *emit;                        /* borrowed */
    const char *worker_id;                    /* borrowed */
    struct metrics *metrics;                  /* borrowed */
    /* job_tasks_drain() has nothing left to wait for; may come more than once. */
    void (*on_drained)(void *context);
    void (*on_fatal)(void *context);
    void *context;
};

/* Leaves the group and gives up what runs. */
void job_tasks_free(struct job_tasks *tasks);
struct job_tasks *job_tasks_new(const struct job_tasks_options *options) FREED_BY(job_tasks_free);
bool job_tasks_start(struct job_tasks *tasks, struct err *err) MUST_CHECK;
/* Takes nothing more; what runs is finished. */
void job_tasks_drain(struct job_tasks *tasks);
bool job_tasks_is_drained(const struct job_tasks *tasks);
/* More may be started than before: control is ready. */
void job_tasks_wake(struct job_tasks *tasks);
/* Control forbids more than before: what runs of it is stopped. */
void job_tasks_stop_forbidden(struct job_tasks *tasks);
bool job_tasks_is_up(const struct job_tasks *tasks);

#endif
