/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/media_report.h"
#include "worker/window_cover.h"

static struct coverage one(int64_t from, int64_t to, enum coverage_kind kind)
{
    struct coverage coverage;

    coverage_init(&coverage, from, to, kind);
    return coverage;
}

static void test_window_cover__each_window_tells_up_to_the_crossing(void **state)
{
    (void)state;
    struct coverage windows[] = {one(-100, 300, COVERAGE_TEXT), one(200, 500, COVERAGE_SILENCE),
                                 one(400, 700, COVERAGE_FAILED)};
    const int64_t crossings[] = {250, 450};
    struct coverage joined;

    window_cover_join(windows, ARRAY_LEN(windows), crossings, 600, &joined);
    struct coverage_sums sums = coverage_sum(&joined);
    assert_int_equal(sums.samples[COVERAGE_TEXT], 250);
    assert_int_equal(sums.samples[COVERAGE_SILENCE], 200);
    assert_int_equal(sums.samples[COVERAGE_FAILED], 150);
    coverage_done(&joined);
    for (size_t i = 0; i < ARRAY_LEN(windows); i++)
        coverage_done(&windows[i]);
}

/* Crossings may lie outside of what the chunk owns, and out of order. */
static void test_window_cover__is_whole_whatever_the_crossings(void **state)
{
    (void)state;
    static const int64_t CROSSINGS[][2] = {
        {-500, 900}, {900, -500}, {700, 100}, {0, 0}, {600, 600}};

    for (size_t i = 0; i < ARRAY_LEN(CROSSINGS); i++) {
        struct coverage windows[] = {one(-100, 600, COVERAGE_TEXT), one(0, 600, COVERAGE_SILENCE),
                                     one(0, 700, COVERAGE_FILTERED)};
        struct coverage joined;
        window_cover_join(windows, ARRAY_LEN(windows), CROSSINGS[i], 600, &joined);
        struct coverage_sums sums = coverage_sum(&joined);
        assert_int_equal(coverage_total(&sums), 600);
        assert_int_equal(sums.samples[COVERAGE_FAILED], 0);
        coverage_done(&joined);
        for (size_t j = 0; j < ARRAY_LEN(windows); j++)
            coverage_done(&windows[j]);
    }
}

static void test_window_cover__rounding_is_forgiven_and_more_is_not(void **state)
{
    (void)state;
    static const struct {
        int64_t from;
        int64_t to;
        int64_t failed;
    } ROWS[] = {{3, 598, 0}, {0, 600, 0}, {0, 480, 120}, {-9, 609, 0}};

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct coverage window = one(ROWS[i].from, ROWS[i].to, COVERAGE_TEXT);
        struct coverage joined;
        window_cover_join(&window, 1, NULL, 600, &joined);
        struct coverage_sums sums = coverage_sum(&joined);
        assert_int_equal(coverage_total(&sums), 600);
        assert_int_equal(sums.samples[COVERAGE_FAILED], ROWS[i].failed);
        coverage_done(&joined);
        coverage_done(&window);
    }
}

static void test_window_cover__without_windows_nothing_is_known(void **state)
{
    (void)state;
    struct coverage joined;

    window_cover_join(NULL, 0, NULL, 0, &joined);
    assert_int_equal(joined.count, 0);
    coverage_done(&joined);
    window_cover_join(NULL, 0, NULL, 600, &joined);
    struct coverage_sums sums = coverage_sum(&joined);
    assert_int_equal(sums.samples[COVERAGE_FAILED], 600);
    coverage_done(&joined);
}

static void test_window_cover__places_a_window(void **state)
{
    (void)state;
    struct coverage window = one(0, 30 * (int64_t)MEDIA_PCM_RATE, COVERAGE_TEXT);
    const struct window_scale scale = {.start = -6 * INT64_C(44100), .sample_rate = 44100};

    window_cover_place(&window, scale, 24 * (int64_t)MEDIA_PCM_RATE);
    assert_int_equal(window.parts[0].from, 18 * INT64_C(44100));
    assert_int_equal(window.parts[0].to, 48 * INT64_C(44100));
    coverage_done(&window);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_cover__each_window_tells_up_to_the_crossing),
        cmocka_unit_test(test_window_cover__is_whole_whatever_the_crossings),
        cmocka_unit_test(test_window_cover__rounding_is_forgiven_and_more_is_not),
        cmocka_unit_test(test_window_cover__without_windows_nothing_is_known),
        cmocka_unit_test(test_window_cover__places_a_window),
    };
    return cmocka_run_group_tests_name("window_cover", tests, NULL, NULL);
}
