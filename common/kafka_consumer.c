/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A librdkafka consumer that keeps to a few rules of its own.
 *
 * `partitions` knows which offset comes next for each partition that is ours. A record of another
 * partition, or below that offset, is dropped: it was fetched for an assignment or a position that
 * has ended. So the records of a partition go up from on_assigned, a seek or on_out_of_range on.
 *
 * Pausing must neither lose what librdkafka has read ahead nor stop polling, which is what keeps us
 * in the group. What comes meanwhile is held; when that reaches the bound librdkafka is told to
 * pause, which purges what it has read ahead and on resuming fetches again from the last record
 * that we took. It is done so rarely because of the purge: a worker pauses many times a second.
 *
 * When the next record is gone librdkafka goes on at the beginning of what is left, silently
 * (auto.offset.reset is "earliest"; with "error" the partition stops, and starting it again by a
 * second rd_kafka_assign() can hit an assertion in 2.0.2). We notice by the offset that comes
 * instead, and ask the owner where to go on.
 *
 * librdkafka's callbacks run inside rd_kafka_consumer_poll(), on the caller's thread.
 */

#include "common/kafka_consumer.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fault_point.h"
#include "common/kafka_client.h"
#include "common/kafka_held.h"
#include "common/kafka_lookup.h"
#include "common/kafka_names.h"
#include "common/kafka_partitions.h"
#include "common/kafka_stats.h"
#include "common/kafka_wakeup.h"
#include "common/log.h"
#include "common/mem.h"

/* How long one turn of the loop may take records before others have theirs. */
#define TURN_US 2000
/* Without a group: how often new partitions are looked for. */
#define REFRESH_US 30000000

struct kafka_consumer {
    struct kafka_consumer_handlers handlers;
    bool has_group;
    bool from_end;
    struct kafka_names topics;

    rd_kafka_t *rk;          /* owned */
    rd_kafka_queue_t *queue; /* owned handle of the consumer's queue */
    struct kafka_wakeup *wakeup;
    struct kafka_lookup *lookup; /* without a group; NULL with one */
    struct kafka_partitions *partitions;
    bool is_up;

    bool is_paused;
    bool is_source_paused; /* librdkafka was told to */
    struct kafka_held held;
    size_t held_limit_bytes;
};

/* Assignment */

/* A list of one; `topic` is one of ours. */
static rd_kafka_topic_partition_list_t *
list_of(const struct kafka_consumer *consumer, const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(
        list, consumer->topics.full[kafka_names_find(&consumer->topics, topic)], partition)
        ->offset = offset;
    return list;
}

/* All that we have, each with the place where to read on. */
static rd_kafka_topic_partition_list_t *list_of_all(const struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

    for (size_t i = 0; i < consumer->topics.count; i++) {
        int32_t limit = kafka_partitions_limit(consumer->partitions, consumer->topics.own[i]);

        for (int32_t number = 0; number < limit; number++) {
            const struct kafka_partition *ours =
                kafka_partitions_find(consumer->partitions, consumer->topics.own[i], number);

            if (ours != NULL)
                rd_kafka_topic_partition_list_add(list, consumer->topics.full[i], number)->offset =
                    kafka_partition_position(ours);
        }
    }
    return list;
}

static void log_partition(enum log_level level, const char *event, const char *message,
                          const rd_kafka_topic_partition_t *at)
{
    if (log_is_on(level))
        log_write(level, event, message,
                  (const struct log_field[]){LOG_STR("topic", at->topic),
                                             LOG_INT("partition", at->partition),
                                             LOG_INT("offset", at->offset), LOG_END});
}

static int64_t first_offset(const struct kafka_consumer *consumer, const char *topic,
                            int32_t partition)
{
    if (consumer->handlers.on_assigned != NULL)
        return consumer->handlers.on_assigned(consumer->handlers.context, topic, partition);
    if (consumer->has_group)
        return RD_KAFKA_OFFSET_STORED;
    return consumer->from_end ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
}

