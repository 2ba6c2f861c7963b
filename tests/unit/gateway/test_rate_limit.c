/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/rate_limit.h"

#define SECOND UINT64_C(1000000)

static const struct rate_limit_settings THREE_IN_TEN_SECONDS = {
    .requests = 3, .window_us = 10 * SECOND, .clients_max = 2};

static void test_rate_limit__allows_so_many_in_a_window(void **state UNUSED)
{
    static const struct {
        uint64_t now_us;
        struct rate_limit_verdict verdict;
    } ROWS[] = {
        {5 * SECOND, {true, 2, 10}}, {5 * SECOND + 1, {true, 1, 10}},  {7 * SECOND, {true, 0, 8}},
        {7 * SECOND, {false, 0, 8}}, {15 * SECOND - 1, {false, 0, 1}}, {15 * SECOND, {true, 2, 10}},
    };
    struct rate_limit *limit = rate_limit_new(&THREE_IN_TEN_SECONDS);

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct rate_limit_verdict verdict = rate_limit_take(limit, "192.0.2.1", ROWS[i].now_us);
        assert_int_equal(verdict.is_allowed, ROWS[i].verdict.is_allowed);
        assert_int_equal(verdict.remaining, ROWS[i].verdict.remaining);
        assert_int_equal(verdict.reset_s, ROWS[i].verdict.reset_s);
    }
    rate_limit_free(limit);
}

static void test_rate_limit__counts_each_client_alone(void **state UNUSED)
{
    struct rate_limit *limit = rate_limit_new(&THREE_IN_TEN_SECONDS);

    for (int i = 0; i < 4; i++)
        (void)rate_limit_take(limit, "192.0.2.1", SECOND);
    assert_true(rate_limit_take(limit, "192.0.2.2", SECOND).is_allowed);
    assert_false(rate_limit_take(limit, "192.0.2.1", SECOND).is_allowed);
    rate_limit_free(limit);
}

static void test_rate_limit__takes_a_network_of_ipv6_for_one_client(void **state UNUSED)
{
    struct rate_limit *limit = rate_limit_new(&THREE_IN_TEN_SECONDS);

    assert_int_equal(rate_limit_take(limit, "2001:db8::1", SECOND).remaining, 2);
    assert_int_equal(rate_limit_take(limit, "2001:db8::ffff:1", SECOND).remaining, 1);
    assert_int_equal(rate_limit_take(limit, "2001:db8:0:1::1", SECOND).remaining, 2);
    rate_limit_free(limit);
}

static void test_rate_limit__forgets_the_oldest_of_too_many(void **state UNUSED)
{
    struct rate_limit *limit = rate_limit_new(&THREE_IN_TEN_SECONDS);

    assert_int_equal(rate_limit_take(limit, "192.0.2.1", 1).remaining, 2);
    assert_int_equal(rate_limit_take(limit, "192.0.2.2", 2).remaining, 2);
    assert_int_equal(rate_limit_take(limit, "192.0.2.3", 3).remaining, 2);
    assert_int_equal(rate_limit_take(limit, "192.0.2.2", 4).remaining, 1);
    assert_int_equal(rate_limit_take(limit, "192.0.2.1", 5).remaining, 2);
    rate_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_limit__allows_so_many_in_a_window),
        cmocka_unit_test(test_rate_limit__counts_each_client_alone),
        cmocka_unit_test(test_rate_limit__takes_a_network_of_ipv6_for_one_client),
        cmocka_unit_test(test_rate_limit__forgets_the_oldest_of_too_many),
    };
    return cmocka_run_group_tests_name("rate_limit", tests, NULL, NULL);
}
