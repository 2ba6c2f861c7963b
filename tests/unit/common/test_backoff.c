/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/backoff.h"

/* With random = UINT64_MAX the delay is a remainder; what bounds it is seen from many values. */
static void assert_longest(struct backoff backoff, unsigned tries, uint64_t longest_us)
{
    assert_true(backoff_delay_us(backoff, tries, longest_us) == longest_us);
    assert_true(backoff_delay_us(backoff, tries, 0) == 0);
    if (longest_us < UINT64_MAX)
        assert_true(backoff_delay_us(backoff, tries, longest_us + 1) == 0);
}

static void test_backoff__doubles_up_to_the_ceiling(void **state UNUSED)
{
    static const struct backoff BACKOFF = {.base_us = 1000, .ceiling_us = 30000};

    assert_longest(BACKOFF, 0, 1000);
    assert_longest(BACKOFF, 1, 2000);
    assert_longest(BACKOFF, 4, 16000);
    assert_longest(BACKOFF, 5, 30000);
    assert_longest(BACKOFF, 63, 30000);
    assert_longest(BACKOFF, 64, 30000);
    assert_longest(BACKOFF, UINT32_MAX, 30000);
}

static void test_backoff__extremes(void **state UNUSED)
{
    assert_longest((struct backoff){0, 1000}, 10, 0);
    assert_longest((struct backoff){0, 1000}, 100, 0);
    assert_longest((struct backoff){1000, 0}, 0, 0);
    assert_longest((struct backoff){5000, 1000}, 0, 1000);
    assert_longest((struct backoff){1, UINT64_MAX}, 63, UINT64_C(1) << 63);
    assert_longest((struct backoff){1, UINT64_MAX}, 64, UINT64_MAX);
}

static void test_backoff__jitter_reaches_all_quarters(void **state UNUSED)
{
    static const struct backoff BACKOFF = {.base_us = 4000, .ceiling_us = 4000};
    unsigned in_quarter[4] = {0};

    for (int i = 0; i < 1000; i++) {
        uint64_t delay_us = backoff_delay_us(BACKOFF, 0, backoff_random());
        assert_true(delay_us <= 4000);
        in_quarter[delay_us / 1001]++;
    }
    for (int i = 0; i < 4; i++) /* 250 expected; below 100 is a chance of 10^-30 */
        assert_true(in_quarter[i] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff__doubles_up_to_the_ceiling),
        cmocka_unit_test(test_backoff__extremes),
        cmocka_unit_test(test_backoff__jitter_reaches_all_quarters),
    };
    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
