/* SPDX-License-Identifier: Apache-2.0 */
/* GET /chunked-upload-status?parent_job_id=... and GET /jobs/{id}: the same document of one job. */
#include <stdlib.h>

#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/job_status.h"

struct question {
    struct http_request *request; /* to be released */
    struct id job;
    struct job_view view;
};

static void on_status(void *context, PGresult *result, const struct err *err)
{
    struct question *question = context;
    struct buf json;

    buf_init(&json, API_ANSWER_BYTES_MAX);
    if (result == NULL)
        api_fail(question->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    else if (!job_status_format(result, &question->view, &json))
        api_unknown_job(question->request, question->job.text);
    else
        api_answer_page(question->request, "sub_jobs_limit", &json);
    buf_done(&json);
    free(question);
}

static void ask(struct gateway *gateway, struct http_request *take_request, const struct id *job)
{
    struct question asked = {.request = take_request, .job = *job};
    struct refusal refusal;

    if (!job_view_parse(http_request_raw_query(take_request), &asked.view, &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct question *question = mem_new(sizeof *question);
    *question = asked;
    job_status_read(gateway->pg, asked.job.text, &asked.view, on_status, question);
}

void api_status(struct http_request *take_request, void *context)
{
    struct id job;

    if (api_read_job_id(take_request, http_request_query(take_request, "parent_job_id"),
                        "parent_job_id", &job))
        ask(context, take_request, &job);
}

void api_job(struct http_request *take_request, void *context)
{
    const char *job_id = http_request_capture(take_request);
    struct id job;

    if (id_parse(job_id, &job))
        ask(context, take_request, &job);
    else
        api_unknown_job(take_request, job_id);
}
