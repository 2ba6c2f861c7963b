/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/task_answer.h"

#include <assert.h>
#include <inttypes.h>

#include "assembler/task_kind.h"
#include "common/mem.h"

#define RETRY_AFTER_MAX_MS (INT64_C(24) * 3600 * 1000)

static void retry(struct job_open_task *task, const struct event_failed *failed, uint64_t random)
{
    const struct task_kind *kind = task_kind(task->kind);
    int64_t wait_us =
        kind->delay_us != NULL
            ? kind->delay_us(task->attempt, random)
            : (int64_t)backoff_delay_us(kind->backoff, (unsigned)task->attempt - 1, random);
    int64_t asked_ms = failed->retry_after_ms;

    if (asked_ms > RETRY_AFTER_MAX_MS)
        asked_ms = RETRY_AFTER_MAX_MS;
    task->fate = TASK_FATE_RETRIED;
    task->due_in_us = asked_ms * 1000 > wait_us ? asked_ms * 1000 : wait_us;
}

static enum task_answer_effect fail(struct job *job, struct job_open_task *task,
                                    const struct event_failed *failed, uint64_t random)
{
    const struct task_kind *kind = task_kind(task->kind);

    if (!failed->permanent && task->attempt < kind->max_attempts) {
        retry(task, failed, random);
        if (kind->on_retried != NULL)
            kind->on_retried(job, task, failed);
        return TASK_ANSWER_RETRIED;
    }
    task->fate = TASK_FATE_CLOSED;
    if (kind->on_failed != NULL)
        kind->on_failed(job, task, failed);
    return TASK_ANSWER_FAILED;
}

/* Of the attempt that the record speaks of, if that is open; else NULL. */
static struct job_open_task *task_of(struct job *job, const struct event *event)
{
    struct job_open_task *task = job_open_task(job, event->task.id);
    bool is_open = task != NULL && task->fate == TASK_FATE_OPEN && task->attempt == event->attempt;

    return is_open ? task : NULL;
}

enum task_answer_effect task_answer_apply(struct job *job, const struct event *answer,
                                          uint64_t random)
{
    assert(answer->type == EVENT_TASK_DONE || answer->type == EVENT_TASK_FAILED);
    struct job_open_task *task = task_of(job, answer);

    if (task == NULL)
        return TASK_ANSWER_SUPERSEDED;
    if (answer->type == EVENT_TASK_FAILED)
        return fail(job, task, &answer->task.failed, random);
    task->fate = TASK_FATE_CLOSED;
    if (task_kind(task->kind)->on_done != NULL)
        task_kind(task->kind)->on_done(job, task, answer->task.result);
    return TASK_ANSWER_DONE;
}

static void crash(struct job *job, struct job_open_task *task)
{
    static char message[] = "The workers that took this task died before they had a result.";
    const struct event_failed crashed = {
        .type = "crashed", .message = message, .permanent = true, .retry_after_ms = -1};
    const struct task_kind *kind = task_kind(task->kind);

    task->fate = TASK_FATE_DEAD;
    job_add_task(
        job, &(struct job_task){.kind = JOB_TASK_SKIP_TASK,
                                .chunk_index = -1,
                                .attempt = task->attempt,
                                .payload = mem_format("{\"task_id\":%" PRId64 ",\"kind\":\"%s\"}",
                                                      task->id, kind->name)});
    if (kind->on_failed != NULL)
        kind->on_failed(job, task, &crashed);
}

enum task_answer_effect task_answer_start(struct job *job, const struct event *event,
                                          int32_t max_starts)
{
    assert(event->type == EVENT_TASK_STARTED || event->type == EVENT_TASK_RELEASED);
    struct job_open_task *task = task_of(job, event);

    if (task == NULL)
        return TASK_ANSWER_SUPERSEDED;
    task->is_tally_changed = true;
    if (event->type == EVENT_TASK_RELEASED) {
        start_tally_give_back(&task->starts, &event->task.started);
        return TASK_ANSWER_NOTED;
    }
    if (!start_tally_add(&task->starts, &event->task.started))
        return TASK_ANSWER_SUPERSEDED;
    if (!start_tally_is_deadly(&task->starts, max_starts))
        return TASK_ANSWER_NOTED;
    crash(job, task);
    return TASK_ANSWER_CRASHED;
}
