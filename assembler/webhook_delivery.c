/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/webhook_delivery.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "assembler/job_event.h"
#include "common/clock.h"
#include "common/jsonread.h"
#include "common/mem.h"

#define BODY_BYTES_MAX ((size_t)8 * 1024)
#define MINUTE INT64_C(60)
#define HOUR INT64_C(3600)

/* When the attempts are due, in seconds after the first. */
static const int64_t DUE_S[] = {0,        5,         5 * MINUTE, 30 * MINUTE, 2 * HOUR,
                                5 * HOUR, 10 * HOUR, 14 * HOUR,  20 * HOUR,   24 * HOUR};
static_assert(ARRAY_LEN(DUE_S) == WEBHOOK_DELIVERY_ATTEMPTS, "a time for each attempt");

int64_t webhook_delivery_delay_us(int32_t attempt, uint64_t random)
{
    assert(attempt >= 1);
    if (attempt >= WEBHOOK_DELIVERY_ATTEMPTS)
        return 0;
    int64_t delay_us = (DUE_S[attempt] - DUE_S[attempt - 1]) * 1000000;
    /* Targets that were away for many are not called by all at the same moment: within 10 %. */
    int64_t spread_us = delay_us / 5;
    return delay_us - spread_us / 2 + (int64_t)(random % (uint64_t)(spread_us + 1));
}

static void add_task(struct job *job, const char *delivery_id)
{
    job_add_task(
        job, &(struct job_task){.kind = JOB_TASK_WEBHOOK_DELIVER,
                                .chunk_index = -1,
                                .attempt = 1,
                                .payload = mem_format("{\"delivery_id\":\"%s\"}", delivery_id)});
}

static char *body_of(const struct job *job, const char *type, int64_t now_wall_us)
{
    const char *base = job->public_url == NULL ? "" : job->public_url;
    char timestamp[CLOCK_RFC3339_SIZE];
    struct buf body;

    clock_format_rfc3339(now_wall_us, timestamp);
    buf_init(&body, BODY_BYTES_MAX);
    buf_append_format(&body,
                      "{\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":{\"parent_job_id\":\"%s\","
                      "\"status\":\"%s\",\"total_chunks\":%" PRId32 ",\"completed_chunks\":%" PRId32
                      ",\"failed_chunks\":%" PRId32 ",\"links\":{"
                      "\"status\":\"%s/chunked-upload-status?parent_job_id=%s\","
                      "\"stream\":\"%s/chunked-stream/%s\"}}}",
                      type, timestamp, job->id.text, job_status_name(job->status),
                      job->layout.total_chunks, job->completed_chunks, job->failed_chunks, base,
                      job->id.text, base, job->id.text);
    return buf_take(&body);
}

void webhook_delivery_begin(struct job *job, int64_t now_wall_us)
{
    struct job_delivery delivery = {.change = DELIVERY_NEW};

    if (job->webhook_url == NULL || job->is_webhook_gone)
        return;
    delivery.id = id_from_name("webhook/%s/%" PRId64, job->id.text, job->last_seq);
    delivery.type = mem_format("job.%s", job_status_name(job->status));
    delivery.body = body_of(job, delivery.type, now_wall_us);
    job_add_delivery(job, delivery);
    add_task(job, delivery.id.text);
}

bool webhook_delivery_replay(struct job *job, const struct id *delivery_id)
{
    if (job->webhook_url == NULL)
        return false;
    job_add_delivery(job, (struct job_delivery){.change = DELIVERY_REPLAYED, .id = *delivery_id});
    add_task(job, delivery_id->text);
    return true;
}

/* False: the payload is not ours. */
static bool read_id(const struct job_open_task *task, struct id *ret_id)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct err err;

    return jsonread_parse(task->payload, strlen(task->payload), &object, &err) &&
           jsonread_text(object, "delivery_id", ret_id->text, sizeof ret_id->text, &err);
}

static void add_change(struct job *job, const struct job_open_task *task,
                       enum delivery_change change, const struct event_failed *failed)
{
    struct job_delivery delivery = {.change = change, .due_in_us = task->due_in_us};

    if (!read_id(task, &delivery.id))
        return;
    if (failed != NULL)
        delivery.error = job_event_error(failed);
    job_add_delivery(job, delivery);
}

void webhook_delivery_on_done(struct job *job, const struct job_open_task *task,
                              const char *result UNUSED)
{
    add_change(job, task, DELIVERY_DELIVERED, NULL);
}

void webhook_delivery_on_retried(struct job *job, const struct job_open_task *task,
                                 const struct event_failed *failed)
{
    add_change(job, task, DELIVERY_RETRIED, failed);
}

/* A target that is gone (410) hears no more of this job. */
void webhook_delivery_on_failed(struct job *job, const struct job_open_task *task,
                                const struct event_failed *failed)
{
    if (strcmp(failed->type, "webhook_gone") == 0) {
        job->is_webhook_gone = true;
        job->is_changed = true;
    }
    add_change(job, task, DELIVERY_FAILED, failed);
}
