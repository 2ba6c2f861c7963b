/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /chunked-transcript: a job's ordered text as a document. It is read page by page, each asked
 * for when the client has taken the one before, and formatted on the pool: an export holds one page
 * however long the recording is. A retry that takes the job back meanwhile breaks the answer off.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/pool.h"
#include "gateway/api.h"
#include "gateway/download.h"
#include "gateway/gateway.h"
#include "gateway/http_feed.h"
#include "gateway/http_negotiate.h"
#include "gateway/http_request.h"
#include "gateway/http_text.h"
#include "gateway/query_fields.h"
#include "gateway/transcript_read.h"
#include "gateway/transcript_request.h"
#include "gateway/transcript_writer.h"

#define PIECE_BYTES_MAX ((size_t)1 << 30)
#define HEADER_BYTES_MAX ((size_t)2048)
/* Changes when documents of the same words do. */
#define FORMAT_VERSION 1

struct exporting {
    struct download download;
    struct id job;
    struct transcript_request asked;
    struct transcript_writer *writer; /* owned; NULL until the job is known */
    bool is_terminal;
    int64_t last_seq; /* when the answer began */
    int32_t frontier;
    int32_t next_chunk;
    bool has_ended; /* the document has */
    struct transcript_page page;
    struct buf piece;
    bool has_failed;
    struct err err;
};

static void on_end(struct download *download)
{
    struct exporting *exporting = (struct exporting *)download;

    transcript_writer_free(exporting->writer);
    transcript_page_done(&exporting->page);
    buf_done(&exporting->piece);
    free(exporting);
}

/* --- the body --- */

static void go_on(struct exporting *exporting);

static void on_written(void *context)
{
    struct exporting *exporting = context;
    size_t length = exporting->piece.length;

    transcript_page_done(&exporting->page);
    if (!download_wake(&exporting->download))
        return;
    if (exporting->has_failed || buf_is_over(&exporting->piece))
        download_break(&exporting->download,
                       exporting->has_failed ? exporting->err.message : "a piece is too large");
    else if (length > 0)
        http_feed_send(exporting->download.request, buf_take(&exporting->piece), length);
    else
        go_on(exporting);
}

/* Runs on a thread of the pool. */
static void write_page(void *context)
{
    struct exporting *exporting = context;

    exporting->has_failed = !transcript_page_write(&exporting->page, exporting->writer,
                                                   &exporting->piece, &exporting->err);
}

/* Runs on a thread of the pool. */
static void write_end(void *context)
{
    struct exporting *exporting = context;

    exporting->has_ended = !transcript_writer_next(exporting->writer, &exporting->piece);
    exporting->next_chunk = 0;
}

static void on_page(void *context, PGresult *result, const struct err *err)
{
    struct exporting *exporting = context;

    if (!download_wake(&exporting->download))
        return;
    if (result == NULL) {
        download_break(&exporting->download, err->message);
        return;
    }
    if (!transcript_page_take(result, &exporting->page) ||
        (exporting->is_terminal && exporting->page.last_seq != exporting->last_seq)) {
        download_break(&exporting->download, "the job has been retried meanwhile");
        return;
    }
    exporting->next_chunk += (int32_t)exporting->page.count;
    download_wait(&exporting->download);
    pool_submit(exporting->download.gateway->pool, write_page, on_written, exporting);
}

static void go_on(struct exporting *exporting)
{
    if (exporting->has_ended) {
        download_finish(&exporting->download);
        return;
    }
    download_wait(&exporting->download);
    if (exporting->next_chunk < exporting->frontier)
        transcript_read_page(exporting->download.gateway->pg, exporting->job.text,
                             exporting->next_chunk, exporting->frontier, on_page, exporting);
    else
        pool_submit(exporting->download.gateway->pool, write_end, on_written, exporting);
}

static void on_room(void *context)
{
    go_on(context);
}

/* --- the head --- */

