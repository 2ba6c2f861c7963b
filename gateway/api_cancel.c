/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /chunked-upload-cancel: the command goes to the assembler, and the answer waits until the
 * job is known to have ended, because its last chunk may come first. Repeating the call gives the
 * same answer.
 */
#include <string.h>

#include "common/jsonread.h"
#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/job_wait.h"
#include "gateway/jobs_read.h"
#include "gateway/publish.h"
#include "gateway/request_fields.h"

#define ANSWER_BYTES 256

struct cancelling {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    struct id job;
    struct job_wait *wait; /* from the command's acknowledgement on */
};

static void done(struct cancelling *cancelling)
{
    job_wait_free(cancelling->wait);
    free(cancelling);
}

static void answer(struct cancelling *cancelling)
{
    struct buf json;

    buf_init(&json, ANSWER_BYTES);
    buf_append_format(&json, "{\"parent_job_id\":\"%s\",\"status\":\"cancelled\"}",
                      cancelling->job.text);
    size_t length = json.length;
    http_respond_json(cancelling->request, 200, buf_take(&json), length);
    done(cancelling);
}

static void fail(struct cancelling *cancelling, enum problem_type away, const struct err *err)
{
    api_fail(cancelling->request, away, err);
    done(cancelling);
}

static void has_ended(struct cancelling *cancelling, const char *status)
{
    struct refusal refusal;

    refusal_set(&refusal, PROBLEM_JOB_STATE_CONFLICT, "parent_job_id",
                "the job has ended as %s and cannot be cancelled any more", status);
    http_respond_problem(cancelling->request, &refusal.problem);
    done(cancelling);
}

static void on_status(void *context, PGresult *result, const struct err *err);

static void ask(void *context)
{
    struct cancelling *cancelling = context;

    jobs_read_status(cancelling->gateway->pg, cancelling->job.text, on_status, cancelling);
}

static void on_published(void *context, const struct err *err)
{
    struct cancelling *cancelling = context;

    if (err != NULL) {
        fail(cancelling, PROBLEM_QUEUE_UNAVAILABLE, err);
        return;
    }
    cancelling->wait = job_wait_new(cancelling->gateway->loop, ask, cancelling);
    ask(cancelling);
}

static void go_on(struct cancelling *cancelling)
{
    const struct event command = {
        .type = EVENT_JOB_CANCEL, .job = cancelling->job, .chunk_index = -1};
    struct err late;

    if (cancelling->wait == NULL) {
        publish_command(cancelling->gateway->producer, &command,
                        http_request_traceparent(cancelling->request), on_published, cancelling);
    } else if (!job_wait_again(cancelling->wait)) {
        (void)err_set(&late, ERR_RETRY, "gateway", 0, "the command was not applied in time");
        fail(cancelling, PROBLEM_QUEUE_UNAVAILABLE, &late);
    }
}

static void on_status(void *context, PGresult *result, const struct err *err)
{
    struct cancelling *cancelling = context;
    struct jobs_status status;

    if (result == NULL) {
        fail(cancelling, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (!jobs_decode_status(result, &status)) {
        api_unknown_job(cancelling->request, cancelling->job.text);
        done(cancelling);
    } else if (strcmp(status.status, "cancelled") == 0) {
        answer(cancelling);
    } else if (status.is_terminal) {
        has_ended(cancelling, status.status);
    } else {
        go_on(cancelling);
    }
}

void api_cancel(struct http_request *take_request, void *context)
{
    static const char *const FIELDS[] = {"parent_job_id", NULL};
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct gateway *gateway = context;
    struct refusal refusal;
    struct id job;
    size_t length = 0;
    const char *body = http_request_body(take_request, &length);

    if (!request_fields_parse(body, length, FIELDS, &object, &refusal) ||
        !request_fields_job(object, &job, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct cancelling *cancelling = mem_new(sizeof *cancelling);
    cancelling->gateway = gateway;
    cancelling->request = take_request;
    cancelling->job = job;
    ask(cancelling);
}
