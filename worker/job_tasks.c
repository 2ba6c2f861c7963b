/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/job_tasks.h"

#include <inttypes.h>
#include <stdio.h>
#include <uthash.h>

#include "common/clock.h"
#include "common/fault_point.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/claim.h"
#include "worker/inbox.h"
#include "worker/worker_metrics.h"

#define ATTEMPT_KEY_SIZE 40

/* One attempt that runs, and the records that asked for it. */
struct running {
    char key[ATTEMPT_KEY_SIZE];
    struct job_tasks *tasks;
    struct work_item *item;                 /* owned: the first of the records */
    const struct job_task_handler *handler; /* NULL: the kind is not known */
    void *work;                             /* the handler's */
    struct claim claim;
    struct emission *emission; /* task.started or the answer, unacknowledged */
    bool is_refused;           /* Kafka has refused an answer before */
    uint64_t started_us;
    struct kafka_position *places; /* owned */
    size_t place_count;
    UT_hash_handle hh;
};

struct job_tasks {
    struct job_tasks_options options;
    struct inbox *inbox;
    struct running *running; /* uthash */
    bool is_draining;
};

static void pump(struct job_tasks *tasks);
static void answer(struct running *running, struct job_task_end take_end);

static const struct event *task_of(const struct running *running)
{
    return &running->item->event;
}

/* Finishing */

static void running_free(struct running *running)
{
    if (running->work != NULL)
        running->handler->stop(running->work);
    work_item_free(running->item);
    free(running->places);
    free(running);
}

static void free_running_later(void *object)
{
    running_free(object);
}

/* Nothing comes of it any more. */
static void give_up(struct running *running)
{
    if (running->work != NULL)
        running->handler->stop(running->work);
    running->work = NULL;
    if (running->emission != NULL)
        emission_cancel(running->emission);
    running->emission = NULL;
}

static void tell_if_drained(struct job_tasks *tasks)
{
    if (job_tasks_is_drained(tasks))
        tasks->options.on_drained(tasks->options.context);
}

static void finish(struct running *running)
{
    struct job_tasks *tasks = running->tasks;

    claim_end(&running->claim);
    HASH_DEL(tasks->running, running);
    for (size_t i = 0; i < running->place_count; i++)
        inbox_finish(tasks->inbox, running->places[i]);
    loop_defer_free(tasks->options.services->loop, free_running_later, running);
    pump(tasks);
    tell_if_drained(tasks);
}

/* Answering */

static void on_answer_settled(void *context, const struct err *err)
{
    struct running *running = context;

    running->emission = NULL;
    if (err == NULL) {
        finish(running);
    } else if (!running->is_refused) {
        running->is_refused = true;
        answer(running, job_task_failed("answer_refused", err));
    } else {
        log_error("record_refused", "Kafka refuses the answer to a task", LOG_ERR(err));
        running->tasks->options.on_fatal(running->tasks->options.context);
    }
}

static struct event event_of(const struct running *running, struct job_task_end take_end)
{
    struct event event = *task_of(running);

    event.type = take_end.is_done ? EVENT_TASK_DONE : EVENT_TASK_FAILED;
    event.task.payload = NULL;
    event.task.result = take_end.result;
    event.task.failed = take_end.failed;
    return event;
}

static void log_answer(const struct running *running, const struct event *event)
{
    bool is_done = event->type == EVENT_TASK_DONE;

    metrics_add(running->tasks->options.metrics, WORKER_METRIC_JOB_TASKS, is_done ? 0 : 1, 1);
    log_info("task_ended", is_done ? "done" : event->task.failed.message,
             LOG_STR("job", event->job.text), LOG_STR("kind", event->task.kind),
             LOG_INT("task", event->task.id), LOG_INT("attempt", event->attempt),
             LOG_INT("took_ms", (clock_now_us() - running->started_us) / 1000));
}

