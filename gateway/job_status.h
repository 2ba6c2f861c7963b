/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOB_STATUS_H
#define GATEWAY_JOB_STATUS_H

/* The parent job with a page of its sub-jobs, as GET /chunked-upload-status shows it: read in one
 * statement, so that counters, texts and sub-jobs are of one moment. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/pg.h"

#define JOB_STATUS_PAGE_DEFAULT 500
#define JOB_STATUS_PAGE_MAX 1000

struct job_status_page {
    int32_t from;  /* the first sub-job's index */
    int32_t limit; /* 0: none */
};

void job_status_read(struct pg *pg, const char *job_id, struct job_status_page page,
                     pg_on_result on_result, void *context);

/* Appends the job's JSON; false: there is no such job. */
bool job_status_format(const PGresult *result, const char *job_id, struct job_status_page page,
                       struct buf *ret_json) MUST_CHECK;

#endif
