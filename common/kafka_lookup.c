/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kafka_lookup.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"

#define REQUEST_TIMEOUT_MS 1000
#define RETRY_US 100000

struct kafka_lookup {
    rd_kafka_t *rk;      /* borrowed */
    char *const *topics; /* borrowed */
    size_t count;
    uint64_t refresh_us;
    struct kafka_wakeup *wakeup; /* borrowed */
    rd_kafka_topic_t **handles;  /* owned; what "locally known topics" are */
    pthread_t thread;

    pthread_mutex_t mutex; /* for all below */
    pthread_cond_t stopped;
    bool must_stop;
    bool has_answer;
    int32_t *partition_counts; /* owned */
};

/* 0: the topic does not exist, or has no answer yet. */
static int32_t partition_count(const rd_kafka_metadata_t *metadata, const char *topic)
{
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, topic) == 0)
            return metadata->topics[i].partition_cnt;
    return 0;
}

static bool publish(struct kafka_lookup *lookup, const rd_kafka_metadata_t *metadata)
{
    bool complete = true;

    pthread_mutex_lock(&lookup->mutex);
    for (size_t i = 0; i < lookup->count; i++) {
        lookup->partition_counts[i] = partition_count(metadata, lookup->topics[i]);
        complete = complete && lookup->partition_counts[i] > 0;
    }
    lookup->has_answer = complete;
    pthread_mutex_unlock(&lookup->mutex);
    if (complete)
        kafka_wakeup_signal(lookup->wakeup);
    return complete;
}

static bool look_up(struct kafka_lookup *lookup)
{
    const struct rd_kafka_metadata *metadata = NULL;

    if (rd_kafka_metadata(lookup->rk, 0, NULL, &metadata, REQUEST_TIMEOUT_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    bool complete = publish(lookup, metadata);
    rd_kafka_metadata_destroy(metadata);
    return complete;
}

/* False: time to end. */
static bool wait_us(struct kafka_lookup *lookup, uint64_t duration_us)
{
    struct timespec until;
    int result = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t nanoseconds = (uint64_t)until.tv_nsec + duration_us % 1000000 * 1000;
    until.tv_sec += (time_t)(duration_us / 1000000 + nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);

    pthread_mutex_lock(&lookup->mutex);
    while (!lookup->must_stop && result == 0)
        result = pthread_cond_timedwait(&lookup->stopped, &lookup->mutex, &until);
    bool goes_on = !lookup->must_stop;
    pthread_mutex_unlock(&lookup->mutex);
    return goes_on;
}

/* Runs on the lookup's own thread. */
static void *run(void *context)
{
    struct kafka_lookup *lookup = context;
    bool goes_on = true;

    while (goes_on) {
        bool complete = look_up(lookup);

        if (complete && lookup->refresh_us == 0)
            break;
        goes_on = wait_us(lookup, complete ? lookup->refresh_us : RETRY_US);
    }
    return NULL;
}

void kafka_lookup_free(struct kafka_lookup *lookup)
{
    if (lookup == NULL)
        return;
    pthread_mutex_lock(&lookup->mutex);
    lookup->must_stop = true;
    pthread_cond_signal(&lookup->stopped);
    pthread_mutex_unlock(&lookup->mutex);
    (void)pthread_join(lookup->thread, NULL);

    for (size_t i = 0; i < lookup->count; i++)
        rd_kafka_topic_destroy(lookup->handles[i]);
    (void)pthread_cond_destroy(&lookup->stopped);
    (void)pthread_mutex_destroy(&lookup->mutex);
    free(lookup->partition_counts);
    free(lookup->handles);
    free(lookup);
}

static void init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

struct kafka_lookup *kafka_lookup_new(rd_kafka_t *rk, char *const *topics, size_t count,
                                      uint64_t refresh_us, struct kafka_wakeup *wakeup)
{
    struct kafka_lookup *lookup = mem_new(sizeof *lookup);

    *lookup = (struct kafka_lookup){
        .rk = rk, .topics = topics, .count = count, .refresh_us = refresh_us, .wakeup = wakeup};
    lookup->partition_counts = mem_array(count, sizeof *lookup->partition_counts);
    lookup->handles = mem_array(count, sizeof(rd_kafka_topic_t *));
    for (size_t i = 0; i < count; i++)
        lookup->handles[i] = rd_kafka_topic_new(rk, topics[i], NULL);
    (void)pthread_mutex_init(&lookup->mutex, NULL);
    init_condition(&lookup->stopped);
    if (pthread_create(&lookup->thread, NULL, run, lookup) != 0)
        abort();
    return lookup;
}

bool kafka_lookup_take(struct kafka_lookup *lookup, int32_t *ret_partition_counts)
{
    pthread_mutex_lock(&lookup->mutex);
    bool has_answer = lookup->has_answer;
    lookup->has_answer = false;
    if (has_answer && ret_partition_counts != NULL)
        memcpy(ret_partition_counts, lookup->partition_counts,
               lookup->count * sizeof *ret_partition_counts);
    pthread_mutex_unlock(&lookup->mutex);
    return has_answer;
}
