/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upload_put.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/attrs.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pool.h"
#include "gateway/http_request.h"
#include "gateway/problem.h"
#include "gateway/refusal.h"
#include "gateway/upload_file.h"

#define SHA256_BYTES 32
#define MD5_BYTES 16
/* Hexadecimal, two quotes and the NUL. */
#define ETAG_BYTES (2 * SHA256_BYTES + 3)

struct upload_put {
    struct pool *pool; /* borrowed */
    struct upload_put_stats stats;
    char *scratch; /* owned; to compare with, as large as the largest part of a body so far */
    size_t scratch_bytes;
};

/* A checksum that the client sent, or that the ETag needs. */
struct digest {
    EVP_MD_CTX *context; /* owned; NULL if it is not wanted */
    unsigned char expected[SHA256_BYTES];
    size_t length;
    bool is_expected;
};

struct upload {
    struct upload_put *uploads;
    struct http_request *request;
    struct upload_file file;
    bool is_stored_before; /* compared with what is there, not written */
    uint64_t received;
    struct digest sha256;
    struct digest md5;
    char etag[ETAG_BYTES];
    enum upload_commit commit; /* the pool's result */
    struct err err;
};

struct upload_put *upload_put_new(struct pool *pool)
{
    struct upload_put *uploads = mem_new(sizeof *uploads);
    uploads->pool = pool;
    return uploads;
}

const struct upload_put_stats *upload_put_stats(const struct upload_put *uploads)
{
    return &uploads->stats;
}

void upload_put_free(struct upload_put *uploads)
{
    if (uploads == NULL)
        return;
    assert(uploads->stats.active == 0 && "the pool is through before");
    free(uploads->scratch);
    free(uploads);
}

/* --- checksums --- */

/* Standard base64 of exactly `length` bytes. */
static bool decode_base64(const char *text, unsigned char *bytes, size_t length)
{
    unsigned char decoded[SHA256_BYTES + 4];
    size_t encoded_length = (length + 2) / 3 * 4;
    if (strlen(text) != encoded_length)
        return false;
    if (EVP_DecodeBlock(decoded, (const unsigned char *)text, (int)encoded_length) < (int)length)
        return false;
    size_t padding = (3 - length % 3) % 3;
    if (strspn(text + encoded_length - padding, "=") != padding ||
        (padding < 2 && text[encoded_length - padding - 1] == '='))
        return false;
    memcpy(bytes, decoded, length);
    return true;
}

/* False if `expected` is no checksum of this length. */
static bool start_digest(struct digest *digest, const EVP_MD *type, size_t length,
                         const char *expected)
{
    digest->length = length;
    digest->is_expected = expected != NULL;
    if (expected != NULL && !decode_base64(expected, digest->expected, length))
        return false;
    digest->context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(digest->context, type, NULL);
    return true;
}

static void update_digest(struct digest *digest, const void *data, size_t length)
{
    if (digest->context != NULL)
        EVP_DigestUpdate(digest->context, data, length);
}

/* False if the bytes are not those that were announced. */
static bool finish_digest(struct digest *digest, unsigned char *ret_bytes)
{
    if (digest->context == NULL)
        return true;
    EVP_DigestFinal_ex(digest->context, ret_bytes, NULL);
    return !digest->is_expected || CRYPTO_memcmp(ret_bytes, digest->expected, digest->length) == 0;
}

static void format_etag(const unsigned char *sha256, char *etag)
{
    char *at = etag;
    *at++ = '"';
    for (size_t i = 0; i < SHA256_BYTES; i++)
        at += sprintf(at, "%02x", sha256[i]);
    *at++ = '"';
    *at = '\0';
}

/* --- ends --- */

static void free_upload(struct upload *upload)
{
    EVP_MD_CTX_free(upload->sha256.context);
    EVP_MD_CTX_free(upload->md5.context);
    upload->uploads->stats.active--;
    free(upload);
}

static void discard_file(void *context)
{
    struct upload *upload = context;
    upload_file_discard(&upload->file);
}

static void on_discarded(void *context)
{
    free_upload(context);
}

/* Deleting a large file takes its time, so the pool does it. */
static void give_up(struct upload *upload)
{
    pool_submit(upload->uploads->pool, discard_file, on_discarded, upload);
}

static struct problem storage_problem(const struct err *err)
{
    bool is_full = err->code == ENOSPC || err->code == EDQUOT || err->code == EFBIG;
    return (struct problem){.type = is_full ? PROBLEM_STORAGE_FULL : PROBLEM_STORAGE_FAILED,
                            .retry_after_s = is_full ? 60 : 5};
}

static void respond_failed(struct upload_put *uploads, struct http_request *take_request,
                           const struct err *err)
{
    const struct problem problem = storage_problem(err);
    uploads->stats.failed++;
    log_error("upload_failed", "the client was told to try again later",
              LOG_STR("request_id", http_request_id(take_request)), LOG_ERR(err));
    http_respond_problem(take_request, &problem);
}

static void respond_conflict(struct upload_put *uploads, struct http_request *take_request)
{
    uploads->stats.conflicts++;
    http_respond_problem(take_request,
                         &(struct problem){.type = PROBLEM_CHUNK_CONFLICT,
                                           .detail = "a chunk is written once; other bytes are "
                                                     "already stored under this URL"});
}

static void respond_stored(struct upload *upload)
{
    const struct http_header headers[] = {{"ETag", upload->etag}};
    http_respond(upload->request,
                 &(struct http_reply){.status = 200, .headers = headers, .header_count = 1});
}

static void commit_file(void *context)
{
    struct upload *upload = context;
    upload->commit = upload_file_commit(&upload->file, &upload->err);
}