/* False: the record would be too large. */
static bool publish(struct running *running, struct job_task_end take_end, struct err *err)
{
    struct event event = event_of(running, take_end);
    bool is_sent = emit_event(running->tasks->options.emit, &event, running->item->traceparent,
                              on_answer_settled, running, &running->emission, err);

    if (is_sent)
        log_answer(running, &event);
    event_done(&event);
    return is_sent;
}

/* The failure that stands in for a result that is too large is small. */
static void answer(struct running *running, struct job_task_end take_end)
{
    struct err err;

    if (!publish(running, take_end, &err) &&
        !publish(running, job_task_failed("answer_refused", &err), &err))
        abort();
}

static void on_end(void *context, struct job_task_end take_end)
{
    answer(context, take_end);
}

/* Starting */

static void attempt_key(const struct event *task, char ret_key[static ATTEMPT_KEY_SIZE])
{
    (void)snprintf(ret_key, ATTEMPT_KEY_SIZE, "%" PRId64 ":%" PRId32, task->task.id, task->attempt);
}

static void add_place(struct running *running, struct kafka_position place)
{
    running->places =
        mem_resize(running->places, running->place_count + 1, sizeof *running->places);
    running->places[running->place_count++] = place;
}

/* True if the attempt runs already: the record is done with when it is. */
static bool attach(struct job_tasks *tasks, const struct work_item *item)
{
    char key[ATTEMPT_KEY_SIZE];
    struct running *running;

    attempt_key(&item->event, key);
    HASH_FIND_STR(tasks->running, key, running);
    if (running != NULL)
        add_place(running, item->place);
    return running != NULL;
}

/* As while a fleet is being upgraded: a newer worker will know it. */
static void answer_unknown(struct running *running)
{
    struct err err;

    (void)err_set(&err, ERR_RETRY, "task", 0, "this worker does not know tasks of the kind %s",
                  task_of(running)->task.kind);
    answer(running, job_task_failed("unknown_kind", &err));
}

static void begin(struct running *running)
{
    const struct job_task_ending ending = {.on_end = on_end, .context = running};
    struct err err;

    if (fault_point(FAULT_TASK_BEGIN, NULL)) {
        (void)err_set(&err, ERR_RETRY, "task", 0, "begin: refused");
        answer(running, job_task_failed("refused", &err));
        return;
    }
    running->work =
        running->handler->start(running->tasks->options.services, task_of(running), ending);
}

static void on_started_settled(void *context, const struct err *err)
{
    struct running *running = context;

    running->emission = NULL;
    if (err == NULL) {
        begin(running);
        return;
    }
    log_error("record_refused", "Kafka refuses the start of a task", LOG_ERR(err));
    running->tasks->options.on_fatal(running->tasks->options.context);
}

/* Nothing is begun before its start is acknowledged, so that the assembler knows a task that kills
 * workers. */
static void start(struct job_tasks *tasks, struct work_item *take_item)
{
    struct running *running = mem_new(sizeof *running);

    running->tasks = tasks;
    running->item = take_item;
    running->started_us = clock_now_us();
    running->handler = job_task_handler_of(take_item->event.task.kind);
    attempt_key(&take_item->event, running->key);
    add_place(running, take_item->place);
    HASH_ADD_STR(tasks->running, key, running);
    running->claim = (struct claim){
        .emit = tasks->options.emit, .item = take_item, .worker_id = tasks->options.worker_id};
    if (running->handler == NULL)
        answer_unknown(running);
    else
        claim_begin(&running->claim, on_started_settled, running, &running->emission);
}

/* Its record is done with unread. */
static void skip(struct job_tasks *tasks, struct work_item *take_item)
{
    log_info("task_skipped", "it kills those who take it",
             LOG_STR("job", take_item->event.job.text), LOG_INT("task", take_item->event.task.id),
             LOG_INT("attempt", take_item->event.attempt));
    inbox_finish(tasks->inbox, take_item->place);
    work_item_free(take_item);
}

