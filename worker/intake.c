/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A record's way: delivered (watermark), queued (fair queue), attached to the task that runs its
 * attempt or started as a new one, and finished (watermark, offset stored) when that task's result
 * is acknowledged. Between two rebalances a partition may be somebody else's; tasks whose partition
 * was taken away go on, and a record that comes back is recognised by its offset or by its attempt.
 */

#include "worker/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "common/chunk_layout.h"
#include "common/kafka_consumer.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/fair_queue.h"
#include "worker/watermark.h"
#include "worker/worker_metrics.h"

#define TOPIC "chunks.uploaded"
#define GROUP "worker"
#define MAX_POLL_INTERVAL_US INT64_C(120000000)
#define QUEUED_KBYTES 4096
/* Paused at INTAKE_READ_AHEAD_MAX, resumed when half of it is worked off. */
#define READ_AHEAD_LOW (INTAKE_READ_AHEAD_MAX / 2)

struct partition {
    int32_t number;
    bool is_assigned;
    struct watermark *watermark; /* owned; outlives a revocation */
    UT_hash_handle hh;
};

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

/* A dead letter on its way; its record is done with when it has arrived. */
struct dead_letter {
    struct intake *intake;
    struct kafka_position place;
    struct emission *emission;
    struct dead_letter *prev, *next;
};

struct intake {
    struct intake_options options;
    struct kafka_consumer *consumer;
    struct fair_queue *queue;
    struct partition *partitions; /* uthash */
    struct running *running;      /* uthash */
    struct dead_letter *letters;  /* utlist */
    bool is_paused;
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
    metrics_set(metrics, WORKER_METRIC_QUEUED, 0, (int64_t)fair_queue_count(intake->queue));
}

/* Each time that one comes or goes: a worker without work pumps nothing. */
static void show_partitions(const struct intake *intake)
{
    int64_t count = 0;

    for (const struct partition *at = intake->partitions; at != NULL; at = at->hh.next)
        count += at->is_assigned;
    metrics_set(metrics_of(intake), WORKER_METRIC_PARTITIONS, 0, count);
}

static void attempt_key(const struct event *work, char ret_key[static ATTEMPT_KEY_SIZE])
{
    (void)snprintf(ret_key, ATTEMPT_KEY_SIZE, "%s:%" PRId32 ":%" PRId32, work->job.text,
                   work->chunk_index, work->attempt);
}

static struct partition *partition_of(struct intake *intake, int32_t number)
{
    struct partition *partition;

    HASH_FIND_INT(intake->partitions, &number, partition);
    if (partition == NULL) {
        partition = mem_new(sizeof *partition);
        partition->number = number;
        partition->watermark = watermark_new();
        HASH_ADD_INT(intake->partitions, number, partition);
    }
    return partition;
}

/* Finishing */

static void store(struct intake *intake, const struct partition *partition)
{
    int64_t next;

    if (partition->is_assigned && watermark_next(partition->watermark, &next))
        kafka_consumer_store(intake->consumer, TOPIC, partition->number, next);
}

static void finish_place(struct intake *intake, struct kafka_position place)
{
    struct partition *partition = partition_of(intake, place.partition);

    watermark_finish(partition->watermark, place.offset);
    store(intake, partition);
}

static void tell_if_drained(struct intake *intake)
{
    if (intake->is_draining && intake->running == NULL && intake->letters == NULL)
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
        finish_place(intake, running->places[i]);
    loop_defer_free(intake->options.services->loop, free_running_later, running);
    pump(intake);
    tell_if_drained(intake);
}

/* Dead letters */

static void letter_free(struct dead_letter *letter)
{
    DL_DELETE(letter->intake->letters, letter);
    free(letter);
}

static void on_letter_settled(void *context, const struct err *err)
{
    struct dead_letter *letter = context;
    struct intake *intake = letter->intake;

    if (err != NULL) {
        log_error("record_refused", "Kafka refuses a dead letter", LOG_ERR(err));
        intake->options.services->on_fatal(intake->options.services->context);
        return;
    }
    finish_place(intake, letter->place);
    letter_free(letter);
    tell_if_drained(intake);
}

static void bury(struct intake *intake, const struct kafka_message *message, const struct err *err)
{
    struct dead_letter *letter = mem_new(sizeof *letter);

    log_error("record_unreadable", "a record of work goes to the dead letters",
              LOG_INT("partition", message->partition), LOG_INT("offset", message->offset),
              LOG_ERR(err));
    letter->intake = intake;
    letter->place = (struct kafka_position){message->partition, message->offset};
    DL_APPEND(intake->letters, letter);
    letter->emission = emit_dead_letter(intake->options.services->emit, message, err->message,
                                        on_letter_settled, letter);
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
    finish_place(intake, take_item->place);
    work_item_free(take_item);
}

static bool may_start(void *context, const struct work_item *item)
{
    struct intake *intake = context;

    return watermark_may_start(partition_of(intake, item->place.partition)->watermark,
                               item->place.offset);
}

static bool has_room(const struct intake *intake)
{
    return control_is_ready(intake->options.control) &&
           running_count(intake) < speech_client_allowed(intake->options.services->speech,
                                                         intake->options.max_in_flight);
}

static void balance_reading(struct intake *intake)
{
    size_t queued = fair_queue_count(intake->queue);

    if (!intake->is_paused && queued >= INTAKE_READ_AHEAD_MAX) {
        intake->is_paused = true;
        kafka_consumer_pause(intake->consumer);
    } else if (intake->is_paused && !intake->is_draining && queued <= READ_AHEAD_LOW) {
        intake->is_paused = false;
        kafka_consumer_resume(intake->consumer);
    }
}

