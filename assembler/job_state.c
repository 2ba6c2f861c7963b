/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/job_state.h"

#include <assert.h>
#include <string.h>

#include "assembler/blob_deletion.h"
#include "assembler/coverage_book.h"
#include "assembler/post_process.h"

#define RETRY_AFTER_MAX_US (INT64_C(24) * 3600 * 1000000)

#define LANGUAGE_WORDS_MIN 8

enum attempt_guard {
    GUARD_CURRENT,  /* only the newest attempt */
    GUARD_STANDING, /* any attempt from min_attempt on: a late success is a success */
};

enum action {
    IGNORE,
    UPLOAD,
    NOTE_WORK, /* a repeated report of the upload: a newer work record of the same attempt */
    START,
    RELEASE,
    HEAR,
    SHOW,
    PARK,
    DEFER,
    FINISH,
    FAIL,
};

struct rule {
    enum attempt_guard guard;
    enum action on[CHUNK_STATUS_COUNT];
};

#define ON_OPEN(action_)                                                                           \
    {                                                                                              \
        [CHUNK_PENDING] = (action_), [CHUNK_UPLOADED] = (action_), [CHUNK_PROCESSING] = (action_), \
        [CHUNK_DONE] = IGNORE, [CHUNK_FAILED] = IGNORE                                             \
    }

static const struct rule RULES[EVENT_TYPE_COUNT] = {
    [EVENT_CHUNK_WORK] = {GUARD_CURRENT, ON_OPEN(IGNORE)},
    [EVENT_CHUNK_UPLOADED] = {GUARD_CURRENT,
                              {[CHUNK_PENDING] = UPLOAD,
                               [CHUNK_UPLOADED] = NOTE_WORK,
                               [CHUNK_PROCESSING] = NOTE_WORK,
                               [CHUNK_DONE] = IGNORE,
                               [CHUNK_FAILED] = IGNORE}},
    [EVENT_CHUNK_STARTED] = {GUARD_CURRENT, ON_OPEN(START)},
    [EVENT_CHUNK_RELEASED] = {GUARD_CURRENT, ON_OPEN(RELEASE)},
    [EVENT_CHUNK_ALIVE] = {GUARD_CURRENT, ON_OPEN(HEAR)},
    [EVENT_CHUNK_PARTIAL] = {GUARD_CURRENT, ON_OPEN(SHOW)},
    [EVENT_CHUNK_WAITING] = {GUARD_CURRENT, ON_OPEN(PARK)},
    [EVENT_CHUNK_DEFERRED] = {GUARD_CURRENT, ON_OPEN(DEFER)},
    [EVENT_CHUNK_TRANSCRIBED] = {GUARD_STANDING, ON_OPEN(FINISH)},
    [EVENT_CHUNK_FAILED] = {GUARD_CURRENT, ON_OPEN(FAIL)},
};

struct step {
    struct job *job;
    struct chunk *chunk;
    const struct event *event;
    const struct job_state_policy *policy;
    int64_t now_wall_us;
    uint64_t random;
    struct job_change change;
};

static bool passes_guard(enum attempt_guard guard, const struct chunk *chunk, int32_t attempt)
{
    if (guard == GUARD_CURRENT)
        return attempt == chunk->attempt;
    return attempt >= chunk->min_attempt && attempt <= chunk->attempt;
}

static void set_status(struct step *step, enum chunk_status status)
{
    step->chunk->status = status;
    step->chunk->is_changed = true;
}

static void upload(struct step *step)
{
    if (step->chunk->status != CHUNK_PENDING)
        return;
    set_status(step, CHUNK_UPLOADED);
    step->chunk->now_uploaded = true;
    step->job->uploaded_chunks++;
    step->job->now_upload_started = true;
    step->job->now_upload_active = true;
    step->job->idle_ms = 0;
    step->change.effects |= EFFECT_UPLOADED;
}

static void note_work(struct step *step, struct kafka_position work)
{
    if (start_tally_note_work(&step->chunk->starts, work))
        step->chunk->is_changed = true;
}

static void leave_wait(struct chunk *chunk)
{
    chunk->waiting_from = -1;
    chunk->waiting_to = -1;
    chunk->waiting_first_chunk = -1;
    chunk->waiting_chunk = -1;
    chunk->now_parked = false;
    chunk->deferred_until_wall_us = 0;
}

static void hear(struct step *step)
{
    step->chunk->now_heard = true;
    step->chunk->is_changed = true;
    step->change.effects |= EFFECT_HEARD;
}

static void give_up(struct step *step)
{
    if (step->chunk->resync_from > 0) {
        set_status(step, CHUNK_DONE);
        step->change.effects |= EFFECT_KEPT;
        return;
    }
    set_status(step, CHUNK_FAILED);
    step->chunk->now_completed = true;
    step->job->failed_chunks++;
    step->change.effects |= EFFECT_FAILED;
}

/* Counted from each work record on, so that a client that repeats its report does not count against
 * the chunk. */
