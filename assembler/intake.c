/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/intake.h"

#include <assert.h>
#include <string.h>

#include "assembler/store_offsets.h"
#include "common/clock.h"
#include "common/kafka_consumer.h"
#include "common/log.h"
#include "common/mem.h"

/* Longer than a transaction may ever take. */
#define MAX_POLL_INTERVAL_US 120000000
#define QUEUED_KBYTES 16384
/* After an owner has died with a try counted: so many records are applied one by one. */
#define SINGLE_RECORDS 1000

enum { TOPIC_COUNT = 2 };
static const char *const TOPICS[TOPIC_COUNT + 1] = {INTAKE_RESULTS, INTAKE_COMMANDS, NULL};

struct intake {
    struct store *store; /* borrowed */
    struct kafka_consumer *consumer;
    struct intake_limits limits;
    struct batch batch;
    char *stored_names[TOPIC_COUNT]; /* owned */
    uint64_t generation;
    bool is_drained;
    bool has_failed;
};

/* Partitions */

static bool claim(struct intake *intake, struct batch_partition *partition, struct err *err)
{
    struct store_claim claim;

    partition->is_claimed = false;
    if (!store_claim(intake->store, partition->stored_name, partition->number, &claim, err))
        return false;
    partition->is_claimed = true;
    partition->needs_takeover = true;
    partition->next = claim.next_offset;
    partition->is_careful = claim.after_crash;
    partition->single_left = claim.after_crash && claim.tries > 0 ? SINGLE_RECORDS : 0;
    return true;
}

/* While PostgreSQL is away the partition stays unclaimed, and nothing is applied before
 * intake_claim_all() has put it right. */
static int64_t on_assigned(void *context, const char *topic, int32_t number)
{
    struct intake *intake = context;
    size_t which = strcmp(topic, TOPICS[0]) == 0 ? 0 : 1;
    struct batch_partition *partition =
        batch_add_partition(&intake->batch, TOPICS[which], intake->stored_names[which], number);
    struct err err;

    intake->generation++;
    if (partition == NULL) {
        log_error("too_many_partitions", "this process can't own more",
                  LOG_INT("limit", BATCH_PARTITIONS_MAX));
        intake->has_failed = true;
        return RD_KAFKA_OFFSET_STORED;
    }
    if (claim(intake, partition, &err))
        return partition->next;
    log_warn("claim_failed", "the partition waits until PostgreSQL is back",
             LOG_STR("topic", topic), LOG_INT("partition", number), LOG_ERR(&err));
    return RD_KAFKA_OFFSET_STORED;
}

static void on_revoked(void *context, const char *topic, int32_t number, bool lost)
{
    struct intake *intake = context;
    struct batch_partition *partition = batch_find_partition(&intake->batch, topic, number);
    struct err err;

    intake->generation++;
    if (partition == NULL)
        return;
    if (!lost && partition->is_claimed && store_is_connected(intake->store) &&
        !store_release(intake->store, partition->stored_name, number, &err))
        log_warn("release_failed", "the next owner will take more care than it needs to",
                 LOG_STR("topic", topic), LOG_INT("partition", number), LOG_ERR(&err));
    batch_remove_partition(&intake->batch, partition);
}

static void on_message(void *context, const struct kafka_message *message)
{
    struct intake *intake = context;
    struct batch_partition *partition =
        batch_find_partition(&intake->batch, message->topic, message->partition);

    if (partition != NULL && partition->is_claimed && message->offset >= partition->next)
        batch_add_message(&intake->batch, partition, message);
}

static void on_fatal(void *context, const struct err *err)
{
    struct intake *intake = context;

    (void)err; /* logged */
    intake->has_failed = true;
}

bool intake_rewind(struct intake *intake, struct batch_partition *partition, struct err *err)
{
    int64_t next;

    if (!store_next_offset(intake->store, partition->stored_name, partition->number, &next, err))
        return false;
    batch_drop_of_partition(&intake->batch, partition);
    partition->next = next;
    kafka_consumer_seek(intake->consumer, partition->topic, partition->number, next);
    return true;
}

static bool claim_and_seek(struct intake *intake, struct batch_partition *partition,
                           struct err *err)
{
    if (!claim(intake, partition, err))
        return false;
    kafka_consumer_seek(intake->consumer, partition->topic, partition->number, partition->next);
    return true;
}

