/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /chunked-audio: the recording, as long as its chunks are kept. They are read one after the
 * other as if they were one file, on the pool, a piece at a time; a range is a part of that.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/blob_file.h"
#include "common/mem.h"
#include "common/pool.h"
#include "gateway/api.h"
#include "gateway/download.h"
#include "gateway/gateway.h"
#include "gateway/http_feed.h"
#include "gateway/http_negotiate.h"
#include "gateway/http_range.h"
#include "gateway/http_request.h"
#include "gateway/http_text.h"
#include "gateway/jobs_read.h"
#include "gateway/query_fields.h"

#define PIECE_BYTES ((int64_t)256 * 1024)
#define HEADER_BYTES_MAX ((size_t)2048)
#define SHORT_HEADER_SIZE 96

struct playback {
    struct download download;
    struct job_plan plan;
    char *filename; /* owned */
    bool is_terminal;
    char etag[SHORT_HEADER_SIZE];
    struct http_range range;
    bool is_part;     /* the range is */
    int64_t position; /* of the next byte */
    int fd;           /* owned: of `open_chunk`; -1: none */
    int32_t open_chunk;
    char *piece; /* owned until it is sent */
    int64_t piece_bytes;
    bool has_failed;
    struct err err;
};

static void close_chunk(struct playback *playback)
{
    if (playback->fd >= 0)
        (void)close(playback->fd); /* only read */
    playback->fd = -1;
}

static void on_end(struct download *download)
{
    struct playback *playback = (struct playback *)download;

    close_chunk(playback);
    free(playback->filename);
    free(playback->piece);
    free(playback);
}

/* --- the body; these run on a thread of the pool --- */

static bool open_chunk(struct playback *playback, int32_t chunk_index)
{
    char key[CHUNK_KEY_SIZE];
    int64_t size = 0;

    if (playback->fd >= 0 && playback->open_chunk == chunk_index)
        return true;
    close_chunk(playback);
    chunk_object_key(playback->plan.job.text, chunk_index, playback->plan.extension, key);
    enum blob_presence presence = blob_file_read(playback->download.gateway->blobs, key,
                                                 &playback->fd, &size, &playback->err);
    playback->open_chunk = chunk_index;
    if (presence == BLOB_PRESENT && size == chunk_layout_size(&playback->plan.layout, chunk_index))
        return true;
    if (presence == BLOB_FAILED)
        return false;
    return err_set(&playback->err, ERR_REJECT, "blob", 0, "%s is not stored any more", key);
}

/* A piece ends at the latest where its chunk does. */
static bool read_from_chunk(struct playback *playback, int32_t chunk_index)
{
    struct chunk_range chunk = chunk_layout_range(&playback->plan.layout, chunk_index);
    int64_t end = playback->range.last + 1 < chunk.end ? playback->range.last + 1 : chunk.end;
    int64_t wanted =
        end - playback->position < PIECE_BYTES ? end - playback->position : PIECE_BYTES;
    ssize_t length;

    playback->piece = mem_array((size_t)wanted, 1);
    do
        length =
            pread(playback->fd, playback->piece, (size_t)wanted, playback->position - chunk.start);
    while (length < 0 && errno == EINTR);
    playback->piece_bytes = length;
    return length > 0 || err_set_errno(&playback->err, length < 0 ? errno : EIO, "reading a blob");
}

static void read_piece(void *context)
{
    struct playback *playback = context;
    int32_t chunk_index = chunk_layout_chunk_at(&playback->plan.layout, playback->position);

    playback->has_failed =
        !open_chunk(playback, chunk_index) || !read_from_chunk(playback, chunk_index);
}

/* Before the head: what is sent first is there. What lies behind it is found when it is read. */
static void open_first(void *context)
{
    struct playback *playback = context;

    playback->has_failed =
        !open_chunk(playback, chunk_layout_chunk_at(&playback->plan.layout, playback->position));
}

/* --- feeding --- */

static void on_piece(void *context)
{
    struct playback *playback = context;

    if (!download_wake(&playback->download))
        return;
    if (playback->has_failed) {
        download_break(&playback->download, playback->err.message);
        return;
    }
    playback->position += playback->piece_bytes;
    http_feed_send(playback->download.request, TAKE(playback->piece),
                   (size_t)playback->piece_bytes);
}

static void on_room(void *context)
{
    struct playback *playback = context;

    if (playback->position > playback->range.last) {
        download_finish(&playback->download);
        return;
    }
    download_wait(&playback->download);
    pool_submit(playback->download.gateway->pool, read_piece, on_piece, playback);
}

/* --- the head --- */

static void refuse(struct playback *playback, const struct problem *problem)
{
    http_respond_problem(playback->download.request, problem);
    download_end(&playback->download);
}

static void refuse_range(struct playback *playback)
{
    char content_range[SHORT_HEADER_SIZE];
    int64_t size = playback->plan.layout.total_size;
    struct refusal refusal;

    (void)snprintf(content_range, sizeof content_range, "bytes */%" PRId64, size);
    refusal_set_range(&refusal, PROBLEM_RANGE_NOT_SATISFIABLE, "Range", 0, size - 1,
                      "the recording has bytes 0 to %" PRId64, size - 1);
    refusal.problem.content_range = content_range;
    refuse(playback, &refusal.problem);
}