static void on_committed(void *context)
{
    struct upload *upload = context;
    struct upload_put *uploads = upload->uploads;
    switch (upload->commit) {
    case UPLOAD_COMMIT_STORED:
    case UPLOAD_COMMIT_SAME:
        uploads->stats.stored += upload->commit == UPLOAD_COMMIT_STORED;
        uploads->stats.repeated += upload->commit == UPLOAD_COMMIT_SAME;
        respond_stored(upload);
        break;
    case UPLOAD_COMMIT_CONFLICT:
        respond_conflict(uploads, upload->request);
        break;
    case UPLOAD_COMMIT_FAILED:
        respond_failed(uploads, upload->request, &upload->err);
        break;
    }
    free_upload(upload);
}

/* --- the body --- */

static void *scratch_for(struct upload_put *uploads, size_t length)
{
    if (length > uploads->scratch_bytes) {
        uploads->scratch = mem_resize(uploads->scratch, length, 1);
        uploads->scratch_bytes = length;
    }
    return uploads->scratch;
}

/* Compares or writes; false after the request was answered. */
static bool take_part(struct upload *upload, const void *data, size_t length)
{
    struct upload_put *uploads = upload->uploads;
    if (upload->is_stored_before) {
        if (upload_file_is_same(&upload->file, upload->received, data, length,
                                scratch_for(uploads, length)))
            return true;
        respond_conflict(uploads, upload->request);
        return false;
    }
    if (upload_file_append(&upload->file, data, length, &upload->err))
        return true;
    respond_failed(uploads, upload->request, &upload->err);
    return false;
}

static bool on_data(void *context, const void *data, size_t length)
{
    struct upload *upload = context;
    if (!take_part(upload, data, length)) {
        give_up(upload);
        return false;
    }
    upload->received += length;
    upload->uploads->stats.bytes += length;
    update_digest(&upload->sha256, data, length);
    update_digest(&upload->md5, data, length);
    return true;
}

static void on_end(void *context)
{
    struct upload *upload = context;
    unsigned char sha256[SHA256_BYTES] = {0}, md5[MD5_BYTES] = {0};
    bool is_sha256_right = finish_digest(&upload->sha256, sha256);
    bool is_md5_right = finish_digest(&upload->md5, md5);
    if (!is_sha256_right || !is_md5_right) {
        http_respond_problem(
            upload->request,
            &(struct problem){.type = PROBLEM_CHECKSUM_MISMATCH,
                              .field = is_md5_right ? "x-amz-checksum-sha256" : "Content-MD5"});
        give_up(upload);
        return;
    }
    format_etag(sha256, upload->etag);
    pool_submit(upload->uploads->pool, commit_file, on_committed, upload);
}

/* Once everything has arrived the pool finishes its work whether or not anybody waits for the
 * answer: on_committed releases the request. */
static void on_abort(void *context)
{
    struct upload *upload = context;
    if (upload->etag[0] != '\0')
        return;
    upload->uploads->stats.aborted++;
    http_request_drop(upload->request);
    give_up(upload);
}

static const struct http_sink SINK = {on_data, on_end, on_abort};

/* --- the start --- */

static bool start_digests(struct upload *upload, struct problem *problem)
{
    struct http_request *request = upload->request;
    const char *md5 = http_request_header(request, "Content-MD5");
    const char *sha256 = http_request_header(request, "x-amz-checksum-sha256");
    *problem = (struct problem){.type = PROBLEM_INVALID_FIELD,
                                .detail = "the checksum must be the base64 of its bytes",
                                .field = "x-amz-checksum-sha256"};
    if (!start_digest(&upload->sha256, EVP_sha256(), SHA256_BYTES, sha256))
        return false;
    problem->field = "Content-MD5";
    return md5 == NULL || start_digest(&upload->md5, EVP_md5(), MD5_BYTES, md5);
}

static bool check_length(const struct http_request *request, const struct upload_target *target,
                         struct refusal *refusal)
{
    int64_t size = (int64_t)target->size_bytes;
    uint64_t length;

    if (!http_request_content_length(request, &length))
        return refusal_set(refusal, PROBLEM_LENGTH_REQUIRED, "Content-Length",
                           "Content-Length is required");
    if (length != target->size_bytes)
        return refusal_set_range(refusal, PROBLEM_SIZE_MISMATCH, "Content-Length", size, size,
                                 "the upload URL is signed for %" PRId64 " bytes, not %" PRIu64,
                                 size, length);
    return true;
}

static struct upload *new_upload(struct upload_put *uploads, struct http_request *request)
{
    struct upload *upload = mem_new(sizeof *upload);
    upload->uploads = uploads;
    upload->request = request;
    upload->file.fd = -1;
    uploads->stats.active++;
    return upload;
}

void upload_put_start(struct upload_put *uploads, struct http_request *take_request,
                      const struct upload_target *target)
{
    struct refusal refusal;
    struct upload *upload = new_upload(uploads, take_request);
    if (!check_length(take_request, target, &refusal) || !start_digests(upload, &refusal.problem)) {
        http_respond_problem(take_request, &refusal.problem);
        free_upload(upload);
        return;
    }
    switch (upload_file_open(target->path, target->size_bytes, &upload->file, &upload->err)) {
    case UPLOAD_OPENING_NEW:
        http_request_take_body(take_request, &SINK, upload);
        break;
    case UPLOAD_OPENING_STORED:
        upload->is_stored_before = true;
        http_request_take_body(take_request, &SINK, upload);
        break;
    case UPLOAD_OPENING_OTHER:
        respond_conflict(uploads, take_request);
        free_upload(upload);
        break;
    case UPLOAD_OPENING_FAILED:
        respond_failed(uploads, take_request, &upload->err);
        free_upload(upload);
        break;
    }
}
