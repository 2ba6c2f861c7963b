/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /jobs/{id}/webhooks: the deliveries of a job's webhooks and what became of them.
 * POST /jobs/{id}/webhook-replay: sends one once more, by a command to the assembler. Repeating the
 * call may send it twice, under the same id, which its receiver has to expect anyway.
 */
#include <string.h>

#include "common/jsonread.h"
#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
#include "gateway/publish.h"
#include "gateway/request_fields.h"

#define ANSWER_BYTES 256

struct webhooks {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    struct id job;
    struct id delivery; /* of a replay */
};

/* NULL: the request has been answered. */
static struct webhooks *begin(struct gateway *gateway, struct http_request *take_request)
{
    struct id job;

    if (!api_read_job_id(take_request, http_request_capture(take_request), "id", &job))
        return NULL;
    struct webhooks *webhooks = mem_new(sizeof *webhooks);
    webhooks->gateway = gateway;
    webhooks->request = take_request;
    webhooks->job = job;
    return webhooks;
}

/* The list */

static void on_list(void *context, PGresult *result, const struct err *err)
{
    struct webhooks *webhooks = context;

    if (result == NULL) {
        api_fail(webhooks->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (PQntuples(result) == 0) {
        api_unknown_job(webhooks->request, webhooks->job.text);
    } else {
        size_t length = (size_t)PQgetlength(result, 0, 0);
        http_respond_json(webhooks->request, 200, mem_copy(PQgetvalue(result, 0, 0), length),
                          length);
    }
    free(webhooks);
}

void api_webhooks(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct webhooks *webhooks = begin(gateway, take_request);

    if (webhooks != NULL)
        jobs_read_webhooks(gateway->pg, webhooks->job.text, on_list, webhooks);
}

/* The replay */

static void on_published(void *context, const struct err *err)
{
    struct webhooks *webhooks = context;
    struct buf json;

    if (err != NULL) {
        api_fail(webhooks->request, PROBLEM_QUEUE_UNAVAILABLE, err);
        free(webhooks);
        return;
    }
    buf_init(&json, ANSWER_BYTES);
    buf_append_format(&json,
                      "{\"parent_job_id\":\"%s\",\"delivery_id\":\"%s\",\"state\":\"pending\"}",
                      webhooks->job.text, webhooks->delivery.text);
    size_t length = json.length;
    http_respond_json(webhooks->request, 202, buf_take(&json), length);
    free(webhooks);
}

static void publish(struct webhooks *webhooks)
{
    struct event command = {.type = EVENT_WEBHOOK_REPLAY, .job = webhooks->job, .chunk_index = -1};

    command.replay.delivery = webhooks->delivery;
    publish_command(webhooks->gateway->producer, &command,
                    http_request_traceparent(webhooks->request), on_published, webhooks);
}

static void refuse(struct webhooks *webhooks, const struct refusal *refusal)
{
    http_respond_problem(webhooks->request, &refusal->problem);
    free(webhooks);
}

static void on_delivery(void *context, PGresult *result, const struct err *err)
{
    struct webhooks *webhooks = context;
    struct refusal refusal;

    if (result == NULL) {
        api_fail(webhooks->request, PROBLEM_DATABASE_UNAVAILABLE, err);
        free(webhooks);
    } else if (PQntuples(result) == 0) {
        refusal_set(&refusal, PROBLEM_DELIVERY_NOT_FOUND, "delivery_id",
                    "job %s has no delivery %s", webhooks->job.text, webhooks->delivery.text);
        refuse(webhooks, &refusal);
    } else if (strcmp(PQgetvalue(result, 0, 0), "pending") == 0) {
        refusal_set(&refusal, PROBLEM_JOB_STATE_CONFLICT, "delivery_id",
                    "the delivery is still being tried");
        refuse(webhooks, &refusal);
    } else {
        publish(webhooks);
    }
}

static bool read_delivery(const struct http_request *request, struct id *ret_delivery,
                          struct refusal *refusal)
{
    static const char *const FIELDS[] = {"delivery_id", NULL};
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    char text[64] = "";
    size_t length = 0;
    const char *body = http_request_body(request, &length);

    if (!request_fields_parse(body, length, FIELDS, &object, refusal) ||
        !request_fields_text(object, "delivery_id", FIELD_REQUIRED, text, sizeof text, refusal))
        return false;
    return id_parse(text, ret_delivery) ||
           refusal_set(refusal, PROBLEM_INVALID_FIELD, "delivery_id",
                       "delivery_id must be a UUID as the list of deliveries has it");
}

void api_webhook_replay(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct refusal refusal;
    struct webhooks *webhooks = begin(gateway, take_request);

    if (webhooks == NULL)
        return;
    if (read_delivery(take_request, &webhooks->delivery, &refusal))
        jobs_read_delivery(gateway->pg, webhooks->job.text, webhooks->delivery.text, on_delivery,
                           webhooks);
    else
        refuse(webhooks, &refusal);
}
