/* SPDX-License-Identifier: Apache-2.0 */

/* The Kafka clients against a real broker: what a mock cluster proves nothing about. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/kafka_consumer.h"
#include "common/kafka_producer.h"
#include "common/mem.h"
#include "tests/clients/kafka_fixture.h"

#define PATIENCE_US 30000000
#define RECORDS_MAX 4096

/* What a consumer was told. */
struct reader {
    struct kafka_consumer *consumer;
    size_t count;
    int64_t offsets[RECORDS_MAX];
    int32_t partitions[RECORDS_MAX];
    size_t pause_at; /* pauses after so many records; 0: never */
    bool stores;     /* each record, as done with */
    int64_t queued_kbytes;
    int64_t start;
    int64_t start_again;
    size_t assigned;
    size_t revoked;
    size_t out_of_range;
};

static void on_message(void *context, const struct kafka_message *message)
{
    struct reader *reader = context;

    assert_true(reader->count < RECORDS_MAX);
    reader->offsets[reader->count] = message->offset;
    reader->partitions[reader->count++] = message->partition;
    if (reader->stores)
        kafka_consumer_store(reader->consumer, message->topic, message->partition,
                             message->offset + 1);
    if (reader->count == reader->pause_at)
        kafka_consumer_pause(reader->consumer);
}

static int64_t on_assigned(void *context, const char *topic, int32_t partition)
{
    struct reader *reader = context;

    (void)partition;
    assert_string_equal(topic, "t");
    reader->assigned++;
    return reader->start;
}

static void on_revoked(void *context, const char *topic, int32_t partition, bool lost)
{
    struct reader *reader = context;

    (void)partition;
    assert_string_equal(topic, "t");
    assert_false(lost);
    reader->revoked++;
}

static int64_t on_out_of_range(void *context, const char *topic, int32_t partition)
{
    struct reader *reader = context;

    (void)partition;
    assert_string_equal(topic, "t");
    reader->out_of_range++;
    return reader->start_again;
}

/* `reader->start` 0 means what it says: the offset 0. */
static void start(struct kafka_fixture *fixture, struct reader *reader, const char *group,
                  bool from_end)
{
    const struct kafka_consumer_options options = {
        .settings = fixture->settings,
        .group_id = group,
        .topics = (const char *const[]){"t", NULL},
        .from_end = from_end,
        .max_poll_interval_us = 120000000,
        .queued_kbytes = reader->queued_kbytes > 0 ? reader->queued_kbytes : 4096,
    };
    const struct kafka_consumer_handlers handlers = {
        .on_message = on_message,
        .on_assigned = group != NULL ? on_assigned : NULL,
        .on_revoked = on_revoked,
        .on_out_of_range = on_out_of_range,
        .context = reader,
    };
    struct err err;

    assert_true(kafka_consumer_start(NULL, &options, handlers, &reader->consumer, &err));
}

static void read_until(struct reader *reader, size_t count)
{
    uint64_t until_us = clock_now_us() + PATIENCE_US;

    while (reader->count < count) {
        assert_true(clock_now_us() < until_us);
        (void)kafka_consumer_poll(reader->consumer, 100000);
    }
    assert_int_equal(reader->count, count);
}

static void poll_for(struct reader *reader, uint64_t duration_us)
{
    uint64_t until_us = clock_now_us() + duration_us;

    while (clock_now_us() < until_us)
        (void)kafka_consumer_poll(reader->consumer, 20000);
}

static void assert_offsets(const struct reader *reader, size_t from, size_t to, int64_t first)
{
    for (size_t i = from; i < to; i++)
        assert_int_equal(reader->offsets[i], first + (int64_t)(i - from));
}

static int set_up(void **state)
{
    *state = kafka_fixture_new();
    return 0;
}

static int tear_down(void **state)
{
    kafka_fixture_free(*state);
    return 0;
}

