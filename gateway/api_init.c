/* SPDX-License-Identifier: Apache-2.0 */
/* POST /chunked-upload-stream: a new job, and where its chunks go. */
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/webhook_sign.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/idempotency_key.h"
#include "gateway/jobs_create.h"
#include "gateway/store_room.h"

struct init {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    bool has_webhook;
    struct refusal full; /* where there is no room for a new job */
};

static void answer(struct init *init, const struct job_plan *plan)
{
    const struct gateway_options *options = init->gateway->options;
    CLEANUP(mem_free_at)
    char *secret = init->has_webhook
                       ? webhook_keys_job_secret(init->gateway->webhook_keys, plan->job.text)
                       : NULL;
    struct job_plan_terms terms = {
        .keys = init->gateway->keys,
        .public_url = options->public_url,
        .expires_wall_s = (clock_wall_us() + options->upload_url_lifetime_us) / 1000000,
        .max_concurrent_uploads = options->max_concurrent_uploads,
        .webhook_secret = secret,
    };
    struct buf json;

    buf_init(&json, job_plan_bytes_max(plan->layout.total_chunks, terms.public_url));
    job_plan_format(plan, &terms, &json);
    size_t length = json.length;
    http_respond_json(init->request, 201, buf_take(&json), length);
}

static void on_created(void *context, const struct jobs_created *created, const struct err *err)
{
    struct init *init = context;
    struct refusal refusal;

    if (created == NULL) {
        api_fail(init->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (created->is_unknown) {
        http_respond_problem(init->request, &init->full.problem);
    } else if (created->is_other_request) {
        (void)idempotency_key_refuse(&refusal);
        http_respond_problem(init->request, &refusal.problem);
    } else {
        log_info("job_created", "a job was created, or asked for again",
                 LOG_STR("job", created->plan.job.text),
                 LOG_INT("total_size", created->plan.layout.total_size),
                 LOG_INT("total_chunks", created->plan.layout.total_chunks));
        answer(init, &created->plan);
    }
    free(init);
}

/* A job that was made before has its room in what is stored: a repeated call is about no more. */
void api_init(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    const struct init_terms terms = {.max_total_size = gateway->options->max_total_size,
                                     .has_llm = gateway->options->llm,
                                     .has_webhooks = gateway->webhook_keys != NULL,
                                     .webhook_policy = {
                                         .http = gateway->options->webhook_allow_http,
                                         .private_targets = gateway->options->webhook_allow_private,
                                     }};
    const char *key = http_request_header(take_request, "Idempotency-Key");
    struct init_request request;
    struct refusal refusal;
    size_t length = 0;
    const char *body = http_request_body(take_request, &length);

    if (!idempotency_key_check(key, &refusal) ||
        !init_request_parse(body, length, &terms, &request, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct init *init = mem_new(sizeof *init);
    init->gateway = gateway;
    init->request = take_request;
    init->has_webhook = request.webhook_url[0] != '\0';
    bool has_room = store_room_has(gateway->room, request.layout.total_size, &init->full);
    if (!has_room && key == NULL) {
        http_respond_problem(take_request, &init->full.problem);
        free(init);
        return;
    }
    jobs_create(gateway->pg, &request,
                &(struct jobs_create_terms){
                    .idempotency_key = key,
                    .idempotency_lifetime_us = gateway->options->idempotency_lifetime_us,
                    .max_retries = gateway->options->max_retries,
                    .public_url = gateway->options->public_url,
                    .is_known_only = !has_room,
                },
                on_created, init);
}
