/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Resolving blocks, so that it is a thread's work; the request is the loop's. What is given up
 * while a thread has it is freed when it comes back.
 */

#include "worker/webhook_deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault_point.h"
#include "common/jsonread.h"
#include "common/mem.h"
#include "worker/url_guard.h"
#include "worker/webhook_outcome.h"

#define ID_BYTES_MAX 64
#define BODY_BYTES_MAX ((size_t)20 * 1024)
#define ANSWER_BYTES_MAX ((size_t)64 * 1024)

enum step { STEP_RESOLVING, STEP_SENDING, STEP_OVER };

struct delivery {
    const struct webhook_service *service; /* borrowed */
    struct job_task_ending ending;
    struct id job;
    char *id; /* owned, as the following */
    char *url;
    char *body;
    struct webhook_url target;
    enum step step;
    bool is_given_up;
    bool is_resolved; /* else `err` says why not */
    struct url_guard_address address;
    struct err err;
    struct http_fetch_request *request;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
};

static void delivery_free(struct delivery *delivery)
{
    curl_slist_free_all(delivery->headers);
    curl_slist_free_all(delivery->connect_to);
    free(delivery->id);
    free(delivery->url);
    free(delivery->body);
    free(delivery);
}

static void end(struct delivery *delivery, struct job_task_end take_end)
{
    delivery->step = STEP_OVER;
    delivery->ending.on_end(delivery->ending.context, take_end);
}

/* The answer */

static struct err describe(const struct http_fetch_reply *reply)
{
    struct err err = reply->err;

    if (reply->status != 0)
        (void)err_set(&err, ERR_RETRY, "webhook", (int)reply->status,
                      reply->status / 100 == 3
                          ? "the target answered %ld: redirects are not followed"
                          : "the target answered %ld",
                      reply->status);
    return err;
}

/* What curl says of no answer, in the words of the list of deliveries. */
static const char *silence_type(const struct http_fetch_reply *reply)
{
    if (reply->err.code == CURLE_OPERATION_TIMEDOUT)
        return "webhook_timed_out";
    return reply->err.code == CURLE_WRITE_ERROR ? "webhook_answer_too_large"
                                                : "webhook_unreachable";
}

static void on_reply(void *context, struct http_fetch_reply *reply)
{
    struct delivery *delivery = context;
    bool is_lost = fault_point(FAULT_WEBHOOK_REPLY, NULL);
    long status = is_lost ? 0 : reply->status;
    struct webhook_outcome outcome = webhook_outcome_of(status, reply->retry_after_us);

    delivery->request = NULL;
    if (outcome.is_delivered) {
        end(delivery, (struct job_task_end){.is_done = true,
                                            .result = mem_format("{\"status\":%ld}", status)});
        return;
    }
    struct err err = describe(reply);
    struct job_task_end failed =
        job_task_failed(status == 0 ? silence_type(reply) : outcome.type, &err);
    failed.failed.permanent = outcome.is_permanent;
    failed.failed.retry_after_ms = outcome.retry_after_ms;
    end(delivery, failed);
}

/* The request */

static void add_header(struct delivery *delivery, const char *name, const char *value)
{
    CLEANUP(mem_free_at) char *line = mem_format("%s: %s", name, value);

    delivery->headers = curl_slist_append(delivery->headers, line);
}

static void add_headers(struct delivery *delivery)
{
    const struct webhook_message message = {
        .id = delivery->id, .wall_s = clock_wall_us() / 1000000, .body = delivery->body};
    CLEANUP(mem_free_at)
    char *signature = webhook_sign(delivery->service->keys, delivery->job.text, &message);
    CLEANUP(mem_free_at) char *timestamp = mem_format("%" PRId64, message.wall_s);

    add_header(delivery, "Content-Type", "application/json");
    add_header(delivery, "webhook-id", message.id);
    add_header(delivery, "webhook-timestamp", timestamp);
    add_header(delivery, "webhook-signature", signature);
}

static void send_request(struct delivery *delivery)
{
    const struct webhook_service *service = delivery->service;
    const struct http_fetch_options options = {
        .connect_timeout_us = service->timeout_us,
        .total_timeout_us = service->timeout_us,
        .body_limit_bytes = ANSWER_BYTES_MAX,
    };
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        abort();
    add_headers(delivery);
    url_guard_pin(easy, &delivery->address, service->policy.private_targets, &delivery->connect_to);
    (void)curl_easy_setopt(easy, CURLOPT_URL, delivery->url);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "chunkscribe-webhook");
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, delivery->headers);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(delivery->body));
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery->body);
    (void)fault_point(FAULT_WEBHOOK_SEND, NULL);
    delivery->step = STEP_SENDING;
    delivery->request = http_fetch_start(service->fetch, easy, &options, on_reply, delivery);
}

/* Resolving */

static void resolve(void *context)
{
    struct delivery *delivery = context;

    if (delivery->is_resolved) /* understood: see start() */
        delivery->is_resolved =
            url_guard_resolve(&delivery->target, delivery->service->policy.private_targets,
                              &delivery->address, &delivery->err);
}

static const char *unsent_type(const struct err *err)
{
    if (err->kind == ERR_REJECT)
        return "webhook_invalid";
    if (strcmp(err->domain, "webhook_keys") == 0)
        return "webhook_unsigned";
    return strcmp(err->domain, "webhook_target") == 0 ? "webhook_target_refused"
                                                      : "webhook_unresolved";
}

static void on_resolved(void *context)
{
    struct delivery *delivery = context;

    if (delivery->is_given_up) {
        delivery_free(delivery);
    } else if (delivery->is_resolved) {
        send_request(delivery);
    } else {
        end(delivery, job_task_failed(unsent_type(&delivery->err), &delivery->err));
    }
}

/* The task */

static bool read_payload(struct delivery *delivery, const char *payload)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct err *err = &delivery->err;

    if (!jsonread_parse(payload, strlen(payload), &object, err) ||
        !jsonread_string(object, "delivery_id", ID_BYTES_MAX, &delivery->id, err) ||
        !jsonread_string(object, "url", WEBHOOK_URL_BYTES, &delivery->url, err) ||
        !jsonread_string(object, "body", BODY_BYTES_MAX, &delivery->body, err))
        return false;
    if (delivery->service->keys == NULL)
        return err_set(err, ERR_RETRY, "webhook_keys", 0,
                       "this worker has no webhook-key-file to sign with");
    return webhook_url_parse(delivery->url, &delivery->service->policy, &delivery->target, err) ||
           err_wrap(err, "the address");
}

static void *start(const struct job_task_services *services, const struct event *task,
                   struct job_task_ending ending)
{
    struct delivery *delivery = mem_new(sizeof *delivery);

    delivery->service = services->webhooks;
    delivery->ending = ending;
    delivery->job = task->job;
    delivery->is_resolved = read_payload(delivery, task->task.payload);
    pool_submit(services->pool, resolve, on_resolved, delivery);
    return delivery;
}

static void stop(void *work)
{
    struct delivery *delivery = work;

    if (delivery->step == STEP_RESOLVING) {
        delivery->is_given_up = true;
        return;
    }
    if (delivery->request != NULL)
        http_fetch_cancel(delivery->request);
    delivery_free(delivery);
}

const struct job_task_handler WEBHOOK_DELIVER_HANDLER = {
    .kind = "webhook.deliver", .start = start, .stop = stop};