static void start(struct step *step)
{
    struct chunk *chunk = step->chunk;

    if (!start_tally_add(&chunk->starts, &step->event->started))
        return;
    leave_wait(chunk);
    hear(step);
    if (start_tally_is_deadly(&chunk->starts, step->policy->max_starts)) {
        give_up(step);
        step->change.effects |= EFFECT_CRASHED;
        return;
    }
    set_status(step, CHUNK_PROCESSING);
    chunk->now_started = true;
    step->job->now_processing_started = true;
    step->change.effects |= EFFECT_STARTED;
}

static void release(struct step *step)
{
    start_tally_give_back(&step->chunk->starts, &step->event->started);
    hear(step);
}

/* What is not stored after the blobs were deleted will not come by waiting. */
static void give_up_on_header(struct step *step)
{
    leave_wait(step->chunk);
    give_up(step);
    if (step->change.effects & EFFECT_FAILED)
        step->change.effects |= EFFECT_HEADERLESS;
}

/* What lies beyond the recording's end will not come: no chunk has it. */
static void wait_for(struct chunk *chunk, const struct event_waiting *waiting,
                     const struct chunk_layout *layout)
{
    int64_t last_byte = (waiting->to < layout->total_size ? waiting->to : layout->total_size) - 1;
    int64_t first_byte = waiting->from < last_byte ? waiting->from : last_byte;

    chunk->waiting_from = waiting->from;
    chunk->waiting_to = waiting->to;
    chunk->waiting_first_chunk = chunk_layout_chunk_at(layout, first_byte);
    chunk->waiting_chunk = chunk_layout_chunk_at(layout, last_byte);
    chunk->now_parked = true;
}

static void park(struct step *step)
{
    if (step->job->are_blobs_deleted) {
        give_up_on_header(step);
        return;
    }
    wait_for(step->chunk, &step->event->waiting, &step->job->layout);
    start_tally_forget(&step->chunk->starts);
    set_status(step, CHUNK_UPLOADED);
    step->change.effects |= EFFECT_PARKED;
}

/* Attempts come and go while the speech service is away; only an answer about the chunk ends it. */
static bool is_deferred_for_too_long(const struct step *step)
{
    const struct chunk *chunk = step->chunk;

    return chunk->deferred_since_wall_us > 0 &&
           step->now_wall_us - chunk->deferred_since_wall_us >= step->policy->max_deferral_us;
}

static void defer(struct step *step)
{
    int64_t wait_us = step->event->deferred.until_wall_us - step->now_wall_us;

    leave_wait(step->chunk);
    if (is_deferred_for_too_long(step)) {
        give_up(step);
        step->chunk->deferred_since_wall_us = 0;
        if (step->change.effects & EFFECT_FAILED)
            step->change.effects |= EFFECT_UNREACHED;
        return;
    }
    if (step->chunk->deferred_since_wall_us == 0)
        step->chunk->deferred_since_wall_us = step->now_wall_us;
    step->chunk->deferred_until_wall_us = step->event->deferred.until_wall_us;
    start_tally_forget(&step->chunk->starts);
    set_status(step, CHUNK_UPLOADED);
    step->change.effects |= EFFECT_DEFERRED;
    step->change.due_in_us = wait_us > 0 ? wait_us : 0;
}

static void retry(struct step *step, int64_t retry_after_ms)
{
    struct chunk *chunk = step->chunk;
    int64_t wait_us = (int64_t)backoff_delay_us(step->policy->backoff, (unsigned)chunk->retry_count,
                                                step->random);
    int64_t asked_us =
        retry_after_ms > RETRY_AFTER_MAX_US / 1000 ? RETRY_AFTER_MAX_US : retry_after_ms * 1000;

    chunk->attempt++;
    chunk->retry_count++;
    start_tally_forget(&chunk->starts);
    chunk->deferred_since_wall_us = 0;
    leave_wait(chunk);
    set_status(step, CHUNK_UPLOADED);
    step->change.effects |= EFFECT_RETRIED;
    step->change.due_in_us = asked_us > wait_us ? asked_us : wait_us;
}

static void fail(struct step *step)
{
    const struct event_failed *failed = &step->event->failed;
    bool is_final = failed->permanent || step->chunk->resync_from > 0 ||
                    step->chunk->retry_count >= step->job->max_retries;

    if (is_final)
        give_up(step);
    else
        retry(step, failed->retry_after_ms);
}

/* One chunk with a word or two may be heard in any language. */
static void learn_language(struct job *job, const struct event_transcribed *result)
{
    static_assert(sizeof job->detected_language == sizeof result->language, "copied whole");
    if (result->language[0] != '\0' && result->reading.word_count >= LANGUAGE_WORDS_MIN)
        memcpy(job->detected_language, result->language, sizeof job->detected_language);
}

