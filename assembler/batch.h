/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_BATCH_H
#define ASSEMBLER_BATCH_H

/*
 * The partitions that this process owns, and the records that wait to be applied: what one
 * transaction takes. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/event.h"
#include "common/kafka_consumer.h"

#define BATCH_PARTITIONS_MAX 512

struct batch_partition {
    const char *topic;       /* static, without prefix */
    const char *stored_name; /* with it: the key in the database; outlives the batch */
    int32_t number;
    bool is_claimed;     /* `next` is what the database says */
    bool needs_takeover; /* what its former owner left open has not been looked for yet */
    bool is_careful;     /* its former owner may have died of a record: tries are counted */
    int32_t single_left; /* so many records are applied one by one */
    int64_t next;        /* the offset that the database expects */
};

struct record {
    struct batch_partition *partition;
    int64_t offset; /* -1: made by ourselves */
    bool is_dead;   /* can't be applied, for `reason` */
    char reason[192];
    struct event event; /* valid unless dead */
    char *key;          /* owned, as it came, for dead.letters */
    size_t key_length;
    char *value;
    size_t value_length;
};

struct batch {
    struct batch_partition partitions[BATCH_PARTITIONS_MAX];
    size_t partition_count;
    struct record *records; /* owned */
    size_t count;
    size_t capacity;
    size_t bytes;
};

void batch_done(struct batch *batch);
/* NULL: there is no more room. */
struct batch_partition *batch_add_partition(struct batch *batch, const char *topic,
                                            const char *stored_name, int32_t number);
struct batch_partition *batch_find_partition(struct batch *batch, const char *topic,
                                             int32_t number);
/* With the records of it that were not applied yet. Moves other partitions: pointers to them that
 * records hold are kept right, those of others not. */
void batch_remove_partition(struct batch *batch, struct batch_partition *partition);
/* Copies and decodes; one that can't be decoded is dead. */
void batch_add_message(struct batch *batch, struct batch_partition *partition,
                       const struct kafka_message *message);
/* An event of our own about a job at home in the partition; consumed. */
void batch_add_event(struct batch *batch, struct batch_partition *partition,
                     struct event *take_event);
void batch_kill_record(struct record *record, const char *reason);
/* Forgets the first `count` records. */
void batch_drop(struct batch *batch, size_t count);
void batch_drop_of_partition(struct batch *batch, const struct batch_partition *partition);

#endif
