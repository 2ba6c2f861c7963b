/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A librdkafka producer and what it lacks: replacing itself.
 *
 * librdkafka's idempotent producer ends in a "fatal error" when it can no longer tell whether a
 * batch was written; 2.0.2 does so more often than it has to (its issue 4438). From then on it
 * sends nothing. Since our readers drop what they have already seen, the cure is a new producer:
 * every record without a report is reported as ERR_RETRY and whoever owns it sends it again. To be
 * able to do that each record waits in a list of ours from kafka_producer_send() to its report; a
 * producer that was given up is never polled again, so that no record gets two.
 *
 * Everything runs on the loop's thread, but the lookup that warms the producer up and the
 * destruction of one that was given up, which block and have threads of their own.
 */

#include "common/kafka_producer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/clock.h"
#include "common/fault_point.h"
#include "common/kafka_close.h"
#include "common/kafka_lookup.h"
#include "common/kafka_names.h"
#include "common/kafka_stats.h"
#include "common/kafka_wakeup.h"
#include "common/log.h"
#include "common/mem.h"

#define MESSAGE_MAX_BYTES "8388608"
/* What librdkafka keeps for a record beside its bytes, roughly. */
#define RECORD_OVERHEAD_BYTES 512
/* Reports served in one turn of the loop; the rest in the next. */
#define REPORTS_PER_TURN 512
/* A producer that fails at once, every time, is replaced this often. */
#define REPLACE_INTERVAL_US 1000000
#define CLOSE_WAIT_S 5

struct pending {
    struct pending *prev;
    struct pending *next;
    kafka_on_report on_report;
    void *context;
    const char *topic; /* without prefix; of the producer */
    size_t size_bytes;
};

struct kafka_producer {
    rd_kafka_conf_t *conf; /* every client is made from a copy of it; owned */
    int64_t queue_limit_bytes;
    struct kafka_names topics;
    struct kafka_wakeup *wakeup;
    bool has_loop;

    rd_kafka_t *rk;              /* NULL between a failure and its replacement */
    rd_kafka_queue_t *queue;     /* of rk */
    rd_kafka_topic_t **handles;  /* of rk, one for each name */
    struct kafka_lookup *lookup; /* of rk; warms it up */
    uint64_t created_us;
    bool is_broken; /* rk will not send anything any more */
    bool is_up;
    unsigned reports_left; /* in this turn */

    struct pending *pending; /* list, oldest first */
    size_t pending_count;
    int64_t pending_bytes;
};

static void report(struct kafka_producer *producer, struct pending *pending,
                   struct kafka_position position, const struct err *err)
{
    DL_DELETE(producer->pending, pending);
    producer->pending_count--;
    producer->pending_bytes -= (int64_t)pending->size_bytes;
    pending->on_report(pending->context, position, err);
    free(pending);
}

/* librdkafka's callbacks; they run inside rd_kafka_poll(). */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_producer *producer = opaque;
    struct pending *pending = message->_private;
    struct kafka_position position = {.partition = message->partition, .offset = message->offset};
    struct err err;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)kafka_err(&err, message->err, "produce");
        if (err.kind == ERR_FATAL) /* to this producer, not to the process */
            err.kind = ERR_RETRY;
        report(producer, pending, position, &err);
    } else if (fault_point(FAULT_DELIVERY, pending->topic)) {
        (void)err_set(&err, ERR_RETRY, "kafka", 0, "produce: the acknowledgement was lost");
        report(producer, pending, position, &err);
    } else {
        producer->is_up = true; /* a broker has just answered */
        report(producer, pending, position, NULL);
    }
    if (--producer->reports_left == 0 && producer->has_loop)
        rd_kafka_yield(rk);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_producer *producer = opaque;

    (void)rk;
    (void)reason; /* was logged by librdkafka */
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        producer->is_broken = true;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        producer->is_up = false;
}

static int on_stats(rd_kafka_t *rk, char *json, size_t length, void *opaque)
{
    struct kafka_producer *producer = opaque;

    (void)rk;
    producer->is_up = kafka_stats_is_up(json, length);
    return 0;
}

static bool new_conf(struct kafka_producer *producer, const struct kafka_producer_options *options,
                     struct err *err)
{
    char linger_ms[24];
    char timeout_ms[24];
    char queue_kbytes[24];

