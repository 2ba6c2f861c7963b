/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOBS_QUERY_H
#define GATEWAY_JOBS_QUERY_H

/* What a request wants to see of jobs: the queries of /chunked-upload-status, /jobs/{id} and /jobs.
 * Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/ids.h"
#include "gateway/refusal.h"

/* Of one job: a page of sub-jobs. In a list each job has the first page of its own. */
#define JOB_VIEW_SUB_JOBS_DEFAULT 500
#define JOB_VIEW_SUB_JOBS_MAX 1000
#define JOBS_QUERY_SUB_JOBS_DEFAULT 20
#define JOBS_QUERY_SUB_JOBS_MAX 100
#define JOBS_QUERY_LIMIT_DEFAULT 20
#define JOBS_QUERY_LIMIT_MAX 100
/* Texts have no bound of their own. */
#define JOBS_QUERY_LIMIT_WITH_TEXTS 10

struct job_view {
    bool has_texts;    /* include=transcripts */
    bool has_sub_jobs; /* include=sub_jobs */
    int32_t sub_jobs_from;
    int32_t sub_jobs_limit; /* 0: none */
    bool is_shared;         /* asked for with a share link's token: its webhook is not shown */
};

/* Where a page begins: after this job in the order of the list, newest first. */
struct jobs_cursor {
    int64_t created_us;
    struct id job;
};

/* 16 digits of the time and 32 of the id, in hexadecimal, and the NUL. */
#define JOBS_CURSOR_SIZE 49
void jobs_cursor_format(const struct jobs_cursor *cursor, char ret_text[static JOBS_CURSOR_SIZE]);

/* The statuses in the order of their bits; NULL-terminated. */
extern const char *const JOBS_QUERY_STATUSES[];

struct jobs_query {
    struct job_view view;
    uint32_t statuses;         /* bits */
    int64_t created_after_us;  /* at this time or later */
    int64_t created_before_us; /* earlier */
    int32_t limit;
    struct jobs_cursor cursor;
};

/* `query` is the raw one. parent_job_id is left to the caller. */
bool job_view_parse(const char *query, struct job_view *ret_view,
                    struct refusal *refusal) MUST_CHECK;
bool jobs_query_parse(const char *query, struct jobs_query *ret_query,
                      struct refusal *refusal) MUST_CHECK;

#endif
