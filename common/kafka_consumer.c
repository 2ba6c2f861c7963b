/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A librdkafka consumer whose records come through a queue of our own.
 *
 * Every assigned partition is forwarded to `messages`, so that librdkafka's consumer queue carries
 * only events (rebalances, errors, statistics). Pausing is then just not taking from `messages`:
 * polling, and so membership of the group, goes on; librdkafka stops fetching when the queue has
 * reached its bound; and nothing is thrown away and fetched again. Its own pause purges what was
 * read ahead, and in 2.0.2 is one of the places where offsets got lost.
 *
 * `partitions` knows which offset comes next for each partition that is ours. A record of another
 * partition, or below that offset, is dropped: it was fetched for an assignment or a position that
 * has ended. So records of a partition go up strictly from on_assigned or a seek.
 *
 * The rebalance callback runs inside serve_event(), on the caller's thread; librdkafka waits for
 * it.
 */

#include "common/kafka_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kafka_close.h"
#include "common/kafka_lookup.h"
#include "common/kafka_partitions.h"
#include "common/kafka_stats.h"
#include "common/kafka_wakeup.h"
#include "common/log.h"
#include "common/mem.h"

/* How long one turn of the loop may take records before others have theirs. */
#define TURN_US 2000
/* Without a group: how often new partitions are looked for. */
#define REFRESH_US 30000000
#define CLOSE_WAIT_S 5
#define CLOSE_STEP_MS 50

struct kafka_consumer {
    struct kafka_consumer_handlers handlers;
    bool has_group;
    bool from_end;
    size_t topic_count;
    char **full_names;    /* owned */
    const char **names;   /* inside full_names, behind the prefix; owned array */
    size_t prefix_length; /* of full_names */

    rd_kafka_t *rk;             /* owned */
    rd_kafka_queue_t *events;   /* owned; librdkafka's consumer queue */
    rd_kafka_queue_t *messages; /* owned; all partitions are forwarded to it */
    struct kafka_wakeup *wakeup;
    struct kafka_lookup *lookup; /* without a group; NULL with one */
    struct kafka_partitions *partitions;
    bool is_paused;
    bool is_up;
    bool is_closing;
};

/* Positions */

static const char *full_name_of(const struct kafka_consumer *consumer, const char *topic)
{
    for (size_t i = 0; i < consumer->topic_count; i++)
        if (strcmp(consumer->names[i], topic) == 0)
            return consumer->full_names[i];
    return topic;
}

/* A list of one. */
static rd_kafka_topic_partition_list_t *
list_of(const struct kafka_consumer *consumer, const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, full_name_of(consumer, topic), partition)->offset =
        offset;
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

/* Before the partition is assigned, so that none of its records takes the other queue. */
static void forward(struct kafka_consumer *consumer, const rd_kafka_topic_partition_t *at)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(consumer->rk, at->topic, at->partition);

    rd_kafka_queue_forward(queue, consumer->messages);
    rd_kafka_queue_destroy(queue);
}

static void take_partition(struct kafka_consumer *consumer, rd_kafka_topic_partition_t *at)
{
    const char *topic = at->topic + consumer->prefix_length;

    at->offset = first_offset(consumer, topic, at->partition);
    kafka_partitions_add(consumer->partitions, topic, at->partition, at->offset);
    forward(consumer, at);
    log_partition(LOG_LEVEL_INFO, "kafka_assigned", "partition assigned", at);
}

static void drop_partition(struct kafka_consumer *consumer, const rd_kafka_topic_partition_t *at,
                           bool lost)
{
    const char *topic = at->topic + consumer->prefix_length;

    log_partition(LOG_LEVEL_INFO, lost ? "kafka_lost" : "kafka_revoked", "partition revoked", at);
    kafka_partitions_remove(consumer->partitions, topic, at->partition);
    if (consumer->handlers.on_revoked != NULL)
        consumer->handlers.on_revoked(consumer->handlers.context, topic, at->partition, lost);
}