static void pump(struct intake *intake)
{
    struct work_item *item;

    while (!intake->is_draining && has_room(intake) &&
           (item = fair_queue_take(intake->queue, may_start, intake)) != NULL) {
        if (control_forbids(intake->options.control, &item->event))
            skip(intake, item);
        else if (attach(intake, item))
            work_item_free(item);
        else
            start(intake, item);
    }
    balance_reading(intake);
    show_sizes(intake);
}

/* Arriving */

/* The extension becomes part of a path. */
static bool has_safe_extension(const struct event_work *work)
{
    size_t length = strspn(work->extension, "abcdefghijklmnopqrstuvwxyz0123456789");

    return length > 0 && work->extension[length] == '\0';
}

static bool read_work(const struct kafka_message *message, struct event *ret_event, struct err *err)
{
    if (message->value == NULL)
        return err_set(err, ERR_REJECT, "event", 0, "a record of work without a value");
    if (!event_decode(message->value, message->value_length, ret_event, err))
        return false;
    if (ret_event->type == EVENT_CHUNK_WORK && has_safe_extension(&ret_event->work))
        return true;
    (void)err_set(err, ERR_REJECT, "event", 0, "%s: not a record of work for this topic",
                  event_type_name(ret_event->type));
    event_done(ret_event);
    return false;
}

static void copy_traceparent(const struct kafka_message *message, struct work_item *item)
{
    size_t length = 0;
    const char *value = kafka_message_header(message, "traceparent", &length);

    if (value != NULL && length < sizeof item->traceparent)
        memcpy(item->traceparent, value, length);
}

static void take_in(struct intake *intake, const struct kafka_message *message)
{
    struct work_item *item = mem_new(sizeof *item);
    struct err err;

    if (!read_work(message, &item->event, &err)) {
        free(item);
        bury(intake, message, &err);
        return;
    }
    item->place = (struct kafka_position){message->partition, message->offset};
    copy_traceparent(message, item);
    fair_queue_push(intake->queue, item);
}

static void on_message(void *context, const struct kafka_message *message)
{
    struct intake *intake = context;
    struct partition *partition = partition_of(intake, message->partition);

    switch (watermark_deliver(partition->watermark, message->offset)) {
    case WATERMARK_NEW:
        take_in(intake, message);
        break;
    case WATERMARK_OPEN: /* its task runs */
        break;
    case WATERMARK_FINISHED:
        store(intake, partition);
        break;
    }
    pump(intake);
}

static int64_t on_assigned(void *context, const char *topic UNUSED, int32_t number)
{
    struct intake *intake = context;
    struct partition *partition = partition_of(intake, number);

    partition->is_assigned = true;
    watermark_assigned(partition->watermark);
    show_partitions(intake);
    return RD_KAFKA_OFFSET_STORED;
}

/* What has not begun is left to the next owner. */
static void on_revoked(void *context, const char *topic UNUSED, int32_t number, bool lost UNUSED)
{
    struct intake *intake = context;
    struct partition *partition = partition_of(intake, number);
    struct work_item *item;

    partition->is_assigned = false;
    show_partitions(intake);
    while ((item = fair_queue_remove_of_partition(intake->queue, number)) != NULL) {
        watermark_drop(partition->watermark, item->place.offset);
        work_item_free(item);
    }
    balance_reading(intake);
}

static void on_consumer_fatal(void *context, const struct err *err UNUSED)
{
    struct intake *intake = context;

    intake->options.services->on_fatal(intake->options.services->context);
}

/* Public */

struct intake *intake_new(const struct intake_options *options)
{
    struct intake *intake = mem_new(sizeof *intake);

    intake->options = *options;
    intake->queue = fair_queue_new();
    return intake;
}

bool intake_start(struct intake *intake, struct err *err)
{
    static const char *const TOPICS[] = {TOPIC, NULL};
    const struct kafka_consumer_options options = {
        .settings = intake->options.kafka,
        .group_id = GROUP,
        .member_id = intake->options.member_id,
        .topics = TOPICS,
        .max_poll_interval_us = MAX_POLL_INTERVAL_US,
        .queued_kbytes = QUEUED_KBYTES,
    };
    const struct kafka_consumer_handlers handlers = {
        .on_message = on_message,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .on_fatal = on_consumer_fatal,
        .context = intake,
    };

    return kafka_consumer_start(intake->options.services->loop, &options, handlers,
                                &intake->consumer, err);
}

void intake_free(struct intake *intake)
{
    if (intake == NULL)
        return;
    kafka_consumer_free(intake->consumer);
    struct running *running, *next_running;
    HASH_ITER(hh, intake->running, running, next_running)
    {
        HASH_DEL(intake->running, running);
        running_free(running);
    }
    while (intake->letters != NULL) {
        emission_cancel(intake->letters->emission);
        letter_free(intake->letters);
    }
    struct partition *partition, *next_partition;
    HASH_ITER(hh, intake->partitions, partition, next_partition)
    {
        HASH_DEL(intake->partitions, partition);
        watermark_free(partition->watermark);
        free(partition);
    }
    fair_queue_free(intake->queue);
    free(intake);
}

void intake_wake(struct intake *intake)
{
    if (intake->consumer != NULL)
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
    if (!intake->is_paused)
        kafka_consumer_pause(intake->consumer);
    intake->is_paused = true;
    log_info("intake_drained", "taking no more work", LOG_INT("running", running_count(intake)),
             LOG_INT("left", fair_queue_count(intake->queue)));
    tell_if_drained(intake);
}

bool intake_is_up(const struct intake *intake)
{
    return intake->consumer != NULL && kafka_consumer_is_up(intake->consumer);
}
