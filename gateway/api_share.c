/* SPDX-License-Identifier: Apache-2.0 */
/* POST /jobs/{id}/share: links that let whoever has them read the job for a time. Nothing is
 * stored: a link is what its signature says, and ends with its time or its key. */
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/jobs_read.h"
#include "gateway/share_request.h"

struct sharing {
    struct gateway *gateway;      /* borrowed */
    struct http_request *request; /* to be released */
    struct id job;
    struct share_request asked;
};

static void answer(const struct sharing *sharing)
{
    const struct gateway_options *options = sharing->gateway->options;
    const struct share_terms terms = {
        .keys = sharing->gateway->keys,
        .public_url = options->public_url,
        .job_id = sharing->job.text,
        .now_wall_s = clock_wall_us() / 1000000,
    };
    struct buf json;

    buf_init(&json, share_bytes_max(options->public_url));
    share_format(&sharing->asked, &terms, &json);
    size_t length = json.length;
    log_info("job_shared", "links to a job were given out", LOG_STR("job", sharing->job.text),
             LOG_INT("expires_in_s", sharing->asked.expires_in_s));
    http_respond_json(sharing->request, 201, buf_take(&json), length);
}

static void on_status(void *context, PGresult *result, const struct err *err)
{
    struct sharing *sharing = context;
    struct jobs_status status;

    if (result == NULL)
        api_fail(sharing->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    else if (!jobs_decode_status(result, &status))
        api_unknown_job(sharing->request, sharing->job.text);
    else
        answer(sharing);
    free(sharing);
}

void api_share(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct share_request asked;
    struct refusal refusal;
    struct id job;
    size_t length = 0;
    const char *body = http_request_body(take_request, &length);
    const char *job_id = http_request_capture(take_request);

    if (!id_parse(job_id, &job)) {
        api_unknown_job(take_request, job_id);
        return;
    }
    if (!share_request_parse(body, length, gateway->options->share_max_lifetime_us / 1000000,
                             &asked, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct sharing *sharing = mem_new(sizeof *sharing);
    *sharing = (struct sharing){gateway, take_request, job, asked};
    jobs_read_status(gateway->pg, job.text, on_status, sharing);
}
