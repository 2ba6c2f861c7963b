/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "worker/silence.h"

static void fill(int16_t *samples, size_t count, int base, int amplitude)
{
    for (size_t i = 0; i < count; i++)
        samples[i] = (int16_t)(base + (i % 2 == 0 ? amplitude : -amplitude));
}

static void test_silence__is_what_nobody_can_hear(void **state)
{
    (void)state;
    static const struct {
        int base;
        int amplitude;
        bool is_silence;
    } ROWS[] = {
        {0, 0, true},     {0, 2, true},      {0, 8, true},      {0, 9, false},
        {0, 100, false},  {500, 0, true},    {-500, 8, true},   {-500, 9, false},
        {32767, 0, true}, {-32768, 0, true}, {0, 32767, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        int16_t samples[1600];
        fill(samples, ARRAY_LEN(samples), ROWS[i].base, ROWS[i].amplitude);
        assert_int_equal(silence_is(samples, ARRAY_LEN(samples)), ROWS[i].is_silence);
    }
}

/* One word in half a minute is enough. */
static void test_silence__ends_with_the_shortest_sound(void **state)
{
    (void)state;
    static int16_t samples[480000];

    assert_true(silence_is(samples, ARRAY_LEN(samples)));
    samples[ARRAY_LEN(samples) - 1] = SILENCE_RANGE_MAX + 1;
    assert_false(silence_is(samples, ARRAY_LEN(samples)));
}

static void test_silence__of_nothing_is_silence(void **state)
{
    (void)state;
    assert_true(silence_is(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence__is_what_nobody_can_hear),
        cmocka_unit_test(test_silence__ends_with_the_shortest_sound),
        cmocka_unit_test(test_silence__of_nothing_is_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
