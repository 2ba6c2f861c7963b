/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "assembler/store_tasks.h"
#include "common/mem.h"

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

static const struct store_statement FIND_LOST_TASKS = {
    "find_lost_tasks",
    "UPDATE tasks t SET state = 'scheduled', due_at = now()"
    " FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS passed (partition, below, top), jobs j"
    " WHERE t.state = 'published' AND t.work_partition = passed.partition"
    " AND (t.work_offset < passed.below OR t.work_offset >= passed.top)"
    " AND j.id = t.job_id AND j.home_partition = ANY ($4::int[])"
    " AND t.published_at < now() - $5::bigint * interval '1 microsecond' RETURNING t.id"};

/* The first condition on the status is the one of the index chunks_open. */
static const struct store_statement FIND_SILENT = {
    "find_silent", "SELECT c.job_id, c.chunk_index, c.attempt, j.home_partition FROM chunks c JOIN "
                   "jobs j ON j.id = c.job_id"
                   " WHERE c.status IN ('uploaded', 'processing') AND c.status = 'processing'"
                   " AND c.last_heard_at < now() - $2::bigint * interval '1 microsecond'"
                   " AND j.home_partition = ANY ($1::int[])"
                   " AND j.status IN ('uploading', 'processing', 'assembling') LIMIT 100"};

static bool find_lost(struct store *store, const struct store_statement *statement,
                      const struct store_passed *passed, int64_t *ret_count, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    const char *const *offsets = sql_rows_finish(passed->offsets);
    char after[24];
    const char *const values[] = {offsets[0], offsets[1], offsets[2],
                                  sql_rows_finish(passed->home_partitions)[0], after};

    (void)snprintf(after, sizeof after, "%" PRId64, passed->after_us);
    store_send(store, statement, ARRAY_LEN(values), values, &result);
    if (!store_run(store, err))
        return false;
    *ret_count = PQntuples(result);
    return true;
}

bool store_find_lost_work(struct store *store, const struct store_passed *passed,
                          int64_t *ret_count, struct err *err)
{
    return find_lost(store, &FIND_LOST, passed, ret_count, err);
}

bool store_find_lost_tasks(struct store *store, const struct store_passed *passed,
                           int64_t *ret_count, struct err *err)
{
    return find_lost(store, &FIND_LOST_TASKS, passed, ret_count, err);
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
        (void)snprintf((*ret_silent)[i].job.text, sizeof(*ret_silent)[i].job.text, "%s",
                       store_text(result, (int)i, 0));
        (*ret_silent)[i].chunk_index = (int32_t)store_int(result, (int)i, 1);
        (*ret_silent)[i].attempt = (int32_t)store_int(result, (int)i, 2);
        (*ret_silent)[i].home_partition = (int32_t)store_int(result, (int)i, 3);
    }
    return true;
}
