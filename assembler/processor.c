/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/processor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assembler/assembler_metrics.h"
#include "assembler/dead_letters.h"
#include "assembler/store_offsets.h"
#include "assembler/unit_of_work.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

/* Owners that a record may take with it before it is put aside. */
#define TRIES_MAX 4
#define UNFINISHED_AT_ONCE 64

struct unfinished {
    struct id job;
    int32_t home_partition;
    bool may_expire;
};

struct processor {
    struct processor_parts parts;
    struct unfinished *unfinished; /* owned */
    size_t unfinished_count;
    size_t one_by_one; /* so many records are to be applied singly */
};

void processor_free(struct processor *processor)
{
    if (processor == NULL)
        return;
    free(processor->unfinished);
    free(processor);
}

struct processor *processor_new(const struct processor_parts *parts)
{
    struct processor *processor = mem_new(sizeof *processor);

    processor->parts = *parts;
    return processor;
}

bool processor_has_work(const struct processor *processor)
{
    return processor->unfinished_count > 0 || intake_batch(processor->parts.intake)->count > 0;
}

static void look_at_job(struct processor *processor, const char *job_id, int32_t home_partition,
                        bool may_expire)
{
    processor->unfinished = mem_resize(processor->unfinished, processor->unfinished_count + 1,
                                       sizeof *processor->unfinished);
    struct unfinished *last = &processor->unfinished[processor->unfinished_count++];

    (void)snprintf(last->job.text, sizeof last->job.text, "%s", job_id);
    last->home_partition = home_partition;
    last->may_expire = may_expire;
}

void processor_resume_job(struct processor *processor, const char *job_id, int32_t home_partition)
{
    look_at_job(processor, job_id, home_partition, false);
}

void processor_expire_job(struct processor *processor, const char *job_id, int32_t home_partition)
{
    look_at_job(processor, job_id, home_partition, true);
}

void processor_forget_jobs(struct processor *processor)
{
    processor->unfinished_count = 0;
}

/* What one transaction takes */

struct slice {
    size_t count; /* records from the front of the batch */
    struct unit_job jobs[UNFINISHED_AT_ONCE];
    size_t job_count;
};

static size_t choose_count(const struct processor *processor)
{
    const struct batch *batch = intake_batch(processor->parts.intake);
    bool is_single = processor->one_by_one > 0;

    for (size_t i = 0; i < batch->partition_count; i++)
        is_single = is_single || batch->partitions[i].single_left > 0;
    return is_single && batch->count > 1 ? 1 : batch->count;
}

/* Those of partitions that are not ours any more are left to their new owner. */
static void choose_unfinished(struct processor *processor, struct slice *slice)
{
    struct batch *batch = intake_batch(processor->parts.intake);

    while (processor->unfinished_count > 0 && slice->job_count < UNFINISHED_AT_ONCE) {
        const struct unfinished *last = &processor->unfinished[--processor->unfinished_count];
        struct batch_partition *home =
            batch_find_partition(batch, INTAKE_RESULTS, last->home_partition);

        if (home == NULL)
            continue;
        slice->jobs[slice->job_count++] = (struct unit_job){last->job, home, last->may_expire};
    }
}

static void give_back(struct processor *processor, const struct slice *slice)
{
    for (size_t i = 0; i < slice->job_count; i++)
        look_at_job(processor, slice->jobs[i].id.text, slice->jobs[i].home->number,
                    slice->jobs[i].may_expire);
}

/* Records that may kill the process */

static bool count_try(struct processor *processor, struct batch_partition *partition,
                      struct record *record, size_t slice_count, struct err *err)
{
    int32_t tries;

    if (!store_count_try(processor->parts.store, partition->stored_name, partition->number, &tries,
                         err))
        return false;
    if (tries > TRIES_MAX && slice_count == 1 && !record->is_dead)
        batch_kill_record(record, "the processes that applied this record died");
    return true;
}

/* After a crash the first transaction of each partition is counted before it is tried. */
static bool count_tries(struct processor *processor, size_t slice_count, struct err *err)
{
    struct batch *batch = intake_batch(processor->parts.intake);

    for (size_t i = 0; i < slice_count; i++) {
        struct record *record = &batch->records[i];
        struct batch_partition *partition = record->partition;

        if (!partition->is_careful || record->offset < 0)
            continue;
        partition->is_careful = false;
        if (!count_try(processor, partition, record, slice_count, err)) {
            partition->is_careful = true;
            return false;
        }
    }
    return true;
}

/* Outcomes */

