/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
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

bool api_read_number(struct http_request *request, const char *name, int32_t maximum,
                     int32_t *ret_number)
{
    const char *text = http_request_query(request, name);
    struct refusal refusal;

    if (text == NULL)
        return true;
    size_t digits = strspn(text, "0123456789");
    long number = digits > 0 && digits < 10 && text[digits] == '\0' ? strtol(text, NULL, 10) : -1;
    if (number >= 0 && number <= maximum) {
        *ret_number = (int32_t)number;
        return true;
    }
    refusal_set_range(&refusal, PROBLEM_INVALID_FIELD, name, 0, maximum,
                      "%s must be an integer from 0 to %d", name, (int)maximum);
    http_respond_problem(request, &refusal.problem);
    return false;
}
