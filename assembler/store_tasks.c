/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/store_tasks.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "assembler/task_kind.h"
#include "common/attrs.h"
#include "common/fault_point.h"
#include "common/mem.h"

static const struct store_statement INSERT_TASKS = {
    "insert_tasks", "INSERT INTO tasks (job_id, chunk_index, kind, attempt, due_at, payload)"
                    " SELECT job_id, chunk_index, kind, attempt,"
                    "  now() + due_in_us * interval '1 microsecond', payload"
                    " FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::bigint[],"
                    "  $6::jsonb[])"
                    " AS u (job_id, chunk_index, kind, attempt, due_in_us, payload)"};

#define WAIT_COLUMNS                                                                               \
    "c.job_id, c.chunk_index, c.status, c.waiting_from, c.waiting_to, c.waiting_first_chunk,"      \
    " c.waiting_chunk"

/* A parked chunk is looked at when it is parked, and when the last missing one of the chunks that
 * it waits for arrives: until then the others make no difference. So an upload costs the same
 * however many are parked, but for those that it wakes. (The conditions on what is looked at come
 * after it, so that no plan begins with all chunks that fulfil them.) The task says which bytes are
 * known to be stored, or a worker that misses them would wait for them once more, without end. */
static const struct store_statement WAKE_READY = {
    "wake_ready",
    "WITH news AS (SELECT * FROM unnest($1::uuid[], $2::int[], $3::bool[])"
    "  AS u (job_id, chunk_index, is_parked)),"
    " looked_at AS MATERIALIZED ("
    "  SELECT " WAIT_COLUMNS
    "  FROM news n JOIN chunks c ON c.job_id = n.job_id AND c.chunk_index = n.chunk_index"
    "  WHERE n.is_parked"
    "  UNION SELECT " WAIT_COLUMNS
    "  FROM news n JOIN chunks c ON c.job_id = n.job_id AND c.waiting_chunk = n.chunk_index"
    "  WHERE NOT n.is_parked),"
    " judged AS (SELECT l.*, (SELECT max(needed.chunk_index)"
    "   FROM chunks needed WHERE needed.job_id = l.job_id AND needed.status = 'pending'"
    "    AND needed.chunk_index BETWEEN l.waiting_first_chunk AND l.waiting_chunk) AS missing"
    "  FROM looked_at l WHERE l.waiting_chunk IS NOT NULL AND l.status = 'uploaded'),"
    " still AS (UPDATE chunks c SET waiting_chunk = j.missing FROM judged j"
    "  WHERE c.job_id = j.job_id AND c.chunk_index = j.chunk_index"
    "   AND c.waiting_chunk <> j.missing),"
    " ready AS (UPDATE chunks c SET waiting_from = NULL, waiting_to = NULL,"
    "   waiting_first_chunk = NULL, waiting_chunk = NULL FROM judged j"
    "  WHERE c.job_id = j.job_id AND c.chunk_index = j.chunk_index AND j.missing IS NULL"
    "  RETURNING c.job_id, c.chunk_index, c.attempt, j.waiting_from, j.waiting_to)"
    " INSERT INTO tasks (job_id, chunk_index, kind, attempt, due_at, payload)"
    " SELECT job_id, chunk_index, 'chunk.work', attempt, now(),"
    "  json_build_object('stored_from', waiting_from, 'stored_to', waiting_to)"
    " FROM ready RETURNING id"};

enum due_column {
    D_SKIPPED,
    D_SKIPPED_KIND,
    D_IS_DEAD,
    D_ID,
    D_KIND,
    D_JOB,
    D_CHUNK,
    D_ATTEMPT,
    D_IS_VOID,
    D_TOTAL_SIZE,
    D_CHUNK_SIZE,
    D_FIRST_CHUNK,
    D_EXTENSION,
    D_LANGUAGE,
    D_PROMPT,
    D_USE_LLM,
    D_RESYNC_FROM,
    D_STORED_FROM,
    D_STORED_TO,
    D_CONTENT_TYPE,
    D_LETTER_PARTITION,
    D_LETTER_OFFSET,
    D_LETTER_REASON,
    D_PAYLOAD
};

/* What the record of a task holds beside what is kept of it: a delivery's address and body; of the
 * whole text the parts from a place on, as many as fit. At most so many of those are looked at. */
