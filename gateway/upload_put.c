/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/upload_put.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/attrs.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pool.h"
#include "gateway/http_request.h"
#include "gateway/problem.h"
#include "gateway/refusal.h"
#include "gateway/store_room.h"
#include "gateway/upload_digest.h"
#include "gateway/upload_file.h"

struct upload_put {
    struct pool *pool;       /* borrowed */
    struct store_room *room; /* borrowed */
    struct upload_put_stats stats;
    char *scratch; /* owned; to compare with, as large as the largest part of a body so far */
    size_t scratch_bytes;
};

struct upload {
    struct upload_put *uploads;
    struct http_request *request;
    struct upload_file file;
    int64_t room_bytes; /* taken until the end; 0: none */
    bool is_newly_stored;
    bool is_stored_before; /* compared with what is there, not written */
    uint64_t received;
    struct upload_digest sha256;
    struct upload_digest md5;

    /* Once everything has arrived: two pieces of work for the pool, at the same time. */
    unsigned pieces;           /* not done yet; 0 before the end of the body, too */
    enum upload_commit commit; /* one piece's result */
    struct err err;
    int hashed_fd; /* owned; the other's */
    bool is_hashed;
    char etag[UPLOAD_ETAG_BYTES];
};

struct upload_put *upload_put_new(struct pool *pool, struct store_room *room)
{
    struct upload_put *uploads = mem_new(sizeof *uploads);
    uploads->pool = pool;
    uploads->room = room;
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

/* --- ends --- */

static void free_upload(struct upload *upload)
{
    upload_digest_done(&upload->sha256);
    upload_digest_done(&upload->md5);
    store_room_give(upload->uploads->room, upload->room_bytes, upload->is_newly_stored);
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

/* Reads what was just written, and so is in memory: faster than hashing on the loop, which has
 * other uploads to receive, and over before the sync is. */
static void hash_file(void *context)
{
    struct upload *upload = context;
    upload->is_hashed = upload->hashed_fd >= 0 &&
                        upload_digest_etag(upload->hashed_fd, upload->received, upload->etag);
    if (upload->hashed_fd >= 0)
        (void)close(upload->hashed_fd);
}

static void answer(struct upload *upload)
{
    struct upload_put *uploads = upload->uploads;
    bool is_there = upload->commit == UPLOAD_COMMIT_STORED || upload->commit == UPLOAD_COMMIT_SAME;
    if (is_there && !upload->is_hashed) {
        (void)err_set(&upload->err, ERR_RETRY, "upload", EIO, "the blob cannot be read");
        upload->commit = UPLOAD_COMMIT_FAILED;
    }
    switch (upload->commit) {
    case UPLOAD_COMMIT_STORED:
    case UPLOAD_COMMIT_SAME:
        upload->is_newly_stored = upload->commit == UPLOAD_COMMIT_STORED;
        uploads->stats.stored += upload->is_newly_stored;
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

static void on_piece_done(void *context)
{
    struct upload *upload = context;
    if (--upload->pieces == 0)
        answer(upload);
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
    upload_digest_update(&upload->sha256, data, length);
    upload_digest_update(&upload->md5, data, length);
    return true;
}

static void finish(struct upload *upload)
{
    struct pool *pool = upload->uploads->pool;
    upload->hashed_fd = fcntl(upload->file.fd, F_DUPFD_CLOEXEC, 0);
    upload->pieces = 2;
    pool_submit(pool, commit_file, on_piece_done, upload);
    pool_submit(pool, hash_file, on_piece_done, upload);
}

static void on_end(void *context)
{
    struct upload *upload = context;
    const char *wrong = !upload_digest_finish(&upload->sha256) ? "x-amz-checksum-sha256"
                        : !upload_digest_finish(&upload->md5)  ? "Content-MD5"
                                                               : NULL;
    if (wrong == NULL) {
        finish(upload);
        return;
    }
    http_respond_problem(upload->request,
                         &(struct problem){.type = PROBLEM_CHECKSUM_MISMATCH, .field = wrong});
    give_up(upload);
}

/* Once everything has arrived the pool finishes its work whether or not anybody waits for the
 * answer: answer() releases the request. */
static void on_abort(void *context)
{
    struct upload *upload = context;
    if (upload->pieces > 0)
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
    if (sha256 != NULL &&
        !upload_digest_start(&upload->sha256, EVP_sha256(), UPLOAD_SHA256_BYTES, sha256))
        return false;
    problem->field = "Content-MD5";
    return md5 == NULL || upload_digest_start(&upload->md5, EVP_md5(), UPLOAD_MD5_BYTES, md5);
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

/* A repeated upload takes no room. Taken until the upload ends. */
static bool take_room(struct upload *upload, const struct upload_target *target,
                      struct refusal *refusal)
{
    int64_t size = (int64_t)target->size_bytes;

    if (access(target->path, F_OK) == 0)
        return true;
    if (!store_room_has(upload->uploads->room, size, refusal))
        return false;
    upload->room_bytes = size;
    store_room_take(upload->uploads->room, size);
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
    if (!check_length(take_request, target, &refusal) || !start_digests(upload, &refusal.problem) ||
        !take_room(upload, target, &refusal)) {
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