    (void)snprintf(linger_ms, sizeof linger_ms, "%g", (double)options->linger_us / 1000);
    (void)snprintf(timeout_ms, sizeof timeout_ms, "%lld",
                   (long long)options->delivery_timeout_us / 1000);
    /* Ours is the bound that counts; this one must not be met before. */
    (void)snprintf(queue_kbytes, sizeof queue_kbytes, "%lld",
                   (long long)options->queue_limit_bytes / 1024 * 2 + 16384);
    const struct kafka_property properties[] = {
        {"enable.idempotence", "true"},           /* retries neither double nor reorder */
        {"acks", "all"},                          /* an acknowledged record survives a broker */
        {"partitioner", "murmur2_random"},        /* the Java client's: all writers must agree */
        {"message.max.bytes", MESSAGE_MAX_BYTES}, /* as the topics are created */
        {"queue.buffering.max.ms", linger_ms},
        {"queue.buffering.max.kbytes", queue_kbytes},
        {"queue.buffering.max.messages", "1000000"},
        {"message.timeout.ms", timeout_ms},
        {"retry.backoff.ms", "50"},
        {NULL, NULL},
    };

    if (!kafka_conf_new(&options->settings, properties, &producer->conf, err))
        return false;
    rd_kafka_conf_set_opaque(producer->conf, producer);
    rd_kafka_conf_set_dr_msg_cb(producer->conf, on_delivery);
    rd_kafka_conf_set_error_cb(producer->conf, on_error);
    rd_kafka_conf_set_stats_cb(producer->conf, on_stats);
    return true;
}

static bool open_client(struct kafka_producer *producer, struct err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(producer->conf);
    char text[160];

    producer->created_us = clock_now_us();
    producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (producer->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(err, ERR_REJECT, "kafka", 0, "%s", text);
    }
    producer->is_broken = false;
    producer->queue = rd_kafka_queue_get_main(producer->rk);
    if (producer->has_loop)
        kafka_wakeup_watch(producer->wakeup, producer->queue);
    for (size_t i = 0; i < producer->topics.count; i++)
        producer->handles[i] = rd_kafka_topic_new(producer->rk, producer->topics.full[i], NULL);
    producer->lookup = kafka_lookup_new(producer->rk, producer->topics.full, producer->topics.count,
                                        0, producer->wakeup);
    return true;
}

static void close_client(struct kafka_producer *producer, unsigned wait_s)
{
    if (producer->rk == NULL)
        return;
    kafka_lookup_free(producer->lookup);
    for (size_t i = 0; i < producer->topics.count; i++)
        rd_kafka_topic_destroy(producer->handles[i]);
    kafka_wakeup_unwatch(producer->queue);
    rd_kafka_queue_destroy(producer->queue);
    kafka_close(producer->rk, 0, wait_s);
    producer->rk = NULL;
}

/* `count` of the oldest records without a report. */
static void give_up(struct kafka_producer *producer, size_t count, enum err_kind kind,
                    const char *why)
{
    const struct kafka_position nowhere = {.partition = -1, .offset = -1};
    struct err err;

    (void)err_set(&err, kind, "kafka", 0, "%s", why);
    for (; count > 0; count--)
        report(producer, producer->pending, nowhere, &err);
}

/* Does nothing but when the client is broken; at most once in REPLACE_INTERVAL_US. */
static void replace_client(struct kafka_producer *producer)
{
    size_t unreported = producer->pending_count;
    struct err err;

    if (producer->rk != NULL) {
        log_warn("kafka_producer_replaced", "the producer failed fatally and is replaced",
                 LOG_INT("unreported", unreported));
        close_client(producer, 0);
    } else {
        unreported = 0;
    }
    producer->is_up = false;
    if (clock_now_us() - producer->created_us >= REPLACE_INTERVAL_US &&
        !open_client(producer, &err))
        log_error("kafka_producer_lost", "cannot make a new producer", LOG_ERR(&err));
    /* Afterwards, so that a record that is sent again at once goes to the new one. */
    give_up(producer, unreported, ERR_RETRY, "produce: the producer was replaced");
}

static void serve(struct kafka_producer *producer, int timeout_ms)
{
    if (producer->rk != NULL) {
        producer->reports_left = REPORTS_PER_TURN;
        (void)rd_kafka_poll(producer->rk, timeout_ms);
        if (producer->reports_left == 0)
            kafka_wakeup_signal(producer->wakeup);
        if (kafka_lookup_take(producer->lookup, NULL))
            producer->is_up = true;
    }
    if (producer->rk == NULL || producer->is_broken)
        replace_client(producer);
}

static void on_wake(void *context)
{
    serve(context, 0);
}

static struct kafka_producer *new_producer(struct loop *loop,
                                           const struct kafka_producer_options *options)
{
    struct kafka_producer *producer = mem_new(sizeof *producer);

    producer->queue_limit_bytes = options->queue_limit_bytes;
    kafka_names_init(&producer->topics, &options->settings, options->topics);
    producer->handles = mem_array(producer->topics.count, sizeof(rd_kafka_topic_t *));
    producer->has_loop = loop != NULL;
    producer->wakeup = kafka_wakeup_new(loop, on_wake, producer);
    return producer;
}

