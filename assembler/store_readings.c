/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "assembler/store_jobs.h"
#include "common/mem.h"

static const struct store_statement LOAD_READINGS = {
    "load_readings",
    "SELECT r.job_id, r.chunk_index, r.reading::text"
    " FROM unnest($1::uuid[], $2::int[]) AS w (job_id, chunk_index)"
    " JOIN chunk_readings r ON r.job_id = w.job_id AND r.chunk_index = w.chunk_index"};

static bool needs_reading(const struct chunk *chunk)
{
    return chunk->status == CHUNK_DONE && chunk->reading == NULL;
}

/* Adds the readings that the walk from the job's frontier will need, while there is budget. */
static void wish_readings(const struct job *job, struct sql_rows *rows, int64_t *budget_bytes)
{
    for (int32_t index = job->frontier - 1;; index++) {
        const struct chunk *chunk = index < 0 ? NULL : job_chunk(job, index);

        if (index >= 0 && (chunk == NULL || !chunk_is_terminal(chunk)))
            return;
        if (chunk == NULL || !needs_reading(chunk))
            continue;
        if (*budget_bytes <= 0)
            return;
        *budget_bytes -= chunk->reading_bytes;
        sql_rows_text(rows, job->id.text);
        sql_rows_int(rows, index);
    }
}

static bool can_move(const struct job *job)
{
    const struct chunk *chunk = job_chunk(job, job->frontier);

    return !job_is_terminal(job) && chunk != NULL && chunk_is_terminal(chunk);
}

bool store_take_reading(const char *json, const struct job *job, struct chunk *chunk,
                        struct err *err)
{
    struct reading reading;

    if (!event_decode_reading(json, strlen(json), &reading, err))
        return err_wrap(err, "stored reading of %s, chunk %d", job->id.text, chunk->index);
    chunk->loaded_reading = mem_new(sizeof reading);
    *chunk->loaded_reading = reading;
    chunk->reading = chunk->loaded_reading;
    return true;
}

static bool take_row(const PGresult *result, int row, struct job *jobs, struct err *err)
{
    struct job *job = job_find(jobs, store_text(result, row, 0));
    struct chunk *chunk = job_chunk(job, (int32_t)store_int(result, row, 1));

    return store_take_reading(store_text(result, row, 2), job, chunk, err);
}

bool store_load_readings(struct store *store, struct job *jobs, int64_t limit_bytes,
                         struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;
    CLEANUP(store_clear_at) PGresult *result = NULL;
    int64_t budget_bytes = limit_bytes;

    sql_rows_init(&rows, 2);
    for (const struct job *job = jobs; job != NULL; job = job->hh.next)
        if (can_move(job))
            wish_readings(job, &rows, &budget_bytes);
    if (rows.row_count == 0)
        return true;
    store_send_rows(store, &LOAD_READINGS, &rows, &result);
    if (!store_run(store, err))
        return false;
    for (int row = 0; row < PQntuples(result); row++)
        if (!take_row(result, row, jobs, err))
            return false;
    return true;
}