static void add_partition(struct kafka_consumer *consumer, rd_kafka_topic_partition_t *at)
{
    const char *topic = at->topic + consumer->topics.prefix_length;

    at->offset = first_offset(consumer, topic, at->partition);
    kafka_partitions_add(consumer->partitions, topic, at->partition, at->offset);
    log_partition(LOG_LEVEL_INFO, "kafka_assigned", "partition assigned", at);
}

static void remove_partition(struct kafka_consumer *consumer, const rd_kafka_topic_partition_t *at,
                             bool lost)
{
    const char *topic = at->topic + consumer->topics.prefix_length;

    log_partition(LOG_LEVEL_INFO, lost ? "kafka_lost" : "kafka_revoked", "partition revoked", at);
    kafka_partitions_remove(consumer->partitions, topic, at->partition);
    kafka_held_drop(&consumer->held, at->topic, at->partition);
    if (consumer->handlers.on_revoked != NULL)
        consumer->handlers.on_revoked(consumer->handlers.context, topic, at->partition, lost);
}

static void resume_source(struct kafka_consumer *consumer)
{
    if (!consumer->is_source_paused)
        return;
    rd_kafka_topic_partition_list_t *list = list_of_all(consumer);
    consumer->is_source_paused = false;
    (void)rd_kafka_resume_partitions(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Tells librdkafka what we have now, and starts it. */
static void assign(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = list_of_all(consumer);
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, list->cnt > 0 ? list : NULL);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_warn("kafka_assign_failed", rd_kafka_err2str(code), LOG_INT("partitions", list->cnt));
    rd_kafka_topic_partition_list_destroy(list);
    resume_source(consumer);
}

/* librdkafka's callbacks */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    bool lost = rd_kafka_assignment_lost(rk) != 0;

    consumer->is_up = consumer->is_up || !lost; /* the group's coordinator spoke to us */
    for (int i = 0; i < list->cnt; i++) {
        if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
            add_partition(consumer, &list->elems[i]);
        else
            remove_partition(consumer, &list->elems[i], lost);
    }
    assign(consumer);
}

static void tell_fatal(struct kafka_consumer *consumer, const char *reason)
{
    char text[160];
    struct err err;
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(consumer->rk, text, sizeof text);

    (void)err_set(&err, ERR_FATAL, "kafka", code, "consume: %s",
                  code != RD_KAFKA_RESP_ERR_NO_ERROR ? text : reason);
    log_error("kafka_consumer_fatal", "this consumer gets nothing any more", LOG_ERR(&err));
    consumer->is_up = false;
    if (consumer->handlers.on_fatal != NULL)
        consumer->handlers.on_fatal(consumer->handlers.context, &err);
}

/* librdkafka has logged all but the fatal ones. */
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_consumer *consumer = opaque;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        consumer->is_up = false;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        tell_fatal(consumer, reason);
}

static int on_stats(rd_kafka_t *rk, char *json, size_t length, void *opaque)
{
    struct kafka_consumer *consumer = opaque;

    (void)rk;
    consumer->is_up = kafka_stats_is_up(json, length);
    return 0;
}

/* What comes out of the queue */

static void reach_end(struct kafka_partition *partition, int64_t end)
{
    partition->is_at_end = true;
    if (end > partition->next)
        partition->next = end;
}

/* librdkafka asks once where the group was: when the coordinator has just changed, the answer says
 * so, the partitions that were assigned are never read, and nothing asks again (its issue 5586,
 * open in 2026). A second assign() is no way out (above); a new consumer is. */
