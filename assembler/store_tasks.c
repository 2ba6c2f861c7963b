/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/store_tasks.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/fault_point.h"
#include "common/mem.h"

static const char *const KIND_NAMES[] = {
    [JOB_TASK_WORK] = "chunk.work",
    [JOB_TASK_SKIP] = "chunk.skip",
    [JOB_TASK_CANCEL] = "job.cancel",
};
static_assert(ARRAY_LEN(KIND_NAMES) == JOB_TASK_KIND_COUNT, "a name for each kind");

static const struct store_statement INSERT_TASKS = {
    "insert_tasks", "INSERT INTO tasks (job_id, chunk_index, kind, attempt, due_at)"
                    " SELECT job_id, chunk_index, kind, attempt,"
                    "  now() + due_in_us * interval '1 microsecond'"
                    " FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::bigint[])"
                    " AS u (job_id, chunk_index, kind, attempt, due_in_us)"};

static const struct store_statement WAKE_READY = {
    "wake_ready",
    "WITH ready AS (UPDATE chunks c SET waiting_from = NULL, waiting_to = NULL FROM jobs j"
    "  WHERE j.id = ANY ($1::uuid[]) AND c.job_id = j.id AND c.waiting_from IS NOT NULL"
    "  AND c.status = 'uploaded' AND NOT EXISTS (SELECT FROM chunks needed"
    "   WHERE needed.job_id = c.job_id AND needed.status = 'pending' AND needed.chunk_index"
    "    BETWEEN c.waiting_from / j.chunk_size_bytes AND (c.waiting_to - 1) / j.chunk_size_bytes)"
    "  RETURNING c.job_id, c.chunk_index, c.attempt)"
    " INSERT INTO tasks (job_id, chunk_index, kind, attempt, due_at)"
    " SELECT job_id, chunk_index, 'chunk.work', attempt, now() FROM ready RETURNING id"};

enum due_column {
    D_ID,
    D_KIND,
    D_JOB,
    D_CHUNK,
    D_ATTEMPT,
    D_IS_VOID,
    D_TOTAL_SIZE,
    D_CHUNK_SIZE,
    D_EXTENSION,
    D_LANGUAGE,
    D_PROMPT,
    D_USE_LLM,
    D_RESYNC_FROM,
    D_CONTENT_TYPE
};

static const struct store_statement DUE_TASKS = {
    "due_tasks",
    "SELECT t.id, t.kind, t.job_id, t.chunk_index, t.attempt, t.kind = 'chunk.work' AND"
    "  (c.attempt <> t.attempt OR c.status NOT IN ('uploaded', 'processing')"
    "   OR j.status NOT IN ('uploading', 'processing', 'assembling')),"
    " j.total_size, j.chunk_size_bytes, j.extension,"
    " coalesce(j.language, CASE WHEN j.lock_language THEN j.detected_language END), j.prompt,"
    " j.use_llm AND j.llm_mode = 'per_chunk', c.resync_from, j.content_type"
    " FROM tasks t JOIN jobs j ON j.id = t.job_id"
    " LEFT JOIN chunks c ON c.job_id = t.job_id AND c.chunk_index = t.chunk_index"
    " WHERE t.due_at <= now() AND j.home_partition = ANY ($1::int[]) AND t.id <> ALL ($2::bigint[])"
    " ORDER BY t.due_at LIMIT 500"};

static const struct store_statement NEXT_DUE = {
    "next_due", "SELECT greatest(0, extract(epoch FROM t.due_at - now()) * 1000000)::bigint"
                " FROM tasks t JOIN jobs j ON j.id = t.job_id"
                " WHERE j.home_partition = ANY ($1::int[]) ORDER BY t.due_at LIMIT 1"};

