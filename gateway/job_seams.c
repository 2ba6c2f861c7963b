/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/job_seams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The job's own row first, so that a job without seams is told from none; one seam more than asked
 * for, which says where the next page begins. */
static const char SEAMS_SQL[] =
    "WITH job AS (SELECT id FROM jobs WHERE id = $1) "
    "SELECT -1 AS chunk_index, NULL AS choice FROM job UNION ALL "
    "(SELECT s.chunk_index, s.choice::text FROM job JOIN seams s ON s.job_id = job.id"
    " WHERE s.chunk_index >= $2 ORDER BY s.chunk_index LIMIT $3::int + 1) ORDER BY 1";

void job_seams_read(struct pg *pg, const char *job_id, struct job_seams_page page,
                    pg_on_result on_result, void *context)
{
    char from[16], limit[16];

    (void)snprintf(from, sizeof from, "%" PRId32, page.from);
    (void)snprintf(limit, sizeof limit, "%" PRId32, page.limit);
    struct pg_params params = {.count = 3, .values = {job_id, from, limit}};
    pg_query(pg, "job_seams", SEAMS_SQL, &params, on_result, context);
}

bool job_seams_format(const PGresult *result, const char *job_id, struct job_seams_page page,
                      struct buf *ret_json)
{
    int rows = PQntuples(result);

    if (rows == 0)
        return false;
    buf_append_format(ret_json, "{\"parent_job_id\":\"%s\",\"seams\":[", job_id);
    for (int row = 1; row < rows && row <= page.limit; row++) {
        /* The record is an object: its members follow the index. */
        buf_append_format(ret_json, "%s{\"chunk_index\":%s,%s", row == 1 ? "" : ",",
                          PQgetvalue(result, row, 0), PQgetvalue(result, row, 1) + 1);
    }
    buf_append_format(ret_json,
                      "],\"seams_from\":%" PRId32 ",\"seams_limit\":%" PRId32
                      ",\"next_seams_from\":%s}",
                      page.from, page.limit,
                      rows > page.limit + 1 ? PQgetvalue(result, page.limit + 1, 0) : "null");
    return true;
}
