/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/window_cutter.h"

#define WINDOW 300
#define OVERLAP 60

struct cut {
    int64_t start;
    size_t count;
};

/* Sample n of the stream has the value n. */
static void push(struct window_cutter *cutter, int64_t from, size_t count)
{
    int16_t samples[1000];

    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(from + (int64_t)i);
    window_cutter_push(cutter, samples, count);
}

static size_t take_all(struct window_cutter *cutter, struct cut *ret_cuts, size_t so_far)
{
    struct window window;

    while (window_cutter_take(cutter, &window)) {
        assert_int_equal(window.index, so_far);
        for (size_t i = 0; i < window.count; i++)
            assert_int_equal(window.samples[i], window.start + (int64_t)i);
        ret_cuts[so_far++] = (struct cut){window.start, window.count};
        free(window.samples);
    }
    return so_far;
}

static size_t cut_stream(size_t total, size_t step, struct cut *ret_cuts)
{
    struct window_cutter *cutter = window_cutter_new(WINDOW, OVERLAP);
    size_t count = 0;

    for (size_t at = 0; at < total; at += step) {
        push(cutter, (int64_t)at, total - at < step ? total - at : step);
        count = take_all(cutter, ret_cuts, count);
    }
    window_cutter_end(cutter);
    count = take_all(cutter, ret_cuts, count);
    assert_int_equal(window_cutter_count(cutter), count);
    window_cutter_free(cutter);
    return count;
}

static void test_window_cutter__windows_by_length(void **state)
{
    (void)state;
    static const struct {
        size_t total;
        size_t count;
        struct cut last;
    } ROWS[] = {
        {0, 0, {0, 0}},       {1, 1, {0, 1}},      {300, 1, {0, 300}},   {301, 2, {240, 61}},
        {540, 2, {240, 300}}, {541, 3, {480, 61}}, {780, 3, {480, 300}}, {5000, 21, {4800, 200}},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct cut cuts[32] = {{0, 0}};
        size_t count = cut_stream(ROWS[i].total, 97, cuts);
        assert_int_equal(count, ROWS[i].count);
        if (count == 0)
            continue;
        assert_int_equal(cuts[count - 1].start, ROWS[i].last.start);
        assert_int_equal(cuts[count - 1].count, ROWS[i].last.count);
    }
}

/* However the audio comes in, the windows are the same, cover it and overlap as told. */
static void test_window_cutter__does_not_depend_on_the_pushes(void **state)
{
    (void)state;
    for (size_t total = 250; total < 1000; total += 83) {
        struct cut whole[32];
        size_t count = cut_stream(total, total, whole);
        assert_int_equal(whole[count - 1].start + (int64_t)whole[count - 1].count, total);
        for (size_t i = 1; i < count; i++)
            assert_int_equal(whole[i - 1].start + (int64_t)whole[i - 1].count - whole[i].start,
                             OVERLAP);
        for (size_t step = 1; step < 400; step += 37) {
            struct cut cuts[32];
            assert_int_equal(cut_stream(total, step, cuts), count);
            for (size_t i = 0; i < count; i++)
                assert_int_equal(cuts[i].start, whole[i].start);
        }
    }
}

static void test_window_cutter__gives_a_window_as_soon_as_it_is_full(void **state)
{
    (void)state;
    struct window_cutter *cutter = window_cutter_new(WINDOW, OVERLAP);
    struct window window = {0};

    push(cutter, 0, WINDOW - 1);
    assert_false(window_cutter_take(cutter, &window));
    push(cutter, WINDOW - 1, 1);
    assert_true(window_cutter_take(cutter, &window));
    free(window.samples);
    assert_false(window_cutter_take(cutter, &window));
    window_cutter_end(cutter);
    assert_false(window_cutter_take(cutter, &window));
    window_cutter_free(cutter);
}

static void test_window_cutter__can_do_without_overlap(void **state)
{
    (void)state;
    struct window_cutter *cutter = window_cutter_new(100, 0);
    struct cut cuts[8] = {{0, 0}};

    push(cutter, 0, 250);
    window_cutter_end(cutter);
    assert_int_equal(take_all(cutter, cuts, 0), 3);
    assert_int_equal(cuts[2].start, 200);
    assert_int_equal(cuts[2].count, 50);
    window_cutter_free(cutter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_cutter__windows_by_length),
        cmocka_unit_test(test_window_cutter__does_not_depend_on_the_pushes),
        cmocka_unit_test(test_window_cutter__gives_a_window_as_soon_as_it_is_full),
        cmocka_unit_test(test_window_cutter__can_do_without_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
