/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /chunked-upload-retry: failed chunks are tried once more, those whose bytes are gone after a
 * new upload. The steps: read which have failed, look in the blob store (on the pool), give the
 * assembler the command, wait until it shows, answer. Repeating the call is safe: what has been
 * retried is not failed any more, and what still waits for its upload gets its URL again.
 */
#include <inttypes.h>
#include <string.h>

#include "common/blob_file.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/pool.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/job_plan.h"
#include "gateway/job_wait.h"
#include "gateway/jobs_read.h"
#include "gateway/publish.h"
#include "gateway/retry_request.h"

struct retrying {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    struct retry_request asked;   /* owned */
    struct job_plan plan;
    struct event command; /* owned: the chunks to be retried */
    int32_t *uploads;     /* owned: chunks that wait for a new upload already */
    size_t upload_count;
    struct job_wait *wait; /* from the command's acknowledgement on */
    bool has_storage_failed;
    struct err err;
};

static void done(struct retrying *retrying)
{
    job_wait_free(retrying->wait);
    retry_request_done(&retrying->asked);
    event_done(&retrying->command);
    free(retrying->uploads);
    free(retrying);
}

static void fail(struct retrying *retrying, enum problem_type away, const struct err *err)
{
    api_fail(retrying->request, away, err);
    done(retrying);
}

static void refuse(struct retrying *retrying, const struct refusal *refusal)
{
    http_respond_problem(retrying->request, &refusal->problem);
    done(retrying);
}

/* Answering */

static void append_retried(const struct event_retry *retry, struct buf *json)
{
    const char *separator = "";

    for (size_t i = 0; i < retry->count; i++) {
        if (retry->chunks[i].needs_upload)
            continue;
        buf_append_format(json, "%s%" PRId32, separator, retry->chunks[i].chunk_index);
        separator = ",";
    }
}

static void append_uploads(const struct retrying *retrying, struct buf *json)
{
    const struct gateway_options *options = retrying->gateway->options;
    const struct job_plan_terms terms = {
        .keys = retrying->gateway->keys,
        .public_url = options->public_url,
        .expires_wall_s = (clock_wall_us() + options->upload_url_lifetime_us) / 1000000,
    };
    const struct event_retry *retry = &retrying->command.retry;
    bool is_first = true;

    for (size_t i = 0; i < retry->count; i++)
        if (retry->chunks[i].needs_upload)
            job_plan_append_upload(&retrying->plan, &terms, retry->chunks[i].chunk_index, &is_first,
                                   json);
    for (size_t i = 0; i < retrying->upload_count; i++)
        job_plan_append_upload(&retrying->plan, &terms, retrying->uploads[i], &is_first, json);
}

static void answer(struct retrying *retrying, const char *status)
{
    size_t count = retrying->command.retry.count + retrying->upload_count;
    struct buf json;

    buf_init(&json, job_plan_bytes_max((int32_t)count, retrying->gateway->options->public_url));
    buf_append_format(&json, "{\"parent_job_id\":\"%s\",\"status\":\"%s\",\"retried_chunks\":[",
                      retrying->asked.job.text, status);
    append_retried(&retrying->command.retry, &json);
    buf_append_string(&json, "],\"upload_urls\":[");
    append_uploads(retrying, &json);
    buf_append_string(&json, "]}");
    size_t length = json.length;
    http_respond_json(retrying->request, 200, buf_take(&json), length);
    done(retrying);
}

/* Commanding */

static void on_status(void *context, PGresult *result, const struct err *err);

static void ask(void *context)
{
    struct retrying *retrying = context;

    jobs_read_retried(retrying->gateway->pg, retrying->asked.job.text, &retrying->command.retry,
                      on_status, retrying);
}

