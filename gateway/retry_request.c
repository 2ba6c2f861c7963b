/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/retry_request.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/jsonread.h"
#include "common/mem.h"
#include "gateway/request_fields.h"

static const char *const FIELDS[] = {"parent_job_id", "chunk_indices", NULL};

void retry_request_done(struct retry_request *request)
{
    free(request->indices);
    *request = (struct retry_request){0};
}

static bool refuse_indices(struct refusal *refusal)
{
    return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, "chunk_indices", 0,
                             CHUNK_COUNT_MAX - 1,
                             "chunk_indices must be a list of 1 to %d integers from 0 to %d",
                             CHUNK_COUNT_MAX, CHUNK_COUNT_MAX - 1);
}

static bool read_index(const struct json_object *member, int32_t *ret_index,
                       struct refusal *refusal)
{
    int64_t value;

    if (!request_fields_integer(member, &value) || value < 0 || value >= CHUNK_COUNT_MAX)
        return refuse_indices(refusal);
    *ret_index = (int32_t)value;
    return true;
}

static bool read_indices(const struct json_object *object, struct retry_request *request,
                         struct refusal *refusal)
{
    struct json_object *list = jsonread_member(object, "chunk_indices");

    if (list == NULL)
        return true;
    if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0 ||
        json_object_array_length(list) > CHUNK_COUNT_MAX)
        return refuse_indices(refusal);
    request->count = json_object_array_length(list);
    request->indices = mem_array(request->count, sizeof *request->indices);
    for (size_t i = 0; i < request->count; i++)
        if (!read_index(json_object_array_get_idx(list, i), &request->indices[i], refusal))
            return false;
    return true;
}

bool retry_request_parse(const char *body, size_t length, struct retry_request *ret_request,
                         struct refusal *refusal)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct retry_request request = {0};

    if (!request_fields_parse(body, length, FIELDS, &object, refusal) ||
        !request_fields_job(object, &request.job, refusal) ||
        !read_indices(object, &request, refusal)) {
        retry_request_done(&request);
        return false;
    }
    *ret_request = request;
    return true;
}

bool retry_request_fits(const struct retry_request *request, const struct chunk_layout *layout,
                        struct refusal *refusal)
{
    for (size_t i = 0; i < request->count; i++)
        if (request->indices[i] >= layout->total_chunks)
            return refusal_set_range(refusal, PROBLEM_CHUNK_INDEX_OUT_OF_RANGE, "chunk_indices", 0,
                                     layout->total_chunks - 1,
                                     "the job has %" PRId32
                                     " chunks: chunk_indices must be from 0 to %" PRId32,
                                     layout->total_chunks, layout->total_chunks - 1);
    return true;
}

bool retry_request_wants(const struct retry_request *request, int32_t chunk_index)
{
    for (size_t i = 0; i < request->count; i++)
        if (request->indices[i] == chunk_index)
            return true;
    return request->indices == NULL;
}
