/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assembler/batch.h"
#include "common/mem.h"

#define ALIVE                                                                                      \
    "{\"schema\":\"chunk.alive/1\",\"event_id\":\"00000000-0000-4000-8000-000000000009\","         \
    "\"occurred_at\":\"2026-01-31T12:34:56.789Z\","                                                \
    "\"job_id\":\"00000000-0000-4000-8000-000000000001\",\"chunk_index\":0,\"attempt\":1}"

static void free_batch(struct batch **batch)
{
    batch_done(*batch);
    free(*batch);
}

static void add(struct batch *batch, struct batch_partition *partition, int64_t offset,
                const char *value)
{
    const struct kafka_message message = {
        .topic = partition->topic,
        .partition = partition->number,
        .offset = offset,
        .key = "key",
        .key_length = 3,
        .value = value,
        .value_length = value == NULL ? 0 : strlen(value),
    };

    batch_add_message(batch, partition, &message);
}

static void test_batch__what_cannot_be_decoded_is_dead_with_a_reason(void **state)
{
    CLEANUP(free_batch) struct batch *batch = mem_new(sizeof *batch);
    struct batch_partition *partition = batch_add_partition(batch, "t", "p.t", 0);

    (void)state;
    add(batch, partition, 1, ALIVE);
    add(batch, partition, 2, "{\"schema\":\"nothing/7\"}");
    add(batch, partition, 3, "no JSON");
    add(batch, partition, 4, NULL);
    assert_int_equal(batch->count, 4);
    assert_false(batch->records[0].is_dead);
    for (size_t i = 1; i < batch->count; i++) {
        assert_true(batch->records[i].is_dead);
        assert_true(strlen(batch->records[i].reason) > 0);
        assert_string_equal(batch->records[i].key, "key");
    }
}

static void test_batch__a_revoked_partition_takes_its_records_along(void **state)
{
    CLEANUP(free_batch) struct batch *batch = mem_new(sizeof *batch);

    (void)state;
    for (int32_t number = 0; number < 3; number++)
        (void)batch_add_partition(batch, "t", "p.t", number);
    for (int64_t offset = 0; offset < 100; offset++)
        for (int32_t number = 0; number < 3; number++)
            add(batch, batch_find_partition(batch, "t", number), offset, ALIVE);
    batch_remove_partition(batch, batch_find_partition(batch, "t", 0));
    assert_null(batch_find_partition(batch, "t", 0));
    assert_int_equal(batch->count, 200);
    assert_int_equal(batch->bytes, 200 * strlen(ALIVE));
    for (size_t i = 0; i < batch->count; i++) {
        const struct record *record = &batch->records[i];

        assert_int_equal(record->offset, i / 2);
        assert_int_equal(record->partition->number, 1 + i % 2);
    }
}

static void test_batch__dropping_keeps_the_rest_in_order(void **state)
{
    CLEANUP(free_batch) struct batch *batch = mem_new(sizeof *batch);
    struct batch_partition *partition = batch_add_partition(batch, "t", "p.t", 0);

    (void)state;
    for (int64_t offset = 0; offset < 10; offset++)
        add(batch, partition, offset, ALIVE);
    batch_drop(batch, 4);
    assert_int_equal(batch->count, 6);
    assert_int_equal(batch->records[0].offset, 4);
    batch_kill_record(&batch->records[0], "unwanted");
    assert_string_equal(batch->records[0].reason, "unwanted");
    batch_drop(batch, 6);
    assert_int_equal(batch->bytes, 0);
}

static void test_batch__events_of_our_own_have_no_offset(void **state)
{
    CLEANUP(free_batch) struct batch *batch = mem_new(sizeof *batch);
    struct batch_partition *partition = batch_add_partition(batch, "t", "p.t", 0);
    struct event event = {.type = EVENT_CHUNK_FAILED,
                          .failed = {.message = mem_copy_string("silent")}};

    (void)state;
    batch_add_event(batch, partition, &event);
    assert_null(event.failed.message); /* consumed */
    assert_int_equal(batch->records[0].offset, -1);
}

static void test_batch__partitions_have_a_limit(void **state)
{
    CLEANUP(free_batch) struct batch *batch = mem_new(sizeof *batch);

    (void)state;
    for (int32_t number = 0; number < BATCH_PARTITIONS_MAX; number++)
        assert_non_null(batch_add_partition(batch, "t", "p.t", number));
    assert_null(batch_add_partition(batch, "t", "p.t", BATCH_PARTITIONS_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch__what_cannot_be_decoded_is_dead_with_a_reason),
        cmocka_unit_test(test_batch__a_revoked_partition_takes_its_records_along),
        cmocka_unit_test(test_batch__dropping_keeps_the_rest_in_order),
        cmocka_unit_test(test_batch__events_of_our_own_have_no_offset),
        cmocka_unit_test(test_batch__partitions_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
