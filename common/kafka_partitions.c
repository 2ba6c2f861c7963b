/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_partitions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct topic {
    const char *name; /* borrowed */
    int32_t capacity;
    struct kafka_partition *partitions; /* by number; owned */
};

struct kafka_partitions {
    size_t topic_count;
    size_t assigned_count;
    struct topic topics[];
};

void kafka_partitions_free(struct kafka_partitions *partitions)
{
    if (partitions == NULL)
        return;
    for (size_t i = 0; i < partitions->topic_count; i++)
        free(partitions->topics[i].partitions);
    free(partitions);
}

struct kafka_partitions *kafka_partitions_new(const char *const *topics, size_t topic_count)
{
    struct kafka_partitions *partitions =
        mem_new(sizeof *partitions + topic_count * sizeof partitions->topics[0]);

    partitions->topic_count = topic_count;
    for (size_t i = 0; i < topic_count; i++)
        partitions->topics[i].name = topics[i];
    return partitions;
}

static size_t topic_index(const struct kafka_partitions *partitions, const char *name)
{
    size_t i = 0;

    while (i < partitions->topic_count && strcmp(partitions->topics[i].name, name) != 0)
        i++;
    return i;
}

struct kafka_partition *kafka_partitions_find(const struct kafka_partitions *partitions,
                                              const char *topic, int32_t partition)
{
    size_t i = topic_index(partitions, topic);

    if (i == partitions->topic_count || partition < 0 ||
        partition >= partitions->topics[i].capacity)
        return NULL;
    struct kafka_partition *found = &partitions->topics[i].partitions[partition];
    return found->is_assigned ? found : NULL;
}

static void make_room(struct topic *topic, int32_t partition)
{
    int32_t capacity = partition + 1;

    if (capacity <= topic->capacity)
        return;
    topic->partitions = mem_resize(topic->partitions, (size_t)capacity, sizeof *topic->partitions);
    memset(topic->partitions + topic->capacity, 0,
           (size_t)(capacity - topic->capacity) * sizeof *topic->partitions);
    topic->capacity = capacity;
}

void kafka_partition_start_at(struct kafka_partition *partition, int64_t start)
{
    partition->is_at_end = false;
    partition->start = start;
    partition->next = start >= 0 ? start : -1;
}

int64_t kafka_partition_position(const struct kafka_partition *partition)
{
    return partition->next >= 0 ? partition->next : partition->start;
}

enum kafka_record_kind kafka_partition_judge(const struct kafka_partition *partition,
                                             int64_t offset, int64_t end)
{
    if (partition->next < 0 || offset == partition->next)
        return KAFKA_RECORD_NEXT;
    if (offset > partition->next)
        return KAFKA_RECORD_AFTER_GAP;
    return end >= 0 && end < partition->next ? KAFKA_RECORD_OF_NEW_TOPIC : KAFKA_RECORD_STALE;
}

void kafka_partitions_add(struct kafka_partitions *partitions, const char *topic, int32_t partition,
                          int64_t start)
{
    size_t i = topic_index(partitions, topic);

    assert(i < partitions->topic_count && partition >= 0);
    make_room(&partitions->topics[i], partition);
    struct kafka_partition *added = &partitions->topics[i].partitions[partition];
    if (!added->is_assigned)
        partitions->assigned_count++;
    added->is_assigned = true;
    added->gap_at = -1;
    kafka_partition_start_at(added, start);
}

void kafka_partitions_remove(struct kafka_partitions *partitions, const char *topic,
                             int32_t partition)
{
    struct kafka_partition *found = kafka_partitions_find(partitions, topic, partition);

    if (found == NULL)
        return;
    found->is_assigned = false;
    partitions->assigned_count--;
}

int32_t kafka_partitions_limit(const struct kafka_partitions *partitions, const char *topic)
{
    size_t i = topic_index(partitions, topic);

    return i < partitions->topic_count ? partitions->topics[i].capacity : 0;
}

size_t kafka_partitions_count(const struct kafka_partitions *partitions)
{
    return partitions->assigned_count;
}

static bool is_topic_at_end(const struct topic *topic)
{
    for (int32_t i = 0; i < topic->capacity; i++)
        if (topic->partitions[i].is_assigned && !topic->partitions[i].is_at_end)
            return false;
    return true;
}

bool kafka_partitions_are_at_end(const struct kafka_partitions *partitions)
{
    for (size_t i = 0; i < partitions->topic_count; i++)
        if (!is_topic_at_end(&partitions->topics[i]))
            return false;
    return partitions->assigned_count > 0;
}
