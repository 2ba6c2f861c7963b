/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "gateway/access.h"
#include "gateway/api.h"

/* Streams are never refused for coming too often: an EventSource would give up. Uploads are limited
 * by their signatures. */
#define ASKS (API_LIMITED | API_CONDITIONAL)
#define ACTS (API_LIMITED | API_IDEMPOTENT)

static const struct route ROUTES[] = {
    {HTTP_METHOD_POST, "/chunked-upload-stream", ROUTE_BODY_JSON, 0, api_init, ACCESS_CHANGE,
     API_LIMITED},
    {HTTP_METHOD_POST, "/chunk-upload-complete", ROUTE_BODY_JSON, 0, api_complete, ACCESS_CHANGE,
     ACTS},
    {HTTP_METHOD_POST, "/chunked-upload-resume", ROUTE_BODY_JSON, 0, api_resume, ACCESS_CHANGE,
     ACTS | API_ANSWERS_ANEW},
    {HTTP_METHOD_POST, "/chunked-upload-retry", ROUTE_BODY_JSON, 0, api_retry, ACCESS_CHANGE, ACTS},
    {HTTP_METHOD_POST, "/chunked-upload-cancel", ROUTE_BODY_JSON, 0, api_cancel, ACCESS_CHANGE,
     ACTS},
    {HTTP_METHOD_GET, "/chunked-upload-status", ROUTE_BODY_NONE, 0, api_status, ACCESS_READ, ASKS},
    {HTTP_METHOD_GET, "/chunked-seams", ROUTE_BODY_NONE, 0, api_seams, ACCESS_READ, ASKS},
    {HTTP_METHOD_GET, "/chunked-transcript", ROUTE_BODY_NONE, 0, api_transcript, ACCESS_READ,
     API_LIMITED},
    {HTTP_METHOD_GET, "/chunked-audio", ROUTE_BODY_NONE, 0, api_audio, ACCESS_LISTEN, API_LIMITED},
    {HTTP_METHOD_GET, "/jobs", ROUTE_BODY_NONE, 0, api_jobs, ACCESS_READ, ASKS},
    {HTTP_METHOD_GET, "/jobs/{id}", ROUTE_BODY_NONE, 0, api_job, ACCESS_READ, ASKS},
    {HTTP_METHOD_POST, "/jobs/{id}/share", ROUTE_BODY_JSON, 0, api_share, ACCESS_CHANGE,
     API_LIMITED},
    {HTTP_METHOD_GET, "/jobs/{id}/webhooks", ROUTE_BODY_NONE, 0, api_webhooks, ACCESS_CHANGE, ASKS},
    {HTTP_METHOD_POST, "/jobs/{id}/webhook-replay", ROUTE_BODY_JSON, 0, api_webhook_replay,
     ACCESS_CHANGE, ACTS},
    {HTTP_METHOD_GET, "/chunked-stream/{id}", ROUTE_BODY_NONE, 0, api_stream, ACCESS_READ, 0},
    {HTTP_METHOD_PUT, "/uploads/{path*}", ROUTE_BODY_SINK, 0, api_upload, ACCESS_CHANGE, 0},
    {HTTP_METHOD_GET, "/healthz", ROUTE_BODY_NONE, 0, api_healthz, ACCESS_NO_JOB, 0},
    {HTTP_METHOD_GET, "/readyz", ROUTE_BODY_NONE, 0, api_readyz, ACCESS_NO_JOB, 0},
    {HTTP_METHOD_GET, "/metrics", ROUTE_BODY_NONE, 0, api_metrics, ACCESS_NO_JOB, 0},
    {HTTP_METHOD_GET, "/", ROUTE_BODY_NONE, 0, api_page, ACCESS_NO_JOB, 0},
    {HTTP_METHOD_GET, "/{name}", ROUTE_BODY_NONE, 0, api_page, ACCESS_NO_JOB, 0},
};

struct route *api_routes_new(size_t body_limit_bytes, size_t *ret_count)
{
    struct route *routes = mem_array(ARRAY_LEN(ROUTES), sizeof *routes);

    memcpy(routes, ROUTES, sizeof ROUTES);
    for (size_t i = 0; i < ARRAY_LEN(ROUTES); i++)
        routes[i].body_limit_bytes = body_limit_bytes;
    *ret_count = ARRAY_LEN(ROUTES);
    return routes;
}
