/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /chunk-upload-complete: the chunk is in the blob store; it becomes work. The answer waits
 * for Kafka's second ack (publish.h). Repeating the call is always safe: before the assembler has
 * seen the chunk it is published again, which means the same; afterwards it is only answered.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/blob_file.h"
#include "common/fault_point.h"
#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/complete_request.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
#include "gateway/publish.h"

#define ANSWER_BYTES 512

struct completion {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    struct complete_request asked;
};

static void finish(struct completion *completion)
{
    const struct complete_request *asked = &completion->asked;
    struct id sub_job = id_of_sub_job(asked->job.text, asked->chunk_index);
    struct buf json;

    buf_init(&json, ANSWER_BYTES);
    buf_append_format(&json,
                      "{\"parent_job_id\":\"%s\",\"chunk_index\":%" PRId32
                      ",\"job_id\":\"%s\",\"status\":\"uploaded\",\"actual_size\":%" PRId64 "}",
                      asked->job.text, asked->chunk_index, sub_job.text, asked->actual_size);
    size_t length = json.length;
    http_respond_json(completion->request, 200, buf_take(&json), length);
    free(completion);
}

static void refuse(struct completion *completion, const struct problem *problem)
{
    http_respond_problem(completion->request, problem);
    free(completion);
}

static void fail(struct completion *completion, enum problem_type away, const struct err *err)
{
    api_fail(completion->request, away, err);
    free(completion);
}

static void on_published(void *context, const struct err *err)
{
    struct err lost;

    if (err != NULL) {
        fail(context, PROBLEM_QUEUE_UNAVAILABLE, err);
    } else if (fault_point(FAULT_COMPLETE_ANSWER, NULL)) {
        (void)err_set(&lost, ERR_RETRY, "gateway", 0, "the answer was lost");
        fail(context, PROBLEM_QUEUE_UNAVAILABLE, &lost);
    } else {
        finish(context);
    }
}

void api_publish_chunk(struct gateway *gateway, const struct id *job, int32_t chunk_index,
                       const struct jobs_chunk *chunk, const char *traceparent,
                       publish_on_done on_done, void *context)
{
    struct event work = {
        .type = EVENT_CHUNK_WORK,
        .job = *job,
        .chunk_index = chunk_index,
        .attempt = chunk->attempt,
        .work.layout = chunk->layout,
        .work.options.language = mem_copy_string(chunk->language),
        .work.options.prompt = mem_copy_string(chunk->prompt),
        .work.options.use_llm = chunk->use_llm,
    };

    memcpy(work.work.extension, chunk->extension, sizeof work.work.extension);
    (void)snprintf(work.work.options.content_type, sizeof work.work.options.content_type, "%s",
                   chunk->content_type);
    publish_chunk(gateway->producer, &work, traceparent, on_done, context);
    event_done(&work);
}

static void publish(struct completion *completion, const struct jobs_chunk *chunk)
{
    const struct complete_request *asked = &completion->asked;

    api_publish_chunk(completion->gateway, &asked->job, asked->chunk_index, chunk,
                      http_request_traceparent(completion->request), on_published, completion);
}

/* The blob itself has the last word on whether there is something to transcribe. */
static void check_blob(struct completion *completion, const struct jobs_chunk *chunk)
{
    const struct complete_request *asked = &completion->asked;
    char key[CHUNK_KEY_SIZE];
    struct refusal refusal;
    struct err err;
    int64_t stored = 0;

    chunk_object_key(asked->job.text, asked->chunk_index, chunk->extension, key);
    enum blob_presence presence = blob_file_stat(completion->gateway->blobs, key, &stored, &err);
    if (presence == BLOB_FAILED) {
        fail(completion, PROBLEM_STORAGE_FAILED, &err);
    } else if (presence == BLOB_MISSING) {
        refusal_set(&refusal, PROBLEM_CHUNK_NOT_STORED, "chunk_index",
                    "completion before upload: chunk %" PRId32
                    " is not stored; PUT it to its upload_url first",
                    asked->chunk_index);
        refuse(completion, &refusal.problem);
    } else if (stored != asked->actual_size) {
        refusal_set_range(&refusal, PROBLEM_CHUNK_CONFLICT, "actual_size", stored, stored,
                          "chunk %" PRId32 " is stored with %" PRId64 " bytes, not %" PRId64,
                          asked->chunk_index, stored, asked->actual_size);
        refuse(completion, &refusal.problem);
    } else {
        publish(completion, chunk);
    }
}

static void judge(struct completion *completion, const struct jobs_chunk *chunk)
{
    struct refusal refusal;

    if (!complete_request_fits(&completion->asked, &chunk->layout, &refusal)) {
        refuse(completion, &refusal.problem);
    } else if (!chunk->is_chunk_pending) {
        finish(completion);
    } else if (chunk->is_job_terminal) {
        refusal_set(&refusal, PROBLEM_JOB_STATE_CONFLICT, "parent_job_id",
                    "the job has ended and takes no more chunks");
        refuse(completion, &refusal.problem);
    } else {
        check_blob(completion, chunk);
    }
}

static void on_chunk(void *context, PGresult *result, const struct err *err)
{
    struct completion *completion = context;
    struct jobs_chunk chunk;

    if (result == NULL) {
        fail(completion, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (!jobs_decode_chunk(result, &chunk)) {
        api_unknown_job(completion->request, completion->asked.job.text);
        free(completion);
    } else {
        judge(completion, &chunk);
    }
}

void api_complete(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct complete_request asked;
    struct refusal refusal;
    size_t length = 0;
    const char *body = http_request_body(take_request, &length);

    if (!complete_request_parse(body, length, &asked, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct completion *completion = mem_new(sizeof *completion);
    completion->gateway = gateway;
    completion->request = take_request;
    completion->asked = asked;
    jobs_read_chunk(gateway->pg, asked.job.text, asked.chunk_index, on_chunk, completion);
}