#define TASK_PAYLOAD                                                                               \
    "CASE t.kind WHEN 'webhook.deliver' THEN (SELECT json_build_object('delivery_id', d.id,"       \
    "  'url', j.webhook_url, 'body', d.body)::text FROM webhook_deliveries d"                      \
    "  WHERE d.job_id = t.job_id AND d.id = (t.payload->>'delivery_id')::uuid)"                    \
    " WHEN 'llm.post_process' THEN (SELECT json_build_object('head', t.payload->>'head',"          \
    "  'from_word', (t.payload->>'from_word')::int,"                                               \
    "  'is_last', max(p.chunk_index) = j.total_chunks - 1, 'parts', json_agg(json_build_object("   \
    "   'chunk_index', p.chunk_index, 'text', p.raw, 'is_gap', p.is_gap) ORDER BY p.chunk_index)"  \
    "  )::text FROM (SELECT n.*, sum(length(raw)) OVER (ORDER BY chunk_index) - length(raw)"       \
    "   AS before FROM (SELECT chunk_index, raw, is_gap FROM transcript_parts"                     \
    "    WHERE job_id = t.job_id AND chunk_index >= (t.payload->>'from_chunk')::int"               \
    "    ORDER BY chunk_index LIMIT 512) AS n) AS p WHERE p.before < 32768)"                       \
    " ELSE t.payload::text END"

static const struct store_statement DUE_TASKS = {
    "due_tasks",
    "SELECT CASE t.kind WHEN 'task.skip' THEN (t.payload->>'task_id')::bigint END,"
    " CASE t.kind WHEN 'task.skip' THEN t.payload->>'kind' END, t.is_dead, t.id,"
    " t.kind, t.job_id, t.chunk_index, t.attempt, t.kind = 'chunk.work' AND"
    "  (c.attempt <> t.attempt OR c.status NOT IN ('uploaded', 'processing')"
    "   OR j.status NOT IN ('uploading', 'processing', 'assembling')),"
    " " STORE_LAYOUT_COLUMNS ", j.extension,"
    " coalesce(j.language, CASE WHEN j.lock_language THEN j.detected_language END), j.prompt,"
    " j.use_llm AND j.llm_mode = 'per_chunk', c.resync_from,"
    " (t.payload->>'stored_from')::bigint, (t.payload->>'stored_to')::bigint, j.content_type,"
    " CASE WHEN t.is_dead THEN t.work_partition::text"
    "  WHEN t.kind = 'dead.letter' THEN coalesce(c.work_partition::text, '') END,"
    " CASE WHEN t.is_dead THEN t.work_offset::text"
    "  WHEN t.kind = 'dead.letter' THEN coalesce(c.work_offset::text, '') END,"
    " CASE WHEN t.is_dead THEN 'crashed'"
    "  WHEN t.kind = 'dead.letter' THEN coalesce(c.error->>'type', '') END,"
    " " TASK_PAYLOAD " FROM tasks t JOIN jobs j ON j.id = t.job_id"
    " LEFT JOIN chunks c ON c.job_id = t.job_id AND c.chunk_index = t.chunk_index"
    " WHERE t.state = 'scheduled' AND t.due_at <= now() AND j.home_partition = ANY ($1::int[]) AND "
    "t.id <> ALL ($2::bigint[])"
    " ORDER BY t.due_at LIMIT " DIGITS_OF(STORE_DUE_TASKS_MAX)};

static const struct store_statement NEXT_DUE = {
    "next_due", "SELECT greatest(0, extract(epoch FROM t.due_at - now()) * 1000000)::bigint"
                " FROM tasks t JOIN jobs j ON j.id = t.job_id"
                " WHERE t.state = 'scheduled' AND j.home_partition = ANY ($1::int[])"
                " ORDER BY t.due_at LIMIT 1"};

/* Those that are answered stay until they are; one that was answered already, or is scheduled for
 * its next attempt by now, is left alone. */
static const struct store_statement FINISH_TASKS = {
    "finish_tasks",
    "WITH published AS (SELECT * FROM unnest($1::bigint[], $2::int[], $3::bool[], $4::int[],"
    "  $5::bigint[]) AS u (id, attempt, is_answered, partition, work_offset)),"
    " awaited AS (UPDATE tasks t SET state = 'published', published_at = now(),"
    "  work_partition = p.partition, work_offset = p.work_offset FROM published p"
    "  WHERE t.id = p.id AND t.attempt = p.attempt AND p.is_answered AND NOT t.is_dead),"
    " finished AS (DELETE FROM tasks t USING published p WHERE t.id = p.id AND NOT p.is_answered"
    "  RETURNING t.job_id, t.chunk_index, t.attempt, p.partition, p.work_offset)"
    " UPDATE chunks c SET work_partition = f.partition, work_offset = f.work_offset,"
    "  deferred_until = NULL FROM finished f"
    " WHERE c.job_id = f.job_id AND c.chunk_index = f.chunk_index AND c.attempt = f.attempt"
    "  AND f.partition IS NOT NULL"};

