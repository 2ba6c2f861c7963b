/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOB_SEAMS_H
#define GATEWAY_JOB_SEAMS_H

/* How the chunks of a job were joined, as GET /chunked-seams shows it: a page of the seams that the
 * assembler has decided. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/pg.h"

#define JOB_SEAMS_PAGE_DEFAULT 100
#define JOB_SEAMS_PAGE_MAX 1000

struct job_seams_page {
    int32_t from;  /* the first seam's chunk, which is the later of its two */
    int32_t limit; /* 0: none */
};

void job_seams_read(struct pg *pg, const char *job_id, struct job_seams_page page,
                    pg_on_result on_result, void *context);
/* Appends the page's JSON; false: there is no such job. */
bool job_seams_format(const PGresult *result, const char *job_id, struct job_seams_page page,
                      struct buf *ret_json) MUST_CHECK;

#endif