static void test_consumer__group_goes_on_where_it_stored(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader first = {.start = RD_KAFKA_OFFSET_STORED};
    struct reader second = {.start = RD_KAFKA_OFFSET_STORED};

    kafka_fixture_create_topic(fixture, "t", 1);
    kafka_fixture_fill(fixture, "t", "k", 50);
    start(fixture, &first, "g", false);
    read_until(&first, 50);
    assert_offsets(&first, 0, 50, 0);
    assert_int_equal(first.out_of_range, 0);
    kafka_consumer_store(first.consumer, "t", 0, 30);
    kafka_consumer_free(first.consumer);
    assert_int_equal(first.revoked, 1);

    start(fixture, &second, "g", false);
    read_until(&second, 20);
    assert_offsets(&second, 0, 20, 30);
    kafka_consumer_free(second.consumer);
}

static void test_consumer__pause_holds_back_and_loses_nothing(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {.start = 0, .pause_at = 10};

    kafka_fixture_create_topic(fixture, "t", 1);
    kafka_fixture_fill(fixture, "t", "k", 3000);
    start(fixture, &reader, "g", false);
    read_until(&reader, 10);
    poll_for(&reader, 300000);
    assert_int_equal(reader.count, 10);
    kafka_consumer_resume(reader.consumer);
    read_until(&reader, 3000);
    assert_offsets(&reader, 0, 3000, 0);
    kafka_consumer_free(reader.consumer);
}

