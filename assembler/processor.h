/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_PROCESSOR_H
#define ASSEMBLER_PROCESSOR_H

/*
 * Gets the collected records applied whatever comes between: a stale partition is read again from
 * where it stands, a record that PostgreSQL refuses is found by applying them one by one and goes
 * to dead.letters, one that kills the process is found by counting tries, and jobs whose text
 * stopped at a limit go on.
 */

#include <stdbool.h>
#include <stdint.h>

#include "assembler/apply.h"
#include "assembler/intake.h"
#include "assembler/relay.h"
#include "assembler/store.h"
#include "assembler/tasks.h"
#include "common/attrs.h"
#include "common/kafka_producer.h"

struct processor;

struct processor_parts { /* all borrowed */
    struct store *store;
    struct intake *intake;
    struct relay *relay;
    struct tasks *tasks;
    struct kafka_producer *producer;
    const struct apply_settings *settings;
};

void processor_free(struct processor *processor);
struct processor *processor_new(const struct processor_parts *parts) FREED_BY(processor_free);
/* There are records or unfinished jobs to go on with. */
bool processor_has_work(const struct processor *processor);
/* A job whose frontier can move although no record says so. */
void processor_resume_job(struct processor *processor, const char *job_id, int32_t home_partition);
/* A job to which nothing was uploaded for long: it expires if that is still so. */
void processor_expire_job(struct processor *processor, const char *job_id, int32_t home_partition);
void processor_forget_jobs(struct processor *processor);

enum processor_outcome {
    PROCESSOR_DONE,
    PROCESSOR_AGAIN, /* later, after a pause */
    PROCESSOR_BROKEN /* the process should end; logged */
};

/* One transaction. */
enum processor_outcome processor_step(struct processor *processor) MUST_CHECK;

#endif