static void move_on(struct processor *processor, const struct slice *slice)
{
    struct batch *batch = intake_batch(processor->parts.intake);

    for (size_t i = 0; i < slice->count; i++) {
        const struct record *record = &batch->records[i];
        struct batch_partition *partition = record->partition;

        if (record->offset < 0)
            continue;
        intake_applied(processor->parts.intake, partition, record->offset + 1);
        if (partition->single_left > 0)
            partition->is_careful = --partition->single_left > 0;
    }
    if (processor->one_by_one > 0 && slice->count > 0)
        processor->one_by_one--;
    batch_drop(batch, slice->count);
}

static void publish(struct processor *processor, const struct unit_result *result)
{
    for (const struct job *job = result->jobs; job != NULL; job = job->hh.next) {
        relay_job(processor->parts.relay, job);
        if (job->has_more)
            processor_resume_job(processor, job->id.text, job->home_partition);
    }
    if (result->next_due_us >= 0)
        tasks_expect(processor->parts.tasks, clock_now_us(), result->next_due_us);
}

static void count_done(struct processor *processor, uint64_t start_us)
{
    struct metrics *metrics = processor->parts.settings->metrics;

    metrics_add(metrics, METRIC_BATCHES, 0, 1);
    metrics_observe_us(metrics, METRIC_TRANSACTION, 0, clock_now_us() - start_us);
}

/* Another process has moved one of the offsets, or moves it: where do they stand? */
static enum processor_outcome rewind_partitions(struct processor *processor)
{
    struct batch *batch = intake_batch(processor->parts.intake);
    struct err err;

    metrics_add(processor->parts.settings->metrics, METRIC_STALE, 0, 1);
    log_warn("stale", "another process has moved an offset: reading again from where it stands",
             LOG_INT("records", batch->count));
    for (size_t i = 0; i < batch->partition_count; i++) {
        if (!intake_rewind(processor->parts.intake, &batch->partitions[i], &err)) {
            log_warn("rewind_failed", "will be tried again", LOG_ERR(&err));
            return PROCESSOR_AGAIN;
        }
    }
    return PROCESSOR_DONE;
}

static enum processor_outcome refuse(struct processor *processor, const struct slice *slice,
                                     const struct err *err)
{
    struct batch *batch = intake_batch(processor->parts.intake);

    if (slice->count == 0) {
        log_error("job_refused", "a job's text can't be written", LOG_ERR(err),
                  LOG_INT("jobs", slice->job_count));
        return PROCESSOR_DONE;
    }
    give_back(processor, slice);
    if (slice->count > 1)
        processor->one_by_one = slice->count;
    else
        batch_kill_record(&batch->records[0], err->message);
    return PROCESSOR_DONE;
}

static enum processor_outcome try_later(struct processor *processor, const struct slice *slice,
                                        const struct err *err)
{
    metrics_add(processor->parts.settings->metrics, METRIC_DATABASE_ERRORS, 0, 1);
    log_warn("transaction_failed", "will be tried again", LOG_ERR(err));
    give_back(processor, slice);
    return PROCESSOR_AGAIN;
}

static int64_t relayed_seq(void *context, const char *job_id)
{
    return relay_acknowledged(context, job_id);
}

static enum processor_outcome run(struct processor *processor, const struct slice *slice)
{
    const struct unit_of_work unit = {
        .records = intake_batch(processor->parts.intake)->records,
        .count = slice->count,
        .jobs = slice->jobs,
        .job_count = slice->job_count,
    };
    CLEANUP(unit_result_done) struct unit_result result = {0};
    uint64_t start_us = clock_now_us();
    struct err err;

    switch (unit_of_work_run(processor->parts.store, processor->parts.settings, &unit, relayed_seq,
                             processor->parts.relay, &result, &err)) {
    case UNIT_DONE:
        count_done(processor, start_us);
        publish(processor, &result);
        move_on(processor, slice);
        return PROCESSOR_DONE;
    case UNIT_STALE:
        give_back(processor, slice);
        return rewind_partitions(processor);
    case UNIT_REFUSED:
        return refuse(processor, slice, &err);
    case UNIT_RETRY:
        return try_later(processor, slice, &err);
    case UNIT_BROKEN:
        log_error("statement_refused", "this program and the database do not fit", LOG_ERR(&err));
        return PROCESSOR_BROKEN;
    }
    return PROCESSOR_BROKEN;
}

enum processor_outcome processor_step(struct processor *processor)
{
    struct batch *batch = intake_batch(processor->parts.intake);
    struct slice slice = {.count = choose_count(processor)};
    struct err err;

    if (!count_tries(processor, slice.count, &err) ||
        !dead_letters_send(processor->parts.producer, processor->parts.settings->metrics,
                           batch->records, slice.count, &err))
        return try_later(processor, &slice, &err);
    choose_unfinished(processor, &slice);
    if (slice.count == 0 && slice.job_count == 0)
        return PROCESSOR_DONE;
    return run(processor, &slice);
}