static void finish(struct step *step)
{
    const struct event_transcribed *result = &step->event->transcribed;
    struct chunk *chunk = step->chunk;
    struct job *job = step->job;

    leave_wait(chunk);
    chunk->deferred_since_wall_us = 0;
    set_status(step, CHUNK_DONE);
    chunk->now_completed = true;
    chunk->has_audio = true;
    chunk->audio = result->audio;
    chunk->reading = &result->reading;
    chunk->is_reading_new = true;
    chunk->correction = result->correction.is_there ? &result->correction : NULL;
    if (chunk->correction != NULL)
        job_add_correction(job, chunk->correction);
    chunk->hearing = &result->hearing;
    coverage_book_result(chunk, &result->hearing);
    chunk->processing_time_ms = result->processing_time_ms;
    static_assert(sizeof chunk->language == sizeof result->language, "copied whole");
    memcpy(chunk->language, result->language, sizeof chunk->language);
    learn_language(job, result);
    if (chunk->resync_from == 0) { /* else it has been counted before */
        job->completed_chunks++;
        job->total_segments += (int32_t)result->reading.segment_count;
    }
    job->processing_time_ms += result->processing_time_ms;
    job->speech_time_ms += result->speech_time_ms;
    job->speech_requests += result->requests;
    job->now_first_completed = true;
    step->change.effects |= EFFECT_DONE;
}

static void act(struct step *step, enum action action)
{
    switch (action) {
    case IGNORE:
        return;
    case UPLOAD:
        upload(step);
        note_work(step, step->event->uploaded.work);
        return;
    case NOTE_WORK:
        note_work(step, step->event->uploaded.work);
        return;
    case START:
        upload(step);
        start(step);
        return;
    case RELEASE:
        release(step);
        return;
    case HEAR:
        hear(step);
        return;
    case SHOW:
        hear(step);
        step->change.effects |= EFFECT_SHOWN;
        return;
    case PARK:
        upload(step);
        park(step);
        return;
    case DEFER:
        upload(step);
        defer(step);
        return;
    case FINISH:
        upload(step);
        finish(step);
        return;
    case FAIL:
        upload(step);
        fail(step);
        return;
    }
}

struct job_change job_state_apply(struct job *job, struct chunk *chunk, const struct event *event,
                                  const struct job_state_policy *policy, int64_t now_wall_us,
                                  uint64_t random)
{
    assert(event->type < EVENT_TYPE_COUNT && chunk->status < CHUNK_STATUS_COUNT);
    struct step step = {job, chunk, event, policy, now_wall_us, random, {0}};
    const struct rule *rule = &RULES[event->type];

    if (job_is_terminal(job) || !passes_guard(rule->guard, chunk, event->attempt))
        return step.change;
    act(&step, rule->on[chunk->status]);
    if (step.change.effects & ~(unsigned)(EFFECT_HEARD | EFFECT_SHOWN)) {
        job->is_changed = true;
        job->is_shown = true;
    }
    return step.change;
}

bool job_state_end(struct job *job, enum job_status status)
{
    assert(status == JOB_CANCELLED || status == JOB_EXPIRED);
    if (job_is_terminal(job))
        return false;
    job->status = status;
    job->now_completed = true;
    job->is_changed = true;
    return true;
}

/* What was passed as a gap is written anew. */
static void reopen_job(struct job *job, const struct chunk *chunk)
{
    if (chunk->index < job->frontier && (job->rewind_to < 0 || chunk->index < job->rewind_to))
        job->rewind_to = chunk->index;
    job->status = job->uploaded_chunks < job->layout.total_chunks ? JOB_UPLOADING : JOB_PROCESSING;
    job->failed_chunks--;
    job->now_upload_active = true;
    job->idle_ms = 0;
    blob_deletion_take_back(job);
    post_process_reset(job);
    job->is_changed = true;
    job->is_shown = true;
}

bool job_state_retry(struct job *job, struct chunk *chunk, const struct event_retry_chunk *asked)
{
    if (chunk->status != CHUNK_FAILED || chunk->attempt != asked->attempt)
        return false;
    chunk->status = asked->needs_upload ? CHUNK_PENDING : CHUNK_UPLOADED;
    chunk->attempt++;
    chunk->min_attempt = chunk->attempt;
    chunk->retry_count = 0;
    start_tally_forget(&chunk->starts);
    chunk->deferred_since_wall_us = 0;
    chunk->resync_from = 0;
    chunk->covered = (struct coverage_sums){0};
    chunk->starts.work.partition = -1;
    chunk->now_reopened = true;
    chunk->is_changed = true;
    leave_wait(chunk);
    if (asked->needs_upload)
        job->uploaded_chunks--;
    reopen_job(job, chunk);
    return true;
}

bool job_state_is_complete(const struct job *job)
{
    return job->completed_chunks + job->failed_chunks == job->layout.total_chunks;
}

void job_state_advance(struct job *job)
{
    if (job->status == JOB_UPLOADING && job->uploaded_chunks == job->layout.total_chunks)
        job->status = JOB_PROCESSING;
    if (job->status == JOB_PROCESSING && job_state_is_complete(job))
        job->status = JOB_ASSEMBLING;
    if (job->status == JOB_ASSEMBLING && job->frontier == job->layout.total_chunks &&
        !post_process_holds(job)) {
        job->status = job->completed_chunks > 0 ? JOB_DONE : JOB_FAILED;
        job->now_completed = true;
    }
}