/* 64 KiB are held; the rest is what librdkafka has purged and must fetch again. */
static void test_consumer__long_pauses_lose_nothing(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {.start = 0, .queued_kbytes = 64};

    kafka_fixture_create_topic(fixture, "t", 1);
    kafka_fixture_fill(fixture, "t", "k", 3000);
    start(fixture, &reader, "g", false);
    for (size_t at = 10; at < 3000; at += 700) {
        reader.pause_at = at;
        read_until(&reader, at);
        poll_for(&reader, 200000);
        assert_int_equal(reader.count, at);
        kafka_consumer_resume(reader.consumer);
    }
    read_until(&reader, 3000);
    assert_offsets(&reader, 0, 3000, 0);
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__seek_while_paused(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {.start = 0, .pause_at = 100, .queued_kbytes = 64};

    kafka_fixture_create_topic(fixture, "t", 1);
    kafka_fixture_fill(fixture, "t", "k", 1000);
    start(fixture, &reader, "g", false);
    read_until(&reader, 100);
    poll_for(&reader, 200000);
    kafka_consumer_seek(reader.consumer, "t", 0, 50);
    poll_for(&reader, 100000);
    assert_int_equal(reader.count, 100);
    kafka_consumer_resume(reader.consumer);
    read_until(&reader, 1050);
    assert_offsets(&reader, 100, 1050, 50);
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__seek_goes_back_and_forth(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {.start = 3};

    kafka_fixture_create_topic(fixture, "t", 1);
    kafka_fixture_fill(fixture, "t", "k", 100);
    start(fixture, &reader, "g", false);
    read_until(&reader, 20);
    assert_offsets(&reader, 0, 20, 3);
    kafka_consumer_seek(reader.consumer, "t", 0, 5);
    read_until(&reader, 30);
    assert_offsets(&reader, 20, 30, 5);
    kafka_consumer_seek(reader.consumer, "t", 0, 90);
    read_until(&reader, 40);
    assert_offsets(&reader, 30, 40, 90);
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__asks_where_to_go_on_when_records_are_gone(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {.start = 10, .start_again = RD_KAFKA_OFFSET_BEGINNING};

    kafka_fixture_create_topic(fixture, "t", 1);
    kafka_fixture_fill(fixture, "t", "k", 100);
    kafka_fixture_delete_records(fixture, "t", 0, 40);
    start(fixture, &reader, "g", false);
    read_until(&reader, 60);
    assert_int_equal(reader.out_of_range, 1);
    assert_offsets(&reader, 0, 60, 40);
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__asks_where_to_go_on_past_the_end(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {.start = 500, .start_again = 7};

    kafka_fixture_create_topic(fixture, "t", 1);
    kafka_fixture_fill(fixture, "t", "k", 10);
    start(fixture, &reader, "g", false);
    read_until(&reader, 3);
    assert_int_equal(reader.out_of_range, 1);
    assert_offsets(&reader, 0, 3, 7);
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__a_new_group_starts_all_partitions(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {.start = RD_KAFKA_OFFSET_STORED};
    char key[16];

    kafka_fixture_create_topic(fixture, "t", 12);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        kafka_fixture_fill(fixture, "t", key, 2);
    }
    start(fixture, &reader, "g", false);
    read_until(&reader, 60);
    assert_int_equal(reader.out_of_range, 0);
    kafka_consumer_free(reader.consumer);
}

/* How often each record was delivered to either: offsets of partition p at p * 1000. */
static void count_deliveries(const struct reader *reader, unsigned *counts)
{
    for (size_t i = 0; i < reader->count; i++)
        counts[reader->partitions[i] * INT64_C(1000) + reader->offsets[i]]++;
}

static void test_consumer__a_rebalance_neither_loses_nor_repeats(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader first = {.start = RD_KAFKA_OFFSET_STORED, .stores = true};
    struct reader second = {.start = RD_KAFKA_OFFSET_STORED, .stores = true};
    unsigned counts[4000] = {0};
    uint64_t until_us = clock_now_us() + PATIENCE_US;
    size_t produced = 0;
    size_t delivered = 0;
    char key[16];

    kafka_fixture_create_topic(fixture, "t", 4);
    start(fixture, &first, "g", false);
    while (kafka_consumer_partition_count(first.consumer) < 4)
        (void)kafka_consumer_poll(first.consumer, 10000);
    start(fixture, &second, "g", false);
    /* Records come all the time: before, while and after the second joins. */
    while (kafka_consumer_partition_count(second.consumer) != 2 || produced < 200) {
        assert_true(clock_now_us() < until_us);
        (void)snprintf(key, sizeof key, "k%zu", produced % 50);
        kafka_fixture_fill(fixture, "t", key, 2);
        produced += 2;
        poll_for(&first, 1000);
        poll_for(&second, 1000);
    }
    while (first.count + second.count < produced) {
        assert_true(clock_now_us() < until_us);
        poll_for(&first, 1000);
        poll_for(&second, 1000);
    }
    count_deliveries(&first, counts);
    count_deliveries(&second, counts);
    for (size_t i = 0; i < 4000; i++) {
        assert_true(counts[i] <= 1);
        delivered += counts[i];
    }
    assert_int_equal(delivered, produced);
    assert_int_equal(first.revoked, 4);
    kafka_consumer_free(second.consumer);
    kafka_consumer_free(first.consumer);
}

static void wait_for_end(struct reader *reader)
{
    uint64_t until_us = clock_now_us() + PATIENCE_US;

    while (!kafka_consumer_is_at_end(reader->consumer)) {
        assert_true(clock_now_us() < until_us);
        (void)kafka_consumer_poll(reader->consumer, 20000);
    }
}

static void test_consumer__no_group_reads_all_partitions_to_their_end(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {0};

    kafka_fixture_create_topic(fixture, "t", 4);
    kafka_fixture_fill(fixture, "t", "one", 10);
    kafka_fixture_fill(fixture, "t", "two", 10);
    start(fixture, &reader, NULL, false);
    assert_false(kafka_consumer_is_at_end(reader.consumer));
    wait_for_end(&reader);
    assert_int_equal(kafka_consumer_partition_count(reader.consumer), 4);
    assert_int_equal(reader.count, 20);
    kafka_fixture_fill(fixture, "t", "three", 10);
    read_until(&reader, 30);
    kafka_consumer_free(reader.consumer);
}

static void test_consumer__no_group_from_the_end_sees_only_what_is_new(void **state)
{
    struct kafka_fixture *fixture = *state;
    struct reader reader = {0};

    kafka_fixture_create_topic(fixture, "t", 3);
    kafka_fixture_fill(fixture, "t", "k", 10);
    start(fixture, &reader, NULL, true);
    wait_for_end(&reader);
    assert_int_equal(reader.count, 0);
    kafka_fixture_fill(fixture, "t", "k", 5);
    read_until(&reader, 5);
    assert_offsets(&reader, 0, 5, 10);
    kafka_consumer_free(reader.consumer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_consumer__group_goes_on_where_it_stored, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__pause_holds_back_and_loses_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__long_pauses_lose_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__seek_while_paused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__a_new_group_starts_all_partitions, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__a_rebalance_neither_loses_nor_repeats,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__seek_goes_back_and_forth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__asks_where_to_go_on_when_records_are_gone,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__asks_where_to_go_on_past_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__no_group_reads_all_partitions_to_their_end,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_consumer__no_group_from_the_end_sees_only_what_is_new,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
