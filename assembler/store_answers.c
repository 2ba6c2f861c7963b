/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "assembler/store_tasks.h"
#include "assembler/task_kind.h"
#include "common/mem.h"

/* Only the owner of a job, which has it locked, closes its tasks or changes their attempt. */
static const struct store_statement LOAD_OPEN_TASKS = {
    "load_open_tasks", "SELECT id, job_id, kind, attempt, payload::text, work_partition,"
                       " work_offset, start_count, start_total, last_start_us, start_is_held"
                       " FROM tasks WHERE id = ANY ($1::bigint[]) AND NOT is_dead"};

enum open_column {
    O_ID,
    O_JOB,
    O_KIND,
    O_ATTEMPT,
    O_PAYLOAD,
    O_PARTITION,
    O_OFFSET,
    O_STARTS,
    O_START_TOTAL,
    O_LAST_START,
    O_START_IS_HELD
};

static const struct store_statement CLOSE_TASKS = {
    "close_tasks", "DELETE FROM tasks WHERE id = ANY ($1::bigint[])"};

static const struct store_statement RETRY_TASKS = {
    "retry_tasks", "UPDATE tasks t SET attempt = u.attempt, state = 'scheduled',"
                   " work_partition = NULL, work_offset = NULL, published_at = NULL,"
                   " start_count = 0, start_total = 0, start_is_held = false,"
                   " due_at = now() + u.due_in_us * interval '1 microsecond'"
                   " FROM unnest($1::bigint[], $2::int[], $3::bigint[])"
                   " AS u (id, attempt, due_in_us) WHERE t.id = u.id"};

/* Of those that are open, and those that are dead: these are published again, as letters. */
static const struct store_statement COUNT_STARTS = {
    "count_starts",
    "UPDATE tasks t SET work_partition = u.partition, work_offset = u.work_offset,"
    " start_count = u.starts, start_total = u.total, last_start_us = u.last_us,"
    " start_is_held = u.is_held, is_dead = u.is_dead,"
    " state = CASE WHEN u.is_dead THEN 'scheduled' ELSE t.state END,"
    " due_at = CASE WHEN u.is_dead THEN now() ELSE t.due_at END"
    " FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::int[], $5::int[], $6::bigint[],"
    " $7::bool[], $8::bool[]) AS u (id, partition, work_offset, starts, total, last_us, is_held,"
    " is_dead) WHERE t.id = u.id"};

void store_send_open_tasks(struct store *store, struct sql_rows *ids, PGresult **ret_tasks)
{
    if (ids->row_count > 0)
        store_send_rows(store, &LOAD_OPEN_TASKS, ids, ret_tasks);
}

static void take_tally(const PGresult *tasks, int row, struct start_tally *starts)
{
    starts->work.partition = (int32_t)store_int_or(tasks, row, O_PARTITION, -1);
    starts->work.offset = store_int_or(tasks, row, O_OFFSET, -1);
    starts->count = (int32_t)store_int(tasks, row, O_STARTS);
    starts->total = (int32_t)store_int(tasks, row, O_START_TOTAL);
    starts->last_wall_us = store_int(tasks, row, O_LAST_START);
    starts->is_held = store_bool(tasks, row, O_START_IS_HELD);
}

void store_take_open_tasks(const PGresult *tasks, struct job *jobs)
{
    for (int row = 0; row < PQntuples(tasks); row++) {
        struct job *job = job_find(jobs, store_text(tasks, row, O_JOB));
        struct job_open_task task = {.id = store_int(tasks, row, O_ID),
                                     .attempt = (int32_t)store_int(tasks, row, O_ATTEMPT)};
        bool is_known = task_kind_parse(store_text(tasks, row, O_KIND), &task.kind);

        assert(is_known);
        (void)is_known; /* the column's CHECK says so */
        if (job == NULL)
            continue; /* the record names another job than the task's */
        task.payload = mem_copy_string(store_text(tasks, row, O_PAYLOAD));
        take_tally(tasks, row, &task.starts);
        job_add_open_task(job, &task);
    }
}

static void add_tally(const struct job_open_task *task, struct sql_rows *rows)
{
    const struct start_tally *starts = &task->starts;

    sql_rows_int(rows, task->id);
    sql_rows_natural(rows, starts->work.partition);
    sql_rows_natural(rows, starts->work.offset);
    sql_rows_int(rows, starts->count);
    sql_rows_int(rows, starts->total);
    sql_rows_int(rows, starts->last_wall_us);
    sql_rows_bool(rows, starts->is_held);
    sql_rows_bool(rows, task->fate == TASK_FATE_DEAD);
}

static void add_tallies(const struct job *job, struct sql_rows *rows)
{
    for (size_t i = 0; i < job->open_tasks.count; i++) {
        const struct job_open_task *task = &job->open_tasks.items[i];
        bool goes_on = task->fate == TASK_FATE_OPEN || task->fate == TASK_FATE_DEAD;

        if (goes_on && task->is_tally_changed)
            add_tally(task, rows);
    }
}

static void add_answered(const struct job *job, struct sql_rows *closed, struct sql_rows *retried)
{
    for (size_t i = 0; i < job->open_tasks.count; i++) {
        const struct job_open_task *task = &job->open_tasks.items[i];

        if (task->fate == TASK_FATE_CLOSED)
            sql_rows_int(closed, task->id);
        if (task->fate != TASK_FATE_RETRIED)
            continue;
        sql_rows_int(retried, task->id);
        sql_rows_int(retried, task->attempt + 1);
        sql_rows_int(retried, task->due_in_us);
    }
}

void store_send_answered(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows closed;
    CLEANUP(sql_rows_done) struct sql_rows retried;
    CLEANUP(sql_rows_done) struct sql_rows tallies;

    sql_rows_init(&tallies, 8);
    sql_rows_init(&closed, 1);
    sql_rows_init(&retried, 3);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next) {
        add_answered(job, &closed, &retried);
        add_tallies(job, &tallies);
    }
    if (closed.row_count > 0)
        store_send_rows(store, &CLOSE_TASKS, &closed, NULL);
    if (retried.row_count > 0)
        store_send_rows(store, &RETRY_TASKS, &retried, NULL);
    if (tallies.row_count > 0)
        store_send_rows(store, &COUNT_STARTS, &tallies, NULL);
}