static const struct store_statement FINISH_TASKS = {
    "finish_tasks",
    "WITH published AS (SELECT * FROM unnest($1::bigint[], $2::int[], $3::bigint[])"
    "  AS u (id, partition, work_offset)),"
    " finished AS (DELETE FROM tasks t USING published p WHERE t.id = p.id"
    "  RETURNING t.job_id, t.chunk_index, t.attempt, p.partition, p.work_offset)"
    " UPDATE chunks c SET work_partition = f.partition, work_offset = f.work_offset,"
    "  deferred_until = NULL, deferred_reason = NULL FROM finished f"
    " WHERE c.job_id = f.job_id AND c.chunk_index = f.chunk_index AND c.attempt = f.attempt"
    "  AND f.partition IS NOT NULL"};

static const struct store_statement FIND_LOST = {
    "find_lost",
    "WITH lost AS (UPDATE chunks c SET last_heard_at = now()"
    "  FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS passed (partition, below, top), jobs j"
    "  WHERE c.work_partition = passed.partition"
    "  AND (c.work_offset < passed.below OR c.work_offset >= passed.top)"
    "  AND c.status IN ('uploaded', 'processing') AND c.waiting_from IS NULL AND j.id = c.job_id"
    "  AND j.home_partition = ANY ($4::int[])"
    "  AND j.status IN ('uploading', 'processing', 'assembling')"
    "  AND coalesce(c.last_heard_at, c.uploaded_at) < now() - $5::bigint * interval '1 microsecond'"
    "  AND NOT EXISTS (SELECT FROM tasks t WHERE t.job_id = c.job_id"
    "   AND t.chunk_index = c.chunk_index) RETURNING c.job_id, c.chunk_index, c.attempt)"
    " INSERT INTO tasks (job_id, chunk_index, kind, attempt, due_at)"
    " SELECT job_id, chunk_index, 'chunk.work', attempt, now() FROM lost RETURNING id"};

/* The first condition on the status is the one of the index chunks_open. */
static const struct store_statement FIND_SILENT = {
    "find_silent", "SELECT c.job_id, c.chunk_index, c.attempt, j.home_partition FROM chunks c JOIN "
                   "jobs j ON j.id = c.job_id"
                   " WHERE c.status IN ('uploaded', 'processing') AND c.status = 'processing'"
                   " AND c.last_heard_at < now() - $2::bigint * interval '1 microsecond'"
                   " AND j.home_partition = ANY ($1::int[])"
                   " AND j.status IN ('uploading', 'processing', 'assembling') LIMIT 100"};

void store_send_tasks(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 5);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next) {
        for (size_t i = 0; i < job->tasks.count; i++) {
            const struct job_task *task = &job->tasks.items[i];

            sql_rows_text(&rows, job->id.text);
            sql_rows_natural(&rows, task->chunk_index);
            sql_rows_text(&rows, KIND_NAMES[task->kind]);
            sql_rows_int(&rows, task->attempt);
            sql_rows_int(&rows, task->due_in_us);
        }
    }
    if (rows.row_count > 0)
        store_send_rows(store, &INSERT_TASKS, &rows, NULL);
}

void store_send_ready(struct store *store, const struct job *jobs, PGresult **ret_result)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 1);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        if (job->has_ready_check)
            sql_rows_text(&rows, job->id.text);
    if (rows.row_count > 0)
        store_send_rows(store, &WAKE_READY, &rows, ret_result);
}

/* Publishing */

void store_task_done(struct store_task *task)
{
    free(task->work.options.language);
    free(task->work.options.prompt);
}

/* The column's CHECK knows no others. */
static enum job_task_kind parse_kind(const char *name)
{
    enum job_task_kind kind = 0;

    while (kind < JOB_TASK_KIND_COUNT - 1 && strcmp(name, KIND_NAMES[kind]) != 0)
        kind++;
    return kind;
}

static void copy_id(struct id *ret_id, const char *text)
{
    (void)snprintf(ret_id->text, sizeof ret_id->text, "%s", text);
}

