/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/dead_letters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "assembler/assembler_metrics.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

#define WAIT_US 10000000
#define POLL_US 100000

/* Outlives a wait that was given up: freed by the last report. */
struct delivery {
    size_t open;
    bool is_abandoned;
    bool has_failed;
    struct err err;
};

static void on_report(void *context, struct kafka_position position, const struct err *err)
{
    struct delivery *delivery = context;

    (void)position;
    delivery->open--;
    if (err != NULL) {
        delivery->has_failed = true;
        delivery->err = *err;
    }
    if (delivery->open == 0 && delivery->is_abandoned)
        free(delivery);
}

static bool send_one(struct kafka_producer *producer, const struct record *record,
                     struct delivery *delivery, struct err *err)
{
    char partition[16];
    char offset[24];
    const char *topic = record->partition->topic;

    (void)snprintf(partition, sizeof partition, "%" PRId32, record->partition->number);
    (void)snprintf(offset, sizeof offset, "%" PRId64, record->offset);
    const struct kafka_record letter = {
        .topic = "dead.letters",
        .key = record->key,
        .value = record->value,
        .value_length = record->value_length,
        .headers = {{"topic", topic, strlen(topic)},
                    {"partition", partition, strlen(partition)},
                    {"offset", offset, strlen(offset)},
                    {"reason", record->reason, strlen(record->reason)}},
        .header_count = 4,
    };
    if (!kafka_producer_send(producer, &letter, on_report, delivery, err))
        return false;
    delivery->open++;
    return true;
}

static void tell(struct metrics *metrics, const struct record *record)
{
    metrics_add(metrics, METRIC_DEAD_LETTERS, 0, 1);
    log_warn("dead_letter", record->reason, LOG_STR("topic", record->partition->topic),
             LOG_INT("partition", record->partition->number), LOG_INT("offset", record->offset));
}

static bool await(struct kafka_producer *producer, struct delivery *delivery, struct err *err)
{
    uint64_t deadline_us = clock_now_us() + WAIT_US;

    while (delivery->open > 0 && clock_now_us() < deadline_us)
        kafka_producer_poll(producer, POLL_US);
    if (delivery->open > 0)
        return err_set(err, ERR_RETRY, "kafka", 0, "dead.letters: no acknowledgement in time");
    if (delivery->has_failed)
        *err = delivery->err;
    return !delivery->has_failed;
}

bool dead_letters_send(struct kafka_producer *producer, struct metrics *metrics,
                       const struct record *records, size_t count, struct err *err)
{
    struct delivery *delivery = mem_new(sizeof *delivery);
    bool is_sent = true;

    for (size_t i = 0; i < count && is_sent; i++)
        if (records[i].is_dead)
            is_sent = send_one(producer, &records[i], delivery, err);
    is_sent = is_sent && await(producer, delivery, err);
    for (size_t i = 0; i < count && is_sent; i++)
        if (records[i].is_dead)
            tell(metrics, &records[i]);
    if (delivery->open > 0)
        delivery->is_abandoned = true;
    else
        free(delivery);
    return is_sent;
}
