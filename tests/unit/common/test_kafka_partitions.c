/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/kafka_partitions.h"

static const char *const TOPICS[] = {"a", "b"};

static int set_up(void **state)
{
    *state = kafka_partitions_new(TOPICS, 2);
    return 0;
}

static int tear_down(void **state)
{
    kafka_partitions_free(*state);
    return 0;
}

static void test_partitions__finds_only_what_is_assigned(void **state)
{
    struct kafka_partitions *partitions = *state;

    kafka_partitions_add(partitions, "a", 3, 10);
    assert_non_null(kafka_partitions_find(partitions, "a", 3));
    assert_null(kafka_partitions_find(partitions, "a", 2));
    assert_null(kafka_partitions_find(partitions, "a", 4));
    assert_null(kafka_partitions_find(partitions, "a", -1));
    assert_null(kafka_partitions_find(partitions, "b", 3));
    assert_null(kafka_partitions_find(partitions, "c", 3));
    assert_int_equal(kafka_partitions_count(partitions), 1);
    assert_int_equal(kafka_partitions_limit(partitions, "a"), 4);
    assert_int_equal(kafka_partitions_limit(partitions, "b"), 0);

    kafka_partitions_remove(partitions, "a", 3);
    kafka_partitions_remove(partitions, "a", 3);
    assert_null(kafka_partitions_find(partitions, "a", 3));
    assert_int_equal(kafka_partitions_count(partitions), 0);
}

static void test_partitions__position_is_next_or_the_logical_start(void **state)
{
    struct kafka_partitions *partitions = *state;

    kafka_partitions_add(partitions, "a", 0, 10);
    struct kafka_partition *partition = kafka_partitions_find(partitions, "a", 0);
    assert_int_equal(kafka_partition_position(partition), 10);
    partition->next = 25;
    assert_int_equal(kafka_partition_position(partition), 25);
    kafka_partition_start_at(partition, -2);
    assert_int_equal(partition->next, -1);
    assert_int_equal(kafka_partition_position(partition), -2);
}

static void test_partitions__adding_again_starts_anew(void **state)
{
    struct kafka_partitions *partitions = *state;

    kafka_partitions_add(partitions, "a", 0, 10);
    kafka_partitions_find(partitions, "a", 0)->is_at_end = true;
    kafka_partitions_add(partitions, "a", 0, 4);
    assert_int_equal(kafka_partitions_count(partitions), 1);
    assert_false(kafka_partitions_find(partitions, "a", 0)->is_at_end);
    assert_int_equal(kafka_partition_position(kafka_partitions_find(partitions, "a", 0)), 4);
}

static void test_partitions__at_end_when_all_are(void **state)
{
    struct kafka_partitions *partitions = *state;

    assert_false(kafka_partitions_are_at_end(partitions));
    kafka_partitions_add(partitions, "a", 1, 0);
    kafka_partitions_add(partitions, "b", 0, 0);
    kafka_partitions_find(partitions, "a", 1)->is_at_end = true;
    assert_false(kafka_partitions_are_at_end(partitions));
    kafka_partitions_find(partitions, "b", 0)->is_at_end = true;
    assert_true(kafka_partitions_are_at_end(partitions));
    kafka_partitions_add(partitions, "b", 1, 0);
    assert_false(kafka_partitions_are_at_end(partitions));
    kafka_partitions_remove(partitions, "b", 1);
    assert_true(kafka_partitions_are_at_end(partitions));
}

static void test_partitions__judge_each_record(void **state)
{
    static const struct {
        int64_t next;
        int64_t offset;
        int64_t end;
        enum kafka_record_kind kind;
    } ROWS[] = {
        {10, 10, 20, KAFKA_RECORD_NEXT},       {-1, 0, 20, KAFKA_RECORD_NEXT},
        {-1, 77, -1, KAFKA_RECORD_NEXT},       {10, 9, 20, KAFKA_RECORD_STALE},
        {10, 9, 10, KAFKA_RECORD_STALE},       {10, 9, -1, KAFKA_RECORD_STALE},
        {10, 11, 20, KAFKA_RECORD_AFTER_GAP},  {10, 11, -1, KAFKA_RECORD_AFTER_GAP},
        {10, 0, 9, KAFKA_RECORD_OF_NEW_TOPIC},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        const struct kafka_partition partition = {.is_assigned = true, .next = ROWS[i].next};

        if (kafka_partition_judge(&partition, ROWS[i].offset, ROWS[i].end) != ROWS[i].kind)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_partitions__finds_only_what_is_assigned, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_partitions__position_is_next_or_the_logical_start,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partitions__adding_again_starts_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_partitions__at_end_when_all_are, set_up, tear_down),
        cmocka_unit_test(test_partitions__judge_each_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
