/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/dead_letters.h"

#include <inttypes.h>
#include <stdio.h>

#include "assembler/dead_letter.h"
#include "common/clock.h"
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

struct place {
    char partition[16];
    char offset[24];
};

/* Borrows from both. */
static struct dead_letter letter_of(const struct record *record, struct place *place)
{
    (void)snprintf(place->partition, sizeof place->partition, "%" PRId32,
                   record->partition->number);
    (void)snprintf(place->offset, sizeof place->offset, "%" PRId64, record->offset);
    return (struct dead_letter){.topic = record->partition->topic,
                                .partition = place->partition,
                                .offset = place->offset,
                                .reason = record->reason};
}

static bool send_one(struct kafka_producer *producer, const struct record *record,
                     struct delivery *delivery, struct err *err)
{
    struct place place;
    const struct dead_letter letter = letter_of(record, &place);
    struct kafka_record copy = {
        .key = record->key, .value = record->value, .value_length = record->value_length};

    dead_letter_address(&copy, &letter);
    if (!kafka_producer_send(producer, &copy, on_report, delivery, err))
        return false;
    delivery->open++;
    return true;
}

static void tell(struct metrics *metrics, const struct record *record)
{
    struct place place;
    const struct dead_letter letter = letter_of(record, &place);

    dead_letter_tell(metrics, &letter);
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
