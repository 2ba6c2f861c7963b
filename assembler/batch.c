/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/batch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

#define RECORDS_AT_FIRST 64

static void record_done(struct record *record)
{
    if (!record->is_dead)
        event_done(&record->event);
    free(record->key);
    free(record->value);
}

void batch_done(struct batch *batch)
{
    batch_drop(batch, batch->count);
    free(batch->records);
    batch->records = NULL;
    batch->capacity = 0;
}

struct batch_partition *batch_add_partition(struct batch *batch, const char *topic,
                                            const char *stored_name, int32_t number)
{
    if (batch->partition_count == BATCH_PARTITIONS_MAX)
        return NULL;
    struct batch_partition *partition = &batch->partitions[batch->partition_count++];

    *partition =
        (struct batch_partition){.topic = topic, .stored_name = stored_name, .number = number};
    return partition;
}

struct batch_partition *batch_find_partition(struct batch *batch, const char *topic, int32_t number)
{
    for (size_t i = 0; i < batch->partition_count; i++) {
        struct batch_partition *partition = &batch->partitions[i];

        if (partition->number == number && strcmp(partition->topic, topic) == 0)
            return partition;
    }
    return NULL;
}

void batch_remove_partition(struct batch *batch, struct batch_partition *partition)
{
    struct batch_partition *last = &batch->partitions[batch->partition_count - 1];

    batch_drop_of_partition(batch, partition);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->records[i].partition == last)
            batch->records[i].partition = partition;
    *partition = *last;
    batch->partition_count--;
}

static struct record *add_record(struct batch *batch)
{
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity == 0 ? RECORDS_AT_FIRST : batch->capacity * 2;
        batch->records = mem_resize(batch->records, batch->capacity, sizeof *batch->records);
    }
    struct record *record = &batch->records[batch->count++];

    memset(record, 0, sizeof *record);
    return record;
}

void batch_add_message(struct batch *batch, struct batch_partition *partition,
                       const struct kafka_message *message)
{
    struct record *record = add_record(batch);
    struct err err;

    record->partition = partition;
    record->offset = message->offset;
    record->key = mem_copy(message->key, message->key_length);
    record->key_length = message->key_length;
    record->value = mem_copy(message->value, message->value_length);
    record->value_length = message->value_length;
    batch->bytes += message->value_length;
    record->is_dead = true; /* until there is an event to free */
    if (message->value == NULL)
        batch_kill_record(record, "no value");
    else if (!event_decode(message->value, message->value_length, &record->event, &err))
        batch_kill_record(record, err.message);
    else
        record->is_dead = false;
}

void batch_add_event(struct batch *batch, struct batch_partition *partition,
                     struct event *take_event)
{
    struct record *record = add_record(batch);

    record->partition = partition;
    record->offset = -1;
    record->event = *take_event;
    memset(take_event, 0, sizeof *take_event);
}

void batch_kill_record(struct record *record, const char *reason)
{
    if (!record->is_dead)
        event_done(&record->event);
    record->is_dead = true;
    (void)snprintf(record->reason, sizeof record->reason, "%s", reason);
}

void batch_drop(struct batch *batch, size_t count)
{
    assert(count <= batch->count);
    for (size_t i = 0; i < count; i++) {
        batch->bytes -= batch->records[i].value_length;
        record_done(&batch->records[i]);
    }
    batch->count -= count;
    if (batch->count > 0)
        memmove(batch->records, batch->records + count, batch->count * sizeof *batch->records);
}

void batch_drop_of_partition(struct batch *batch, const struct batch_partition *partition)
{
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        struct record *record = &batch->records[i];

        if (record->partition != partition) {
            batch->records[kept++] = *record;
            continue;
        }
        batch->bytes -= record->value_length;
        record_done(record);
    }
    batch->count = kept;
}