static void refuse_missing(struct playback *playback, int32_t chunk_index)
{
    struct refusal refusal;

    if (playback->is_terminal)
        refusal_set(&refusal, PROBLEM_AUDIO_GONE, "parent_job_id",
                    "the recording was kept for a time after the job's end, which is over");
    else
        refusal_set(&refusal, PROBLEM_CHUNK_NOT_STORED, "parent_job_id",
                    "the recording can be played once it is uploaded whole; chunk %" PRId32
                    " is not stored yet",
                    chunk_index);
    refuse(playback, &refusal.problem);
}

/* Only GET has ranges (RFC 9110, 14.2). */
static enum http_range_verdict choose_range(struct playback *playback)
{
    struct http_request *request = playback->download.request;
    bool is_current =
        http_request_method(request) == HTTP_METHOD_GET &&
        http_range_is_current(http_request_header(request, "If-Range"), playback->etag);
    const char *header = is_current ? http_request_header(request, "Range") : NULL;
    enum http_range_verdict verdict =
        http_range_parse(header, playback->plan.layout.total_size, &playback->range);

    playback->position = playback->range.first;
    return verdict;
}

static void append_disposition(const struct playback *playback, struct buf *disposition)
{
    buf_append_string(disposition, "inline; filename*=UTF-8''");
    http_text_append_escaped(playback->filename, strlen(playback->filename), disposition);
}

/* 304 is without Content-Range, as a 200 is. */
static void send_head(struct playback *playback, int status)
{
    CLEANUP(buf_done) struct buf disposition = {.limit_bytes = HEADER_BYTES_MAX};
    const struct http_range *range = &playback->range;
    char content_range[SHORT_HEADER_SIZE];

    append_disposition(playback, &disposition);
    const struct http_header headers[] = {
        {"ETag", playback->etag},         {"Cache-Control", "private, no-cache"},
        {"Accept-Ranges", "bytes"},       {"Content-Disposition", buf_string(&disposition)},
        {"Content-Range", content_range},
    };
    const struct http_reply reply = {
        .status = status,
        .content_type = media_formats_content_type(playback->plan.extension),
        .headers = headers,
        .header_count = ARRAY_LEN(headers) - (status != 206),
        .body_length = (size_t)(range->last - range->first + 1),
    };

    (void)snprintf(content_range, sizeof content_range, "bytes %" PRId64 "-%" PRId64 "/%" PRId64,
                   range->first, range->last, playback->plan.layout.total_size);
    if (status == 304) {
        http_respond(playback->download.request, &reply);
        download_end(&playback->download);
        return;
    }
    download_feed(&playback->download, &reply, on_room);
}

static void on_opened(void *context)
{
    struct playback *playback = context;

    if (!download_wake(&playback->download))
        return;
    if (!playback->has_failed) {
        send_head(playback, playback->is_part ? 206 : 200);
        return;
    }
    if (playback->err.kind == ERR_REJECT) {
        refuse_missing(playback, playback->open_chunk);
        return;
    }
    api_fail(playback->download.request, PROBLEM_STORAGE_FAILED, &playback->err);
    download_end(&playback->download);
}

/* If-None-Match comes before Range (RFC 9110, 13.2.2). */
static void answer(struct playback *playback)
{
    if (http_negotiate_is_known(http_request_header(playback->download.request, "If-None-Match"),
                                playback->etag)) {
        send_head(playback, 304);
        return;
    }
    enum http_range_verdict verdict = choose_range(playback);
    if (verdict == HTTP_RANGE_UNSATISFIABLE) {
        refuse_range(playback);
        return;
    }
    playback->is_part = verdict == HTTP_RANGE_PART;
    download_wait(&playback->download);
    pool_submit(playback->download.gateway->pool, open_first, on_opened, playback);
}

static void on_recording(void *context, PGresult *result, const struct err *err)
{
    struct playback *playback = context;
    struct jobs_recording recording = {.plan.job = playback->plan.job};

    if (result != NULL && jobs_decode_recording(result, &recording)) {
        playback->plan = recording.plan;
        playback->filename = mem_copy_string(recording.filename);
        playback->is_terminal = recording.is_terminal;
        (void)snprintf(playback->etag, sizeof playback->etag, "\"a1-%" PRId64 "\"",
                       recording.attempts);
        if (recording.missing_chunk >= 0)
            refuse_missing(playback, recording.missing_chunk);
        else
            answer(playback);
        return;
    }
    if (result == NULL)
        api_fail(playback->download.request, PROBLEM_DATABASE_UNAVAILABLE, err);
    else
        api_unknown_job(playback->download.request, playback->plan.job.text);
    download_end(&playback->download);
}

void api_audio(struct http_request *take_request, void *context)
{
    static const char *const KNOWN[] = {"parent_job_id", "token", NULL};
    struct gateway *gateway = context;
    struct refusal refusal;
    struct id job;

    if (!api_read_job_id(take_request, http_request_query(take_request, "parent_job_id"),
                         "parent_job_id", &job))
        return;
    if (!query_fields_check(http_request_raw_query(take_request), KNOWN, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct playback *playback = mem_new(sizeof *playback);
    if (!download_begin(&playback->download, gateway, take_request, on_end)) {
        free(playback);
        return;
    }
    playback->plan.job = job;
    playback->fd = -1;
    jobs_read_recording(gateway->pg, job.text, on_recording, playback);
}
