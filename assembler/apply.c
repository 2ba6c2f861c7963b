/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/apply.h"

#include <assert.h>
#include <string.h>

#include "assembler/assembler_metrics.h"
#include "assembler/blob_deletion.h"
#include "assembler/job_event.h"
#include "assembler/post_process.h"
#include "assembler/task_answer.h"
#include "assembler/webhook_delivery.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

/* As the worker says it. */
#define DECODER_CRASHED "decoder_crashed"

static char crashed_message[] = "The workers that took this chunk died before they had a result.";
static char headerless_message[] =
    "The file's header is needed and was deleted after its retention: begin the job anew.";

static void count(const struct apply_settings *settings, enum assembler_metric metric)
{
    metrics_add(settings->metrics, metric, 0, 1);
}

static void set_error(struct chunk *chunk, const struct event *event, unsigned effects)
{
    const struct event_failed crashed = {
        .type = "crashed", .message = crashed_message, .permanent = true};
    const struct event_failed headerless = {
        .type = "header_deleted", .message = headerless_message, .permanent = true};

    CLEANUP(mem_free_at) char *why = NULL;
    struct event_failed unreached = {.type = "service_away"};
    const struct event_failed *failed = &event->failed;

    if (effects & EFFECT_UNREACHED) {
        why = mem_format("The speech service has held this chunk back for too long: %s.",
                         event->deferred.reason);
        unreached.message = why;
        failed = &unreached;
    } else if (effects & EFFECT_CRASHED) {
        failed = &crashed;
    } else if (effects & EFFECT_HEADERLESS) {
        failed = &headerless;
    }
    free(chunk->error);
    chunk->error = job_event_error(failed);
}

static void add_work(struct job *job, const struct chunk *chunk, int64_t due_in_us)
{
    job_add_task(job, &(struct job_task){.kind = JOB_TASK_WORK,
                                         .chunk_index = chunk->index,
                                         .attempt = chunk->attempt,
                                         .due_in_us = due_in_us});
}

/* People are told of work that no process survives, as of records that nobody can read. */
static void add_dead_letter(struct job *job, const struct chunk *chunk)
{
    job_add_task(job, &(struct job_task){.kind = JOB_TASK_DEAD_LETTER,
                                         .chunk_index = chunk->index,
                                         .attempt = chunk->attempt});
}

static void on_failed(const struct apply_settings *settings, struct job *job, struct chunk *chunk,
                      const struct event *event, unsigned effects)
{
    set_error(chunk, event, effects);
    job_event_add_chunk_failed(job, chunk);
    if ((effects & EFFECT_CRASHED) ||
        (event->type == EVENT_CHUNK_FAILED && strcmp(event->failed.type, DECODER_CRASHED) == 0))
        add_dead_letter(job, chunk);
    count(settings, METRIC_CHUNKS_FAILED);
}

static void on_crashed(const struct apply_settings *settings, struct job *job,
                       const struct chunk *chunk)
{
    job_add_task(job, &(struct job_task){.kind = JOB_TASK_SKIP,
                                         .chunk_index = chunk->index,
                                         .attempt = chunk->attempt});
    count(settings, METRIC_CRASHED);
}

static void on_retried(const struct apply_settings *settings, struct job *job, struct chunk *chunk,
                       const struct event *event, const struct job_change *change)
{
    set_error(chunk, event, change->effects);
    job_event_add_chunk_retrying(job, chunk, change->due_in_us);
    add_work(job, chunk, change->due_in_us);
    count(settings, METRIC_RETRIES);
}

static void on_done(const struct apply_settings *settings, struct job *job, struct chunk *chunk)
{
    free(chunk->error);
    chunk->error = NULL;
    job_event_add_chunk_complete(job, chunk, settings->limits.hold_back_ms);
    count(settings, METRIC_CHUNKS_DONE);
}

static void on_deferred(struct job *job, struct chunk *chunk, const struct event *event,
                        int64_t due_in_us)
{
    free(chunk->deferred_reason);
    chunk->deferred_reason = mem_copy_string(event->deferred.reason);
    add_work(job, chunk, due_in_us);
}

static void tell(const struct apply_settings *settings, struct job *job, struct chunk *chunk,
                 const struct event *event, const struct job_change *change)
{
    unsigned effects = change->effects;

    if (effects == 0)
        count(settings, METRIC_SUPERSEDED);
    if (effects & EFFECT_SHOWN)
        job_event_add_chunk_partial(job, chunk->index, event->attempt, &event->partial);
    if (effects & EFFECT_DONE)
        on_done(settings, job, chunk);
    if (effects & EFFECT_FAILED)
        on_failed(settings, job, chunk, event, effects);
    if (effects & EFFECT_CRASHED)
        on_crashed(settings, job, chunk);
    if (effects & EFFECT_RETRIED)
        on_retried(settings, job, chunk, event, change);
    if (effects & EFFECT_DEFERRED)
        on_deferred(job, chunk, event, change->due_in_us);
}

