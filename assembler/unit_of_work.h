/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_UNIT_OF_WORK_H
#define ASSEMBLER_UNIT_OF_WORK_H

/*
 * One transaction: the offsets move on the condition that they stand where we believe them to, the
 * jobs are locked in the order of their ids, the records are applied, and everything that follows
 * from them is written. Either all of it happens or nothing. Events leave for Kafka only after the
 * commit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assembler/apply.h"
#include "assembler/batch.h"
#include "assembler/job.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"

/* A job that is looked at although no record speaks of it: its frontier stopped at a limit the last
 * time, or nothing was uploaded to it for a while. */
struct unit_job {
    struct id id;
    struct batch_partition *home;
    bool may_expire;
};

struct unit_of_work {
    const struct record *records; /* borrowed, as all */
    size_t count;
    const struct unit_job *jobs;
    size_t job_count;
};

enum unit_outcome {
    UNIT_DONE,
    UNIT_STALE,   /* an offset stands elsewhere: nothing was written */
    UNIT_REFUSED, /* a record can't be written (SQLSTATE class 22 or 23), or fits nothing */
    UNIT_RETRY,   /* nothing was written, or, if the connection is gone, it is unknown whether */
    UNIT_BROKEN,  /* PostgreSQL refuses a statement itself: this program and the tables differ */
};

struct unit_result {
    struct job *jobs;    /* owned, see unit_result_done(); their events are to be relayed */
    int64_t next_due_us; /* the shortest wait of the tasks written; -1: none */
};

void unit_result_done(struct unit_result *result);
/* `relayed_seq` gives the highest seq of a job that Kafka has acknowledged, or 0. */
enum unit_outcome unit_of_work_run(struct store *store, const struct apply_settings *settings,
                                   const struct unit_of_work *unit,
                                   int64_t (*relayed_seq)(void *context, const char *job_id),
                                   void *context, struct unit_result *ret_result, struct err *err);

#endif
