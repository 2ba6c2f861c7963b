/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_STORE_TASKS_H
#define ASSEMBLER_STORE_TASKS_H

/* The table tasks, and how chunks get into it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assembler/job.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"

/* Queue, inside the transaction that is their cause. */
void store_send_tasks(struct store *store, const struct job *jobs);
/* Parked chunks become tasks when what they wait for has all arrived: those that were parked now,
 * and those that waited for a chunk that was uploaded now. After the chunks' rows were written. The
 * result has a row for each. NULL: there was nothing to ask. */
void store_send_ready(struct store *store, const struct job *jobs, PGresult **ret_result);

struct store_task {
    int64_t id;
    enum job_task_kind kind;
    int64_t skipped_id; /* of an order to skip a task: that one's, and its kind */
    char skipped_kind[EVENT_TASK_KIND_SIZE];
    bool is_dead; /* its record is for the dead letters */
    bool is_void; /* its cause is gone: another attempt, a chunk or a job that has ended */
    struct id job;
    int32_t chunk_index;
    int32_t attempt;
    struct event_work work; /* owned strings */
    char *payload;          /* owned */
    /* Of a dead letter: where the record lies, and why it is dead; owned. */
    char *letter_partition;
    char *letter_offset;
    char *letter_reason;
};

void store_task_done(struct store_task *task);
#define STORE_DUE_TASKS_MAX 500
/* Due tasks of the jobs at home in these partitions, oldest first, at most so many; an array owned
 * by the caller. */
bool store_due_tasks(struct store *store, struct sql_rows *home_partitions,
                     struct sql_rows *known_ids, struct store_task **ret_tasks, size_t *ret_count,
                     struct err *err) MUST_CHECK;
/* How long until the next is due: 0 when one is, -1 when there is none. */
bool store_next_due(struct store *store, struct sql_rows *home_partitions, int64_t *ret_in_us,
                    struct err *err) MUST_CHECK;
/* Rows of id, attempt, whether it is answered, partition and offset (NULL: it was no work):
 * published, so forgotten or awaiting the answer, and their chunks know the newest work record. */
bool store_finish_tasks(struct store *store, struct sql_rows *rows, struct err *err) MUST_CHECK;

/* Tasks that records answer. The first queues, for rows of id (in the transaction, after the jobs
 * were locked), the second adds what was found to their jobs, the third queues what became of
 * them. */
void store_send_open_tasks(struct store *store, struct sql_rows *ids, PGresult **ret_tasks);
void store_take_open_tasks(const PGresult *tasks, struct job *jobs);
void store_send_answered(struct store *store, const struct job *jobs);

/* How far the workers have come, and whose jobs are asked for. */
struct store_passed {
    struct sql_rows *offsets; /* rows of partition, the offset passed, and the end */
    struct sql_rows *home_partitions;
    int64_t after_us; /* the least age of what is lost */
};

/* Chunks whose newest work record was passed, and of which nothing was heard for so long, become
 * tasks again. */
bool store_find_lost_work(struct store *store, const struct store_passed *passed,
                          int64_t *ret_count, struct err *err) MUST_CHECK;
/* Tasks whose newest record was passed so long after it was published are scheduled again. */
bool store_find_lost_tasks(struct store *store, const struct store_passed *passed,
                           int64_t *ret_count, struct err *err) MUST_CHECK;

struct store_silent {
    struct id job;
    int32_t chunk_index;
    int32_t attempt;
    int32_t home_partition;
};

/* Attempts that were started, of which nothing was heard for `after_us`; owned by the caller. */
bool store_find_silent(struct store *store, struct sql_rows *home_partitions, int64_t after_us,
                       struct store_silent **ret_silent, size_t *ret_count,
                       struct err *err) MUST_CHECK;

#endif
