/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "assembler/assembler_metrics.h"
#include "assembler/dead_letter.h"
#include "assembler/store_tasks.h"
#include "assembler/task_kind.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

/* A partition that comes to us brings tasks we know nothing of. */
#define LOOK_EVERY_US 2000000
#define FINISH_EVERY_US 50000

enum task_state { TASK_IN_FLIGHT, TASK_FINISHED, TASK_FAILED };

struct task_in_flight {
    struct tasks *tasks;
    int64_t id;
    int32_t attempt;
    enum task_state state;
    bool is_answered; /* and so not over when it is published */
    bool has_place;   /* its chunk, or the task itself, is to know where its record lies */
    struct kafka_position position;
    UT_hash_handle hh;
};

struct tasks {
    struct store *store;
    struct intake *intake;
    struct kafka_producer *producer;
    struct metrics *metrics;
    struct task_in_flight *in_flight; /* by id; owned */
    bool has_reports;
    uint64_t next_look_us;
    uint64_t next_finish_us;
};

static void remove_task(struct tasks *tasks, struct task_in_flight *task)
{
    HASH_DEL(tasks->in_flight, task);
    free(task);
}

void tasks_free(struct tasks *tasks)
{
    struct task_in_flight *task;
    struct task_in_flight *next;

    if (tasks == NULL)
        return;
    HASH_ITER(hh, tasks->in_flight, task, next)
    {
        remove_task(tasks, task);
    }
    free(tasks);
}

struct tasks *tasks_new(struct store *store, struct intake *intake, struct kafka_producer *producer,
                        struct metrics *metrics)
{
    struct tasks *tasks = mem_new(sizeof *tasks);

    tasks->store = store;
    tasks->intake = intake;
    tasks->producer = producer;
    tasks->metrics = metrics;
    return tasks;
}

void tasks_expect(struct tasks *tasks, uint64_t now_us, int64_t due_in_us)
{
    uint64_t due_us = now_us + (uint64_t)due_in_us;

    if (due_us < tasks->next_look_us)
        tasks->next_look_us = due_us;
}

/* Publishing */

static void on_report(void *context, struct kafka_position position, const struct err *err)
{
    struct task_in_flight *task = context;

    task->state = err == NULL ? TASK_FINISHED : TASK_FAILED;
    task->position = position;
    task->tasks->has_reports = true;
}

/* Borrows from the task. */
static struct event record_of(const struct store_task *due)
{
    const struct task_kind *kind = task_kind(due->kind);
    struct event event = {.type = kind->record,
                          .job = due->job,
                          .chunk_index = due->chunk_index,
                          .attempt = due->attempt};

    if (event.type == EVENT_CHUNK_WORK) {
        event.work = due->work;
    } else if (event.type == EVENT_CONTROL_SKIP_TASK) {
        event.task = (struct event_task){.id = due->skipped_id};
        memcpy(event.task.kind, due->skipped_kind, sizeof event.task.kind);
    } else if (event.type == EVENT_TASK_WORK) {
        event.task = (struct event_task){.id = due->id, .payload = due->payload};
        (void)snprintf(event.task.kind, sizeof event.task.kind, "%s", kind->name);
    }
    return event;
}

static bool is_letter(const struct store_task *due)
{
    return due->is_dead || due->kind == JOB_TASK_DEAD_LETTER;
}

/* Of the work, whichever record of the attempt was the last. Borrows from the task. */
static struct dead_letter letter_of(const struct store_task *due)
{
    return (struct dead_letter){.topic = event_topic(task_kind(due->kind)->record),
                                .partition = due->letter_partition,
                                .offset = due->letter_offset,
                                .reason = due->letter_reason};
}

static void tell_letter(const struct tasks *tasks, const struct store_task *due)
{
    const struct dead_letter letter = letter_of(due);

    if (is_letter(due))
        dead_letter_tell(tasks->metrics, &letter);
}

static bool produce(struct tasks *tasks, const struct store_task *due, struct task_in_flight *task,
                    struct err *err)
{
    const struct event event = record_of(due);
    CLEANUP(buf_done) struct buf value;

    CLEANUP(mem_free_at) char *key = event_key(&event);
    buf_init(&value, (size_t)EVENT_BYTES_MAX);
    event_encode(&event, clock_wall_us(), &value);
    const struct dead_letter letter = letter_of(due);
    struct kafka_record record = {.topic = event_topic(event.type),
                                  .key = key,
                                  .value = value.data,
                                  .value_length = value.length};
    if (is_letter(due))
        dead_letter_address(&record, &letter);
    return kafka_producer_send(tasks->producer, &record, on_report, task, err);
}

