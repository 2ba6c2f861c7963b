/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_STATS_H
#define COMMON_KAFKA_STATS_H

/* What we read from librdkafka's statistics, a JSON document (its STATISTICS.md). Pure. */

#include <stdbool.h>
#include <stddef.h>

/* At least one broker is connected. */
bool kafka_stats_is_up(const char *json, size_t length);

#endif
