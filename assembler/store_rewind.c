/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "assembler/store_jobs.h"
#include "common/mem.h"

static const struct store_statement DROP_PARTS = {
    "drop_parts",
    "DELETE FROM transcript_parts WHERE job_id = $1::uuid AND chunk_index >= $2::int"};

static const struct store_statement LOAD_PREFIX = {
    "load_prefix", "SELECT count(*) FILTER (WHERE NOT is_gap), coalesce(sum(octet_length(raw)), 0),"
                   " coalesce(string_agg(coalesce(corrected, raw), '' ORDER BY chunk_index), '')"
                   " FROM transcript_parts WHERE job_id = $1::uuid AND chunk_index < $2::int"};

static const struct store_statement LOAD_COVERED = {
    "load_covered", "SELECT ARRAY[coalesce(sum(covered[1]), 0), coalesce(sum(covered[2]), 0),"
                    " coalesce(sum(covered[3]), 0), coalesce(sum(covered[4]), 0)]"
                    " FROM chunks WHERE job_id = $1::uuid AND chunk_index < $2::int"};

bool store_drop_parts(struct store *store, const char *job_id, int32_t from_chunk,
                      struct rewind_prefix *ret_prefix, char **ret_text, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *result = NULL;
    CLEANUP(store_clear_at) PGresult *covered = NULL;
    char index[16];
    const char *const values[] = {job_id, index};

    (void)snprintf(index, sizeof index, "%" PRId32, from_chunk);
    store_send(store, &DROP_PARTS, 2, values, NULL);
    store_send(store, &LOAD_PREFIX, 2, values, &result);
    store_send(store, &LOAD_COVERED, 2, values, &covered);
    if (!store_run(store, err))
        return false;
    ret_prefix->available_chunks = (int32_t)store_int(result, 0, 0);
    ret_prefix->transcript_bytes = store_int(result, 0, 1);
    ret_prefix->covered = store_covered(covered, 0, 0);
    *ret_text = mem_copy_string(store_text(result, 0, 2));
    return true;
}