/* False: not now. */
static bool publish(struct tasks *tasks, const struct store_task *due)
{
    struct task_in_flight *task = mem_new(sizeof *task);
    struct err err;

    task->tasks = tasks;
    task->id = due->id;
    task->attempt = due->attempt;
    task->is_answered = task_kind_is_answered(due->kind) && !is_letter(due);
    task->has_place = task->is_answered || (due->kind == JOB_TASK_WORK && !due->is_void);
    HASH_ADD(hh, tasks->in_flight, id, sizeof task->id, task);
    if (due->is_void) {
        task->state = TASK_FINISHED;
        tasks->has_reports = true;
        return true;
    }
    if (produce(tasks, due, task, &err)) {
        tell_letter(tasks, due);
        return true;
    }
    log_warn("task_not_sent", "will be tried again", LOG_STR("job", due->job.text),
             LOG_INT("chunk", due->chunk_index), LOG_ERR(&err));
    remove_task(tasks, task);
    return false;
}

/* `ret_has_more`: there were as many as are taken at a time, and Kafka's client took them all. */
static bool publish_due(struct tasks *tasks, struct sql_rows *homes, bool *ret_has_more,
                        struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows known;
    CLEANUP(mem_free_at) struct store_task *due = NULL;
    size_t count = 0;

    sql_rows_init(&known, 1);
    for (const struct task_in_flight *task = tasks->in_flight; task != NULL; task = task->hh.next)
        sql_rows_int(&known, task->id);
    if (!store_due_tasks(tasks->store, homes, &known, &due, &count, err))
        return false;
    *ret_has_more = count == STORE_DUE_TASKS_MAX;
    for (size_t i = 0; i < count; i++) {
        *ret_has_more &= publish(tasks, &due[i]);
        store_task_done(&due[i]);
    }
    return true;
}

/* Finishing */

static void collect_finished(struct tasks *tasks, struct sql_rows *rows)
{
    for (const struct task_in_flight *task = tasks->in_flight; task != NULL; task = task->hh.next) {
        if (task->state != TASK_FINISHED)
            continue;
        sql_rows_int(rows, task->id);
        sql_rows_int(rows, task->attempt);
        sql_rows_bool(rows, task->is_answered);
        sql_rows_natural(rows, task->has_place ? task->position.partition : -1);
        sql_rows_natural(rows, task->has_place ? task->position.offset : -1);
    }
}

static void drop_reported(struct tasks *tasks)
{
    struct task_in_flight *task;
    struct task_in_flight *next;

    HASH_ITER(hh, tasks->in_flight, task, next)
    {
        if (task->state == TASK_FINISHED)
            metrics_add(tasks->metrics, METRIC_TASKS_PUBLISHED, 0, 1);
        if (task->state != TASK_IN_FLIGHT)
            remove_task(tasks, task);
    }
}

static bool finish_reported(struct tasks *tasks, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    sql_rows_init(&rows, 5);
    collect_finished(tasks, &rows);
    if (rows.row_count > 0 && !store_finish_tasks(tasks->store, &rows, err))
        return false;
    drop_reported(tasks);
    tasks->has_reports = false;
    return true;
}

/* Time */

static bool look(struct tasks *tasks, uint64_t now_us, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows homes;
    int64_t in_us = -1;
    bool has_more;

    intake_list_homes(tasks->intake, &homes);
    if (!publish_due(tasks, &homes, &has_more, err))
        return false;
    tasks->next_look_us = has_more ? now_us : now_us + LOOK_EVERY_US;
    if (!store_next_due(tasks->store, &homes, &in_us, err))
        return false;
    if (in_us > 0) /* those due now are in flight */
        tasks_expect(tasks, now_us, in_us);
    return true;
}

uint64_t tasks_next_tick_us(const struct tasks *tasks, uint64_t now_us)
{
    uint64_t at_us = tasks->next_look_us;

    if (tasks->has_reports && tasks->next_finish_us < at_us)
        at_us = tasks->next_finish_us;
    return at_us > now_us ? at_us - now_us : 0;
}

bool tasks_tick(struct tasks *tasks, uint64_t now_us, struct err *err)
{
    if (tasks->has_reports && now_us >= tasks->next_finish_us) {
        tasks->next_finish_us = now_us + FINISH_EVERY_US;
        if (!finish_reported(tasks, err))
            return false;
    }
    return now_us < tasks->next_look_us || look(tasks, now_us, err);
}
