/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOB_STATUS_H
#define GATEWAY_JOB_STATUS_H

/* Jobs as the API shows them: the parent job, its texts and a page of its sub-jobs; one by its id,
 * or a page of all. Each is read in one statement, so that all of it is of one moment. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/pg.h"
#include "gateway/jobs_query.h"

/* The job of this id with what the view asks for. */
void job_status_read(struct pg *pg, const char *job_id, const struct job_view *view,
                     pg_on_result on_result, void *context);
/* Appends its JSON; false: there is no such job. */
bool job_status_format(const PGresult *result, const struct job_view *view,
                       struct buf *ret_json) MUST_CHECK;

/* A page of jobs, newest first. */
void job_status_read_list(struct pg *pg, const struct jobs_query *query, pg_on_result on_result,
                          void *context);
/* Appends {"jobs": [...], "limit": ..., "next_cursor": ...}. */
void job_status_format_list(const PGresult *result, const struct jobs_query *query,
                            struct buf *ret_json);

#endif
