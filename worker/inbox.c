/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A record's way: delivered (watermark), queued (fair queue), taken, and finished (watermark,
 * offset stored).
 */

#include "worker/inbox.h"

#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "common/kafka_consumer.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/fair_queue.h"
#include "worker/watermark.h"

#define MAX_POLL_INTERVAL_US INT64_C(120000000)
#define QUEUED_KBYTES 4096
/* Paused at INBOX_READ_AHEAD_MAX, resumed when half of it is worked off. */
#define READ_AHEAD_LOW (INBOX_READ_AHEAD_MAX / 2)

struct partition {
    int32_t number;
    bool is_assigned;
    struct watermark *watermark; /* owned; outlives a revocation */
    UT_hash_handle hh;
};

/* A dead letter on its way; its record is done with when it has arrived. */
struct dead_letter {
    struct inbox *inbox;
    struct kafka_position place;
    struct emission *emission;
    struct dead_letter *prev, *next;
};

struct inbox {
    struct inbox_options options;
    struct kafka_consumer *consumer;
    struct fair_queue *queue;
    struct partition *partitions; /* uthash */
    struct dead_letter *letters;  /* utlist */
    bool is_paused;
    bool is_draining;
};

static struct partition *partition_of(struct inbox *inbox, int32_t number)
{
    struct partition *partition;

    HASH_FIND_INT(inbox->partitions, &number, partition);
    if (partition == NULL) {
        partition = mem_new(sizeof *partition);
        partition->number = number;
        partition->watermark = watermark_new();
        HASH_ADD_INT(inbox->partitions, number, partition);
    }
    return partition;
}

/* Finishing */

static void store(struct inbox *inbox, const struct partition *partition)
{
    int64_t next;

    if (partition->is_assigned && watermark_next(partition->watermark, &next))
        kafka_consumer_store(inbox->consumer, inbox->options.topic, partition->number, next);
}

void inbox_finish(struct inbox *inbox, struct kafka_position place)
{
    struct partition *partition = partition_of(inbox, place.partition);

    watermark_finish(partition->watermark, place.offset);
    store(inbox, partition);
}

/* Dead letters */

static void letter_free(struct dead_letter *letter)
{
    DL_DELETE(letter->inbox->letters, letter);
    free(letter);
}

static void on_letter_settled(void *context, const struct err *err)
{
    struct dead_letter *letter = context;
    struct inbox *inbox = letter->inbox;

    if (err != NULL) {
        log_error("record_refused", "Kafka refuses a dead letter", LOG_ERR(err));
        inbox->options.on_fatal(inbox->options.context);
        return;
    }
    inbox_finish(inbox, letter->place);
    letter_free(letter);
    inbox->options.on_arrival(inbox->options.context); /* what its place has held back may start */
    inbox->options.on_settled(inbox->options.context);
}

static void bury(struct inbox *inbox, const struct kafka_message *message, const struct err *err)
{
    struct dead_letter *letter = mem_new(sizeof *letter);

    log_error("record_unreadable", "a record of work goes to the dead letters",
              LOG_STR("topic", message->topic), LOG_INT("partition", message->partition),
              LOG_INT("offset", message->offset), LOG_ERR(err));
    letter->inbox = inbox;
    letter->place = (struct kafka_position){message->partition, message->offset};
    DL_APPEND(inbox->letters, letter);
    letter->emission =
        emit_dead_letter(inbox->options.emit, message, err->message, on_letter_settled, letter);
}

/* Handing out */

static void balance_reading(struct inbox *inbox)
{
    size_t queued = fair_queue_count(inbox->queue);

    if (!inbox->is_paused && queued >= INBOX_READ_AHEAD_MAX) {
        inbox->is_paused = true;
        kafka_consumer_pause(inbox->consumer);
    } else if (inbox->is_paused && !inbox->is_draining && queued <= READ_AHEAD_LOW) {
        inbox->is_paused = false;
        kafka_consumer_resume(inbox->consumer);
    }
}

static bool may_start(void *context, const struct work_item *item)
{
    struct inbox *inbox = context;

    return watermark_may_start(partition_of(inbox, item->place.partition)->watermark,
                               item->place.offset);
}

struct work_item *inbox_take(struct inbox *inbox)
{
    struct work_item *item =
        inbox->is_draining ? NULL : fair_queue_take(inbox->queue, may_start, inbox);

    balance_reading(inbox);
    return item;
}

/* Arriving */

