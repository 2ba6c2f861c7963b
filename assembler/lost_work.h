/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_LOST_WORK_H
#define ASSEMBLER_LOST_WORK_H

/*
 * Finds work that nobody will do any more, without leases, so that waiting in a long queue never
 * expires: a work record is lost only if the group of workers has passed it, or its topic has
 * dropped it, and a while later nothing has come of it. It is published again with the same
 * attempt. The same goes for tasks. And an attempt at a chunk that was started and then fell silent
 * has failed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/intake.h"
#include "assembler/kafka_admin.h"
#include "assembler/store.h"
#include "assembler/tasks.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/metrics.h"

struct lost_work;

#define LOST_AFTER_MAX_US INT64_C(600000000)

struct lost_work_settings {
    struct store *store; /* all borrowed */
    struct intake *intake;
    struct tasks *tasks;
    struct kafka_admin *chunk_admin; /* of chunks.uploaded and the group that reads it */
    struct kafka_admin *task_admin;  /* of jobs.tasks and its */
    struct metrics *metrics;
    int64_t lost_after_us; /* up to LOST_AFTER_MAX_US */
    int64_t silent_after_us;
};

void lost_work_free(struct lost_work *lost);
struct lost_work *lost_work_new(const struct lost_work_settings *settings) FREED_BY(lost_work_free);
/* Adds failed attempts to the intake's batch, lost work to the tasks. ERR_RETRY: PostgreSQL did not
 * answer. */
bool lost_work_tick(struct lost_work *lost, uint64_t now_us, struct err *err) MUST_CHECK;

#endif
