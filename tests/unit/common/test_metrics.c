/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/metrics.h"

#define THREADS 4
#define ADDS 10000

enum { METRIC_REQUESTS, METRIC_STREAMS, METRIC_WAIT, METRIC_STEP, METRIC_COUNT };

static const struct metric_definition METRICS[] = {
    [METRIC_REQUESTS] =
        {"test_requests_total", METRIC_COUNTER, "Requests.", "status", {"2xx", "4xx", "5xx"}},
    [METRIC_STREAMS] = {"test_streams", METRIC_GAUGE, "Open streams.", NULL, {NULL}},
    [METRIC_WAIT] = {"test_wait_seconds", METRIC_HISTOGRAM, "Waits.", NULL, {NULL}},
    [METRIC_STEP] = {"test_step_seconds", METRIC_HISTOGRAM, "Steps.", "step", {"read", "write"}},
};

/* Everything in the exposition format, owned by the caller. */
static char *show(const struct metrics *metrics)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    metrics_format(metrics, &out);
    assert_false(buf_is_over(&out));
    return buf_take(&out);
}

static void assert_shows(const struct metrics *metrics, const char *line)
{
    CLEANUP(mem_free_at) char *text = show(metrics);

    if (strstr(text, line) == NULL)
        print_message("missing: %s in\n%s", line, text);
    assert_non_null(strstr(text, line));
}

static void test_metrics__counters_and_gauges(void **state UNUSED)
{
    struct metrics *metrics = metrics_new(METRICS, METRIC_COUNT);

    metrics_add(metrics, METRIC_REQUESTS, 1, 2);
    metrics_add(metrics, METRIC_REQUESTS, 1, 3);
    metrics_set(metrics, METRIC_STREAMS, 0, 7);
    metrics_add(metrics, METRIC_STREAMS, 0, -2);
    assert_int_equal(metrics_get(metrics, METRIC_REQUESTS, 1), 5);
    assert_int_equal(metrics_get(metrics, METRIC_STREAMS, 0), 5);
    assert_shows(metrics, "# HELP test_requests_total Requests.\n"
                          "# TYPE test_requests_total counter\n"
                          "test_requests_total{status=\"2xx\"} 0\n"
                          "test_requests_total{status=\"4xx\"} 5\n"
                          "test_requests_total{status=\"5xx\"} 0\n"
                          "# HELP test_streams Open streams.\n"
                          "# TYPE test_streams gauge\n"
                          "test_streams 5\n");
    metrics_free(metrics);
}

static void test_metrics__histograms_count_up_to_each_bound(void **state UNUSED)
{
    struct metrics *metrics = metrics_new(METRICS, METRIC_COUNT);
    static const uint64_t DURATIONS_US[] = {0, 1000, 1001, 999999, 1000000, 600000000, 600000001};

    for (size_t i = 0; i < ARRAY_LEN(DURATIONS_US); i++)
        metrics_observe_us(metrics, METRIC_WAIT, 0, DURATIONS_US[i]);
    assert_shows(metrics, "\ntest_wait_seconds_bucket{le=\"0.001\"} 2\n");
    assert_shows(metrics, "\ntest_wait_seconds_bucket{le=\"0.0025\"} 3\n");
    assert_shows(metrics, "\ntest_wait_seconds_bucket{le=\"0.5\"} 3\n");
    assert_shows(metrics, "\ntest_wait_seconds_bucket{le=\"1\"} 5\n");
    assert_shows(metrics, "\ntest_wait_seconds_bucket{le=\"300\"} 5\n");
    assert_shows(metrics, "\ntest_wait_seconds_bucket{le=\"600\"} 6\n"
                          "test_wait_seconds_bucket{le=\"+Inf\"} 7\n"
                          "test_wait_seconds_sum 1202.002001\n"
                          "test_wait_seconds_count 7\n");
    metrics_observe_us(metrics, METRIC_STEP, 1, 1500);
    assert_shows(metrics, "\ntest_step_seconds_bucket{step=\"write\",le=\"0.0025\"} 1\n");
    assert_shows(metrics, "\ntest_step_seconds_sum{step=\"write\"} 0.001500\n");
    assert_shows(metrics, "\ntest_step_seconds_count{step=\"read\"} 0\n");
    metrics_free(metrics);
}

static double value_of(const char *text, const char *name)
{
    CLEANUP(mem_free_at) char *line = mem_format("\n%s ", name);
    const char *at = strstr(text, line);

    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

static void test_metrics__the_process_itself(void **state UNUSED)
{
    struct metrics *metrics = metrics_new(METRICS, METRIC_COUNT);
    CLEANUP(mem_free_at) char *text = show(metrics);
    double now = (double)clock_wall_us() / 1e6;

    assert_true(value_of(text, "process_resident_memory_bytes") > 1e6);
    assert_true(value_of(text, "process_virtual_memory_bytes") >
                value_of(text, "process_resident_memory_bytes"));
    assert_true(value_of(text, "process_cpu_seconds_total") >= 0);
    assert_true(value_of(text, "process_open_fds") >= 3);
    assert_true(value_of(text, "process_max_fds") >= value_of(text, "process_open_fds"));
    /* btime is in whole seconds. */
    assert_true(value_of(text, "process_start_time_seconds") < now + 2);
    assert_true(value_of(text, "process_start_time_seconds") > now - 600);
    metrics_free(metrics);
}

static void *count_much(void *context)
{
    for (int i = 0; i < ADDS; i++) {
        metrics_add(context, METRIC_REQUESTS, 0, 1);
        metrics_observe_us(context, METRIC_WAIT, 0, 10);
    }
    return NULL;
}

static void test_metrics__threads_lose_nothing(void **state UNUSED)
{
    struct metrics *metrics = metrics_new(METRICS, METRIC_COUNT);
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_much, metrics), 0);
    CLEANUP(mem_free_at) char *meanwhile = show(metrics);
    assert_non_null(meanwhile);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(metrics_get(metrics, METRIC_REQUESTS, 0), THREADS * ADDS);
    assert_shows(metrics, "\ntest_wait_seconds_sum 0.400000\ntest_wait_seconds_count 40000\n");
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics__counters_and_gauges),
        cmocka_unit_test(test_metrics__histograms_count_up_to_each_bound),
        cmocka_unit_test(test_metrics__the_process_itself),
        cmocka_unit_test(test_metrics__threads_lose_nothing),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