/* Strong only for what cannot change under way. */
static void format_etag(const struct exporting *exporting, struct buf *out)
{
    buf_append_format(out, "%s\"t%d-%" PRId64 "-", exporting->is_terminal ? "" : "W/",
                      FORMAT_VERSION, exporting->last_seq);
    transcript_request_append_tag(&exporting->asked, out);
    buf_append_string(out, "\"");
}

/* RFC 6266 and 8187: the recording's name with the format's extension. */
static void format_disposition(const struct exporting *exporting, const char *filename,
                               struct buf *out)
{
    const char *dot = strrchr(filename, '.');
    size_t length = dot != NULL ? (size_t)(dot - filename) : strlen(filename);

    buf_append_string(out, "inline; filename*=UTF-8''");
    http_text_append_escaped(filename, length, out);
    buf_append_format(out, "%s.%s", exporting->is_terminal ? "" : ".unfinished",
                      transcript_format_extension(exporting->asked.format));
}

static void send_head(struct exporting *exporting, const char *etag, const char *disposition)
{
    const struct http_header headers[] = {
        {"ETag", etag},
        {"Cache-Control", "no-cache"},
        {"Content-Disposition", disposition},
        {"X-Transcript-Complete", exporting->is_terminal ? "true" : "false"},
    };
    struct http_request *request = exporting->download.request;
    bool is_known = http_negotiate_is_known(http_request_header(request, "If-None-Match"), etag);
    const struct http_reply reply = {
        .status = is_known ? 304 : 200,
        .content_type = transcript_format_content_type(exporting->asked.format),
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .is_chunked = !is_known,
    };

    if (is_known) {
        http_respond(request, &reply);
        download_end(&exporting->download);
        return;
    }
    download_feed(&exporting->download, &reply, on_room);
}

static void begin(struct exporting *exporting, const struct transcript_job *job)
{
    CLEANUP(buf_done) struct buf etag = {.limit_bytes = HEADER_BYTES_MAX};
    CLEANUP(buf_done) struct buf disposition = {.limit_bytes = HEADER_BYTES_MAX};
    const struct transcript_facts facts = {
        .job_id = exporting->job.text,
        .status = job->status,
        .language = job->language,
        .is_complete = job->is_terminal,
        .available_chunks = job->available_chunks,
        .total_chunks = job->total_chunks,
        .duration_ms = job->duration_ms,
    };

    exporting->writer = transcript_writer_new(&exporting->asked, &facts);
    exporting->is_terminal = job->is_terminal;
    exporting->last_seq = job->last_seq;
    exporting->frontier = job->frontier;
    format_etag(exporting, &etag);
    format_disposition(exporting, job->filename, &disposition);
    send_head(exporting, buf_string(&etag), buf_string(&disposition));
}

static void on_job(void *context, PGresult *result, const struct err *err)
{
    struct exporting *exporting = context;
    struct transcript_job job;

    if (result != NULL && transcript_decode_job(result, &job)) {
        begin(exporting, &job);
        return;
    }
    if (result == NULL)
        api_fail(exporting->download.request, PROBLEM_DATABASE_UNAVAILABLE, err);
    else
        api_unknown_job(exporting->download.request, exporting->job.text);
    download_end(&exporting->download);
}

static const char *find(void *context, const char *name)
{
    return http_request_query(context, name);
}

void api_transcript(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct transcript_request asked;
    struct refusal refusal;
    struct id job;

    if (!api_read_job_id(take_request, http_request_query(take_request, "parent_job_id"),
                         "parent_job_id", &job))
        return;
    if (!query_fields_check(http_request_raw_query(take_request), transcript_request_known,
                            &refusal) ||
        !transcript_request_parse(find, take_request, &asked, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct exporting *exporting = mem_new(sizeof *exporting);
    if (!download_begin(&exporting->download, gateway, take_request, on_end)) {
        free(exporting);
        return;
    }
    exporting->job = job;
    exporting->asked = asked;
    buf_init(&exporting->piece, PIECE_BYTES_MAX);
    transcript_read_job(gateway->pg, job.text, on_job, exporting);
}
