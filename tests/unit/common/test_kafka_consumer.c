/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/kafka_consumer.h"
#include "common/kafka_producer.h"
#include "tests/unit/common/mock_cluster.h"

#define PATIENCE_US 20000000
#define OFFSET_FETCH 9 /* the number of a kind of request of Kafka's protocol */

struct reader {
    struct kafka_consumer *consumer;
    struct loop *loop;
    size_t count;
    size_t stop_at;
    size_t tombstones;
    size_t with_header;
    bool is_fatal;
    char last_key[16];
    char last_value[16];
};

static void copy_text(char *to, size_t size, const char *from, size_t length)
{
    assert_true(length < size);
    memcpy(to, from, length);
    to[length] = '\0';
}

static void on_message(void *context, const struct kafka_message *message)
{
    struct reader *reader = context;
    size_t length = 0;
    const char *header = kafka_message_header(message, "seq", &length);

    assert_string_equal(message->topic, "t");
    assert_null(kafka_message_header(message, "none", &length));
    if (header != NULL && length == 1 && *header == '7')
        reader->with_header++;
    copy_text(reader->last_key, sizeof reader->last_key, message->key, message->key_length);
    if (message->value == NULL)
        reader->tombstones++;
    else
        copy_text(reader->last_value, sizeof reader->last_value, message->value,
                  message->value_length);
    if (++reader->count == reader->stop_at && reader->loop != NULL)
        loop_stop(reader->loop);
}

static void on_fatal(void *context, const struct err *err)
{
    struct reader *reader = context;

    assert_int_equal(err->kind, ERR_FATAL);
    reader->is_fatal = true;
}

static void start(const struct mock *mock, struct reader *reader, const char *group)
{
    const struct kafka_consumer_options options = {
        .settings = mock->settings,
        .group_id = group,
        .topics = (const char *const[]){"t", NULL},
        .max_poll_interval_us = 60000000,
        .queued_kbytes = 1024,
    };
    const struct kafka_consumer_handlers handlers = {
        .on_message = on_message, .on_fatal = on_fatal, .context = reader};
    struct err err;

    assert_true(kafka_consumer_start(reader->loop, &options, handlers, &reader->consumer, &err));
}

static void on_report(void *context, struct kafka_position position, const struct err *err)
{
    (void)position;
    assert_null(err);
    ++*(size_t *)context;
}

static void produce(const struct mock *mock, const struct kafka_record *records, size_t count)
{
    const struct kafka_producer_options options = {
        .settings = mock->settings,
        .topics = (const char *const[]){"t", NULL},
        .delivery_timeout_us = 10000000,
        .queue_limit_bytes = INT64_C(1024) * 1024,
    };
    struct kafka_producer *producer;
    size_t acked = 0;
    struct err err;

    assert_true(kafka_producer_start(NULL, &options, &producer, &err));
    for (size_t i = 0; i < count; i++)
        assert_true(kafka_producer_send(producer, &records[i], on_report, &acked, &err));
    while (acked < count)
        kafka_producer_poll(producer, 100000);
    kafka_producer_free(producer);
}

static const struct kafka_record RECORDS[] = {
    {.topic = "t", .key = "k", .value = "one", .value_length = 3},
    {.topic = "t",
     .key = "k",
     .value = "two",
     .value_length = 3,
     .headers = {{"seq", "1", 1}, {"seq", "7", 1}},
     .header_count = 2},
    {.topic = "t", .key = "k", .value = "", .value_length = 0},
    {.topic = "t", .key = "last", .value = NULL, .value_length = 0},
};

static void test_consumer__delivers_keys_values_and_headers(void **state)
{
    struct reader reader = {0};
    uint64_t until_us = clock_now_us() + PATIENCE_US;

    produce(*state, RECORDS, 3);
    start(*state, &reader, NULL);
    while (reader.count < 3) {
        assert_true(clock_now_us() < until_us);
        (void)kafka_consumer_poll(reader.consumer, 100000);
    }
    assert_int_equal(reader.with_header, 1);
    assert_int_equal(reader.tombstones, 0);
    assert_string_equal(reader.last_value, "");
    produce(*state, &RECORDS[3], 1);
    while (reader.count < 4) {
        assert_true(clock_now_us() < until_us);
        (void)kafka_consumer_poll(reader.consumer, 100000);
    }
    assert_int_equal(reader.tombstones, 1);
    assert_string_equal(reader.last_key, "last");
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__group_on_the_loop(void **state)
{
    struct reader reader = {.loop = loop_new(), .stop_at = 4};

    produce(*state, RECORDS, ARRAY_LEN(RECORDS));
    start(*state, &reader, "g");
    loop_run(reader.loop);
    assert_int_equal(reader.count, 4);
    assert_true(kafka_consumer_is_up(reader.consumer));
    assert_int_equal(kafka_consumer_partition_count(reader.consumer), 4);
    kafka_consumer_free(reader.consumer);
    loop_free(reader.loop);
}

static void test_consumer__poll_without_records_ends_in_time(void **state)
{
    struct reader reader = {0};
    uint64_t start_us = clock_now_us();

    start(*state, &reader, "g");
    assert_false(kafka_consumer_poll(reader.consumer, 1000));
    assert_true(clock_now_us() - start_us < PATIENCE_US);
    assert_false(kafka_consumer_is_at_end(reader.consumer));
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__knows_when_the_brokers_are_away(void **state)
{
    const struct mock *mock = *state;
    struct reader reader = {0};
    uint64_t until_us = clock_now_us() + PATIENCE_US;

    start(mock, &reader, NULL);
    while (!kafka_consumer_is_at_end(reader.consumer)) {
        assert_true(clock_now_us() < until_us);
        (void)kafka_consumer_poll(reader.consumer, 50000);
    }
    assert_true(kafka_consumer_is_up(reader.consumer));
    (void)rd_kafka_mock_broker_set_down(mock->cluster, -1);
    while (kafka_consumer_is_up(reader.consumer)) {
        assert_true(clock_now_us() < until_us);
        (void)kafka_consumer_poll(reader.consumer, 50000);
    }
    kafka_consumer_free(reader.consumer);
}

/* librdkafka asks a coordinator that has just changed for committed offsets, and never again. */
static void test_consumer__says_so_when_it_will_never_know_where_to_read_on(void **state)
{
    const struct mock *mock = *state;
    struct reader reader = {0};
    uint64_t until_us = clock_now_us() + PATIENCE_US;

    rd_kafka_mock_push_request_errors(mock->cluster, OFFSET_FETCH, 1,
                                      RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
    produce(mock, RECORDS, 3);
    start(mock, &reader, "g");
    while (!reader.is_fatal) {
        assert_true(clock_now_us() < until_us);
        (void)kafka_consumer_poll(reader.consumer, 50000);
    }
    assert_int_equal(reader.count, 0);
    kafka_consumer_free(reader.consumer);
}

#define WITH_MOCK(test) cmocka_unit_test_setup_teardown(test, mock_set_up, mock_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_MOCK(test_consumer__delivers_keys_values_and_headers),
        WITH_MOCK(test_consumer__group_on_the_loop),
        WITH_MOCK(test_consumer__poll_without_records_ends_in_time),
        WITH_MOCK(test_consumer__knows_when_the_brokers_are_away),
        WITH_MOCK(test_consumer__says_so_when_it_will_never_know_where_to_read_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
