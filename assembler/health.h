/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_HEALTH_H
#define ASSEMBLER_HEALTH_H

/* /healthz, /readyz and /metrics, on a thread of their own that sees atomics only: the loop may be
 * inside a transaction when somebody asks. */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/metrics.h"

struct health;

/* Borrows the metrics for life. */
void health_free(struct health *health);
struct health *health_new(const struct metrics *metrics) FREED_BY(health_free);
/* Serves on `listen`, "host:port"; NULL or empty: nowhere. */
bool health_start(struct health *health, const char *listen, struct err *err) MUST_CHECK;
/* Ready is who reaches both. An assembler without partitions is ready, too: it stands by. */
void health_set(struct health *health, bool is_database_up, bool is_kafka_up, int partition_count);

#endif
