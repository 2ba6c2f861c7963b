/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOBS_CREATE_H
#define GATEWAY_JOBS_CREATE_H

/*
 * What the gateway writes to PostgreSQL: a new job with its chunks and its first
 * event, in one statement. With an idempotency key that was used before, and is not past its time,
 * nothing is written and the job of that time is given.
 */

#include <stdbool.h>

#include "common/err.h"
#include "common/pg.h"
#include "gateway/init_request.h"
#include "gateway/job_plan.h"

struct jobs_created {
    struct job_plan plan;
    bool is_other_request; /* the key belongs to a request that asked for something else */
    bool is_unknown;       /* no such key, and nothing was to be written; `plan` is empty */
};

/* `created` is NULL on failure. */
typedef void (*jobs_create_on_done)(void *context, const struct jobs_created *created,
                                    const struct err *err);

struct jobs_create_terms {
    const char *idempotency_key; /* borrowed; may be NULL */
    int64_t idempotency_lifetime_us;
    int64_t max_retries;    /* of each chunk */
    const char *public_url; /* what links begin with, borrowed for good; "": they are relative */
    bool is_known_only;     /* only the job that the key was used for: nothing is written */
};

/* Calls back exactly once, never before it returns. */
void jobs_create(struct pg *pg, const struct init_request *request,
                 const struct jobs_create_terms *terms, jobs_create_on_done on_done, void *context);

#endif
