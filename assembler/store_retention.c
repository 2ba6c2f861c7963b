/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/store_retention.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/fault_point.h"
#include "common/mem.h"

static const struct store_statement FIND_IDLE = {
    "find_idle", "SELECT id, home_partition FROM jobs WHERE is_open AND status = 'uploading'"
                 " AND (home_partition = ANY ($1::int[]) OR home_partition IS NULL)"
                 " AND coalesce(upload_active_at, created_at)"
                 "  < now() - $2::bigint * interval '1 microsecond' LIMIT 500"};

/* Of a job that is reopened no piece is with a worker (LOCK_JOBS), but one after the first has
 * others before it that are done, and a second attempt may follow one that was half done: the blobs
 * count as deleted then, or chunks would wait for a header that never comes. */
static const struct store_statement KEEP_BLOBS = {
    "keep_blobs", "WITH kept AS (DELETE FROM tasks WHERE kind = 'blob.delete' AND NOT is_dead"
                  "  AND job_id = ANY ($1::uuid[]) RETURNING job_id,"
                  "   attempt > 1 OR (payload->>'from_chunk')::int > 0 AS begun)"
                  " UPDATE jobs SET blobs_deleted_at = now() WHERE id IN"
                  "  (SELECT job_id FROM kept WHERE begun)"};

static const struct store_statement PURGE_JOBS = {
    "purge_jobs", "WITH purged AS (DELETE FROM jobs WHERE id = ANY ($1::uuid[])"
                  "  RETURNING id, home_partition)"
                  " INSERT INTO purged_jobs (job_id, home_partition)"
                  " SELECT id, home_partition FROM purged ON CONFLICT DO NOTHING"};

static const struct store_statement NEXT_PURGED = {
    "next_purged", "SELECT job_id FROM purged_jobs WHERE home_partition = ANY ($1::int[])"
                   " ORDER BY purged_at LIMIT 1"};

#define PURGE_SOME(table)                                                                          \
    {                                                                                              \
        "purge_" table, "DELETE FROM " table " WHERE ctid = ANY (ARRAY("                           \
                        "SELECT ctid FROM " table " WHERE job_id = $1::uuid LIMIT 1000))"          \
    }

/* The tables that grow with a job's chunks. */
static const struct store_statement PURGES[] = {
    PURGE_SOME("chunks"), PURGE_SOME("chunk_readings"), PURGE_SOME("transcript_parts"),
    PURGE_SOME("seams"),  PURGE_SOME("job_events"),
};

static const struct store_statement FORGET_PURGED = {
    "forget_purged", "DELETE FROM purged_jobs WHERE job_id = $1::uuid"};

bool store_find_idle(struct store *store, struct sql_rows *home_partitions, int64_t after_us,
                     struct store_idle_job **ret_jobs, size_t *ret_count, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    char after[24];
    const char *const values[] = {sql_rows_finish(home_partitions)[0], after};

    (void)snprintf(after, sizeof after, "%" PRId64, after_us);
    store_send(store, &FIND_IDLE, ARRAY_LEN(values), values, &result);
    if (!store_run(store, err))
        return false;
    *ret_count = (size_t)PQntuples(result);
    *ret_jobs = mem_array(*ret_count, sizeof **ret_jobs);
    for (size_t i = 0; i < *ret_count; i++) {
        struct store_idle_job *job = &(*ret_jobs)[i];

        (void)snprintf(job->id.text, sizeof job->id.text, "%s", store_text(result, (int)i, 0));
        job->home_partition = (int32_t)store_int_or(result, (int)i, 1, -1);
    }
    return true;
}

void store_send_kept_blobs(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows ids;

    sql_rows_init(&ids, 1);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        if (job->keeps_blobs)
            sql_rows_text(&ids, job->id.text);
    if (ids.row_count > 0)
        store_send_rows(store, &KEEP_BLOBS, &ids, NULL);
}

void store_send_purges(struct store *store, const struct job *jobs)
{
    CLEANUP(sql_rows_done) struct sql_rows ids;

    sql_rows_init(&ids, 1);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        if (job->now_purged)
            sql_rows_text(&ids, job->id.text);
    if (ids.row_count > 0)
        store_send_rows(store, &PURGE_JOBS, &ids, NULL);
}

/* Batch by batch, each a transaction by itself. */
static bool purge_rows(struct store *store, const char *job_id, bool *ret_is_over, struct err *err)
{
    PGresult *results[ARRAY_LEN(PURGES)] = {NULL};
    const char *const values[] = {job_id};

    if (fault_point(FAULT_PURGE, NULL))
        return store_lose(store, err);
    for (size_t i = 0; i < ARRAY_LEN(PURGES); i++)
        store_send(store, &PURGES[i], ARRAY_LEN(values), values, &results[i]);
    if (!store_run(store, err))
        return false;
    *ret_is_over = true;
    for (size_t i = 0; i < ARRAY_LEN(PURGES); i++) {
        *ret_is_over = *ret_is_over && strcmp(PQcmdTuples(results[i]), "0") == 0;
        PQclear(results[i]);
    }
    return true;
}

bool store_purge_some(struct store *store, struct sql_rows *home_partitions,
                      struct store_purged *ret_purged, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *next = NULL;
    const char *const values[] = {ret_purged->job.text};

    *ret_purged = (struct store_purged){0};
    store_send_rows(store, &NEXT_PURGED, home_partitions, &next);
    if (!store_run(store, err))
        return false;
    if (PQntuples(next) == 0)
        return true;
    ret_purged->was_any = true;
    (void)snprintf(ret_purged->job.text, sizeof ret_purged->job.text, "%s", store_text(next, 0, 0));
    if (!purge_rows(store, ret_purged->job.text, &ret_purged->is_over, err))
        return false;
    if (!ret_purged->is_over)
        return true;
    store_send(store, &FORGET_PURGED, ARRAY_LEN(values), values, NULL);
    return store_run(store, err);
}
