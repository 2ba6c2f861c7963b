/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_API_H
#define GATEWAY_API_H

/*
 * The handlers behind the routes, a file each (api_*.c), and the table of routes (api_routes.c).
 * Each takes a request that it releases once, and the struct gateway as its context.
 */

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/ids.h"
#include "gateway/publish.h"
#include "gateway/refusal.h"
#include "gateway/router.h"

struct gateway;
struct http_request;
struct jobs_chunk;

/* Bits of a route's `traits`. */
enum api_trait {
    API_LIMITED = 1,      /* counts against the option rate-limit */
    API_IDEMPOTENT = 2,   /* takes an Idempotency-Key (idempotency.h) */
    API_CONDITIONAL = 4,  /* its answers have an entity tag (json_answer.h) */
    API_ANSWERS_ANEW = 8, /* idempotent, and its answer is not kept but made again */
};

/* For the server's `admit`. */
bool api_admit(struct http_request *request, void *gateway);
/* For the server's `run`. */
void api_run(struct http_request *take_request, void *gateway);

/* The routes, with the body limit from the options; owned by the caller. */
struct route *api_routes_new(size_t body_limit_bytes, size_t *ret_count);

void api_init(struct http_request *take_request, void *gateway);
void api_complete(struct http_request *take_request, void *gateway);
void api_resume(struct http_request *take_request, void *gateway);
void api_retry(struct http_request *take_request, void *gateway);
void api_cancel(struct http_request *take_request, void *gateway);
void api_webhooks(struct http_request *take_request, void *gateway);
void api_webhook_replay(struct http_request *take_request, void *gateway);
void api_status(struct http_request *take_request, void *gateway);
void api_seams(struct http_request *take_request, void *gateway);
void api_job(struct http_request *take_request, void *gateway);
void api_jobs(struct http_request *take_request, void *gateway);
void api_transcript(struct http_request *take_request, void *gateway);
void api_audio(struct http_request *take_request, void *gateway);
void api_share(struct http_request *take_request, void *gateway);
void api_upload(struct http_request *take_request, void *gateway);
void api_stream(struct http_request *take_request, void *gateway);
void api_healthz(struct http_request *take_request, void *gateway);
void api_readyz(struct http_request *take_request, void *gateway);
void api_metrics(struct http_request *take_request, void *gateway);
void api_page(struct http_request *take_request, void *gateway);

/* Publishes the work of a chunk whose bytes are stored (api_complete.c); `chunk` is borrowed. Calls
 * back as publish_chunk() does. */
void api_publish_chunk(struct gateway *gateway, const struct id *job, int32_t chunk_index,
                       const struct jobs_chunk *chunk, const char *traceparent,
                       publish_on_done on_done, void *context);

/* What several handlers need (api_answer.c). */

/* 503 for what may work later, 500 with a log line for what never should have failed. `away` is the
 * problem for the former. */
void api_fail(struct http_request *take_request, enum problem_type away, const struct err *err);
/* The most that an answer with texts in it may have. */
#define API_ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)
/* 200 with a page of something; one that went over its limit is a 422 that names the parameter to
 * lower. */
void api_answer_page(struct http_request *take_request, const char *limit_parameter,
                     struct buf *take_json);
/* 404 that names the job. */
void api_unknown_job(struct http_request *take_request, const char *job_id);
/* False: `text` (may be NULL) is no id; then the request was answered. */
bool api_read_job_id(struct http_request *request, const char *text, const char *field,
                     struct id *ret_job) MUST_CHECK;

#endif
