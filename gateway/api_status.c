/* SPDX-License-Identifier: Apache-2.0 */
/* GET /chunked-upload-status?parent_job_id=...&sub_jobs_from=...&sub_jobs_limit=... */
#include <stdlib.h>

#include "common/chunk_layout.h"
#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/job_status.h"

#define ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct question {
    struct http_request *request; /* to be released */
    struct id job;
    struct job_status_page page;
};

static void on_status(void *context, PGresult *result, const struct err *err)
{
    struct question *question = context;
    struct buf json;

    buf_init(&json, ANSWER_BYTES_MAX);
    if (result == NULL) {
        api_fail(question->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (!job_status_format(result, question->job.text, question->page, &json)) {
        api_unknown_job(question->request, question->job.text);
    } else if (buf_is_over(&json)) {
        struct refusal refusal;
        refusal_set(&refusal, PROBLEM_INVALID_FIELD, "sub_jobs_limit",
                    "the answer would be too large: ask for fewer sub-jobs at a time");
        http_respond_problem(question->request, &refusal.problem);
    } else {
        size_t length = json.length;
        http_respond_json(question->request, 200, buf_take(&json), length);
    }
    buf_done(&json);
    free(question);
}

void api_status(struct http_request *take_request, void *context)
{
    struct gateway *gateway = context;
    struct question asked = {.request = take_request, .page = {0, JOB_STATUS_PAGE_DEFAULT}};

    if (!api_read_job_id(take_request, http_request_query(take_request, "parent_job_id"),
                         "parent_job_id", &asked.job) ||
        !api_read_number(take_request, "sub_jobs_from", CHUNK_COUNT_MAX, &asked.page.from) ||
        !api_read_number(take_request, "sub_jobs_limit", JOB_STATUS_PAGE_MAX, &asked.page.limit))
        return;
    struct question *question = mem_new(sizeof *question);
    *question = asked;
    job_status_read(gateway->pg, asked.job.text, asked.page, on_status, question);
}