/* librdkafka's callbacks; they run inside serve_event(). */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    bool is_assignment = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !consumer->is_closing;
    bool lost = rd_kafka_assignment_lost(rk) != 0;

    for (int i = 0; i < list->cnt; i++) {
        if (is_assignment)
            take_partition(consumer, &list->elems[i]);
        else
            drop_partition(consumer, &list->elems[i], lost);
    }
    rd_kafka_resp_err_t result = rd_kafka_assign(rk, is_assignment ? list : NULL);
    if (result != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_warn("kafka_assign_failed", rd_kafka_err2str(result), LOG_INT("partitions", list->cnt));
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

/* What comes out of the queues */

static void on_out_of_range(struct kafka_consumer *consumer, const rd_kafka_message_t *message,
                            struct kafka_partition *partition, const char *topic)
{
    int64_t from = RD_KAFKA_OFFSET_BEGINNING;

    /* A group that has no offset stored yet is told in the same way, and is no surprise. */
    if (kafka_partition_position(partition) == RD_KAFKA_OFFSET_STORED) {
        log_info("kafka_from_beginning", "nothing is stored for this group yet",
                 LOG_STR("topic", topic), LOG_INT("partition", message->partition));
    } else {
        if (consumer->handlers.on_out_of_range != NULL)
            from = consumer->handlers.on_out_of_range(consumer->handlers.context, topic,
                                                      message->partition);
        log_warn("kafka_out_of_range", "the topic no longer has the next record: some are skipped",
                 LOG_STR("topic", topic), LOG_INT("partition", message->partition),
                 LOG_INT("wanted", kafka_partition_position(partition)), LOG_INT("from", from));
    }
    kafka_consumer_seek(consumer, topic, message->partition, from);
}

static void serve_error(struct kafka_consumer *consumer, const rd_kafka_message_t *message,
                        struct kafka_partition *partition, const char *topic)
{
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (partition != NULL) {
            partition->is_at_end = true;
            if (message->offset > partition->next)
                partition->next = message->offset;
        }
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        if (partition != NULL)
            on_out_of_range(consumer, message, partition, topic);
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
        tell_fatal(consumer, rd_kafka_message_errstr(message));
        break;
    default:
        log_warn("kafka_consume_failed", rd_kafka_message_errstr(message), LOG_STR("topic", topic),
                 LOG_INT("partition", message->partition));
        break;
    }
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

static void serve_message(struct kafka_consumer *consumer, rd_kafka_message_t *take_message)
{
    const char *full_name =
        take_message->rkt != NULL ? rd_kafka_topic_name(take_message->rkt) : NULL;
    const char *topic = full_name != NULL ? full_name + consumer->prefix_length : "";
    struct kafka_partition *partition =
        kafka_partitions_find(consumer->partitions, topic, take_message->partition);

    if (take_message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        serve_error(consumer, take_message, partition, topic);
    } else if (partition != NULL && take_message->offset >= partition->next) {
        partition->next = take_message->offset + 1;
        deliver(consumer, take_message, topic);
    }
    rd_kafka_message_destroy(take_message);
}

/* False: there was none. A rebalance or statistics is served without a message to show for it. */
static bool serve_event(struct kafka_consumer *consumer)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, 0);

    if (message == NULL)
        return false;
    serve_message(consumer, message);
    return true;
}

static bool serve_record(struct kafka_consumer *consumer)
{
    if (consumer->is_paused)
        return false;
    rd_kafka_message_t *message = rd_kafka_consume_queue(consumer->messages, 0);
    if (message == NULL)
        return false;
    serve_message(consumer, message);
    return true;
}

