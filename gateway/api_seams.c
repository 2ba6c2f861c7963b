/* SPDX-License-Identifier: Apache-2.0 */
/* GET /chunked-seams?parent_job_id=...&seams_from=...&seams_limit=... */
#include <stdlib.h>

#include "common/chunk_layout.h"
#include "common/mem.h"
#include "gateway/api.h"
#include "gateway/gateway.h"
#include "gateway/http_request.h"
#include "gateway/job_seams.h"
#include "gateway/query_fields.h"

/* A seam's record has some kilobytes at most. */
#define ANSWER_BYTES_MAX ((size_t)32 * 1024 * 1024)

struct question {
    struct http_request *request; /* to be released */
    struct id job;
    struct job_seams_page page;
};

static void on_seams(void *context, PGresult *result, const struct err *err)
{
    struct question *question = context;
    struct buf json;

    buf_init(&json, ANSWER_BYTES_MAX);
    if (result == NULL) {
        api_fail(question->request, PROBLEM_DATABASE_UNAVAILABLE, err);
    } else if (!job_seams_format(result, question->job.text, question->page, &json)) {
        api_unknown_job(question->request, question->job.text);
    } else {
        size_t length = json.length;
        http_respond_json(question->request, 200, buf_take(&json), length);
    }
    buf_done(&json);
    free(question);
}

void api_seams(struct http_request *take_request, void *context)
{
    static const char *const KNOWN[] = {"parent_job_id", "token", "seams_from", "seams_limit",
                                        NULL};
    const char *query = http_request_raw_query(take_request);
    struct gateway *gateway = context;
    struct question asked = {.request = take_request, .page = {0, JOB_SEAMS_PAGE_DEFAULT}};
    struct refusal refusal;

    if (!api_read_job_id(take_request, http_request_query(take_request, "parent_job_id"),
                         "parent_job_id", &asked.job))
        return;
    if (!query_fields_check(query, KNOWN, &refusal) ||
        !query_fields_int(query, "seams_from", 0, CHUNK_COUNT_MAX, &asked.page.from, &refusal) ||
        !query_fields_int(query, "seams_limit", 0, JOB_SEAMS_PAGE_MAX, &asked.page.limit,
                          &refusal)) {
        http_respond_problem(take_request, &refusal.problem);
        return;
    }
    struct question *question = mem_new(sizeof *question);
    *question = asked;
    job_seams_read(gateway->pg, asked.job.text, asked.page, on_seams, question);
}
