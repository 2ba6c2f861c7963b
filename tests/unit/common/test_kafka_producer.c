/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/kafka_producer.h"
#include "tests/unit/common/mock_cluster.h"

#define PATIENCE_US 20000000
#define REPORTS_MAX 64

struct reports {
    size_t count;
    enum err_kind kinds[REPORTS_MAX]; /* ERR_KIND_COUNT: acknowledged */
    struct kafka_position positions[REPORTS_MAX];
    struct loop *loop; /* stopped when `stop_at` reports have come */
    size_t stop_at;
};

static void on_report(void *context, struct kafka_position position, const struct err *err)
{
    struct reports *reports = context;

    assert_true(reports->count < REPORTS_MAX);
    reports->positions[reports->count] = position;
    reports->kinds[reports->count++] = err != NULL ? err->kind : ERR_KIND_COUNT;
    if (reports->loop != NULL && reports->count == reports->stop_at)
        loop_stop(reports->loop);
}

static struct kafka_producer *start_with(const struct mock *mock, struct loop *loop,
                                         int64_t delivery_timeout_us)
{
    const struct kafka_producer_options options = {
        .settings = mock->settings,
        .topics = (const char *const[]){"t", NULL},
        .delivery_timeout_us = delivery_timeout_us,
        .queue_limit_bytes = INT64_C(1024) * 1024,
    };
    struct kafka_producer *producer;
    struct err err;

    assert_true(kafka_producer_start(loop, &options, &producer, &err));
    return producer;
}

static struct kafka_producer *start(const struct mock *mock, struct loop *loop)
{
    return start_with(mock, loop, 2000000);
}

static bool post(struct kafka_producer *producer, struct reports *reports, const char *key,
                 size_t size, struct err *err)
{
    CLEANUP(mem_free_at) char *value = mem_array(size, 1);
    const struct kafka_record record = {
        .topic = "t", .key = key, .value = value, .value_length = size};

    return kafka_producer_send(producer, &record, on_report, reports, err);
}

static void wait_for(struct kafka_producer *producer, const struct reports *reports, size_t count)
{
    uint64_t until_us = clock_now_us() + PATIENCE_US;

    while (reports->count < count) {
        assert_true(clock_now_us() < until_us);
        kafka_producer_poll(producer, 100000);
    }
    assert_int_equal(reports->count, count);
}

static void wait_until_down(struct kafka_producer *producer)
{
    uint64_t until_us = clock_now_us() + PATIENCE_US;

    while (kafka_producer_is_up(producer)) {
        assert_true(clock_now_us() < until_us);
        kafka_producer_poll(producer, 100000);
    }
}

static void test_producer__reports_where_each_record_is(void **state)
{
    struct kafka_producer *producer = start(*state, NULL);
    struct reports reports = {0};
    struct err err;

    for (int i = 0; i < 3; i++)
        assert_true(post(producer, &reports, "same", 10, &err));
    assert_int_equal(kafka_producer_in_flight(producer), 3);
    wait_for(producer, &reports, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(reports.kinds[i], ERR_KIND_COUNT);
        assert_int_equal(reports.positions[i].partition, reports.positions[0].partition);
        assert_int_equal(reports.positions[i].offset, i);
    }
    assert_int_equal(kafka_producer_in_flight(producer), 0);
    kafka_producer_free(producer);
}

static void test_producer__keys_go_where_the_java_client_puts_them(void **state)
{
    /* (murmur2(key) & 0x7fffffff) % 4, with the hashes of Kafka's own UtilsTest. */
    static const struct {
        const char *key;
        int32_t partition;
    } ROWS[] = {
        {"21", (-973932308 & 0x7fffffff) % 4},
        {"foobar", (-790332482 & 0x7fffffff) % 4},
        {"a-little-bit-long-string", (-985981536 & 0x7fffffff) % 4},
        {"a-little-bit-longer-string", (-1486304829 & 0x7fffffff) % 4},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", (-58897971 & 0x7fffffff) % 4},
        {"abc", (479470107 & 0x7fffffff) % 4},
    };
    struct kafka_producer *producer = start(*state, NULL);
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct reports reports = {0};

        assert_true(post(producer, &reports, ROWS[i].key, 1, &err));
        wait_for(producer, &reports, 1);
        assert_int_equal(reports.positions[0].partition, ROWS[i].partition);
    }
    kafka_producer_free(producer);
}

