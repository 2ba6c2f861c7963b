/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/jobs_query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk_layout.h"
#include "gateway/http_text.h"
#include "gateway/query_fields.h"

/* A time that all jobs were created before, and an id that none is above. */
#define END_OF_TIME_US INT64_C(253402300799000000) /* 9999-12-31T23:59:59Z */
#define LAST_ID "ffffffff-ffff-ffff-ffff-ffffffffffff"

static const char *const INCLUDES[] = {"sub_jobs", "transcripts", NULL};
enum { INCLUDE_SUB_JOBS = 1, INCLUDE_TEXTS = 2 };

const char *const JOBS_QUERY_STATUSES[] = {"uploading", "processing", "assembling", "done",
                                           "failed",    "cancelled",  "expired",    NULL};
#define ALL_STATUSES UINT32_C(0x7f)

static void set_includes(struct job_view *view, uint32_t includes)
{
    view->has_sub_jobs = (includes & INCLUDE_SUB_JOBS) != 0;
    view->has_texts = (includes & INCLUDE_TEXTS) != 0;
}

bool job_view_parse(const char *query, struct job_view *ret_view, struct refusal *refusal)
{
    static const char *const KNOWN[] = {"parent_job_id", "token",          "include",
                                        "sub_jobs_from", "sub_jobs_limit", NULL};
    struct job_view view = {.sub_jobs_limit = JOB_VIEW_SUB_JOBS_DEFAULT};
    uint32_t includes = INCLUDE_SUB_JOBS | INCLUDE_TEXTS;
    const char *token;
    size_t token_length;

    if (!query_fields_check(query, KNOWN, refusal) ||
        !query_fields_words(query, "include", INCLUDES, true, &includes, refusal) ||
        !query_fields_int(query, "sub_jobs_from", 0, CHUNK_COUNT_MAX, &view.sub_jobs_from,
                          refusal) ||
        !query_fields_int(query, "sub_jobs_limit", 0, JOB_VIEW_SUB_JOBS_MAX, &view.sub_jobs_limit,
                          refusal))
        return false;
    set_includes(&view, includes);
    view.is_shared = http_text_find_parameter(query, "token", &token, &token_length);
    *ret_view = view;
    return true;
}

void jobs_cursor_format(const struct jobs_cursor *cursor, char ret_text[static JOBS_CURSOR_SIZE])
{
    size_t used =
        (size_t)snprintf(ret_text, JOBS_CURSOR_SIZE, "%016" PRIx64, (uint64_t)cursor->created_us);

    for (const char *digit = cursor->job.text; *digit != '\0'; digit++)
        if (*digit != '-')
            ret_text[used++] = *digit;
    ret_text[used] = '\0';
}

static bool read_cursor(const char *query, struct jobs_cursor *ret_cursor, struct refusal *refusal)
{
    char text[JOBS_CURSOR_SIZE] = "";
    char id[ID_SIZE];

    if (!query_fields_text(query, "cursor", text, sizeof text, refusal))
        return false;
    if (text[0] == '\0')
        return true;
    (void)snprintf(id, sizeof id, "%.8s-%.4s-%.4s-%.4s-%.12s", text + 16, text + 24, text + 28,
                   text + 32, text + 36);
    bool is_whole = strspn(text, "0123456789abcdef") == sizeof text - 1;
    if (!is_whole || text[0] != '0' || !id_parse(id, &ret_cursor->job))
        return refusal_set(refusal, PROBLEM_INVALID_FIELD, "cursor",
                           "cursor must be the next_cursor of a page of /jobs");
    text[16] = '\0';
    ret_cursor->created_us = (int64_t)strtoull(text, NULL, 16);
    return true;
}

/* What a page may hold is bounded by both limits together. */
static bool read_limits(const char *query, struct jobs_query *jobs, struct refusal *refusal)
{
    int32_t maximum = jobs->view.has_texts ? JOBS_QUERY_LIMIT_WITH_TEXTS : JOBS_QUERY_LIMIT_MAX;

    jobs->limit = jobs->view.has_texts ? JOBS_QUERY_LIMIT_WITH_TEXTS : JOBS_QUERY_LIMIT_DEFAULT;
    return query_fields_int(query, "limit", 1, maximum, &jobs->limit, refusal) &&
           query_fields_int(query, "sub_jobs_limit", 0, JOBS_QUERY_SUB_JOBS_MAX,
                            &jobs->view.sub_jobs_limit, refusal);
}

bool jobs_query_parse(const char *query, struct jobs_query *ret_query, struct refusal *refusal)
{
    static const char *const KNOWN[] = {"status", "created_after", "created_before", "limit",
                                        "cursor", "include",       "sub_jobs_limit", NULL};
    struct jobs_query jobs = {
        .view.sub_jobs_limit = JOBS_QUERY_SUB_JOBS_DEFAULT,
        .statuses = ALL_STATUSES,
        .created_before_us = END_OF_TIME_US,
        .cursor = {.created_us = END_OF_TIME_US, .job = {LAST_ID}},
    };
    uint32_t includes = 0;

    if (!query_fields_check(query, KNOWN, refusal) ||
        !query_fields_words(query, "include", INCLUDES, true, &includes, refusal) ||
        !query_fields_words(query, "status", JOBS_QUERY_STATUSES, false, &jobs.statuses, refusal) ||
        !query_fields_time(query, "created_after", &jobs.created_after_us, refusal) ||
        !query_fields_time(query, "created_before", &jobs.created_before_us, refusal) ||
        !read_cursor(query, &jobs.cursor, refusal))
        return false;
    set_includes(&jobs.view, includes);
    if (!read_limits(query, &jobs, refusal))
        return false;
    *ret_query = jobs;
    return true;
}