static bool read_work(const struct inbox *inbox, const struct kafka_message *message,
                      struct event *ret_event, struct err *err)
{
    if (message->value == NULL)
        return err_set(err, ERR_REJECT, "event", 0, "a record of work without a value");
    if (!event_decode(message->value, message->value_length, ret_event, err))
        return false;
    if (inbox->options.check(ret_event, err))
        return true;
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

static void take_in(struct inbox *inbox, const struct kafka_message *message)
{
    struct work_item *item = mem_new(sizeof *item);
    struct err err;

    if (!read_work(inbox, message, &item->event, &err)) {
        free(item);
        bury(inbox, message, &err);
        return;
    }
    item->place = (struct kafka_position){message->partition, message->offset};
    copy_traceparent(message, item);
    fair_queue_push(inbox->queue, item);
}

static void on_message(void *context, const struct kafka_message *message)
{
    struct inbox *inbox = context;
    struct partition *partition = partition_of(inbox, message->partition);

    switch (watermark_deliver(partition->watermark, message->offset)) {
    case WATERMARK_NEW:
        take_in(inbox, message);
        break;
    case WATERMARK_OPEN: /* it is being worked on */
        break;
    case WATERMARK_FINISHED:
        store(inbox, partition);
        break;
    }
    inbox->options.on_arrival(inbox->options.context);
    balance_reading(inbox);
}

static void set_assigned(struct inbox *inbox, struct partition *partition, bool is_assigned)
{
    partition->is_assigned = is_assigned;
    inbox->options.on_partition(inbox->options.context, partition->number, is_assigned);
}

static int64_t on_assigned(void *context, const char *topic UNUSED, int32_t number)
{
    struct partition *partition = partition_of(context, number);

    set_assigned(context, partition, true);
    watermark_assigned(partition->watermark);
    return RD_KAFKA_OFFSET_STORED;
}

/* What has not begun is left to the next owner. */
static void on_revoked(void *context, const char *topic UNUSED, int32_t number, bool lost UNUSED)
{
    struct inbox *inbox = context;
    struct partition *partition = partition_of(inbox, number);
    struct work_item *item;

    set_assigned(inbox, partition, false);
    while ((item = fair_queue_remove_of_partition(inbox->queue, number)) != NULL) {
        watermark_drop(partition->watermark, item->place.offset);
        work_item_free(item);
    }
    balance_reading(inbox);
}

static void on_consumer_fatal(void *context, const struct err *err UNUSED)
{
    struct inbox *inbox = context;

    inbox->options.on_fatal(inbox->options.context);
}

/* Public */

struct inbox *inbox_new(const struct inbox_options *options)
{
    struct inbox *inbox = mem_new(sizeof *inbox);

    inbox->options = *options;
    inbox->queue = fair_queue_new();
    return inbox;
}

bool inbox_start(struct inbox *inbox, struct err *err)
{
    const char *const topics[] = {inbox->options.topic, NULL};
    const struct kafka_consumer_options options = {
        .settings = inbox->options.kafka,
        .group_id = inbox->options.group,
        .member_id = inbox->options.member_id,
        .topics = topics,
        .max_poll_interval_us = MAX_POLL_INTERVAL_US,
        .queued_kbytes = QUEUED_KBYTES,
    };
    const struct kafka_consumer_handlers handlers = {
        .on_message = on_message,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .on_fatal = on_consumer_fatal,
        .context = inbox,
    };

    return kafka_consumer_start(inbox->options.loop, &options, handlers, &inbox->consumer, err);
}

void inbox_free(struct inbox *inbox)
{
    if (inbox == NULL)
        return;
    kafka_consumer_free(inbox->consumer);
    while (inbox->letters != NULL) {
        emission_cancel(inbox->letters->emission);
        letter_free(inbox->letters);
    }
    struct partition *partition, *next_partition;
    HASH_ITER(hh, inbox->partitions, partition, next_partition)
    {
        HASH_DEL(inbox->partitions, partition);
        watermark_free(partition->watermark);
        free(partition);
    }
    fair_queue_free(inbox->queue);
    free(inbox);
}

void inbox_drain(struct inbox *inbox)
{
    inbox->is_draining = true;
    if (!inbox->is_paused && inbox->consumer != NULL)
        kafka_consumer_pause(inbox->consumer);
    inbox->is_paused = true;
}

bool inbox_is_settled(const struct inbox *inbox)
{
    return inbox->letters == NULL;
}

bool inbox_is_up(const struct inbox *inbox)
{
    return inbox->consumer != NULL && kafka_consumer_is_up(inbox->consumer);
}

size_t inbox_queued_count(const struct inbox *inbox)
{
    return fair_queue_count(inbox->queue);
}

size_t inbox_partition_count(const struct inbox *inbox)
{
    size_t count = 0;

    for (const struct partition *at = inbox->partitions; at != NULL; at = at->hh.next)
        count += at->is_assigned;
    return count;
}
