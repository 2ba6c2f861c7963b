/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/previous_overlap.h"

#define SECOND INT64_C(1000000)
#define WINDOW (30 * SECOND)
#define OVERLAP (6 * SECOND)

static int64_t overlap_of(int64_t heard_us)
{
    return previous_overlap_us(OVERLAP, WINDOW, heard_us);
}

static void test_previous_overlap__fills_the_last_window(void **state)
{
    (void)state;
    assert_int_equal(overlap_of(5 * SECOND), 10 * SECOND);  /* one window */
    assert_int_equal(overlap_of(22 * SECOND), 7500 * 1000); /* one, nearly full */
    assert_int_equal(overlap_of(30 * SECOND), 10 * SECOND); /* two */
    assert_int_equal(overlap_of(60 * SECOND), 10 * SECOND); /* three: up to 78 s */
    assert_int_equal(overlap_of(69 * SECOND), 8500 * 1000);
}

static void test_previous_overlap__is_the_least_where_there_is_no_room(void **state)
{
    (void)state;
    assert_int_equal(overlap_of(24 * SECOND), OVERLAP);
    assert_int_equal(overlap_of(72 * SECOND), OVERLAP);
    assert_int_equal(overlap_of(71700 * 1000),
                     OVERLAP); /* less room than a byte rate is wrong by */
}

static int64_t windows_of(int64_t length_us)
{
    int64_t more_us = length_us - WINDOW;

    return more_us <= 0 ? 1 : 1 + (more_us + WINDOW - OVERLAP - 1) / (WINDOW - OVERLAP);
}

static void test_previous_overlap__costs_no_window(void **state)
{
    (void)state;
    for (int64_t heard_us = 0; heard_us < 600 * SECOND; heard_us += SECOND / 7) {
        int64_t overlap_us = overlap_of(heard_us);
        assert_in_range(overlap_us, OVERLAP, PREVIOUS_OVERLAP_MAX_US);
        assert_int_equal(windows_of(heard_us + overlap_us), windows_of(heard_us + OVERLAP));
    }
}

static void test_previous_overlap__goes_by_the_options(void **state)
{
    (void)state;
    assert_int_equal(previous_overlap_us(0, WINDOW, 5 * SECOND), 0);
    assert_int_equal(previous_overlap_us(12 * SECOND, WINDOW, 5 * SECOND), 12 * SECOND);
    assert_int_equal(previous_overlap_us(6 * SECOND, 6 * SECOND, 5 * SECOND), 6 * SECOND);
    assert_int_equal(previous_overlap_us(2 * SECOND, 8 * SECOND, 5 * SECOND), 2500 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_previous_overlap__fills_the_last_window),
        cmocka_unit_test(test_previous_overlap__is_the_least_where_there_is_no_room),
        cmocka_unit_test(test_previous_overlap__costs_no_window),
        cmocka_unit_test(test_previous_overlap__goes_by_the_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
