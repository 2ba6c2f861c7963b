/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/log.h"
#include "gateway/api.h"
#include "gateway/http_request.h"

#define RETRY_AFTER_S 2

void api_fail(struct http_request *take_request, enum problem_type away, const struct err *err)
{
    struct problem problem = {.type = away, .retry_after_s = RETRY_AFTER_S};

    if (err->kind != ERR_RETRY && err->kind != ERR_CANCELLED) {
        problem = (struct problem){.type = PROBLEM_INTERNAL};
        log_error("request_failed", "a request could not be served",
                  LOG_STR("request", http_request_id(take_request)),
                  LOG_STR("path", http_request_path(take_request)), LOG_ERR(err));
    }
    http_respond_problem(take_request, &problem);
}

void api_answer_page(struct http_request *take_request, const char *limit_parameter,
                     struct buf *take_json)
{
    struct refusal refusal;

    if (buf_is_over(take_json)) {
        refusal_set(&refusal, PROBLEM_INVALID_FIELD, limit_parameter,
                    "the answer would be too large: lower %s", limit_parameter);
        http_respond_problem(take_request, &refusal.problem);
    } else {
        size_t length = take_json->length;
        http_respond_json(take_request, 200, buf_take(take_json), length);
    }
    buf_done(take_json);
}

void api_unknown_job(struct http_request *take_request, const char *job_id)
{
    struct refusal refusal;

    refusal_set(&refusal, PROBLEM_JOB_NOT_FOUND, "parent_job_id", "there is no job %s", job_id);
    http_respond_problem(take_request, &refusal.problem);
}

bool api_read_job_id(struct http_request *request, const char *text, const char *field,
                     struct id *ret_job)
{
    struct refusal refusal;

    if (text != NULL && id_parse(text, ret_job))
        return true;
    if (text == NULL)
        refusal_set(&refusal, PROBLEM_MISSING_FIELD, field, "%s is required", field);
    else
        refusal_set(&refusal, PROBLEM_INVALID_FIELD, field,
                    "%s must be a UUID as /chunked-upload-stream gave it", field);
    http_respond_problem(request, &refusal.problem);
    return false;
}
