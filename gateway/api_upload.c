/* SPDX-License-Identifier: Apache-2.0 */
/* PUT of a chunk to its signed URL: all checks before a byte of the body is read. */
#include "common/blob_file.h"
#include "common/chunk_layout.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/sign.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/upload_put.h"

static void refuse(struct http_request *take_request, enum sign_verdict verdict)
{
    struct refusal refusal;

    if (verdict == SIGN_EXPIRED)
        refusal_set(&refusal, PROBLEM_SIGNATURE_EXPIRED, "expires",
                    "the upload URL has expired: repeat /chunked-upload-stream with its "
                    "Idempotency-Key to get fresh ones");
    else
        refusal_set(&refusal, PROBLEM_SIGNATURE_INVALID, "signature",
                    "the upload URL is not one that this server signed");
    http_respond_problem(take_request, &refusal.problem);
}

static void store(struct gateway *gateway, struct http_request *take_request, const char *key,
                  int64_t size_bytes)
{
    CLEANUP(mem_free_at) char *path = blob_file_path(gateway->blobs, key);

    upload_put_start(gateway->uploads, take_request,
                     &(struct upload_target){.path = path, .size_bytes = (uint64_t)size_bytes});
}

void api_upload(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    const char *extension;
    struct id job;
    int32_t chunk_index = 0;
    int64_t size_bytes = 0;
    CLEANUP(mem_free_at) char *key = mem_format("uploads/%s", http_request_capture(take_request));

    struct sign_claim claim = {
        .method = http_method_name(http_request_method(take_request)),
        .object_key = key,
        .expires = http_request_query(take_request, "expires"),
        .size = http_request_query(take_request, "size"),
        .key_id = http_request_query(take_request, "key"),
        .signature = http_request_query(take_request, "signature"),
    };
    enum sign_verdict verdict =
        sign_verify_upload(gateway->keys, &claim, clock_wall_us() / 1000000, &size_bytes);
    if (verdict != SIGN_VALID || !chunk_object_key_parse(key, &job, &chunk_index, &extension))
        refuse(take_request, verdict);
    else
        store(gateway, take_request, key, size_bytes);
}
