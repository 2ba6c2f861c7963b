/* SPDX-License-Identifier: Apache-2.0 */
/* GET /jobs: a page of all jobs, newest first. */
#include <stdlib.h>

#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/job_status.h"

struct listing {
    struct http_request *request; /* to be released */
    struct jobs_query query;
};

static void on_jobs(void *context, PGresult *result, const struct err *err)
{
    struct listing *listing = context;
    struct buf json;

    buf_init(&json, API_ANSWER_BYTES_MAX);
    if (result == NULL) {
        api_fail(listing->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else {
        job_status_format_list(result, &listing->query, &json);
        api_answer_page(listing->request, "limit", &json);
    }
    buf_done(&json);
    free(listing);
}

void api_jobs(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct jobs_query query;
    struct refusal refusal;

    if (!jobs_query_parse(http_request_raw_query(take_request), &query, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct listing *listing = mem_new(sizeof *listing);
    *listing = (struct listing){.request = take_request, .query = query};
    job_status_read_list(gateway->pg, &query, on_jobs, listing);
}