/* Workers leave alone what they have of it. */
static bool end_early(struct job *job, enum job_status status)
{
    if (!job_state_end(job, status))
        return false;
    job_add_task(job, &(struct job_task){.kind = JOB_TASK_CANCEL, .chunk_index = -1});
    return true;
}

void apply_expiry(const struct apply_settings *settings, struct job *job)
{
    if (job->status != JOB_UPLOADING || job->idle_ms < settings->expire_after_ms ||
        !end_early(job, JOB_EXPIRED))
        return;
    log_info("job_expired", "nothing was uploaded for too long", LOG_STR("job", job->id.text),
             LOG_INT("idle_ms", job->idle_ms), LOG_INT("uploaded_chunks", job->uploaded_chunks));
}

static bool retry_chunk(struct job *job, const struct event_retry_chunk *asked)
{
    struct chunk *chunk = job_chunk(job, asked->chunk_index);

    if (chunk == NULL || !job_state_retry(job, chunk, asked))
        return false;
    free(chunk->error);
    chunk->error = NULL;
    if (!asked->needs_upload)
        add_work(job, chunk, 0);
    return true;
}

/* What a worker may be deleting can't be kept any more: who asks comes again when it is gone, and
 * then uploads anew. */
static bool may_reopen(const struct job *job)
{
    if (job->is_deleting_blobs)
        log_info("retry_refused", "its blobs are being deleted", LOG_STR("job", job->id.text));
    return !job->is_deleting_blobs && job->status != JOB_CANCELLED && job->status != JOB_EXPIRED &&
           !job->now_purged;
}

/* False: nothing was to be done, as when the command comes again. */
static bool retry_chunks(struct job *job, const struct event_retry *retry)
{
    CLEANUP(mem_free_at) int32_t *indices = mem_array(retry->count, sizeof *indices);
    size_t retried = 0;

    if (!may_reopen(job))
        return false;
    for (size_t i = 0; i < retry->count; i++)
        if (retry_chunk(job, &retry->chunks[i]))
            indices[retried++] = retry->chunks[i].chunk_index;
    if (retried > 0)
        job_event_add_retry_started(job, indices, retried);
    return retried > 0;
}

/* Records of any type may be written to the topics that we read. */
static enum task_answer_effect hear_of_task(const struct apply_settings *settings, struct job *job,
                                            const struct event *event)
{
    if (event->type == EVENT_TASK_DONE || event->type == EVENT_TASK_FAILED)
        return task_answer_apply(job, event, backoff_random());
    if (event->type == EVENT_TASK_STARTED || event->type == EVENT_TASK_RELEASED)
        return task_answer_start(job, event, settings->policy.max_starts);
    return TASK_ANSWER_SUPERSEDED; /* an order to workers */
}

static bool take_answer(const struct apply_settings *settings, struct job *job,
                        const struct event *answer)
{
    switch (hear_of_task(settings, job, answer)) {
    case TASK_ANSWER_SUPERSEDED:
        return false;
    case TASK_ANSWER_NOTED:
        break;
    case TASK_ANSWER_CRASHED:
        count(settings, METRIC_CRASHED);
        log_warn("task_crashed", "it kills the workers that take it",
                 LOG_STR("job", answer->job.text), LOG_STR("kind", answer->task.kind),
                 LOG_INT("task", answer->task.id), LOG_INT("attempt", answer->attempt));
        break;
    case TASK_ANSWER_DONE:
        metrics_add(settings->metrics, METRIC_TASKS_ANSWERED, 0, 1);
        break;
    case TASK_ANSWER_RETRIED:
        metrics_add(settings->metrics, METRIC_TASKS_ANSWERED, 1, 1);
        break;
    case TASK_ANSWER_FAILED:
        metrics_add(settings->metrics, METRIC_TASKS_ANSWERED, 2, 1);
        log_warn("task_failed", answer->task.failed.message, LOG_STR("job", job->id.text),
                 LOG_STR("kind", answer->task.kind), LOG_INT("attempt", answer->attempt));
        break;
    }
    return true;
}

