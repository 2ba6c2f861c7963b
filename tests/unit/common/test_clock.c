/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/clock.h"

static void test_clock__rfc3339(void **state UNUSED)
{
    static const struct {
        int64_t wall_us;
        const char *text;
    } ROWS[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1769862896789000), "2026-01-31T12:34:56.789Z"},
        {INT64_C(1769862896789999), "2026-01-31T12:34:56.789Z"}, /* cut, never rounded up */
        {INT64_C(951782399999999), "2000-02-28T23:59:59.999Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000000, "1969-12-31T23:59:59.000Z"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        char text[CLOCK_RFC3339_SIZE];
        clock_format_rfc3339(ROWS[i].wall_us, text);
        assert_string_equal(text, ROWS[i].text);
    }
}

static void test_clock__reads_rfc3339(void **state UNUSED)
{
    static const struct {
        const char *text;
        int64_t wall_us;
    } GOOD[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-31T12:34:56.789Z", INT64_C(1769862896789000)},
        {"2026-01-31t13:34:56.789012999+01:00", INT64_C(1769862896789012)},
        {"2026-01-31T07:04:56.7-05:30", INT64_C(1769862896700000)},
        {"2000-02-29T00:00:00z", INT64_C(951782400000000)},
    };
    static const char *const BAD[] = {
        "",
        "2026-01-31",
        "2026-01-31T12:34:56",
        "2026-01-31 12:34:56Z",
        "2026-1-31T12:34:56Z",
        "2026-02-29T12:34:56Z",
        "2026-13-01T12:34:56Z",
        "2026-00-01T12:34:56Z",
        "2026-01-00T12:34:56Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:34:56.Z",
        "2026-01-31T12:34:56.1234567890Z",
        "2026-01-31T12:34:56+0100",
        "2026-01-31T12:34:56Z ",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
    };

    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        int64_t wall_us = -1;
        assert_true(clock_parse_rfc3339(GOOD[i].text, &wall_us));
        assert_true(wall_us == GOOD[i].wall_us);
    }
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        int64_t wall_us;
        assert_false(clock_parse_rfc3339(BAD[i], &wall_us));
    }
}

static void test_clock__monotonic_never_falls(void **state UNUSED)
{
    uint64_t before = clock_now_us();

    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now_us();
        assert_true(now >= before);
        before = now;
    }
}

static void test_clock__wall_is_in_microseconds(void **state UNUSED)
{
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(clock_wall_us(), text);
    assert_true(strcmp(text, "2025") > 0 && strcmp(text, "2100") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__rfc3339),
        cmocka_unit_test(test_clock__reads_rfc3339),
        cmocka_unit_test(test_clock__monotonic_never_falls),
        cmocka_unit_test(test_clock__wall_is_in_microseconds),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
