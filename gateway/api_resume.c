/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /chunked-upload-resume: an upload that was interrupted goes on. The steps: read which chunks
 * were never reported, look for them in the blob store (on the pool), take in those that are there,
 * a few at a time, and answer with fresh URLs for the rest. It changes nothing that a repeated
 * completion would not, so that repeating it is always safe.
 */
#include <inttypes.h>
#include <string.h>

#include "common/blob_file.h"
#include "common/clock.h"
#include "common/jsonread.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pool.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/job_plan.h"
#include "gateway/jobs_read.h"
#include "gateway/request_fields.h"

/* Completions under way at a time: enough to fill the producer's batches. */
#define RECOVERIES_AT_A_TIME 16

/* "9999," */
#define INDEX_BYTES ((size_t)5)

static const char *const FIELDS[] = {"parent_job_id", NULL};

struct resuming {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    struct job_plan plan;
    char status[16];
    /* Chunks that were not reported, in order: first all, then only those that are not stored. */
    int32_t *pending;
    size_t pending_count;
    int32_t *recovered; /* stored, but not reported; owned as `pending` is */
    size_t recovered_count;
    size_t recovered_next; /* to be taken in */
    unsigned recovering;   /* under way */
    bool has_failed;       /* `err` says why; the rest is not begun */
    enum problem_type problem;
    struct err err;
};

struct recovery {
    struct resuming *resuming;
    int32_t chunk_index;
};

static void done(struct resuming *resuming)
{
    free(resuming->pending);
    free(resuming->recovered);
    free(resuming);
}

/* --- answering --- */

/* All chunks but those that are pending. */
static void append_stored(const struct resuming *resuming, struct buf *json)
{
    const char *separator = "";
    size_t next = 0;

    for (int32_t k = 0; k < resuming->plan.layout.total_chunks; k++) {
        if (next < resuming->pending_count && resuming->pending[next] == k) {
            next++;
            continue;
        }
        buf_append_format(json, "%s%" PRId32, separator, k);
        separator = ",";
    }
}

static void append_uploads(const struct resuming *resuming, const struct job_plan_terms *terms,
                           struct buf *json)
{
    bool is_first = true;

    for (size_t i = 0; i < resuming->pending_count; i++)
        job_plan_append_upload(&resuming->plan, terms, resuming->pending[i], &is_first, json);
}

static void answer(struct resuming *resuming)
{
    const struct gateway_options *options = resuming->gateway->options;
    const struct job_plan_terms terms = {
        .keys = resuming->gateway->keys,
        .public_url = options->public_url,
        .expires_wall_s = (clock_wall_us() + options->upload_url_lifetime_us) / 1000000,
        .max_concurrent_uploads = options->max_concurrent_uploads,
    };
    const char *job_id = resuming->plan.job.text;
    struct buf json;

    buf_init(&json, job_plan_bytes_max((int32_t)resuming->pending_count, terms.public_url) +
                        2 * INDEX_BYTES * (size_t)resuming->plan.layout.total_chunks);
    buf_append_format(&json,
                      "{\"parent_job_id\":\"%s\",\"status\":\"%s\","
                      "\"stream_url\":\"%s/chunked-stream/%s\",\"stored_chunks\":[",
                      job_id, resuming->status, terms.public_url, job_id);
    append_stored(resuming, &json);
    buf_append_string(&json, "],\"recovered_chunks\":[");
    for (size_t i = 0; i < resuming->recovered_count; i++)
        buf_append_format(&json, "%s%" PRId32, i > 0 ? "," : "", resuming->recovered[i]);
    buf_append_string(&json, "],\"upload_urls\":[");
    append_uploads(resuming, &terms, &json);
    buf_append_string(&json, "],");
    job_plan_append_chunk_info(&resuming->plan, &terms, &json);
    buf_append_string(&json, "}");
    size_t length = json.length;
    log_info("job_resumed", "an upload goes on", LOG_STR("job", job_id),
             LOG_INT("recovered", (int64_t)resuming->recovered_count),
             LOG_INT("missing", (int64_t)resuming->pending_count));
    http_respond_json(resuming->request, 200, buf_take(&json), length);
    done(resuming);
}

/* --- taking in what is stored --- */

static void recover_more(struct resuming *resuming);

static void note_failure(struct resuming *resuming, enum problem_type problem,
                         const struct err *err)
{
    resuming->has_failed = true;
    resuming->problem = problem;
    resuming->err = *err;
}

static void end_recovery(struct recovery *recovery)
{
    struct resuming *resuming = recovery->resuming;

    free(recovery);
    resuming->recovering--;
    recover_more(resuming);
}

static void on_published(void *context, const struct err *err)
{
    struct recovery *recovery = context;

    if (err != NULL)
        note_failure(recovery->resuming, PROBLEM_QUEUE_UNAVAILABLE, err);
    end_recovery(recovery);
}

