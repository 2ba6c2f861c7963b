/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_CONSUMER_H
#define COMMON_KAFKA_CONSUMER_H

/*
 * A consumer, on the event loop or driven by kafka_consumer_poll(). Records are delivered one by
 * one (librdkafka 2.0.2's batch call skips offsets around pause and resume).
 *
 * Two ways of use:
 *  - a group (`group_id`): `range` assignor; offsets are only stored by kafka_consumer_store() and
 *    committed in the background and when partitions are revoked;
 *  - no group: every partition of the topics, from the end or the beginning, for readers that want
 *    all records (the gateway's feed of events).
 */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"
#include "common/loop.h"

/* Borrowed during the callback. */
struct kafka_message {
    const char *topic; /* without prefix */
    int32_t partition;
    int64_t offset;
    const char *key; /* not terminated; NULL if none */
    size_t key_length;
    const char *value; /* not terminated; NULL: a tombstone */
    size_t value_length;
    const rd_kafka_message_t *raw; /* for kafka_message_header() */
};

/* They run inside kafka_consumer_poll(), or on the loop's thread; on_revoked in
 * kafka_consumer_free() too. They may call everything below but kafka_consumer_free(). */
struct kafka_consumer_handlers {
    void (*on_message)(void *context, const struct kafka_message *message);
    /* One call per topic-partition. on_assigned gives the offset to start from: an offset, or
     * RD_KAFKA_OFFSET_STORED / _BEGINNING / _END. May be NULL: stored (the beginning where nothing
     * is), or without a group what `from_end` says. */
    int64_t (*on_assigned)(void *context, const char *topic, int32_t partition);
    /* May be NULL. `lost`: another owner may have it already. */
    void (*on_revoked)(void *context, const char *topic, int32_t partition, bool lost);
    /* The next record of a partition is not in the topic any more (it was too old, or the topic was
     * made anew), which shows when another comes; gives where to go on. Logged. For topics that are
     * not compacted. May be NULL: the beginning. */
    int64_t (*on_out_of_range)(void *context, const char *topic, int32_t partition);
    /* Nothing will come any more: another process runs with our member id, or the brokers and we do
     * not understand each other. May be NULL. Always logged. */
    void (*on_fatal)(void *context, const struct err *err);
    void *context;
};

struct kafka_consumer_options {
    struct kafka_settings settings;
    const char *group_id;      /* without prefix; NULL: no group */
    const char *member_id;     /* group.instance.id; NULL: dynamic member */
    const char *const *topics; /* NULL-terminated, without prefix */
    bool from_end;             /* no group: start at the end instead of the beginning */
    int64_t max_poll_interval_us;
    int64_t queued_kbytes; /* bound of what librdkafka reads ahead */
};

struct kafka_consumer;

/* Commits what is stored, leaves the group; bounded by a few seconds. */
void kafka_consumer_free(struct kafka_consumer *consumer);
bool kafka_consumer_start(struct loop *loop, const struct kafka_consumer_options *options,
                          struct kafka_consumer_handlers handlers,
                          struct kafka_consumer **ret_consumer, struct err *err) MUST_CHECK;
/* Without a loop: serves one message or event, waiting up to `timeout_us`; false: nothing came. */
bool kafka_consumer_poll(struct kafka_consumer *consumer, uint64_t timeout_us);
/* Every record below `next_offset` of the partition is done with. */
void kafka_consumer_store(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                          int64_t next_offset);
/* Stops or restarts the delivery of all assigned partitions; polling (and so membership) goes on.
 * What librdkafka had read ahead is delivered later, not lost. */
void kafka_consumer_pause(struct kafka_consumer *consumer);
void kafka_consumer_resume(struct kafka_consumer *consumer);
void kafka_consumer_seek(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                         int64_t offset);
size_t kafka_consumer_partition_count(const struct kafka_consumer *consumer);
/* No group: every partition has been read to the end that it had when it was last looked up. */
bool kafka_consumer_is_at_end(const struct kafka_consumer *consumer);
bool kafka_consumer_is_up(const struct kafka_consumer *consumer);

/* The last header of that name, borrowed; NULL if there is none. */
const void *kafka_message_header(const struct kafka_message *message, const char *name,
                                 size_t *ret_length);

#endif
