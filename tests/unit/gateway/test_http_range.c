/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/http_range.h"

#define SIZE 1000

static const struct {
    const char *header;
    enum http_range_verdict verdict;
    int64_t first;
    int64_t last;
} CASES[] = {
    {NULL, HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=0-0", HTTP_RANGE_PART, 0, 0},
    {"bytes=0-999", HTTP_RANGE_PART, 0, 999},
    {"bytes=999-999", HTTP_RANGE_PART, 999, 999},
    {"bytes=10-20", HTTP_RANGE_PART, 10, 20},
    {"Bytes=10-", HTTP_RANGE_PART, 10, 999},
    {"bytes=10-5000", HTTP_RANGE_PART, 10, 999},
    {"bytes=-1", HTTP_RANGE_PART, 999, 999},
    {"bytes=-1000", HTTP_RANGE_PART, 0, 999},
    {"bytes=-5000", HTTP_RANGE_PART, 0, 999},
    {"bytes=1000-", HTTP_RANGE_UNSATISFIABLE, 0, 999},
    {"bytes=1000-2000", HTTP_RANGE_UNSATISFIABLE, 0, 999},
    {"bytes=-0", HTTP_RANGE_UNSATISFIABLE, 0, 999},
    {"bytes=20-10", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=0-1,5-6", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=-", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes", HTTP_RANGE_WHOLE, 0, 999},
    {"", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=a-b", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=1", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=1-2x", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes= 1-2", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=--1", HTTP_RANGE_WHOLE, 0, 999},
    {"items=0-1", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=9999999999999999999999-", HTTP_RANGE_WHOLE, 0, 999},
    {"bytes=0-9999999999999999999999", HTTP_RANGE_WHOLE, 0, 999},
};

static void test_http_range__single_ranges_of_bytes(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct http_range range;

        assert_int_equal(http_range_parse(CASES[i].header, SIZE, &range), CASES[i].verdict);
        assert_int_equal(range.first, CASES[i].first);
        assert_int_equal(range.last, CASES[i].last);
    }
}

static void test_http_range__a_condition_needs_the_same_strong_tag(void **state UNUSED)
{
    assert_true(http_range_is_current(NULL, "\"a\""));
    assert_true(http_range_is_current("\"a\"", "\"a\""));
    assert_false(http_range_is_current("\"b\"", "\"a\""));
    assert_false(http_range_is_current("W/\"a\"", "W/\"a\""));
    assert_false(http_range_is_current("Fri, 27 Nov 2026 16:00:00 GMT", "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_range__single_ranges_of_bytes),
        cmocka_unit_test(test_http_range__a_condition_needs_the_same_strong_tag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