void store_send_tasks(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 6);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next) {
        for (size_t i = 0; i < job->tasks.count; i++) {
            const struct job_task *task = &job->tasks.items[i];

            sql_rows_text(&rows, job->id.text);
            sql_rows_natural(&rows, task->chunk_index);
            sql_rows_text(&rows, task_kind(task->kind)->name);
            sql_rows_int(&rows, task->attempt);
            sql_rows_int(&rows, task->due_in_us);
            sql_rows_text(&rows, task->payload);
        }
    }
    if (rows.row_count > 0)
        store_send_rows(store, &INSERT_TASKS, &rows, NULL);
}

static void add_news(struct sql_rows *rows, const struct job *job, const struct chunk *chunk,
                     bool is_parked)
{
    sql_rows_text(rows, job->id.text);
    sql_rows_int(rows, chunk->index);
    sql_rows_bool(rows, is_parked);
}

void store_send_ready(struct store *store, const struct job *jobs, PGresult **ret_result)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 3);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        for (const struct chunk *chunk = job->chunks; chunk != NULL; chunk = chunk->hh.next) {
            if (chunk->now_uploaded)
                add_news(&rows, job, chunk, false);
            if (chunk->now_parked)
                add_news(&rows, job, chunk, true);
        }
    if (rows.row_count > 0)
        store_send_rows(store, &WAKE_READY, &rows, ret_result);
}

/* Publishing */

void store_task_done(struct store_task *task)
{
    free(task->work.options.language);
    free(task->work.options.prompt);
    free(task->payload);
    free(task->letter_partition);
    free(task->letter_offset);
    free(task->letter_reason);
}

static void copy_id(struct id *ret_id, const char *text)
{
    (void)snprintf(ret_id->text, sizeof ret_id->text, "%s", text);
}

static void take_task(const PGresult *result, int row, struct store_task *ret_task)
{
    struct event_work *work = &ret_task->work;

    ret_task->id = store_int(result, row, D_ID);
    ret_task->skipped_id = store_int_or(result, row, D_SKIPPED, -1);
    if (ret_task->skipped_id >= 0)
        (void)snprintf(ret_task->skipped_kind, sizeof ret_task->skipped_kind, "%s",
                       store_text(result, row, D_SKIPPED_KIND));
    ret_task->is_dead = store_bool(result, row, D_IS_DEAD);
    bool is_known = task_kind_parse(store_text(result, row, D_KIND), &ret_task->kind);
    assert(is_known);
    (void)is_known; /* the column's CHECK says so */
    ret_task->is_void = store_bool(result, row, D_IS_VOID);
    copy_id(&ret_task->job, store_text(result, row, D_JOB));
    ret_task->chunk_index = (int32_t)store_int_or(result, row, D_CHUNK, -1);
    ret_task->attempt = (int32_t)store_int(result, row, D_ATTEMPT);
    work->layout = store_layout(result, row, D_TOTAL_SIZE);
    (void)snprintf(work->extension, sizeof work->extension, "%s",
                   store_text(result, row, D_EXTENSION));
    work->resync_from = store_int_or(result, row, D_RESYNC_FROM, 0);
    work->stored_from = store_int_or(result, row, D_STORED_FROM, 0);
    work->stored_to = store_int_or(result, row, D_STORED_TO, 0);
    work->options.language = mem_copy_string(store_text(result, row, D_LANGUAGE));
    work->options.prompt = mem_copy_string(store_text(result, row, D_PROMPT));
    work->options.use_llm = store_bool(result, row, D_USE_LLM);
    (void)snprintf(work->options.content_type, sizeof work->options.content_type, "%s",
                   store_text(result, row, D_CONTENT_TYPE));
    ret_task->payload = mem_copy_string(store_text(result, row, D_PAYLOAD));
    ret_task->letter_partition = mem_copy_string(store_text(result, row, D_LETTER_PARTITION));
    ret_task->letter_offset = mem_copy_string(store_text(result, row, D_LETTER_OFFSET));
    ret_task->letter_reason = mem_copy_string(store_text(result, row, D_LETTER_REASON));
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
