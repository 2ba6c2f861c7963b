/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_PARTITIONS_H
#define COMMON_KAFKA_PARTITIONS_H

/*
 * The partitions that a consumer is assigned, and how far it has read each. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

struct kafka_partition {
    bool is_assigned;
    bool is_at_end; /* has been at the end since it was assigned or sought */
    int64_t start;  /* as assigned or sought: may be a logical (negative) offset */
    int64_t gap_at; /* what `next` was when a gap was read once more; -1: no gap yet */
    int64_t next;   /* of the record expected next; -1 while only a logical start is known */
};

struct kafka_partitions;

void kafka_partitions_free(struct kafka_partitions *partitions);
/* Borrows the names. */
struct kafka_partitions *kafka_partitions_new(const char *const *topics, size_t topic_count)
    FREED_BY(kafka_partitions_free);
/* NULL when it is not assigned. Valid until the next kafka_partitions_add(). */
struct kafka_partition *kafka_partitions_find(const struct kafka_partitions *partitions,
                                              const char *topic, int32_t partition);
/* `topic` is one of those given at the start. */
void kafka_partitions_add(struct kafka_partitions *partitions, const char *topic, int32_t partition,
                          int64_t start);
/* Also for a partition that is to be read from elsewhere. */
void kafka_partition_start_at(struct kafka_partition *partition, int64_t start);
void kafka_partitions_remove(struct kafka_partitions *partitions, const char *topic,
                             int32_t partition);
/* One more than the highest number of that topic that was ever assigned. */
int32_t kafka_partitions_limit(const struct kafka_partitions *partitions, const char *topic);
size_t kafka_partitions_count(const struct kafka_partitions *partitions);
/* False when there is none. */
bool kafka_partitions_are_at_end(const struct kafka_partitions *partitions);
/* What a record is that came for the partition; `end` is where it is known to end, -1: unknown. */
enum kafka_record_kind {
    KAFKA_RECORD_NEXT,
    KAFKA_RECORD_STALE,        /* fetched for a position that has ended */
    KAFKA_RECORD_AFTER_GAP,    /* those before it are not there any more */
    KAFKA_RECORD_OF_NEW_TOPIC, /* the topic was cut off, or made anew: it ends before `next` */
};
enum kafka_record_kind kafka_partition_judge(const struct kafka_partition *partition,
                                             int64_t offset, int64_t end);
/* Where to read on. */
int64_t kafka_partition_position(const struct kafka_partition *partition);

#endif
