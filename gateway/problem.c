/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/problem.h"

#include <assert.h>
#include <json-c/json.h>
#include <stddef.h>

#include "common/attrs.h"

struct row {
    int status;
    const char *reference;
    const char *title;
};

static const struct row ROWS[] = {
    [PROBLEM_MALFORMED_REQUEST] = {400, "/problems/malformed-request",
                                   "The request is not valid HTTP"},
    [PROBLEM_HEADER_TOO_LARGE] = {431, "/problems/header-too-large",
                                  "The request's headers are too large"},
    [PROBLEM_METHOD_NOT_IMPLEMENTED] = {501, "/problems/method-not-implemented",
                                        "The method is not known here"},
    [PROBLEM_VERSION_NOT_SUPPORTED] = {505, "/problems/version-not-supported",
                                       "Only HTTP/1.1 and HTTP/1.0 are spoken here"},
    [PROBLEM_EXPECTATION_FAILED] = {417, "/problems/expectation-failed",
                                    "Only the expectation 100-continue is known"},
    [PROBLEM_REQUEST_TIMEOUT] = {408, "/problems/request-timeout", "The request came too slowly"},
    [PROBLEM_LENGTH_REQUIRED] = {411, "/problems/length-required",
                                 "The request needs a Content-Length"},
    [PROBLEM_BODY_TOO_LARGE] = {413, "/problems/body-too-large", "The request's body is too large"},
    [PROBLEM_BODY_NOT_ALLOWED] = {400, "/problems/body-not-allowed",
                                  "The request must not have a body"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "/problems/unsupported-media-type",
                                        "The body's type or coding is not supported"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "/problems/method-not-allowed",
                                    "The method is not allowed for this path"},
    [PROBLEM_NOT_FOUND] = {404, "/problems/not-found", "Nothing is here"},
    [PROBLEM_TOO_MANY_CONNECTIONS] = {429, "/problems/too-many-connections",
                                      "Too many connections from this address"},
    [PROBLEM_OVERLOADED] = {503, "/problems/overloaded", "The gateway is full at the moment"},
    [PROBLEM_HOST_NOT_ALLOWED] = {403, "/problems/host-not-allowed",
                                  "The gateway does not serve this host name"},
    [PROBLEM_ORIGIN_NOT_ALLOWED] = {403, "/problems/origin-not-allowed",
                                    "Pages of this origin are not allowed"},
    [PROBLEM_UNAUTHORIZED] = {401, "/problems/unauthorized", "A valid API key is needed"},
    [PROBLEM_FORBIDDEN] = {403, "/problems/forbidden", "This is not allowed"},
    [PROBLEM_SIGNATURE_INVALID] = {403, "/problems/signature-invalid",
                                   "The signed URL is not valid"},
    [PROBLEM_SIGNATURE_EXPIRED] = {403, "/problems/signature-expired",
                                   "The signed URL has expired"},
    [PROBLEM_TOO_MANY_REQUESTS] = {429, "/problems/too-many-requests", "Too many requests"},
    [PROBLEM_QUOTA_EXCEEDED] = {429, "/problems/quota-exceeded", "The quota is used up"},
    [PROBLEM_INVALID_JSON] = {400, "/problems/invalid-json", "The body is not valid JSON"},
    [PROBLEM_MISSING_FIELD] = {422, "/problems/missing-field", "A required field is missing"},
    [PROBLEM_UNKNOWN_FIELD] = {422, "/problems/unknown-field", "A field is not known"},
    [PROBLEM_INVALID_FIELD] = {422, "/problems/invalid-field", "A field has an invalid value"},
    [PROBLEM_TOTAL_SIZE_OUT_OF_RANGE] = {422, "/problems/total-size-out-of-range",
                                         "The file's size is out of range"},
    [PROBLEM_CHUNK_SIZE_OUT_OF_RANGE] = {422, "/problems/chunk-size-out-of-range",
                                         "The chunk size is out of range"},
    [PROBLEM_CHUNK_INDEX_OUT_OF_RANGE] = {422, "/problems/chunk-index-out-of-range",
                                          "The job has no chunk of this index"},
    [PROBLEM_LLM_NOT_CONFIGURED] = {422, "/problems/llm-not-configured",
                                    "No language model is configured here"},
    [PROBLEM_WEBHOOKS_NOT_CONFIGURED] = {422, "/problems/webhooks-not-configured",
                                         "Webhooks are not configured here"},
    [PROBLEM_DELIVERY_NOT_FOUND] = {404, "/problems/delivery-not-found",
                                    "The job has no such delivery"},
    [PROBLEM_JOB_NOT_FOUND] = {404, "/problems/job-not-found", "There is no such job"},
    [PROBLEM_JOB_STATE_CONFLICT] = {409, "/problems/job-state-conflict",
                                    "The job's state does not allow this"},
    [PROBLEM_IDEMPOTENCY_CONFLICT] = {422, "/problems/idempotency-conflict",
                                      "The idempotency key was used for another request"},
    [PROBLEM_CHUNK_NOT_STORED] = {409, "/problems/chunk-not-stored",
                                  "The chunk's bytes have not been uploaded"},
    [PROBLEM_SIZE_MISMATCH] = {400, "/problems/size-mismatch",
                               "The size is not the one that was agreed"},
    [PROBLEM_CHECKSUM_MISMATCH] = {400, "/problems/checksum-mismatch",
                                   "The bytes do not match their checksum"},
    [PROBLEM_CHUNK_CONFLICT] = {409, "/problems/chunk-conflict",
                                "Other bytes are already stored for this chunk"},
    [PROBLEM_AUDIO_GONE] = {410, "/problems/audio-gone", "The recording is not stored any more"},
    [PROBLEM_RANGE_NOT_SATISFIABLE] = {416, "/problems/range-not-satisfiable",
                                       "The recording has no such bytes"},
    [PROBLEM_STORAGE_FULL] = {507, "/problems/storage-full", "The blob store is full"},
    [PROBLEM_STORAGE_FAILED] = {503, "/problems/storage-failed",
                                "The blob store failed; try again"},
    [PROBLEM_QUEUE_UNAVAILABLE] = {503, "/problems/queue-unavailable",
                                   "The queue did not confirm in time; repeat the call"},
    [PROBLEM_DATABASE_UNAVAILABLE] = {503, "/problems/database-unavailable",
                                      "The database is away; repeat the call"},
    [PROBLEM_INTERNAL] = {500, "/problems/internal", "The gateway failed"},
};
static_assert(ARRAY_LEN(ROWS) == PROBLEM_TYPE_COUNT, "every problem has its row");

int problem_status(enum problem_type type)
{
    return ROWS[type].status;
}

static void add_string(struct json_object *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_object_add(object, name, json_object_new_string(value));
}

static struct json_object *make_list(const char *const *texts)
{
    struct json_object *list = json_object_new_array();
    for (; *texts != NULL; texts++)
        json_object_array_add(list, json_object_new_string(*texts));
    return list;
}

void problem_encode(const struct problem *problem, const char *request_id, struct buf *ret_json)
{
    const struct row *row = &ROWS[problem->type];
    struct json_object *object = json_object_new_object();
    add_string(object, "type", row->reference);
    add_string(object, "title", row->title);
    json_object_object_add(object, "status", json_object_new_int(row->status));
    add_string(object, "detail", problem->detail);
    add_string(object, "field", problem->field);
    if (problem->has_range) {
        json_object_object_add(object, "minimum", json_object_new_int64(problem->minimum));
        json_object_object_add(object, "maximum", json_object_new_int64(problem->maximum));
    }
    if (problem->allowed != NULL)
        json_object_object_add(object, "allowed", make_list(problem->allowed));
    add_string(object, "request_id", request_id);
    buf_append_string(ret_json,
                      json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
}
