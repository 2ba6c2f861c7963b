/* SPDX-License-Identifier: Apache-2.0 */
/* GET /chunked-stream/{id}: the job's events (docs/api.md). */
#include <string.h>

#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/sse_format.h"
#include "gateway/sse_hub.h"

/* The header wins: an EventSource that reconnects sends it, while its URL stays the same. An id
 * that no stream can have given is the same as none. */
static uint64_t read_last_id(struct http_request *request)
{
    const char *header = http_request_header(request, "Last-Event-ID");
    const char *text = header != NULL ? header : http_request_query(request, "last_event_id");
    uint64_t seq = 0;

    return sse_parse_last_id(text, &seq) == SSE_LAST_ID_SEQ ? seq : 0;
}

/* False: the request was answered. */
static bool read_partial(struct http_request *request, enum sse_partial *ret_partial)
{
    static const char *const MODES[] = {"text", "delta", NULL};
    const char *mode = http_request_query(request, "partial");
    struct refusal refusal;

    if (mode == NULL || strcmp(mode, MODES[0]) == 0) {
        *ret_partial = SSE_PARTIAL_TEXT;
        return true;
    }
    if (strcmp(mode, MODES[1]) == 0) {
        *ret_partial = SSE_PARTIAL_DELTA;
        return true;
    }
    refusal_set(&refusal, PROBLEM_INVALID_FIELD, "partial", "partial must be text or delta");
    refusal.problem.allowed = MODES;
    http_respond_problem(request, &refusal.problem);
    return false;
}

void api_stream(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct sse_wish wish = {.last_id = read_last_id(take_request)};
    const char *job_id = http_request_capture(take_request);

    if (!id_parse(job_id, &wish.job)) {
        api_unknown_job(take_request, job_id);
        return;
    }
    if (read_partial(take_request, &wish.partial))
        sse_hub_open(gateway->hub, take_request, &wish);
}