bool intake_claim_all(struct intake *intake, struct err *err)
{
    batch_drop(&intake->batch, intake->batch.count);
    for (size_t i = 0; i < intake->batch.partition_count; i++)
        if (!claim_and_seek(intake, &intake->batch.partitions[i], err))
            return false;
    return true;
}

bool intake_claim_missing(struct intake *intake, struct err *err)
{
    for (size_t i = 0; i < intake->batch.partition_count; i++) {
        struct batch_partition *partition = &intake->batch.partitions[i];

        if (!partition->is_claimed && !claim_and_seek(intake, partition, err))
            return false;
    }
    return true;
}

void intake_applied(struct intake *intake, struct batch_partition *partition, int64_t next_offset)
{
    partition->next = next_offset;
    kafka_consumer_store(intake->consumer, partition->topic, partition->number, next_offset);
}

/* A job's home is the partition of its results. */
static bool is_home(const struct batch_partition *partition)
{
    return strcmp(partition->topic, INTAKE_RESULTS) == 0;
}

bool intake_owns(const struct intake *intake, int32_t number)
{
    for (size_t i = 0; i < intake->batch.partition_count; i++) {
        const struct batch_partition *partition = &intake->batch.partitions[i];

        if (partition->number == number && partition->is_claimed && is_home(partition))
            return true;
    }
    return false;
}

void intake_list_homes(const struct intake *intake, struct sql_rows *ret_rows)
{
    sql_rows_init(ret_rows, 1);
    for (size_t i = 0; i < intake->batch.partition_count; i++)
        if (is_home(&intake->batch.partitions[i]))
            sql_rows_int(ret_rows, intake->batch.partitions[i].number);
}

uint64_t intake_generation(const struct intake *intake)
{
    return intake->generation;
}

/* Collecting */

static bool is_full(const struct intake *intake)
{
    return intake->batch.count >= intake->limits.records ||
           intake->batch.bytes >= intake->limits.bytes;
}

void intake_collect(struct intake *intake, uint64_t timeout_us)
{
    kafka_consumer_resume(intake->consumer);
    intake->is_drained = true;
    if (intake->batch.count == 0 && !kafka_consumer_poll(intake->consumer, timeout_us))
        return;
    while (!is_full(intake) && kafka_consumer_poll(intake->consumer, 0))
        ;
    intake->is_drained = !is_full(intake);
}

void intake_idle(struct intake *intake, uint64_t timeout_us)
{
    kafka_consumer_pause(intake->consumer);
    (void)kafka_consumer_poll(intake->consumer, timeout_us);
}

struct batch *intake_batch(struct intake *intake)
{
    return &intake->batch;
}

bool intake_is_up(const struct intake *intake)
{
    return kafka_consumer_is_up(intake->consumer);
}

bool intake_is_drained(const struct intake *intake)
{
    return intake->is_drained;
}

bool intake_has_failed(const struct intake *intake)
{
    return intake->has_failed;
}

/* Life */

bool intake_start(struct store *store, const struct kafka_settings *settings,
                  struct intake_limits limits, struct intake **ret_intake, struct err *err)
{
    struct intake *intake = mem_new(sizeof *intake);
    const struct kafka_consumer_options options = {
        .settings = *settings,
        .group_id = "assembler",
        .topics = TOPICS,
        .max_poll_interval_us = MAX_POLL_INTERVAL_US,
        .queued_kbytes = QUEUED_KBYTES,
    };
    const struct kafka_consumer_handlers handlers = {
        .on_message = on_message,
        .on_assigned = on_assigned,
        .on_revoked = on_revoked,
        .on_fatal = on_fatal,
        .context = intake,
    };

    intake->store = store;
    intake->limits = limits;
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        intake->stored_names[i] = kafka_topic_name(settings, TOPICS[i]);
    if (!store_check_topics(store, (const char *const *)intake->stored_names, TOPIC_COUNT, err) ||
        !kafka_consumer_start(NULL, &options, handlers, &intake->consumer, err)) {
        intake_free(intake);
        return false;
    }
    *ret_intake = intake;
    return true;
}

void intake_free(struct intake *intake)
{
    if (intake == NULL)
        return;
    kafka_consumer_free(intake->consumer);
    batch_done(&intake->batch);
    for (size_t i = 0; i < TOPIC_COUNT; i++)
        free(intake->stored_names[i]);
    free(intake);
}
