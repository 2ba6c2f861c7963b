/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_TASK_RUN_H
#define WORKER_TASK_RUN_H

/*
 * Does what the table in task.c says for one attempt: asks for its bytes, runs the decoder, has the
 * windows read, and keeps the result until Kafka has acknowledged it. Thread: the loop's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "worker/decoder_client.h"
#include "worker/emit.h"
#include "worker/fetch.h"
#include "worker/speech_client.h"
#include "worker/work_item.h"

struct task_run;

/* What all tasks of the process share; borrowed. */
struct task_services {
    struct loop *loop;
    struct metrics *metrics;
    struct emit *emit;
    struct speech_client *speech;
    struct decoder_client *decoder;
    struct fetch_source fetch;
    struct decoder_limits decoder_limits;
    const char *worker_id;
    const char *model;
    size_t window_samples;
    size_t overlap_samples;
    size_t max_windows; /* of one chunk, being read at the same time */
    /* Kafka refuses a record that it must take: the process cannot go on. */
    void (*on_fatal)(void *context);
    void *context;
};

struct task_handlers {
    /* The result is acknowledged: the record of the work is done with. Free the task afterwards,
     * not in the call (loop_defer_free). */
    void (*on_finished)(void *context, struct task_run *run);
    void *context;
};

/* Gives up whatever runs, without a result. */
void task_run_free(struct task_run *run);
struct task_run *task_run_new(const struct task_services *services, struct work_item *take_item,
                              struct task_handlers handlers) FREED_BY(task_run_free);
void task_run_start(struct task_run *run);

#endif
