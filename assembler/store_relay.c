/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/store_relay.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/fault_point.h"
#include "common/mem.h"

static const struct store_statement OPEN_JOBS = {
    "open_jobs", "SELECT j.id, j.relayed_seq, j.last_seq,"
                 " coalesce(c.status IN ('done', 'failed'), false)"
                 "  AND j.status IN ('uploading', 'processing', 'assembling')"
                 "  OR j.status = 'assembling' AND j.post_process = 'over'"
                 " FROM jobs j LEFT JOIN chunks c ON c.job_id = j.id"
                 "  AND c.chunk_index = j.frontier"
                 " WHERE j.is_open AND j.home_partition = $1::int"};

static const struct store_statement EVENTS_AFTER = {
    "events_after", "SELECT e.job_id, e.seq, e.type, e.data"
                    " FROM unnest($1::uuid[], $2::bigint[]) AS b (job_id, seq)"
                    " CROSS JOIN LATERAL (SELECT * FROM job_events n WHERE n.job_id = b.job_id"
                    "  AND n.seq > b.seq ORDER BY n.seq LIMIT 64) e ORDER BY e.job_id, e.seq"};

static const struct store_statement WRITE_RELAYED = {
    "write_relayed",
    "UPDATE jobs j SET relayed_seq = greatest(j.relayed_seq, u.seq), is_open = j.is_open AND NOT"
    "  (j.status NOT IN ('uploading', 'processing', 'assembling') AND j.last_seq <= u.seq)"
    " FROM unnest($1::uuid[], $2::bigint[]) AS u (id, seq) WHERE j.id = u.id"};

bool store_open_jobs(struct store *store, int32_t home_partition, struct store_open_job **ret_jobs,
                     size_t *ret_count, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    char number[16];
    const char *const values[] = {number};

    (void)snprintf(number, sizeof number, "%" PRId32, home_partition);
    store_send(store, &OPEN_JOBS, 1, values, &result);
    if (!store_run(store, err))
        return false;
    *ret_count = (size_t)PQntuples(result);
    *ret_jobs = mem_array(*ret_count, sizeof **ret_jobs);
    for (size_t i = 0; i < *ret_count; i++) {
        struct store_open_job *job = &(*ret_jobs)[i];

        (void)snprintf(job->id.text, sizeof job->id.text, "%s", store_text(result, (int)i, 0));
        job->relayed_seq = store_int(result, (int)i, 1);
        job->last_seq = store_int(result, (int)i, 2);
        job->can_move = store_bool(result, (int)i, 3);
    }
    return true;
}

bool store_events_after(struct store *store, struct sql_rows *rows, PGresult **ret_events,
                        struct err *err)
{
    store_send_rows(store, &EVENTS_AFTER, rows, ret_events);
    return store_run(store, err);
}

bool store_write_relayed(struct store *store, struct sql_rows *rows, struct err *err)
{
    if (fault_point(FAULT_RELAY_WRITE, NULL))
        return store_lose(store, err);
    store_send_rows(store, &WRITE_RELAYED, rows, NULL);
    return store_run(store, err);
}
