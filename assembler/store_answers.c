/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "assembler/store_tasks.h"
#include "assembler/task_kind.h"
#include "common/mem.h"

/* Only the owner of a job, which has it locked, closes its tasks or changes their attempt. */
static const struct store_statement LOAD_OPEN_TASKS = {
    "load_open_tasks", "SELECT id, job_id, kind, attempt, payload::text FROM tasks"
                       " WHERE id = ANY ($1::bigint[])"};

enum open_column { O_ID, O_JOB, O_KIND, O_ATTEMPT, O_PAYLOAD };

static const struct store_statement CLOSE_TASKS = {
    "close_tasks", "DELETE FROM tasks WHERE id = ANY ($1::bigint[])"};

static const struct store_statement RETRY_TASKS = {
    "retry_tasks", "UPDATE tasks t SET attempt = u.attempt, state = 'scheduled',"
                   " work_partition = NULL, work_offset = NULL, published_at = NULL,"
                   " due_at = now() + u.due_in_us * interval '1 microsecond'"
                   " FROM unnest($1::bigint[], $2::int[], $3::bigint[])"
                   " AS u (id, attempt, due_in_us) WHERE t.id = u.id"};

void store_send_open_tasks(struct store *store, struct sql_rows *ids, PGresult **ret_tasks)
{
    if (ids->row_count > 0)
        store_send_rows(store, &LOAD_OPEN_TASKS, ids, ret_tasks);
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
        job_add_open_task(job, &task);
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

    sql_rows_init(&closed, 1);
    sql_rows_init(&retried, 3);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        add_answered(job, &closed, &retried);
    if (closed.row_count > 0)
        store_send_rows(store, &CLOSE_TASKS, &closed, NULL);
    if (retried.row_count > 0)
        store_send_rows(store, &RETRY_TASKS, &retried, NULL);
}