static bool has_room(const struct job_tasks *tasks)
{
    return control_is_ready(tasks->options.control) &&
           HASH_COUNT(tasks->running) < tasks->options.max_in_flight;
}

static void pump(struct job_tasks *tasks)
{
    struct work_item *item;

    while (!tasks->is_draining && has_room(tasks) && (item = inbox_take(tasks->inbox)) != NULL) {
        if (control_forbids(tasks->options.control, &item->event))
            skip(tasks, item);
        else if (attach(tasks, item))
            work_item_free(item);
        else
            start(tasks, item);
    }
    metrics_set(tasks->options.metrics, WORKER_METRIC_JOB_TASKS_IN_FLIGHT, 0,
                (int64_t)HASH_COUNT(tasks->running));
}

/* The inbox asks and tells */

static bool is_task(const struct event *event, struct err *err)
{
    return event->type == EVENT_TASK_WORK ||
           err_set(err, ERR_REJECT, "event", 0, "%s: not a record for this topic",
                   event_type_name(event->type));
}

static void on_arrival(void *context)
{
    pump(context);
}

static void on_partition(void *context, int32_t number, bool is_ours)
{
    struct job_tasks *tasks = context;

    for (struct running *at = tasks->running; at != NULL; at = at->hh.next)
        if (at->places[0].partition == number)
            claim_set_ours(&at->claim, is_ours);
}

static void on_settled(void *context)
{
    tell_if_drained(context);
}

static void on_fatal(void *context)
{
    struct job_tasks *tasks = context;

    tasks->options.on_fatal(tasks->options.context);
}

/* Public */

struct job_tasks *job_tasks_new(const struct job_tasks_options *options)
{
    struct job_tasks *tasks = mem_new(sizeof *tasks);
    const struct inbox_options inbox = {
        .kafka = options->kafka,
        .member_id = options->member_id,
        .topic = "jobs.tasks",
        .group = "worker-tasks",
        .loop = options->services->loop,
        .emit = options->emit,
        .check = is_task,
        .on_arrival = on_arrival,
        .on_partition = on_partition,
        .on_settled = on_settled,
        .on_fatal = on_fatal,
        .context = tasks,
    };

    tasks->options = *options;
    tasks->inbox = inbox_new(&inbox);
    return tasks;
}

bool job_tasks_start(struct job_tasks *tasks, struct err *err)
{
    return inbox_start(tasks->inbox, err);
}

void job_tasks_free(struct job_tasks *tasks)
{
    struct running *running, *next;

    if (tasks == NULL)
        return;
    HASH_ITER(hh, tasks->running, running, next)
    {
        HASH_DEL(tasks->running, running);
        claim_abandon(&running->claim);
        give_up(running);
        running_free(running);
    }
    inbox_free(tasks->inbox); /* leaves the group only when all of it was given back */
    free(tasks);
}

void job_tasks_wake(struct job_tasks *tasks)
{
    pump(tasks);
}

static struct running *find_forbidden(const struct job_tasks *tasks)
{
    for (struct running *running = tasks->running; running != NULL; running = running->hh.next)
        if (control_forbids(tasks->options.control, task_of(running)))
            return running;
    return NULL;
}

/* Each one that ends lets others start, so the map is looked through anew. */
void job_tasks_stop_forbidden(struct job_tasks *tasks)
{
    struct running *running;

    while ((running = find_forbidden(tasks)) != NULL) {
        give_up(running);
        finish(running);
    }
}

void job_tasks_drain(struct job_tasks *tasks)
{
    tasks->is_draining = true;
    inbox_drain(tasks->inbox);
    tell_if_drained(tasks);
}

bool job_tasks_is_drained(const struct job_tasks *tasks)
{
    return tasks->is_draining && tasks->running == NULL && inbox_is_settled(tasks->inbox);
}

bool job_tasks_is_up(const struct job_tasks *tasks)
{
    return inbox_is_up(tasks->inbox);
}
