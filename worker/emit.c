/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/emit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "common/backoff.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/worker_metrics.h"

#define RESULTS "chunks.results"
#define DEAD_LETTERS "dead.letters"

static const struct backoff RESEND = {.base_us = 100000, .ceiling_us = 5000000};

const char *const EMIT_TOPICS[] = {RESULTS, DEAD_LETTERS, NULL};

struct emit {
    struct loop *loop;               /* borrowed */
    struct kafka_producer *producer; /* borrowed */
    struct metrics *metrics;         /* borrowed */
    struct emission *emissions;      /* utlist; owned */
};

struct emission {
    struct emission *prev, *next;
    struct emit *emit;
    struct kafka_record record; /* its pointers are into what follows */
    char *key;                  /* owned */
    char *value;                /* owned */
    char *headers[4];           /* owned: the values */
    emit_on_settled on_settled; /* NULL: cancelled */
    void *context;
    struct event *timer; /* owned; pending while it waits to be sent again */
    unsigned tries;
    bool is_sent; /* a report will come */
};

struct emit *emit_new(struct loop *loop, struct metrics *metrics)
{
    struct emit *emit = mem_new(sizeof *emit);

    emit->loop = loop;
    emit->metrics = metrics;
    return emit;
}

void emit_set_producer(struct emit *emit, struct kafka_producer *producer)
{
    emit->producer = producer;
}

static void emission_free(struct emission *emission)
{
    DL_DELETE(emission->emit->emissions, emission);
    event_free(emission->timer);
    for (size_t i = 0; i < ARRAY_LEN(emission->headers); i++)
        free(emission->headers[i]);
    free(emission->key);
    free(emission->value);
    free(emission);
}

void emit_free(struct emit *emit)
{
    if (emit == NULL)
        return;
    while (emit->emissions != NULL)
        emission_free(emit->emissions);
    free(emit);
}

static void settle(struct emission *emission, const struct err *err)
{
    emit_on_settled on_settled = emission->on_settled;
    void *context = emission->context;

    emission_free(emission);
    if (on_settled != NULL)
        on_settled(context, err);
}

static void send_later(struct emission *emission)
{
    uint64_t delay_us = backoff_delay_us(RESEND, emission->tries++, backoff_random());

    metrics_add(emission->emit->metrics, WORKER_METRIC_RECORDS_RESENT, 0, 1);
    loop_start_timer(emission->timer, delay_us);
}

static void on_report(void *context, struct kafka_position position, const struct err *err)
{
    struct emission *emission = context;

    (void)position;
    emission->is_sent = false;
    if (emission->on_settled == NULL || err == NULL || err->kind == ERR_REJECT) {
        settle(emission, err);
        return;
    }
    if (err->kind == ERR_CANCELLED)
        return; /* the producer is gone, and soon everything */
    if (emission->tries == 0)
        log_warn("record_unacknowledged", "sending it again until it is",
                 LOG_STR("topic", emission->record.topic), LOG_STR("key", emission->key),
                 LOG_ERR(err));
    send_later(emission);
}

static void send_now(struct emission *emission)
{
    struct err err;

    emission->is_sent =
        kafka_producer_send(emission->emit->producer, &emission->record, on_report, emission, &err);
    if (emission->is_sent)
        return;
    if (err.kind == ERR_REJECT)
        settle(emission, &err);
    else
        send_later(emission);
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    send_now(context);
}

static struct emission *emission_new(struct emit *emit, const char *topic, char *take_key,
                                     char *take_value, size_t value_length)
{
    struct emission *emission = mem_new(sizeof *emission);

    emission->emit = emit;
    emission->key = take_key;
    emission->value = take_value;
    emission->record = (struct kafka_record){
        .topic = topic, .key = take_key, .value = take_value, .value_length = value_length};
    emission->timer = evtimer_new(loop_base(emit->loop), on_timer, emission);
    DL_APPEND(emit->emissions, emission);
    return emission;
}

static void add_header(struct emission *emission, const char *name, char *take_value)
{
    size_t at = emission->record.header_count++;

    emission->headers[at] = take_value;
    emission->record.headers[at] =
        (struct kafka_header){.name = name, .value = take_value, .length = strlen(take_value)};
}

/* From the loop, so that nothing settles before the caller has got its emission. */
static struct emission *start(struct emission *emission, emit_on_settled on_settled, void *context)
{
    static const struct timeval AT_ONCE = {0, 0};

    emission->on_settled = on_settled;
    emission->context = context;
    (void)event_add(emission->timer, &AT_ONCE);
    return emission;
}

bool emit_event(struct emit *emit, const struct event *event, const char *traceparent,
                emit_on_settled on_settled, void *context, struct emission **ret_emission,
                struct err *err)
{
    struct buf json;

    buf_init(&json, (size_t)EVENT_BYTES_MAX);
    event_encode(event, clock_wall_us(), &json);
    if (buf_is_over(&json)) {
        buf_done(&json);
        return err_set(err, ERR_REJECT, "kafka", 0, "the record is larger than %d bytes",
                       EVENT_BYTES_MAX);
    }
    size_t length = json.length;
    struct emission *emission =
        emission_new(emit, RESULTS, event_key(event), buf_take(&json), length);
    if (traceparent[0] != '\0')
        add_header(emission, "traceparent", mem_copy_string(traceparent));
    *ret_emission = start(emission, on_settled, context);
    return true;
}

static void on_ignored_report(void *context UNUSED, struct kafka_position position UNUSED,
                              const struct err *err UNUSED)
{
}

void emit_event_once(struct emit *emit, const struct event *event, const char *traceparent)
{
    CLEANUP(mem_free_at) char *key = event_key(event);
    struct buf json;
    struct err err;

    buf_init(&json, (size_t)EVENT_BYTES_MAX);
    event_encode(event, clock_wall_us(), &json);
    struct kafka_record record = {
        .topic = RESULTS, .key = key, .value = json.data, .value_length = json.length};
    if (traceparent[0] != '\0')
        record.headers[record.header_count++] = (struct kafka_header){
            .name = "traceparent", .value = traceparent, .length = strlen(traceparent)};
    /* Whatever hinders it: the next one, or the result, makes up for it. */
    if (!buf_is_over(&json))
        (void)!kafka_producer_send(emit->producer, &record, on_ignored_report, NULL, &err);
    buf_done(&json);
}

struct emission *emit_dead_letter(struct emit *emit, const struct kafka_message *message,
                                  const char *reason, emit_on_settled on_settled, void *context)
{
    char *key = message->key == NULL ? NULL : mem_copy(message->key, message->key_length);
    char *value = message->value == NULL ? NULL : mem_copy(message->value, message->value_length);
    struct emission *emission = emission_new(emit, DEAD_LETTERS, key, value, message->value_length);

    add_header(emission, "topic", mem_copy_string(message->topic));
    add_header(emission, "partition", mem_format("%" PRId32, message->partition));
    add_header(emission, "offset", mem_format("%" PRId64, message->offset));
    add_header(emission, "reason", mem_copy_string(reason));
    metrics_add(emit->metrics, WORKER_METRIC_DEAD_LETTERS, 0, 1);
    return start(emission, on_settled, context);
}

void emission_cancel(struct emission *emission)
{
    if (emission->is_sent)
        emission->on_settled = NULL;
    else
        emission_free(emission);
}