/* Somebody may have reported the chunk, or ended the job, meanwhile. */
static void on_chunk(void *context, PGresult *result, const struct err *err)
{
    struct recovery *recovery = context;
    struct resuming *resuming = recovery->resuming;
    struct jobs_chunk chunk;

    if (result == NULL)
        note_failure(resuming, PROBLEM_DATABASE_UNAVAILABLE, err);
    else if (jobs_decode_chunk(result, &chunk) && chunk.is_chunk_pending &&
             !chunk.is_job_terminal) {
        api_publish_chunk(resuming->gateway, &resuming->plan.job, recovery->chunk_index, &chunk,
                          http_request_traceparent(resuming->request), on_published, recovery);
        return;
    }
    end_recovery(recovery);
}

/* Begins what may be under way; answers when nothing is left. */
static void recover_more(struct resuming *resuming)
{
    while (!resuming->has_failed && resuming->recovered_next < resuming->recovered_count &&
           resuming->recovering < RECOVERIES_AT_A_TIME) {
        struct recovery *recovery = mem_new(sizeof *recovery);

        recovery->resuming = resuming;
        recovery->chunk_index = resuming->recovered[resuming->recovered_next++];
        resuming->recovering++;
        jobs_read_chunk(resuming->gateway->pg, resuming->plan.job.text, recovery->chunk_index,
                        on_chunk, recovery);
    }
    if (resuming->recovering > 0)
        return;
    if (resuming->has_failed) {
        api_fail(resuming->request, resuming->problem, &resuming->err);
        done(resuming);
    } else {
        answer(resuming);
    }
}

/* --- the blob store --- */

/* Runs on a thread of the pool. */
static void look_in_store(void *context)
{
    struct resuming *resuming = context;
    size_t count = resuming->pending_count;

    resuming->pending_count = 0;
    for (size_t i = 0; i < count && !resuming->has_failed; i++) {
        int32_t chunk_index = resuming->pending[i];
        char key[CHUNK_KEY_SIZE];
        int64_t size = 0;

        chunk_object_key(resuming->plan.job.text, chunk_index, resuming->plan.extension, key);
        enum blob_presence presence =
            blob_file_stat(resuming->gateway->blobs, key, &size, &resuming->err);
        resuming->has_failed = presence == BLOB_FAILED;
        if (presence == BLOB_PRESENT)
            resuming->recovered[resuming->recovered_count++] = chunk_index;
        else
            resuming->pending[resuming->pending_count++] = chunk_index;
    }
}

/* At the gateway's end Kafka and PostgreSQL are gone before the pool: so are all clients. */
static void on_looked(void *context)
{
    struct resuming *resuming = context;

    resuming->problem = PROBLEM_STORAGE_FAILED;
    if (!resuming->has_failed && !http_request_is_alive(resuming->request))
        resuming->has_failed =
            !err_set(&resuming->err, ERR_CANCELLED, "gateway", 0, "the client has left");
    recover_more(resuming);
}

/* --- the job --- */

static void note_pending(struct resuming *resuming, const PGresult *result)
{
    size_t rows = (size_t)PQntuples(result);

    resuming->pending = mem_array(rows, sizeof *resuming->pending);
    resuming->recovered = mem_array(rows, sizeof *resuming->recovered);
    for (int row = 0; row < PQntuples(result); row++) {
        int32_t chunk_index = 0;

        if (jobs_decode_pending(result, row, &chunk_index))
            resuming->pending[resuming->pending_count++] = chunk_index;
    }
}

static void begin(struct resuming *resuming, const PGresult *result,
                  const struct jobs_status *status)
{
    struct refusal refusal;

    note_pending(resuming, result);
    (void)snprintf(resuming->status, sizeof resuming->status, "%s", status->status);
    if (!status->is_terminal) {
        pool_submit(resuming->gateway->pool, look_in_store, on_looked, resuming);
    } else if (resuming->pending_count == 0) {
        answer(resuming);
    } else {
        refusal_set(&refusal, PROBLEM_JOB_STATE_CONFLICT, "parent_job_id",
                    "the job is %s and takes no more chunks", status->status);
        http_respond_problem(resuming->request, &refusal.problem);
        done(resuming);
    }
}

static void on_pending(void *context, PGresult *result, const struct err *err)
{
    struct resuming *resuming = context;
    struct jobs_status status;

    if (result != NULL && jobs_decode_plan(result, &status, &resuming->plan)) {
        begin(resuming, result, &status);
        return;
    }
    if (result == NULL)
        api_fail(resuming->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    else
        api_unknown_job(resuming->request, resuming->plan.job.text);
    done(resuming);
}

static bool parse(const char *body, size_t length, struct id *ret_job, struct refusal *refusal)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;

    return request_fields_parse(body, length, FIELDS, &object, refusal) &&
           request_fields_job(object, ret_job, refusal);
}

void api_resume(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct refusal refusal;
    struct id job;
    size_t length = 0;
    const char *body = http_request_body(take_request, &length);

    if (!parse(body, length, &job, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct resuming *resuming = mem_new(sizeof *resuming);
    resuming->gateway = gateway;
    resuming->request = take_request;
    resuming->plan = (struct job_plan){.job = job, .estimated_seconds = -1};
    jobs_read_pending(gateway->pg, job.text, on_pending, resuming);
}
