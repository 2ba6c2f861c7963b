/* SPDX-License-Identifier: Apache-2.0 */
/* What every matched request passes before its handler, and its answer behind it. */
#include <stdio.h>

#include "common/clock.h"
#include "gateway/access.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/idempotency.h"
#include "gateway/json_answer.h"
#include "gateway/rate_limit.h"

#define HEADER_SIZE 64

/* draft-ietf-httpapi-ratelimit-headers: the one policy, and what this client has left of it. */
static void tell(struct http_request *request, const struct gateway_options *options,
                 const struct rate_limit_verdict *verdict)
{
    char policy[HEADER_SIZE], left[HEADER_SIZE];

    (void)snprintf(policy, sizeof policy, "\"client\";q=%lld;w=%lld",
                   (long long)options->rate_limit, (long long)(options->rate_window_us / 1000000));
    (void)snprintf(left, sizeof left, "\"client\";r=%u;t=%u", verdict->remaining, verdict->reset_s);
    http_request_add_header(request, "RateLimit-Policy", policy);
    http_request_add_header(request, "RateLimit", left);
}

static bool is_within_limit(struct gateway *gateway, struct http_request *request)
{
    struct refusal refusal;

    if (gateway->rates == NULL || !(http_request_route(request)->traits & API_LIMITED))
        return true;
    struct rate_limit_verdict verdict =
        rate_limit_take(gateway->rates, http_request_address(request), clock_now_us());
    tell(request, gateway->options, &verdict);
    if (verdict.is_allowed)
        return true;
    refusal_set(&refusal, PROBLEM_TOO_MANY_REQUESTS, NULL,
                "this client may make %lld requests in %lld s; the next one in %u s",
                (long long)gateway->options->rate_limit,
                (long long)(gateway->options->rate_window_us / 1000000), verdict.reset_s);
    refusal.problem.retry_after_s = verdict.reset_s;
    http_respond_problem(request, &refusal.problem);
    return false;
}

/* A request that carries the token of a shared link gets no more than that grants. */
static bool is_granted(const struct gateway *gateway, struct http_request *request)
{
    const char *capture = http_request_capture(request);
    struct refusal refusal;
    const struct access_claim claim = {
        .wanted = http_request_route(request)->access,
        .token = http_request_query(request, "token"),
        .job_id = capture != NULL ? capture : http_request_query(request, "parent_job_id"),
    };

    if (access_allows(gateway->keys, &claim, clock_wall_us() / 1000000, &refusal))
        return true;
    http_respond_problem(request, &refusal.problem);
    return false;
}

bool api_admit(struct http_request *request, void *context)
{
    struct gateway *gateway = context;

    json_answer_prepare(gateway, request);
    return is_within_limit(gateway, request) && is_granted(gateway, request);
}

void api_run(struct http_request *take_request, void *context)
{
    const struct route *route = http_request_route(take_request);

    if (route->traits & API_IDEMPOTENT)
        idempotency_run(take_request, context);
    else
        route->handle(take_request, context);
}
