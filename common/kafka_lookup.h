/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_LOOKUP_H
#define COMMON_KAFKA_LOOKUP_H

/*
 * Asks the brokers about topics, on a thread of its own because librdkafka 2.0.2 has only a
 * blocking call for it. A producer is warm afterwards: the first record to a topic that it does not
 * know yet waits up to a second.
 */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/kafka_wakeup.h"

struct kafka_lookup;

/* Waits for the thread: up to a second. Before `rk` is destroyed. */
void kafka_lookup_free(struct kafka_lookup *lookup);
/* Looks the `count` topics (full names, borrowed) up until all exist, then again every
 * `refresh_us`, 0: never. */
struct kafka_lookup *kafka_lookup_new(rd_kafka_t *rk, char *const *topics, size_t count,
                                      uint64_t refresh_us, struct kafka_wakeup *wakeup)
    FREED_BY(kafka_lookup_free);
/* True when there is an answer that was not taken yet: `ret_partition_counts` (may be NULL) has a
 * place for each topic. The wakeup is signalled when there is one. */
bool kafka_lookup_take(struct kafka_lookup *lookup, int32_t *ret_partition_counts);

#endif
