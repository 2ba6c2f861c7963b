/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_held.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/mem.h"

/* What librdkafka keeps for a message beside its bytes, roughly. */
#define OVERHEAD_BYTES 512

struct kafka_held_message {
    struct kafka_held_message *prev;
    struct kafka_held_message *next;
    rd_kafka_message_t *message; /* owned */
};

static size_t size_of(const rd_kafka_message_t *message)
{
    return message->len + message->key_len + OVERHEAD_BYTES;
}

void kafka_held_add(struct kafka_held *held, rd_kafka_message_t *take_message)
{
    struct kafka_held_message *entry = mem_new(sizeof *entry);

    entry->message = take_message;
    DL_APPEND(held->first, entry);
    held->bytes += size_of(take_message);
}

static rd_kafka_message_t *take(struct kafka_held *held, struct kafka_held_message *entry)
{
    rd_kafka_message_t *message = entry->message;

    DL_DELETE(held->first, entry);
    held->bytes -= size_of(message);
    free(entry);
    return message;
}

rd_kafka_message_t *kafka_held_take(struct kafka_held *held)
{
    return held->first != NULL ? take(held, held->first) : NULL;
}

void kafka_held_drop(struct kafka_held *held, const char *full_topic_name, int32_t partition)
{
    struct kafka_held_message *entry;
    struct kafka_held_message *next;

    DL_FOREACH_SAFE(held->first, entry, next)
    {
        if (entry->message->partition == partition &&
            strcmp(rd_kafka_topic_name(entry->message->rkt), full_topic_name) == 0)
            rd_kafka_message_destroy(take(held, entry));
    }
}

void kafka_held_done(struct kafka_held *held)
{
    rd_kafka_message_t *message;

    while ((message = kafka_held_take(held)) != NULL)
        rd_kafka_message_destroy(message);
}
