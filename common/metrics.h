/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

/*
 * Prometheus metrics of one process, from one const table. Adding and setting are atomic and may
 * happen on any thread.
 *
 *     enum { METRIC_REQUESTS, METRIC_OPEN_STREAMS, METRIC_COUNT };
 *     static const struct metric_definition METRICS[] = {
 *         [METRIC_REQUESTS] = {"chunkscribe_http_requests_total", METRIC_COUNTER,
 *                              "HTTP requests answered.", "status", {"2xx", "4xx", "5xx"}}, ...
 *
 * A label has a fixed set of values, so that nothing from outside can make series without bound.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"

#define METRIC_LABEL_VALUES 24

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_definition {
    const char *name; /* with its unit: _seconds, _bytes, _total */
    enum metric_type type;
    const char *help;
    const char *label;                             /* NULL: no label */
    const char *label_values[METRIC_LABEL_VALUES]; /* up to the first NULL */
};

struct metrics;

/* Borrows the table for life. */
void metrics_free(struct metrics *metrics);
struct metrics *metrics_new(const struct metric_definition *table, size_t count)
    FREED_BY(metrics_free);

/* `label_index` is 0 for metrics without a label. */
void metrics_add(struct metrics *metrics, size_t metric, size_t label_index, int64_t amount);
void metrics_set(struct metrics *metrics, size_t metric, size_t label_index, int64_t value);
/* Histograms are of durations: buckets from 1 ms to 10 min, shown in seconds. */
void metrics_observe_us(struct metrics *metrics, size_t metric, size_t label_index,
                        uint64_t duration_us);
int64_t metrics_get(const struct metrics *metrics, size_t metric, size_t label_index);
/* Appends the text exposition format 0.0.4, with process_* metrics (resident memory, CPU, open
 * files, start time). */
void metrics_format(const struct metrics *metrics, struct buf *out);

#endif