/* Without a group: takes all partitions there are. Those that we have go on where they are. */
static void assign_all(struct kafka_consumer *consumer, const int32_t *counts)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    bool has_new = false;

    for (size_t i = 0; i < consumer->topic_count; i++) {
        for (int32_t number = 0; number < counts[i]; number++) {
            rd_kafka_topic_partition_t *at =
                rd_kafka_topic_partition_list_add(list, consumer->full_names[i], number);
            const struct kafka_partition *known =
                kafka_partitions_find(consumer->partitions, consumer->names[i], number);

            if (known != NULL)
                at->offset = kafka_partition_position(known);
            else
                take_partition(consumer, at);
            has_new = has_new || known == NULL;
        }
    }
    if (has_new)
        (void)rd_kafka_assign(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static void serve_lookup(struct kafka_consumer *consumer)
{
    CLEANUP(mem_free_at) int32_t *counts = mem_array(consumer->topic_count, sizeof *counts);

    if (!kafka_lookup_take(consumer->lookup, counts))
        return;
    consumer->is_up = true;
    assign_all(consumer, counts);
}

static bool serve_one(struct kafka_consumer *consumer)
{
    bool has_event = serve_event(consumer);

    return serve_record(consumer) || has_event;
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

/* Making and closing one */

static bool new_conf(const struct kafka_consumer_options *options, rd_kafka_conf_t **ret_conf,
                     struct err *err)
{
    bool has_group = options->group_id != NULL;
    /* Without a group there is one all the same in librdkafka's eyes; nothing is stored for it. */
    CLEANUP(mem_free_at)
    char *group = kafka_topic_name(&options->settings, has_group ? options->group_id : "no-group");
    char interval_ms[24];
    char queued_kbytes[24];

    (void)snprintf(interval_ms, sizeof interval_ms, "%lld",
                   (long long)options->max_poll_interval_us / 1000);
    (void)snprintf(queued_kbytes, sizeof queued_kbytes, "%lld", (long long)options->queued_kbytes);
    const char *const properties[] = {
        "group.id",
        group,
        "partition.assignment.strategy",
        "range", /* cooperative-sticky loses assignments */
        "enable.auto.offset.store",
        "false", /* stored by kafka_consumer_store() only ... */
        "enable.auto.commit",
        has_group ? "true" : "false", /* ... and committed behind it */
        "auto.commit.interval.ms",
        "1000",
        "auto.offset.reset",
        "error", /* where to go on is our decision */
        "enable.partition.eof",
        has_group ? "false" : "true",
        "session.timeout.ms",
        "10000",
        "heartbeat.interval.ms",
        "1000",
        "max.poll.interval.ms",
        interval_ms,
        "fetch.wait.max.ms",
        "100", /* a new partition waits for the fetch under way */
        "fetch.error.backoff.ms",
        "50",
        "fetch.max.bytes",
        "16777216",
        "queued.max.messages.kbytes",
        queued_kbytes,
        "queued.min.messages",
        "2000", /* no need to read further ahead */
        NULL,
    };

    if (!kafka_conf_new(&options->settings, properties, ret_conf, err))
        return false;
    if (options->member_id == NULL)
        return true;
    char text[160];
    if (rd_kafka_conf_set(*ret_conf, "group.instance.id", options->member_id, text, sizeof text) ==
        RD_KAFKA_CONF_OK)
        return true;
    rd_kafka_conf_destroy(*ret_conf);
    return err_set(err, ERR_REJECT, "kafka", 0, "%s", text);
}

static bool open_client(struct kafka_consumer *consumer,
                        const struct kafka_consumer_options *options, struct err *err)
{
    rd_kafka_conf_t *conf;
    char text[160];

    if (!new_conf(options, &conf, err))
        return false;
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (consumer->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_REJECT, "kafka", 0, "%s", text);
    }
    (void)rd_kafka_poll_set_consumer(consumer->rk);
    consumer->events = rd_kafka_queue_get_consumer(consumer->rk);
    consumer->messages = rd_kafka_queue_new(consumer->rk);
    kafka_wakeup_watch(consumer->wakeup, consumer->events);
    kafka_wakeup_watch(consumer->wakeup, consumer->messages);
    return true;
}

static bool subscribe(struct kafka_consumer *consumer, struct err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->topic_count);

    for (size_t i = 0; i < consumer->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->full_names[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || kafka_err(err, code, "subscribe");
}

static struct kafka_consumer *new_consumer(struct loop *loop,
                                           const struct kafka_consumer_options *options,
                                           struct kafka_consumer_handlers handlers)
{
    struct kafka_consumer *consumer = mem_new(sizeof *consumer);
    size_t count = 0;

    while (options->topics[count] != NULL)
        count++;
    consumer->handlers = handlers;
    consumer->has_group = options->group_id != NULL;
    consumer->from_end = options->from_end;
    consumer->topic_count = count;
    consumer->full_names = mem_array(count, sizeof(char *));
    consumer->names = mem_array(count, sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        consumer->full_names[i] = kafka_topic_name(&options->settings, options->topics[i]);
        consumer->prefix_length = strlen(consumer->full_names[i]) - strlen(options->topics[i]);
        consumer->names[i] = consumer->full_names[i] + consumer->prefix_length;
    }
    consumer->partitions = kafka_partitions_new(consumer->names, count);
    consumer->wakeup = kafka_wakeup_new(loop, on_wake, consumer);
    return consumer;
}

/* Serves the last revocation, in which what is stored gets committed. */
static void leave_group(struct kafka_consumer *consumer)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    uint64_t until_us = clock_now_us() + CLOSE_WAIT_S * UINT64_C(1000000);

    rd_kafka_error_destroy(rd_kafka_consumer_close_queue(consumer->rk, queue));
    while (rd_kafka_consumer_closed(consumer->rk) == 0 && clock_now_us() < until_us) {
        rd_kafka_message_t *late = rd_kafka_consume_queue(queue, CLOSE_STEP_MS);

        if (late != NULL)
            rd_kafka_message_destroy(late);
    }
    rd_kafka_queue_destroy(queue);
}

static void close_client(struct kafka_consumer *consumer)
{
    kafka_wakeup_unwatch(consumer->events);
    kafka_wakeup_unwatch(consumer->messages);
    kafka_lookup_free(consumer->lookup);
    consumer->is_closing = true;
    /* 2.0.2 can crash when it leaves a group whose coordinator is away; the session time-out does
     * it then. */
    if (consumer->has_group && consumer->is_up)
        leave_group(consumer);
    rd_kafka_queue_destroy(consumer->messages);
    rd_kafka_queue_destroy(consumer->events);
    kafka_close(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, CLOSE_WAIT_S);
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (consumer == NULL)
        return;
    if (consumer->rk != NULL)
        close_client(consumer);
    kafka_wakeup_free(consumer->wakeup);
    kafka_partitions_free(consumer->partitions);
    for (size_t i = 0; i < consumer->topic_count; i++)
        free(consumer->full_names[i]);
    free(consumer->names);
    free(consumer->full_names);
    free(consumer);
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
        consumer->lookup = kafka_lookup_new(consumer->rk, consumer->full_names,
                                            consumer->topic_count, REFRESH_US, consumer->wakeup);
    *ret_consumer = consumer;
    return true;
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
