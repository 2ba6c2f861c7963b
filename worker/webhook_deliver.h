/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WEBHOOK_DELIVER_H
#define WORKER_WEBHOOK_DELIVER_H

/*
 * The task `webhook.deliver`: one POST of a job's event to the address that was given with the job,
 * signed (common/webhook_sign.h) and guarded (worker/url_guard.h). Payload: delivery_id, url, body.
 */

#include <stdint.h>

#include "common/http_fetch.h"
#include "common/webhook_sign.h"
#include "common/webhook_url.h"
#include "worker/job_task.h"

/* Borrowed, as far as it points. */
struct webhook_service {
    struct http_fetch *fetch;  /* with connections of its own */
    struct webhook_keys *keys; /* NULL: this worker signs none */
    struct webhook_url_policy policy;
    uint64_t timeout_us;
};

extern const struct job_task_handler WEBHOOK_DELIVER_HANDLER;

#endif
