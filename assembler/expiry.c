/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/expiry.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#include "assembler/store_retention.h"
#include "common/mem.h"

/* A tenth of the time a job is given, but neither all the time nor hardly ever. */
#define EVERY_MIN_US 500000
#define EVERY_MAX_US 60000000

struct expiry {
    struct expiry_settings settings;
    uint64_t every_us;
    uint64_t next_us;
};

void expiry_free(struct expiry *expiry)
{
    free(expiry);
}

struct expiry *expiry_new(const struct expiry_settings *settings)
{
    struct expiry *expiry = mem_new(sizeof *expiry);

    expiry->settings = *settings;
    expiry->every_us = (uint64_t)settings->after_us / 10;
    if (expiry->every_us < EVERY_MIN_US)
        expiry->every_us = EVERY_MIN_US;
    if (expiry->every_us > EVERY_MAX_US)
        expiry->every_us = EVERY_MAX_US;
    return expiry;
}

/* Of a job of which no record has come yet: the partition that its first one would go to. */
static int32_t home_of(const struct expiry *expiry, const struct store_idle_job *job)
{
    if (job->home_partition >= 0)
        return job->home_partition;
    return rd_kafka_msg_partitioner_murmur2(NULL, job->id.text, strlen(job->id.text),
                                            expiry->settings.home_partitions, NULL, NULL);
}

static void look_at(struct expiry *expiry, const struct store_idle_job *job)
{
    int32_t home = home_of(expiry, job);

    if (intake_owns(expiry->settings.intake, home))
        processor_expire_job(expiry->settings.processor, job->id.text, home);
}

/* Only while everything that has arrived is applied: a backlog of ours is no idleness of theirs. */
bool expiry_tick(struct expiry *expiry, uint64_t now_us, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows homes = {0};
    CLEANUP(mem_free_at) struct store_idle_job *jobs = NULL;
    size_t count = 0;

    if (now_us < expiry->next_us || !intake_is_drained(expiry->settings.intake))
        return true;
    expiry->next_us = now_us + expiry->every_us;
    intake_list_homes(expiry->settings.intake, &homes);
    if (!store_find_idle(expiry->settings.store, &homes, expiry->settings.after_us, &jobs, &count,
                         err))
        return false;
    for (size_t i = 0; i < count; i++)
        look_at(expiry, &jobs[i]);
    return true;
}