static bool is_end_of_consumer(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

/* `partition` is NULL when the message is about none of ours. */
static void serve_error(struct kafka_consumer *consumer, const rd_kafka_message_t *message,
                        struct kafka_partition *partition, const char *topic)
{
    if (is_end_of_consumer(message->err))
        tell_fatal(consumer, rd_kafka_message_errstr(message));
    else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        log_warn("kafka_consume_failed", rd_kafka_message_errstr(message), LOG_STR("topic", topic),
                 LOG_INT("partition", message->partition));
    else if (partition != NULL)
        reach_end(partition, message->offset);
}

static void deliver(struct kafka_consumer *consumer, const rd_kafka_message_t *raw,
                    const char *topic)
{
    const struct kafka_message message = {
        .topic = topic,
        .partition = raw->partition,
        .offset = raw->offset,
        .key = raw->key,
        .key_length = raw->key_len,
        .value = raw->payload,
        .value_length = raw->len,
        .raw = raw,
    };

    consumer->handlers.on_message(consumer->handlers.context, &message);
}

/* Where the partition ends, as the last fetch said; -1: not known yet. */
static int64_t known_end(const struct kafka_consumer *consumer, const rd_kafka_message_t *message)
{
    int64_t low = -1;
    int64_t high = -1;

    (void)rd_kafka_get_watermark_offsets(consumer->rk, rd_kafka_topic_name(message->rkt),
                                         message->partition, &low, &high);
    return high;
}

/* Another record came than the next one, which is not there any more. True: go on with it. */
static bool go_on_from(struct kafka_consumer *consumer, const rd_kafka_message_t *message,
                       const char *topic, int64_t expected)
{
    const struct kafka_consumer_handlers *handlers = &consumer->handlers;
    int64_t from = RD_KAFKA_OFFSET_BEGINNING;

    if (handlers->on_out_of_range != NULL)
        from = handlers->on_out_of_range(handlers->context, topic, message->partition);
    log_warn("kafka_out_of_range", "the topic does not have the next record any more",
             LOG_STR("topic", topic), LOG_INT("partition", message->partition),
             LOG_INT("expected", expected), LOG_INT("came", message->offset),
             LOG_INT("from", from));
    /* What came is the beginning already. */
    if (from == RD_KAFKA_OFFSET_BEGINNING || from == message->offset)
        return true;
    kafka_consumer_seek(consumer, topic, message->partition, from);
    return false;
}

/* True the first time: reads again from the record that is missing, for the gap may be
 * librdkafka's and not the topic's. */
static bool reads_again(struct kafka_consumer *consumer, const rd_kafka_message_t *message,
                        struct kafka_partition *partition, const char *topic)
{
    if (partition->gap_at == partition->next)
        return false;
    log_info("kafka_gap", "records are missing: reading once more", LOG_STR("topic", topic),
             LOG_INT("partition", message->partition), LOG_INT("expected", partition->next),
             LOG_INT("came", message->offset));
    partition->gap_at = partition->next;
    kafka_consumer_seek(consumer, topic, message->partition, partition->next);
    return true;
}

static bool is_wanted(struct kafka_consumer *consumer, const rd_kafka_message_t *message,
                      struct kafka_partition *partition, const char *topic)
{
    int64_t end = message->offset < partition->next ? known_end(consumer, message) : -1;

    switch (kafka_partition_judge(partition, message->offset, end)) {
    case KAFKA_RECORD_NEXT:
        return true;
    case KAFKA_RECORD_STALE:
        return false;
    case KAFKA_RECORD_AFTER_GAP: /* a compacted topic has gaps: only who asks wants to know */
        return consumer->handlers.on_out_of_range == NULL ||
               (!reads_again(consumer, message, partition, topic) &&
                go_on_from(consumer, message, topic, partition->next));
    case KAFKA_RECORD_OF_NEW_TOPIC:
        return go_on_from(consumer, message, topic, partition->next);
    }
    return false;
}

static void serve_message(struct kafka_consumer *consumer, rd_kafka_message_t *take_message)
{
    const char *full_name =
        take_message->rkt != NULL ? rd_kafka_topic_name(take_message->rkt) : NULL;
    const char *topic = full_name != NULL ? full_name + consumer->topics.prefix_length : "";
    struct kafka_partition *partition =
        kafka_partitions_find(consumer->partitions, topic, take_message->partition);

    if (take_message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        serve_error(consumer, take_message, partition, topic);
    } else if (partition != NULL && is_wanted(consumer, take_message, partition, topic)) {
        partition->next = take_message->offset + 1;
        deliver(consumer, take_message, topic);
    }
    rd_kafka_message_destroy(take_message);
}

static void pause_source(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = list_of_all(consumer);

    (void)rd_kafka_pause_partitions(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    consumer->is_source_paused = true;
}

/* While we are paused. */
static void hold(struct kafka_consumer *consumer, rd_kafka_message_t *take_message)
{
    kafka_held_add(&consumer->held, take_message);
    if (consumer->held.bytes > consumer->held_limit_bytes && !consumer->is_source_paused)
        pause_source(consumer);
}

/* Serves one message, or the events that came; false: nothing is left for now. */
static bool serve_one(struct kafka_consumer *consumer)
{
    rd_kafka_message_t *message = NULL;

    if (!consumer->is_paused)
        message = kafka_held_take(&consumer->held);
    if (message == NULL)
        message = rd_kafka_consumer_poll(consumer->rk, 0);
    if (message != NULL) {
        if (consumer->is_paused && message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            hold(consumer, message);
        else
            serve_message(consumer, message);
        return true;
    }
    if (!consumer->is_paused)
        resume_source(consumer);
    return false;
}

/* Without a group: takes the partitions that we do not have yet. */
static void serve_lookup(struct kafka_consumer *consumer)
{
    CLEANUP(mem_free_at) int32_t *counts = mem_array(consumer->topics.count, sizeof *counts);
    size_t before = kafka_partitions_count(consumer->partitions);

    if (!kafka_lookup_take(consumer->lookup, counts))
        return;
    consumer->is_up = true;
    for (size_t i = 0; i < consumer->topics.count; i++) {
        int32_t number = kafka_partitions_limit(consumer->partitions, consumer->topics.own[i]);

        for (; number < counts[i]; number++) {
            rd_kafka_topic_partition_t at = {.topic = consumer->topics.full[i],
                                             .partition = number};
            add_partition(consumer, &at);
        }
    }
    if (kafka_partitions_count(consumer->partitions) > before)
        assign(consumer);
}

static void on_wake(void *context)
{
    struct kafka_consumer *consumer = context;
    uint64_t until_us = clock_now_us() + TURN_US;

    if (consumer->lookup != NULL)
        serve_lookup(consumer);
    while (serve_one(consumer)) {
        if (clock_now_us() >= until_us) {
            kafka_wakeup_signal(consumer->wakeup);
            break;
        }
    }
}

/* Life */

static struct kafka_consumer *new_consumer(struct loop *loop,
                                           const struct kafka_consumer_options *options,
                                           struct kafka_consumer_handlers handlers)
{
    struct kafka_consumer *consumer = mem_new(sizeof *consumer);

    consumer->handlers = handlers;
    consumer->has_group = options->group_id != NULL;
    consumer->from_end = options->from_end;
    consumer->held_limit_bytes = (size_t)options->queued_kbytes * 1024;
    kafka_names_init(&consumer->topics, &options->settings, options->topics);
    consumer->partitions = kafka_partitions_new(consumer->topics.own, consumer->topics.count);
    consumer->wakeup = kafka_wakeup_new(loop, on_wake, consumer);
    return consumer;
}

static bool open_client(struct kafka_consumer *consumer,
                        const struct kafka_consumer_options *options, struct err *err)
{
    const struct kafka_client_callbacks callbacks = {.on_rebalance = on_rebalance,
                                                     .on_error = on_error,
                                                     .on_stats = on_stats,
                                                     .opaque = consumer};

    if (!kafka_client_open(options, &callbacks, &consumer->rk, err))
        return false;
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    kafka_wakeup_watch(consumer->wakeup, consumer->queue);
    return true;
}

static bool subscribe(struct kafka_consumer *consumer, struct err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->topics.count);

    for (size_t i = 0; i < consumer->topics.count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->topics.full[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || kafka_err(err, code, "subscribe");
}

bool kafka_consumer_start(struct loop *loop, const struct kafka_consumer_options *options,
                          struct kafka_consumer_handlers handlers,
                          struct kafka_consumer **ret_consumer, struct err *err)
{
    struct kafka_consumer *consumer = new_consumer(loop, options, handlers);

    if (!open_client(consumer, options, err) ||
        (consumer->has_group && !subscribe(consumer, err))) {
        kafka_consumer_free(consumer);
        return false;
    }
    if (!consumer->has_group)
        consumer->lookup = kafka_lookup_new(consumer->rk, consumer->topics.full,
                                            consumer->topics.count, REFRESH_US, consumer->wakeup);
    *ret_consumer = consumer;
    return true;
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (consumer == NULL)
        return;
    kafka_lookup_free(consumer->lookup);
    kafka_held_done(&consumer->held);
    if (consumer->rk != NULL) {
        kafka_wakeup_unwatch(consumer->queue);
        rd_kafka_queue_destroy(consumer->queue);
        kafka_client_close(consumer->rk, consumer->has_group && consumer->is_up);
    }
    kafka_wakeup_free(consumer->wakeup);
    kafka_partitions_free(consumer->partitions);
    kafka_names_done(&consumer->topics);
    free(consumer);
}

/* In use */

bool kafka_consumer_poll(struct kafka_consumer *consumer, uint64_t timeout_us)
{
    if (consumer->lookup != NULL)
        serve_lookup(consumer);
    if (serve_one(consumer))
        return true;
    kafka_wakeup_wait(consumer->wakeup, timeout_us);
    return serve_one(consumer);
}

void kafka_consumer_store(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                          int64_t next_offset)
{
    if (fault_point(FAULT_OFFSET_STORE, NULL))
        return;
    rd_kafka_topic_partition_list_t *list = list_of(consumer, topic, partition, next_offset);
    rd_kafka_resp_err_t code = rd_kafka_offsets_store(consumer->rk, list);

    /* Refused for a partition that has just been revoked: its next owner reads those again. */
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_partition(LOG_LEVEL_DEBUG, "kafka_store_refused", rd_kafka_err2str(code),
                      &list->elems[0]);
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_consumer_pause(struct kafka_consumer *consumer)
{
    consumer->is_paused = true;
}

void kafka_consumer_resume(struct kafka_consumer *consumer)
{
    if (!consumer->is_paused)
        return;
    consumer->is_paused = false;
    kafka_wakeup_signal(consumer->wakeup);
}

void kafka_consumer_seek(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                         int64_t offset)
{
    struct kafka_partition *sought = kafka_partitions_find(consumer->partitions, topic, partition);

    if (sought == NULL)
        return;
    kafka_partition_start_at(sought, offset);
    rd_kafka_topic_partition_list_t *list = list_of(consumer, topic, partition, offset);
    kafka_held_drop(&consumer->held, list->elems[0].topic, partition);
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->rk, list, 0);
    if (error != NULL)
        log_partition(LOG_LEVEL_WARN, "kafka_seek_failed", rd_kafka_error_string(error),
                      &list->elems[0]);
    rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
}

size_t kafka_consumer_partition_count(const struct kafka_consumer *consumer)
{
    return kafka_partitions_count(consumer->partitions);
}

bool kafka_consumer_is_at_end(const struct kafka_consumer *consumer)
{
    return kafka_partitions_are_at_end(consumer->partitions);
}

bool kafka_consumer_is_up(const struct kafka_consumer *consumer)
{
    return consumer->is_up;
}

const void *kafka_message_header(const struct kafka_message *message, const char *name,
                                 size_t *ret_length)
{
    rd_kafka_headers_t *headers;
    const void *value;

    if (rd_kafka_message_headers(message->raw, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, ret_length) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    return value;
}
