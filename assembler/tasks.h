/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_TASKS_H
#define ASSEMBLER_TASKS_H

/*
 * Publishes the rows of the table tasks when they are due: work records to chunks.uploaded, what
 * workers must leave alone to jobs.control, everything else to jobs.tasks. Only when Kafka has
 * acknowledged the record the row is deleted, or, of a kind that workers answer, marked as
 * published, so a task may be published twice, which is harmless, but never lost.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/intake.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_producer.h"
#include "common/metrics.h"

struct tasks;

/* Borrows all. After the producer was freed, so that no report comes any more. */
void tasks_free(struct tasks *tasks);
struct tasks *tasks_new(struct store *store, struct intake *intake, struct kafka_producer *producer,
                        struct metrics *metrics) FREED_BY(tasks_free);
/* A transaction wrote tasks of which the first is due so soon. */
void tasks_expect(struct tasks *tasks, uint64_t now_us, int64_t due_in_us);
/* Publishes what is due and forgets what was acknowledged. ERR_RETRY: PostgreSQL did not answer. */
bool tasks_tick(struct tasks *tasks, uint64_t now_us, struct err *err) MUST_CHECK;
uint64_t tasks_next_tick_us(const struct tasks *tasks, uint64_t now_us);

#endif
