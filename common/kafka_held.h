/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_HELD_H
#define COMMON_KAFKA_HELD_H

/* Messages that came while their consumer was paused, in the order they came. */

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

struct kafka_held_message;

struct kafka_held {
    struct kafka_held_message *first; /* list; owned */
    size_t bytes;                     /* of all keys and values, and what they lie in */
};

void kafka_held_done(struct kafka_held *held);
void kafka_held_add(struct kafka_held *held, rd_kafka_message_t *take_message);
/* The oldest, owned by the caller; NULL: there is none. */
rd_kafka_message_t *kafka_held_take(struct kafka_held *held);
/* Drops those of one partition. */
void kafka_held_drop(struct kafka_held *held, const char *full_topic_name, int32_t partition);

#endif
