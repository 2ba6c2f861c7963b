/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A record of the inbox is attached to the task that runs its attempt or started as a new one, and
 * finished when that task's result is acknowledged. Tasks whose partition was taken away go on; a
 * record that is delivered again under another offset is recognised by its attempt.
 */

#include "worker/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

#include "common/log.h"
#include "common/mem.h"
#include "worker/inbox.h"
#include "worker/worker_metrics.h"

#define ATTEMPT_KEY_SIZE 72

/* One attempt that runs, and the records that asked for it. */
struct running {
    char key[ATTEMPT_KEY_SIZE];
    struct intake *intake;
    struct task_run *run; /* owned */
    struct kafka_position *places;
    size_t place_count;
    UT_hash_handle hh;
};

struct intake {
    struct intake_options options;
    struct inbox *inbox;
    struct running *running; /* uthash */
    bool is_draining;
};

static void pump(struct intake *intake);

/* Small things */

static struct metrics *metrics_of(const struct intake *intake)
{
    return intake->options.services->metrics;
}

static size_t running_count(const struct intake *intake)
{
    return HASH_COUNT(intake->running);
}

static void show_sizes(const struct intake *intake)
{
    struct metrics *metrics = metrics_of(intake);

    metrics_set(metrics, WORKER_METRIC_IN_FLIGHT, 0, (int64_t)running_count(intake));
    metrics_set(metrics, WORKER_METRIC_QUEUED, 0, (int64_t)inbox_queued_count(intake->inbox));
}

static void attempt_key(const struct event *work, char ret_key[static ATTEMPT_KEY_SIZE])
{
    (void)snprintf(ret_key, ATTEMPT_KEY_SIZE, "%s:%" PRId32 ":%" PRId32, work->job.text,
                   work->chunk_index, work->attempt);
}

/* Finishing */

static void tell_if_drained(struct intake *intake)
{
    if (intake_is_drained(intake))
        intake->options.on_drained(intake->options.context);
}

static void running_free(struct running *running)
{
    task_run_free(running->run);
    free(running->places);
    free(running);
}

static void free_running_later(void *object)
{
    running_free(object);
}

static void on_finished(void *context, struct task_run *run UNUSED)
{
    struct running *running = context;
    struct intake *intake = running->intake;

    HASH_DEL(intake->running, running);
    for (size_t i = 0; i < running->place_count; i++)
        inbox_finish(intake->inbox, running->places[i]);
    loop_defer_free(intake->options.services->loop, free_running_later, running);
    pump(intake);
    tell_if_drained(intake);
}

/* Starting */

static void add_place(struct running *running, struct kafka_position place)
{
    running->places =
        mem_resize(running->places, running->place_count + 1, sizeof *running->places);
    running->places[running->place_count++] = place;
}

/* True if the attempt runs already: the record is done with when it is. */
static bool attach(struct intake *intake, const struct work_item *item)
{
    char key[ATTEMPT_KEY_SIZE];
    struct running *running;

    attempt_key(&item->event, key);
    HASH_FIND_STR(intake->running, key, running);
    if (running != NULL)
        add_place(running, item->place);
    return running != NULL;
}

static void start(struct intake *intake, struct work_item *take_item)
{
    struct running *running = mem_new(sizeof *running);
    const struct task_handlers handlers = {.on_finished = on_finished, .context = running};

    running->intake = intake;
    attempt_key(&take_item->event, running->key);
    add_place(running, take_item->place);
    HASH_ADD_STR(intake->running, key, running);
    running->run = task_run_new(intake->options.services, take_item, handlers);
    task_run_start(running->run);
}

/* Its record is done with unread. */
static void skip(struct intake *intake, struct work_item *take_item)
{
    log_info("work_skipped", "nobody wants its result", LOG_STR("job", take_item->event.job.text),
             LOG_INT("chunk", take_item->event.chunk_index),
             LOG_INT("attempt", take_item->event.attempt));
    metrics_add(metrics_of(intake), WORKER_METRIC_TASKS, WORKER_TASK_DROPPED, 1);
    inbox_finish(intake->inbox, take_item->place);
    work_item_free(take_item);
}