/* A record about the job, or one that is none of ours. */
static void obey(const struct apply_settings *settings, struct job *job, const struct event *event)
{
    bool is_news = false;

    if (event->type == EVENT_JOB_CANCEL)
        is_news = end_early(job, JOB_CANCELLED);
    else if (event->type == EVENT_JOB_RETRY)
        is_news = retry_chunks(job, &event->retry);
    else if (event->type == EVENT_WEBHOOK_REPLAY)
        is_news = webhook_delivery_replay(job, &event->replay.delivery);
    else if (event_is_of_task(event->type))
        is_news = take_answer(settings, job, event);
    if (!is_news)
        count(settings, METRIC_SUPERSEDED);
}

enum apply_outcome apply_record(const struct apply_settings *settings, struct job *job,
                                const struct record *record, int64_t now_wall_us)
{
    const struct event *event = &record->event;

    metrics_add(settings->metrics, METRIC_RECORDS, event->type, 1);
    if (job == NULL) {
        count(settings, METRIC_UNKNOWN_JOB);
        return APPLY_NO_JOB;
    }
    struct chunk *chunk = event->chunk_index < 0 ? NULL : job_chunk(job, event->chunk_index);
    if (chunk == NULL && !event_is_of_job(event->type))
        return APPLY_NO_CHUNK;
    if (job->home_partition < 0) {
        job->home_partition = record->partition->number;
        job->is_changed = true;
    }
    if (chunk == NULL) {
        obey(settings, job, event);
        return APPLY_DONE;
    }
    const struct job_change change =
        job_state_apply(job, chunk, event, &settings->policy, now_wall_us, backoff_random());
    tell(settings, job, chunk, event, &change);
    return APPLY_DONE;
}

static void count_step(const struct apply_settings *settings, const struct job *job,
                       const struct assembly_step *step, size_t tasks_before)
{
    metrics_add(settings->metrics, METRIC_HARD_CUTS, 0, step->hard_cuts);
    metrics_add(settings->metrics, METRIC_MISMATCHES, 0, step->mismatches);
    metrics_add(settings->metrics, METRIC_RESYNCS, 0, (int64_t)(job->tasks.count - tasks_before));
}

void apply_rewind(struct job *job, const struct rewind_prefix *prefix, const char *text)
{
    rewind_text(job, prefix);
    job_event_add_replacement(job, text);
}

/* Text only grows: what this transaction adds follows what is stored. */
static char *ordered_text(const struct job *job)
{
    struct buf text;

    assert(job->stored_text != NULL && "was loaded with a job that may end");
    buf_init(&text, SIZE_MAX);
    buf_append_string(&text, job->stored_text);
    for (size_t i = 0; i < job->parts.count; i++)
        buf_append_string(&text, job->parts.items[i].text);
    return buf_take(&text);
}

static char *corrected_text(const struct job *job)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_append_string(&text, job->stored_corrected);
    for (size_t i = 0; i < job->parts.count; i++) {
        const struct job_part *part = &job->parts.items[i];
        buf_append_string(&text, part->corrected != NULL ? part->corrected : part->text);
    }
    return buf_take(&text);
}

/* What is kept of a job that has ended, and for how long. */
static void retain(const struct apply_settings *settings, struct job *job)
{
    bool is_of_use = job->status == JOB_DONE || job->status == JOB_FAILED;

    blob_deletion_begin(job, is_of_use ? settings->blob_retention_us : 0, false);
    blob_deletion_begin(job, settings->job_retention_us, true);
}

static void end(const struct apply_settings *settings, struct job *job)
{
    retain(settings, job);
    metrics_add(settings->metrics, METRIC_JOBS_ENDED, (size_t)(job->status - JOB_DONE), 1);
    if (job->status == JOB_DONE) {
        CLEANUP(mem_free_at) char *raw = ordered_text(job);
        CLEANUP(mem_free_at) char *corrected = corrected_text(job);
        job_event_add_final_result(job, raw, corrected);
    } else if (job->status == JOB_FAILED) {
        job_event_add_job_failed(job);
    } else {
        job_event_add_ended_early(job);
    }
    webhook_delivery_begin(job, clock_wall_us());
}

static void advance(const struct apply_settings *settings, struct job *job)
{
    CLEANUP(assembly_step_done) struct assembly_step step = {0};
    size_t tasks_before = job->tasks.count;

    assembly_advance(job, &settings->limits, &step);
    count_step(settings, job, &step, tasks_before);
    job_event_add_partial_transcript(job, &step);
    job_state_advance(job);
    job->has_more |= post_process_has_more(job);
    if (job->is_shown || step.from_chunk <= step.to_chunk)
        job_event_add_progress_update(job);
}

void apply_advance(const struct apply_settings *settings, struct job *job)
{
    if (!job_is_terminal(job))
        advance(settings, job);
    if (job->now_completed)
        end(settings, job);
}