static void test_producer__refuses_without_a_report(void **state)
{
    struct kafka_producer *producer = start(*state, NULL);
    const struct kafka_record elsewhere = {.topic = "u", .key = "k", .value = ""};
    struct reports reports = {0};
    struct err err;

    assert_false(kafka_producer_send(producer, &elsewhere, on_report, &reports, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_false(post(producer, &reports, "k", (size_t)2 * 1024 * 1024, &err));
    assert_int_equal(err.kind, ERR_RETRY); /* over queue_limit_bytes */
    assert_int_equal(kafka_producer_in_flight(producer), 0);
    kafka_producer_free(producer);
    assert_int_equal(reports.count, 0);
}

static void test_producer__bounds_what_waits(void **state)
{
    const struct mock *mock = *state;
    struct kafka_producer *producer = start(mock, NULL);
    struct reports reports = {0};
    struct err err;
    size_t sent = 0;

    (void)rd_kafka_mock_broker_set_down(mock->cluster, -1);
    while (post(producer, &reports, "k", (size_t)100 * 1024, &err))
        sent++;
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(sent, 10);
    assert_int_equal(kafka_producer_in_flight(producer), 10);
    (void)rd_kafka_mock_broker_set_up(mock->cluster, -1);
    wait_for(producer, &reports, 10);
    assert_true(post(producer, &reports, "k", (size_t)100 * 1024, &err));
    wait_for(producer, &reports, 11);
    kafka_producer_free(producer);
}

static void test_producer__a_broker_that_is_away_is_a_retry(void **state)
{
    const struct mock *mock = *state;
    struct kafka_producer *producer = start(mock, NULL);
    struct reports reports = {0};
    struct err err;

    assert_true(post(producer, &reports, "k", 10, &err));
    wait_for(producer, &reports, 1);
    assert_true(kafka_producer_is_up(producer));
    (void)rd_kafka_mock_broker_set_down(mock->cluster, -1);
    assert_true(post(producer, &reports, "k", 10, &err));
    wait_for(producer, &reports, 2);
    assert_int_equal(reports.kinds[1], ERR_RETRY);
    assert_false(kafka_producer_is_up(producer));
    kafka_producer_free(producer);
}

static void test_producer__too_large_for_the_broker_is_rejected(void **state)
{
    const struct mock *mock = *state;
    struct kafka_producer *producer = start(mock, NULL);
    struct reports reports = {0};
    struct err err;

    rd_kafka_mock_push_request_errors(mock->cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_true(post(producer, &reports, "k", 10, &err));
    wait_for(producer, &reports, 1);
    assert_int_equal(reports.kinds[0], ERR_REJECT);
    kafka_producer_free(producer);
}

/* The broker is away while the records are sent: they leave in one request, however slow this
 * thread is, so that its failure is everybody's and none of them comes too late to be sent. */
static void test_producer__is_replaced_when_it_fails_fatally(void **state)
{
    const struct mock *mock = *state;
    struct kafka_producer *producer = start_with(mock, NULL, PATIENCE_US);
    struct reports reports = {0};
    uint64_t until_us = clock_now_us() + PATIENCE_US;
    struct err err;

    assert_true(post(producer, &reports, "k", 10, &err));
    wait_for(producer, &reports, 1);
    (void)rd_kafka_mock_broker_set_down(mock->cluster, -1);
    wait_until_down(producer);
    rd_kafka_mock_push_request_errors(mock->cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    for (int i = 0; i < 5; i++)
        assert_true(post(producer, &reports, "k", 10, &err));
    (void)rd_kafka_mock_broker_set_up(mock->cluster, -1);
    wait_for(producer, &reports, 6);
    for (size_t i = 1; i < 6; i++)
        assert_int_equal(reports.kinds[i], ERR_RETRY);

    while (!post(producer, &reports, "k", 10, &err)) {
        assert_int_equal(err.kind, ERR_RETRY);
        assert_true(clock_now_us() < until_us);
        kafka_producer_poll(producer, 50000);
    }
    wait_for(producer, &reports, 7);
    assert_int_equal(reports.kinds[6], ERR_KIND_COUNT);
    kafka_producer_free(producer);
}

static void test_producer__free_reports_what_is_left(void **state)
{
    const struct mock *mock = *state;
    struct kafka_producer *producer = start(mock, NULL);
    struct reports reports = {0};
    struct err err;

    (void)rd_kafka_mock_broker_set_down(mock->cluster, -1);
    assert_true(post(producer, &reports, "k", 10, &err));
    assert_true(post(producer, &reports, "k", 10, &err));
    kafka_producer_free(producer);
    assert_int_equal(reports.count, 2);
    assert_int_equal(reports.kinds[0], ERR_CANCELLED);
    assert_int_equal(reports.kinds[1], ERR_CANCELLED);
}

static void test_producer__reports_on_the_loop(void **state)
{
    struct loop *loop = loop_new();
    struct kafka_producer *producer = start(*state, loop);
    struct reports reports = {.loop = loop, .stop_at = 20};
    struct err err;

    for (int i = 0; i < 20; i++)
        assert_true(post(producer, &reports, "k", 10, &err));
    loop_run(loop);
    assert_int_equal(reports.count, 20);
    assert_int_equal(reports.kinds[19], ERR_KIND_COUNT);
    kafka_producer_free(producer);
    loop_free(loop);
}

#define WITH_MOCK(test) cmocka_unit_test_setup_teardown(test, mock_set_up, mock_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MOCK(test_producer__reports_where_each_record_is),
        WITH_MOCK(test_producer__keys_go_where_the_java_client_puts_them),
        WITH_MOCK(test_producer__refuses_without_a_report),
        WITH_MOCK(test_producer__bounds_what_waits),
        WITH_MOCK(test_producer__a_broker_that_is_away_is_a_retry),
        WITH_MOCK(test_producer__too_large_for_the_broker_is_rejected),
        WITH_MOCK(test_producer__is_replaced_when_it_fails_fatally),
        WITH_MOCK(test_producer__free_reports_what_is_left),
        WITH_MOCK(test_producer__reports_on_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