static bool has_room(const struct intake *intake)
{
    return control_is_ready(intake->options.control) &&
           running_count(intake) < speech_client_allowed(intake->options.services->speech,
                                                         intake->options.max_in_flight);
}

static void pump(struct intake *intake)
{
    struct work_item *item;

    while (!intake->is_draining && has_room(intake) && (item = inbox_take(intake->inbox)) != NULL) {
        if (control_forbids(intake->options.control, &item->event))
            skip(intake, item);
        else if (attach(intake, item))
            work_item_free(item);
        else
            start(intake, item);
    }
    show_sizes(intake);
}

/* The inbox asks and tells */

/* The extension becomes part of a path. */
static bool has_safe_extension(const struct event_work *work)
{
    size_t length = strspn(work->extension, "abcdefghijklmnopqrstuvwxyz0123456789");

    return length > 0 && work->extension[length] == '\0';
}

static bool is_work(const struct event *event, struct err *err)
{
    if (event->type == EVENT_CHUNK_WORK && has_safe_extension(&event->work))
        return true;
    return err_set(err, ERR_REJECT, "event", 0, "%s: not a record of work for this topic",
                   event_type_name(event->type));
}

static void on_arrival(void *context)
{
    pump(context);
}

/* The metric each time that one comes or goes: a worker without work pumps nothing. */
static void on_partition(void *context, int32_t number, bool is_ours)
{
    struct intake *intake = context;

    for (struct running *at = intake->running; at != NULL; at = at->hh.next)
        if (at->places[0].partition == number)
            task_run_set_ours(at->run, is_ours);
    metrics_set(metrics_of(intake), WORKER_METRIC_PARTITIONS, 0,
                (int64_t)inbox_partition_count(intake->inbox));
}

static void on_settled(void *context)
{
    tell_if_drained(context);
}

static void on_fatal(void *context)
{
    struct intake *intake = context;

    intake->options.services->on_fatal(intake->options.services->context);
}

/* Public */

struct intake *intake_new(const struct intake_options *options)
{
    struct intake *intake = mem_new(sizeof *intake);
    const struct inbox_options inbox = {
        .kafka = options->kafka,
        .member_id = options->member_id,
        .topic = "chunks.uploaded",
        .group = "worker",
        .loop = options->services->loop,
        .emit = options->services->emit,
        .check = is_work,
        .on_arrival = on_arrival,
        .on_partition = on_partition,
        .on_settled = on_settled,
        .on_fatal = on_fatal,
        .context = intake,
    };

    intake->options = *options;
    intake->inbox = inbox_new(&inbox);
    return intake;
}

bool intake_start(struct intake *intake, struct err *err)
{
    return inbox_start(intake->inbox, err);
}

void intake_free(struct intake *intake)
{
    if (intake == NULL)
        return;
    struct running *running, *next_running;
    HASH_ITER(hh, intake->running, running, next_running)
    {
        HASH_DEL(intake->running, running);
        running_free(running);
    }
    inbox_free(intake->inbox); /* leaves the group only when all of it was given back */
    free(intake);
}

void intake_wake(struct intake *intake)
{
    pump(intake);
}

static struct running *find_forbidden(const struct intake *intake)
{
    for (struct running *running = intake->running; running != NULL; running = running->hh.next)
        if (control_forbids(intake->options.control, task_run_work(running->run)))
            return running;
    return NULL;
}

/* Each one that ends lets others start, so the map is looked through anew. */
void intake_stop_forbidden(struct intake *intake)
{
    struct running *running;

    while ((running = find_forbidden(intake)) != NULL)
        task_run_drop(running->run);
}

void intake_drain(struct intake *intake)
{
    intake->is_draining = true;
    inbox_drain(intake->inbox);
    log_info("intake_drained", "taking no more work", LOG_INT("running", running_count(intake)),
             LOG_INT("left", inbox_queued_count(intake->inbox)));
    tell_if_drained(intake);
}

bool intake_is_drained(const struct intake *intake)
{
    return intake->is_draining && intake->running == NULL && inbox_is_settled(intake->inbox);
}

bool intake_is_up(const struct intake *intake)
{
    return inbox_is_up(intake->inbox);
}
