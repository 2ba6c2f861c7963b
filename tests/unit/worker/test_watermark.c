/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "worker/watermark.h"

static int64_t next_of(const struct watermark *watermark)
{
    int64_t next = -1;

    assert_true(watermark_next(watermark, &next));
    return next;
}

static void deliver_range(struct watermark *watermark, int64_t from, int64_t to)
{
    for (int64_t offset = from; offset < to; offset++)
        assert_int_equal(watermark_deliver(watermark, offset), WATERMARK_NEW);
}

static void test_watermark__is_the_lowest_open_offset(void **state)
{
    (void)state;
    struct watermark *watermark = watermark_new();

    deliver_range(watermark, 10, 14);
    assert_int_equal(next_of(watermark), 10);
    watermark_finish(watermark, 12);
    assert_int_equal(next_of(watermark), 10);
    watermark_finish(watermark, 10);
    assert_int_equal(next_of(watermark), 11);
    watermark_finish(watermark, 11);
    assert_int_equal(next_of(watermark), 13);
    watermark_finish(watermark, 13);
    assert_int_equal(next_of(watermark), 14);
    watermark_free(watermark);
}

static void test_watermark__passes_holes_that_compaction_or_aborts_leave(void **state)
{
    (void)state;
    struct watermark *watermark = watermark_new();

    watermark_deliver(watermark, 3);
    watermark_deliver(watermark, 9);
    watermark_finish(watermark, 3);
    assert_int_equal(next_of(watermark), 9);
    watermark_finish(watermark, 9);
    assert_int_equal(next_of(watermark), 10);
    watermark_free(watermark);
}

static void test_watermark__has_nothing_to_store_before_the_first_delivery(void **state)
{
    (void)state;
    struct watermark *watermark = watermark_new();
    int64_t next;

    assert_false(watermark_next(watermark, &next));
    deliver_range(watermark, 5, 7);
    watermark_finish(watermark, 5);
    watermark_assigned(watermark);
    /* Another member may have committed 9 in between: 6 would undo that. */
    watermark_finish(watermark, 6);
    assert_false(watermark_next(watermark, &next));
    assert_int_equal(watermark_deliver(watermark, 9), WATERMARK_NEW);
    assert_int_equal(next_of(watermark), 9);
    watermark_free(watermark);
}

static void test_watermark__knows_what_it_had_before_a_revocation(void **state)
{
    (void)state;
    struct watermark *watermark = watermark_new();

    deliver_range(watermark, 0, 4);
    watermark_finish(watermark, 1);
    watermark_drop(watermark, 3);
    watermark_assigned(watermark);
    assert_int_equal(watermark_deliver(watermark, 0), WATERMARK_OPEN);
    watermark_finish(watermark, 0);
    /* 1 is finished but not delivered again yet: it stays known, and is not yet passed. */
    assert_int_equal(next_of(watermark), 1);
    assert_int_equal(watermark_deliver(watermark, 1), WATERMARK_FINISHED);
    assert_int_equal(next_of(watermark), 2);
    assert_int_equal(watermark_deliver(watermark, 2), WATERMARK_OPEN);
    assert_int_equal(watermark_deliver(watermark, 3), WATERMARK_NEW);
    assert_int_equal(next_of(watermark), 2);
    watermark_free(watermark);
}

/* The group was lost before what we had stored was committed. */
static void test_watermark__knows_what_it_finished_when_it_comes_again(void **state)
{
    (void)state;
    struct watermark *watermark = watermark_new();

    deliver_range(watermark, 0, 6);
    for (int64_t offset = 0; offset < 4; offset++)
        watermark_finish(watermark, offset);
    watermark_assigned(watermark);
    assert_int_equal(watermark_deliver(watermark, 1), WATERMARK_FINISHED);
    assert_int_equal(next_of(watermark), 4);
    assert_int_equal(watermark_deliver(watermark, 2), WATERMARK_FINISHED);
    assert_int_equal(watermark_deliver(watermark, 3), WATERMARK_FINISHED);
    assert_int_equal(watermark_deliver(watermark, 4), WATERMARK_OPEN);
    watermark_finish(watermark, 4);
    assert_int_equal(next_of(watermark), 5);
    watermark_free(watermark);
}

static void test_watermark__bounds_what_finishes_above_an_open_offset(void **state)
{
    (void)state;
    struct watermark *watermark = watermark_new();

    deliver_range(watermark, 0, WATERMARK_FINISHED_MAX + 3);
    for (int64_t offset = 1; offset < WATERMARK_FINISHED_MAX; offset++)
        watermark_finish(watermark, offset);
    assert_true(watermark_may_start(watermark, WATERMARK_FINISHED_MAX));
    watermark_finish(watermark, WATERMARK_FINISHED_MAX);
    assert_false(watermark_may_start(watermark, WATERMARK_FINISHED_MAX + 1));
    assert_true(watermark_may_start(watermark, 0));
    watermark_finish(watermark, 0);
    assert_true(watermark_may_start(watermark, WATERMARK_FINISHED_MAX + 1));
    watermark_free(watermark);
}

static void test_watermark__ignores_offsets_it_does_not_know(void **state)
{
    (void)state;
    struct watermark *watermark = watermark_new();

    deliver_range(watermark, 7, 8);
    watermark_finish(watermark, 6);
    watermark_drop(watermark, 9);
    assert_int_equal(next_of(watermark), 7);
    watermark_finish(watermark, 7);
    watermark_finish(watermark, 7);
    assert_int_equal(next_of(watermark), 8);
    watermark_free(watermark);
}

/* Whatever the order of finishing, the watermark never passes an open offset, and ends at the end.
 */
static void test_watermark__never_passes_an_open_offset(void **state)
{
    (void)state;
    enum { COUNT = 97 };

    for (int64_t stride = 1; stride < COUNT; stride++) {
        struct watermark *watermark = watermark_new();
        bool finished[COUNT] = {false};
        deliver_range(watermark, 0, COUNT);
        for (int64_t i = 0; i < COUNT; i++) {
            int64_t offset = i * stride % COUNT;
            finished[offset] = true;
            watermark_finish(watermark, offset);
            int64_t lowest = 0;
            while (lowest < COUNT && finished[lowest])
                lowest++;
            assert_int_equal(next_of(watermark), lowest);
        }
        watermark_free(watermark);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watermark__is_the_lowest_open_offset),
        cmocka_unit_test(test_watermark__passes_holes_that_compaction_or_aborts_leave),
        cmocka_unit_test(test_watermark__has_nothing_to_store_before_the_first_delivery),
        cmocka_unit_test(test_watermark__knows_what_it_had_before_a_revocation),
        cmocka_unit_test(test_watermark__knows_what_it_finished_when_it_comes_again),
        cmocka_unit_test(test_watermark__bounds_what_finishes_above_an_open_offset),
        cmocka_unit_test(test_watermark__ignores_offsets_it_does_not_know),
        cmocka_unit_test(test_watermark__never_passes_an_open_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
