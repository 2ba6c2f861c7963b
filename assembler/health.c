/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/health.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/ops_http.h"

struct health {
    const struct metrics *metrics;
    struct ops_http *ops;
    atomic_bool is_database_up;
    atomic_bool is_kafka_up;
    atomic_int partition_count;
};

void health_free(struct health *health)
{
    if (health == NULL)
        return;
    ops_http_free(health->ops);
    free(health);
}

struct health *health_new(const struct metrics *metrics)
{
    struct health *health = mem_new(sizeof *health);

    health->metrics = metrics;
    return health;
}

void health_set(struct health *health, bool is_database_up, bool is_kafka_up, int partition_count)
{
    atomic_store(&health->is_database_up, is_database_up);
    atomic_store(&health->is_kafka_up, is_kafka_up);
    atomic_store(&health->partition_count, partition_count);
}

/* Runs on the serving thread. */
static bool is_ready(void *context, struct buf *ret_members)
{
    struct health *health = context;
    bool is_database_up = atomic_load(&health->is_database_up);
    bool is_kafka_up = atomic_load(&health->is_kafka_up);

    buf_append_format(ret_members, "\"postgres\":%s,\"kafka\":%s,\"partitions\":%d",
                      is_database_up ? "true" : "false", is_kafka_up ? "true" : "false",
                      atomic_load(&health->partition_count));
    return is_database_up && is_kafka_up;
}

bool health_start(struct health *health, const char *listen, struct err *err)
{
    const struct ops_http_sources sources = {
        .metrics = health->metrics, .is_ready = is_ready, .context = health};

    if (listen == NULL || listen[0] == '\0')
        return true;
    return ops_http_start(NULL, listen, sources, &health->ops, err);
}