static void take_task(const PGresult *result, int row, struct store_task *ret_task)
{
    struct event_work *work = &ret_task->work;

    ret_task->id = store_int(result, row, D_ID);
    ret_task->kind = parse_kind(store_text(result, row, D_KIND));
    ret_task->is_void = store_bool(result, row, D_IS_VOID);
    copy_id(&ret_task->job, store_text(result, row, D_JOB));
    ret_task->chunk_index = (int32_t)store_int_or(result, row, D_CHUNK, -1);
    ret_task->attempt = (int32_t)store_int(result, row, D_ATTEMPT);
    work->layout =
        chunk_layout_of(store_int(result, row, D_TOTAL_SIZE), store_int(result, row, D_CHUNK_SIZE));
    (void)snprintf(work->extension, sizeof work->extension, "%s",
                   store_text(result, row, D_EXTENSION));
    work->resync_from = store_int_or(result, row, D_RESYNC_FROM, 0);
    work->options.language = mem_copy_string(store_text(result, row, D_LANGUAGE));
    work->options.prompt = mem_copy_string(store_text(result, row, D_PROMPT));
    work->options.use_llm = store_bool(result, row, D_USE_LLM);
    (void)snprintf(work->options.content_type, sizeof work->options.content_type, "%s",
                   store_text(result, row, D_CONTENT_TYPE));
}

bool store_due_tasks(struct store *store, struct sql_rows *home_partitions,
                     struct sql_rows *known_ids, struct store_task **ret_tasks, size_t *ret_count,
                     struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    const char *const values[] = {sql_rows_finish(home_partitions)[0],
                                  sql_rows_finish(known_ids)[0]};

    store_send(store, &DUE_TASKS, 2, values, &result);
    if (!store_run(store, err))
        return false;
    *ret_count = (size_t)PQntuples(result);
    *ret_tasks = mem_array(*ret_count, sizeof **ret_tasks);
    for (size_t i = 0; i < *ret_count; i++)
        take_task(result, (int)i, &(*ret_tasks)[i]);
    return true;
}

bool store_next_due(struct store *store, struct sql_rows *home_partitions, int64_t *ret_in_us,
                    struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;

    store_send_rows(store, &NEXT_DUE, home_partitions, &result);
    if (!store_run(store, err))
        return false;
    *ret_in_us = PQntuples(result) == 1 ? store_int(result, 0, 0) : -1;
    return true;
}

bool store_finish_tasks(struct store *store, struct sql_rows *rows, struct err *err)
{
    if (fault_point(FAULT_TASK_FINISH, NULL))
        return store_lose(store, err);
    store_send_rows(store, &FINISH_TASKS, rows, NULL);
    return store_run(store, err);
}

/* Finding */

bool store_find_lost_work(struct store *store, struct sql_rows *passed,
                          struct sql_rows *home_partitions, int64_t after_us, int64_t *ret_count,
                          struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    const char *const *offsets = sql_rows_finish(passed);
    char after[24];
    const char *const values[] = {offsets[0], offsets[1], offsets[2],
                                  sql_rows_finish(home_partitions)[0], after};

    (void)snprintf(after, sizeof after, "%" PRId64, after_us);
    store_send(store, &FIND_LOST, 5, values, &result);
    if (!store_run(store, err))
        return false;
    *ret_count = PQntuples(result);
    return true;
}

bool store_find_silent(struct store *store, struct sql_rows *home_partitions, int64_t after_us,
                       struct store_silent **ret_silent, size_t *ret_count, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    char after[24];
    const char *const values[] = {sql_rows_finish(home_partitions)[0], after};

    (void)snprintf(after, sizeof after, "%" PRId64, after_us);
    store_send(store, &FIND_SILENT, 2, values, &result);
    if (!store_run(store, err))
        return false;
    *ret_count = (size_t)PQntuples(result);
    *ret_silent = mem_array(*ret_count, sizeof **ret_silent);
    for (size_t i = 0; i < *ret_count; i++) {
        copy_id(&(*ret_silent)[i].job, store_text(result, (int)i, 0));
        (*ret_silent)[i].chunk_index = (int32_t)store_int(result, (int)i, 1);
        (*ret_silent)[i].attempt = (int32_t)store_int(result, (int)i, 2);
        (*ret_silent)[i].home_partition = (int32_t)store_int(result, (int)i, 3);
    }
    return true;
}