void kafka_producer_free(struct kafka_producer *producer)
{
    if (producer == NULL)
        return;
    close_client(producer, CLOSE_WAIT_S);
    give_up(producer, producer->pending_count, ERR_CANCELLED, "produce: the producer was closed");
    kafka_wakeup_free(producer->wakeup);
    if (producer->conf != NULL)
        rd_kafka_conf_destroy(producer->conf);
    free(producer->handles);
    kafka_names_done(&producer->topics);
    free(producer);
}

bool kafka_producer_start(struct loop *loop, const struct kafka_producer_options *options,
                          struct kafka_producer **ret_producer, struct err *err)
{
    struct kafka_producer *producer = new_producer(loop, options);

    if (!new_conf(producer, options, err) || !open_client(producer, err)) {
        kafka_producer_free(producer);
        return false;
    }
    *ret_producer = producer;
    return true;
}

static size_t record_size(const struct kafka_record *record)
{
    size_t size = RECORD_OVERHEAD_BYTES + record->value_length;

    for (size_t i = 0; i < record->header_count; i++)
        size += record->headers[i].length;
    return size;
}

static bool can_send(struct kafka_producer *producer, const struct kafka_record *record,
                     struct err *err)
{
    if (producer->rk == NULL || producer->is_broken)
        return err_set(err, ERR_RETRY, "kafka", 0, "produce: the producer is being replaced");
    if (producer->pending_bytes + (int64_t)record_size(record) > producer->queue_limit_bytes)
        return err_set(err, ERR_RETRY, "kafka", 0, "produce: %lld bytes wait for the broker",
                       (long long)producer->pending_bytes);
    return true;
}

static rd_kafka_headers_t *new_headers(const struct kafka_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    assert(record->header_count <= KAFKA_HEADERS_MAX);
    for (size_t i = 0; i < record->header_count; i++)
        (void)rd_kafka_header_add(headers, record->headers[i].name, -1, record->headers[i].value,
                                  (ssize_t)record->headers[i].length);
    return headers;
}

/* librdkafka's type for arguments lacks the const that its documentation has. */
static void *without_const(const void *data)
{
    void *pointer;

    memcpy(&pointer, &data, sizeof pointer);
    return pointer;
}

/* Hands the record to librdkafka, which copies it. */
static rd_kafka_resp_err_t produce(struct kafka_producer *producer, rd_kafka_topic_t *topic,
                                   const struct kafka_record *record, struct pending *pending)
{
    rd_kafka_headers_t *headers = new_headers(record);
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {.ptr = without_const(record->key),
                   .size = record->key != NULL ? strlen(record->key) : 0}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {.ptr = without_const(record->value), .size = record->value_length}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = pending},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(producer->rk, fields, ARRAY_LEN(fields));
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);

    if (error != NULL)
        rd_kafka_headers_destroy(headers);
    rd_kafka_error_destroy(error);
    return code;
}

static void track(struct kafka_producer *producer, struct pending *pending)
{
    DL_APPEND(producer->pending, pending);
    producer->pending_count++;
    producer->pending_bytes += (int64_t)pending->size_bytes;
}

bool kafka_producer_send(struct kafka_producer *producer, const struct kafka_record *record,
                         kafka_on_report on_report, void *context, struct err *err)
{
    size_t topic = kafka_names_find(&producer->topics, record->topic);

    if (topic == producer->topics.count)
        return err_set(err, ERR_REJECT, "kafka", 0, "produce: no topic %s", record->topic);
    if (!can_send(producer, record, err))
        return false;
    if (fault_point(FAULT_PRODUCE, record->topic))
        return err_set(err, ERR_RETRY, "kafka", 0, "produce: refused");

    struct pending *pending = mem_new(sizeof *pending);
    *pending = (struct pending){
        .on_report = on_report,
        .context = context,
        .topic = producer->topics.own[topic],
        .size_bytes = record_size(record),
    };
    rd_kafka_resp_err_t code = produce(producer, producer->handles[topic], record, pending);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        track(producer, pending);
        return true;
    }
    free(pending);
    (void)kafka_err(err, code, "produce");
    if (err->kind == ERR_FATAL) {
        err->kind = ERR_RETRY;
        producer->is_broken = true;
        kafka_wakeup_signal(producer->wakeup);
    }
    return false;
}

void kafka_producer_poll(struct kafka_producer *producer, uint64_t timeout_us)
{
    if (producer->rk == NULL)
        kafka_wakeup_wait(producer->wakeup, timeout_us);
    serve(producer, (int)((timeout_us + 999) / 1000));
}

size_t kafka_producer_in_flight(const struct kafka_producer *producer)
{
    return producer->pending_count;
}

bool kafka_producer_is_up(const struct kafka_producer *producer)
{
    return producer->is_up;
}
