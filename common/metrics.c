/* SPDX-License-Identifier: Apache-2.0 */
#include "common/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/mem.h"
#include "common/process_metrics.h"

struct bucket {
    uint64_t upper_us;
    const char *upper_text; /* in seconds */
};

static const struct bucket BUCKETS[] = {
    {1000, "0.001"},    {2500, "0.0025"},   {5000, "0.005"},    {10000, "0.01"},  {25000, "0.025"},
    {50000, "0.05"},    {100000, "0.1"},    {250000, "0.25"},   {500000, "0.5"},  {1000000, "1"},
    {2500000, "2.5"},   {5000000, "5"},     {10000000, "10"},   {30000000, "30"}, {60000000, "60"},
    {120000000, "120"}, {300000000, "300"}, {600000000, "600"},
};

/* One label value of one metric. Counters and gauges use `value`; a histogram counts in `value`
 * what lies beyond all buckets. */
struct series {
    _Atomic int64_t value;
    _Atomic uint64_t sum_us;
    _Atomic uint64_t in_bucket[ARRAY_LEN(BUCKETS)];
};

struct metric {
    const struct metric_definition *definition; /* borrowed */
    struct series *series;                      /* owned; one for each label value, at least one */
    size_t series_count;
};

struct metrics {
    struct metric *metrics; /* owned */
    size_t count;
};

static size_t count_labels(const struct metric_definition *definition)
{
    size_t count = 0;

    while (count < METRIC_LABEL_VALUES && definition->label_values[count] != NULL)
        count++;
    return count;
}

struct metrics *metrics_new(const struct metric_definition *table, size_t count)
{
    struct metrics *metrics = mem_new(sizeof *metrics);

    metrics->count = count;
    metrics->metrics = mem_array(count, sizeof *metrics->metrics);
    for (size_t i = 0; i < count; i++) {
        struct metric *metric = &metrics->metrics[i];
        assert(table[i].name != NULL && table[i].help != NULL);
        assert((table[i].label != NULL) == (count_labels(&table[i]) > 0));
        metric->definition = &table[i];
        metric->series_count = table[i].label == NULL ? 1 : count_labels(&table[i]);
        metric->series = mem_array(metric->series_count, sizeof *metric->series);
    }
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->count; i++)
        free(metrics->metrics[i].series);
    free(metrics->metrics);
    free(metrics);
}

static struct series *series_of(const struct metrics *metrics, size_t metric, size_t label_index)
{
    assert(metric < metrics->count && label_index < metrics->metrics[metric].series_count);
    return &metrics->metrics[metric].series[label_index];
}

/* For assertions only. */
UNUSED static bool is_type(const struct metrics *metrics, size_t metric, enum metric_type type)
{
    return metrics->metrics[metric].definition->type == type;
}

void metrics_add(struct metrics *metrics, size_t metric, size_t label_index, int64_t amount)
{
    struct series *series = series_of(metrics, metric, label_index);

    assert(!is_type(metrics, metric, METRIC_HISTOGRAM));
    assert(amount >= 0 || !is_type(metrics, metric, METRIC_COUNTER));
    atomic_fetch_add_explicit(&series->value, amount, memory_order_relaxed);
}

void metrics_set(struct metrics *metrics, size_t metric, size_t label_index, int64_t value)
{
    struct series *series = series_of(metrics, metric, label_index);

    assert(!is_type(metrics, metric, METRIC_HISTOGRAM));
    atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

void metrics_observe_us(struct metrics *metrics, size_t metric, size_t label_index,
                        uint64_t duration_us)
{
    struct series *series = series_of(metrics, metric, label_index);
    size_t bucket = 0;

    assert(is_type(metrics, metric, METRIC_HISTOGRAM));
    while (bucket < ARRAY_LEN(BUCKETS) && duration_us > BUCKETS[bucket].upper_us)
        bucket++;
    atomic_fetch_add_explicit(&series->sum_us, duration_us, memory_order_relaxed);
    if (bucket < ARRAY_LEN(BUCKETS))
        atomic_fetch_add_explicit(&series->in_bucket[bucket], 1, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&series->value, 1, memory_order_relaxed);
}

int64_t metrics_get(const struct metrics *metrics, size_t metric, size_t label_index)
{
    struct series *series = series_of(metrics, metric, label_index);

    assert(!is_type(metrics, metric, METRIC_HISTOGRAM));
    return atomic_load_explicit(&series->value, memory_order_relaxed);
}

/* name{label="value",le="0.5"}, with what of the labels there is. */
static void append_name(const struct metric *metric, const char *suffix, size_t label_index,
                        const char *upper, struct buf *out)
{
    const struct metric_definition *definition = metric->definition;

    buf_append_format(out, "%s%s", definition->name, suffix);
    if (definition->label == NULL && upper == NULL)
        return;
    buf_append_string(out, "{");
    if (definition->label != NULL)
        buf_append_format(out, "%s=\"%s\"", definition->label,
                          definition->label_values[label_index]);
    if (upper != NULL)
        buf_append_format(out, "%sle=\"%s\"", definition->label != NULL ? "," : "", upper);
    buf_append_string(out, "}");
}

static void append_value(const struct metric *metric, size_t label_index, struct buf *out)
{
    append_name(metric, "", label_index, NULL, out);
    buf_append_format(
        out, " %" PRId64 "\n",
        atomic_load_explicit(&metric->series[label_index].value, memory_order_relaxed));
}

/* The count is the sum of the very numbers shown, so that it always equals the last bucket. */
static void append_histogram(const struct metric *metric, size_t label_index, struct buf *out)
{
    struct series *series = &metric->series[label_index];
    uint64_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(BUCKETS); i++) {
        count += atomic_load_explicit(&series->in_bucket[i], memory_order_relaxed);
        append_name(metric, "_bucket", label_index, BUCKETS[i].upper_text, out);
        buf_append_format(out, " %" PRIu64 "\n", count);
    }
    count += (uint64_t)atomic_load_explicit(&series->value, memory_order_relaxed);
    append_name(metric, "_bucket", label_index, "+Inf", out);
    buf_append_format(out, " %" PRIu64 "\n", count);
    uint64_t sum_us = atomic_load_explicit(&series->sum_us, memory_order_relaxed);
    append_name(metric, "_sum", label_index, NULL, out);
    buf_append_format(out, " %" PRIu64 ".%06" PRIu64 "\n", sum_us / 1000000, sum_us % 1000000);
    append_name(metric, "_count", label_index, NULL, out);
    buf_append_format(out, " %" PRIu64 "\n", count);
}

static void append_metric(const struct metric *metric, struct buf *out)
{
    static const char *const TYPE_NAMES[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
    };
    const struct metric_definition *definition = metric->definition;

    buf_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", definition->name, definition->help,
                      definition->name, TYPE_NAMES[definition->type]);
    for (size_t i = 0; i < metric->series_count; i++) {
        if (definition->type == METRIC_HISTOGRAM)
            append_histogram(metric, i, out);
        else
            append_value(metric, i, out);
    }
}

void metrics_format(const struct metrics *metrics, struct buf *out)
{
    for (size_t i = 0; i < metrics->count; i++)
        append_metric(&metrics->metrics[i], out);
    process_metrics_format(out);
}
