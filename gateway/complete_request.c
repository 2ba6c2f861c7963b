/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/complete_request.h"

#include <inttypes.h>

#include "common/jsonread.h"
#include "gateway/request_fields.h"

static const char *const FIELDS[] = {"parent_job_id", "chunk_index", "actual_size", NULL};

bool complete_request_parse(const char *body, size_t length, struct complete_request *ret_request,
                            struct refusal *refusal)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct complete_request request = {0};
    int64_t chunk_index = 0;

    if (!request_fields_parse(body, length, FIELDS, &object, refusal) ||
        !request_fields_job(object, &request.job, refusal) ||
        !request_fields_int(
            object, "chunk_index",
            (struct field_bounds){0, CHUNK_COUNT_MAX - 1, PROBLEM_CHUNK_INDEX_OUT_OF_RANGE},
            &chunk_index, refusal) ||
        !request_fields_int(object, "actual_size",
                            (struct field_bounds){1, INT64_MAX, PROBLEM_INVALID_FIELD},
                            &request.actual_size, refusal))
        return false;
    request.chunk_index = (int32_t)chunk_index;
    *ret_request = request;
    return true;
}

bool complete_request_fits(const struct complete_request *request,
                           const struct chunk_layout *layout, struct refusal *refusal)
{
    if (request->chunk_index >= layout->total_chunks)
        return refusal_set_range(
            refusal, PROBLEM_CHUNK_INDEX_OUT_OF_RANGE, "chunk_index", 0, layout->total_chunks - 1,
            "the job has %" PRId32 " chunks: chunk_index must be from 0 to %" PRId32,
            layout->total_chunks, layout->total_chunks - 1);
    int64_t expected = chunk_layout_size(layout, request->chunk_index);
    if (request->actual_size != expected)
        return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, "actual_size", expected, expected,
                                 "chunk %" PRId32 " has %" PRId64 " bytes, not %" PRId64,
                                 request->chunk_index, expected, request->actual_size);
    return true;
}
