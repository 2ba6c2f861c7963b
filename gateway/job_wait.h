/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOB_WAIT_H
#define GATEWAY_JOB_WAIT_H

/*
 * Paces a handler that has given the assembler a command and asks PostgreSQL until it shows there:
 * only then is the answer true. Loop thread only.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/loop.h"

struct job_wait;

void job_wait_free(struct job_wait *wait);
/* Calls ask(context) once for each job_wait_again() that gave true, later. */
struct job_wait *job_wait_new(struct loop *loop, void (*ask)(void *context), void *context)
    FREED_BY(job_wait_free);
/* False: it has taken too long. */
bool job_wait_again(struct job_wait *wait) MUST_CHECK;

#endif
