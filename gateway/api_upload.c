/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUT of a chunk to its signed URL: all checks before a byte of the body is read. The last is
 * whether the job still takes chunks. While PostgreSQL is away nobody knows, and the chunk is
 * taken: storing needs no database, and what is stored of a job that has ended goes with the job.
 */
#include "common/blob_file.h"
#include "common/chunk_layout.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pg.h"
#include "common/sign.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
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

struct uploading {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    struct id job;
    char *key; /* owned */
    int64_t size_bytes;
};

static void done(struct uploading *uploading)
{
    free(uploading->key);
    free(uploading);
}

static void store(struct uploading *uploading)
{
    CLEANUP(mem_free_at) char *path = blob_file_path(uploading->gateway->blobs, uploading->key);

    upload_put_start(
        uploading->gateway->uploads, uploading->request,
        &(struct upload_target){.path = path, .size_bytes = (uint64_t)uploading->size_bytes});
    done(uploading);
}

/* A chunk that is stored already is compared with what is there, which changes nothing. */
static bool is_stored(const struct uploading *uploading)
{
    int64_t size_bytes;
    struct err err;

    return blob_file_stat(uploading->gateway->blobs, uploading->key, &size_bytes, &err) ==
           BLOB_PRESENT;
}

static void refuse_late(struct uploading *uploading, const char *status)
{
    struct refusal refusal;

    refusal_set(&refusal, PROBLEM_JOB_STATE_CONFLICT, "parent_job_id",
                "the job has ended as %s and takes no more chunks", status);
    http_respond_problem(uploading->request, &refusal.problem);
    done(uploading);
}

static void on_status(void *context, PGresult *result, const struct err *err)
{
    struct uploading *uploading = context;
    struct jobs_status status;

    if (result == NULL) {
        log_warn("upload_unchecked", "taken without knowing whether the job has ended",
                 LOG_STR("job", uploading->job.text), LOG_ERR(err));
        store(uploading);
    } else if (!jobs_decode_status(result, &status)) {
        api_unknown_job(uploading->request, uploading->job.text);
        done(uploading);
    } else if (status.is_terminal && !is_stored(uploading)) {
        refuse_late(uploading, status.status);
    } else {
        store(uploading);
    }
}

static void check_job(const struct uploading *asked)
{
    struct uploading *uploading = mem_new(sizeof *uploading);

    *uploading = *asked;
    if (pg_is_up(uploading->gateway->pg))
        jobs_read_status(uploading->gateway->pg, uploading->job.text, on_status, uploading);
    else
        store(uploading);
}

void api_upload(struct http_request *take_request, void *context)
{
    struct uploading asked = {.gateway = context, .request = take_request};
    const char *extension;
    int32_t chunk_index = 0;
    CLEANUP(mem_free_at) char *key = mem_format("uploads/%s", http_request_capture(take_request));

    struct sign_claim claim = {
        .method = http_method_name(http_request_method(take_request)),
        .object_key = key,
        .expires = http_request_query(take_request, "expires"),
        .size = http_request_query(take_request, "size"),
        .key_id = http_request_query(take_request, "key"),
        .signature = http_request_query(take_request, "signature"),
    };
    enum sign_verdict verdict = sign_verify_upload(asked.gateway->keys, &claim,
                                                   clock_wall_us() / 1000000, &asked.size_bytes);
    if (verdict != SIGN_VALID ||
        !chunk_object_key_parse(key, &asked.job, &chunk_index, &extension)) {
        refuse(take_request, verdict);
        return;
    }
    asked.key = TAKE(key);
    check_job(&asked);
}