static void on_status(void *context, PGresult *result, const struct err *err)
{
    struct retrying *retrying = context;
    struct jobs_retried retried;
    struct err late;

    if (result == NULL) {
        fail(retrying, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (!jobs_decode_retried(result, &retried)) {
        api_unknown_job(retrying->request, retrying->asked.job.text);
        done(retrying);
    } else if (retried.is_applied) {
        answer(retrying, retried.status);
    } else if (!job_wait_again(retrying->wait)) {
        (void)err_set(&late, ERR_RETRY, "gateway", 0, "the command was not applied in time");
        fail(retrying, PROBLEM_QUEUE_UNAVAILABLE, &late);
    }
}

static void on_published(void *context, const struct err *err)
{
    struct retrying *retrying = context;

    if (err != NULL) {
        fail(retrying, PROBLEM_QUEUE_UNAVAILABLE, err);
        return;
    }
    retrying->wait = job_wait_new(retrying->gateway->loop, ask, retrying);
    ask(retrying);
}

/* The blob store */

static bool is_stored(struct retrying *retrying, int32_t chunk_index, bool *ret_is_stored)
{
    char key[CHUNK_KEY_SIZE];
    int64_t size = 0;

    chunk_object_key(retrying->asked.job.text, chunk_index, retrying->plan.extension, key);
    enum blob_presence presence =
        blob_file_stat(retrying->gateway->blobs, key, &size, &retrying->err);
    *ret_is_stored = presence == BLOB_PRESENT;
    return presence != BLOB_FAILED;
}

/* Runs on a thread of the pool. */
static void look_in_store(void *context)
{
    struct retrying *retrying = context;
    struct event_retry *retry = &retrying->command.retry;

    for (size_t i = 0; i < retry->count && !retrying->has_storage_failed; i++) {
        bool is_there = false;

        retrying->has_storage_failed =
            !is_stored(retrying, retry->chunks[i].chunk_index, &is_there);
        retry->chunks[i].needs_upload = !is_there;
    }
}

/* At the gateway's end Kafka and PostgreSQL are gone before the pool: so are all clients. */
static void on_looked(void *context)
{
    struct retrying *retrying = context;
    struct err left;

    if (retrying->has_storage_failed) {
        fail(retrying, PROBLEM_STORAGE_FAILED, &retrying->err);
    } else if (!http_request_is_alive(retrying->request)) {
        (void)err_set(&left, ERR_CANCELLED, "gateway", 0, "the client has left");
        fail(retrying, PROBLEM_QUEUE_UNAVAILABLE, &left);
    } else {
        publish_command(retrying->gateway->producer, &retrying->command,
                        http_request_traceparent(retrying->request), on_published, retrying);
    }
}

/* What has failed */

static void note_chunk(struct retrying *retrying, const struct jobs_failed *failed)
{
    struct event_retry *retry = &retrying->command.retry;

    if (!retry_request_wants(&retrying->asked, failed->chunk_index))
        return;
    if (failed->is_pending)
        retrying->uploads[retrying->upload_count++] = failed->chunk_index;
    else
        retry->chunks[retry->count++] = (struct event_retry_chunk){
            .chunk_index = failed->chunk_index, .attempt = failed->attempt};
}

static void note_chunks(struct retrying *retrying, const PGresult *result)
{
    size_t rows = (size_t)PQntuples(result);

    retrying->command =
        (struct event){.type = EVENT_JOB_RETRY, .job = retrying->asked.job, .chunk_index = -1};
    retrying->command.retry.chunks = mem_array(rows, sizeof *retrying->command.retry.chunks);
    retrying->uploads = mem_array(rows, sizeof *retrying->uploads);
    for (int row = 0; row < PQntuples(result); row++) {
        struct jobs_failed failed;

        if (jobs_decode_failed(result, row, &failed))
            note_chunk(retrying, &failed);
    }
}

static bool is_allowed(const struct retrying *retrying, const struct jobs_status *status,
                       struct refusal *refusal)
{
    bool is_over =
        strcmp(status->status, "cancelled") == 0 || strcmp(status->status, "expired") == 0;

    if (is_over)
        return refusal_set(refusal, PROBLEM_JOB_STATE_CONFLICT, "parent_job_id",
                           "the job is %s and takes no retry", status->status);
    if (status->is_terminal && retrying->command.retry.count == 0)
        return refusal_set(refusal, PROBLEM_JOB_STATE_CONFLICT, "parent_job_id",
                           "the job is %s and none of these chunks has failed", status->status);
    return true;
}

static void begin(struct retrying *retrying, const PGresult *result,
                  const struct jobs_status *status)
{
    struct refusal refusal;

    if (!retry_request_fits(&retrying->asked, &retrying->plan.layout, &refusal)) {
        refuse(retrying, &refusal);
        return;
    }
    note_chunks(retrying, result);
    if (!is_allowed(retrying, status, &refusal))
        refuse(retrying, &refusal);
    else if (retrying->command.retry.count == 0)
        answer(retrying, status->status);
    else
        pool_submit(retrying->gateway->pool, look_in_store, on_looked, retrying);
}

static void on_failed_chunks(void *context, PGresult *result, const struct err *err)
{
    struct retrying *retrying = context;
    struct jobs_status status;

    if (result == NULL) {
        fail(retrying, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (!jobs_decode_plan(result, &status, &retrying->plan)) {
        api_unknown_job(retrying->request, retrying->asked.job.text);
        done(retrying);
    } else {
        begin(retrying, result, &status);
    }
}

void api_retry(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct retry_request asked;
    struct refusal refusal;
    size_t length = 0;
    const char *body = http_request_body(take_request, &length);

    if (!retry_request_parse(body, length, &asked, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct retrying *retrying = mem_new(sizeof *retrying);
    retrying->gateway = gateway;
    retrying->request = take_request;
    retrying->asked = asked;
    retrying->plan.job = asked.job;
    jobs_read_failed(gateway->pg, asked.job.text, on_failed_chunks, retrying);
}
