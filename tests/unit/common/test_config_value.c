/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/config_value.h"

static const char *const CHOICES[] = {"text", "json", NULL};

static void test_config_value__numbers(void **state UNUSED)
{
    static const struct {
        enum config_type type;
        const char *text;
        int64_t minimum, maximum;
        bool is_good;
        int64_t number;
    } ROWS[] = {
        {CONFIG_INT, "0", 0, 0, true, 0},
        {CONFIG_INT, "-5", -5, 5, true, -5},
        {CONFIG_INT, "-6", -5, 5, false, 0},
        {CONFIG_INT, "5", -5, 5, true, 5},
        {CONFIG_INT, "6", -5, 5, false, 0},
        {CONFIG_INT, "0", 1, 0, false, 0}, /* at least 1 */
        {CONFIG_INT, "9223372036854775807", 1, 0, true, INT64_MAX},
        {CONFIG_INT, "9223372036854775808", 1, 0, false, 0},
        {CONFIG_INT, "", 0, 0, false, 0},
        {CONFIG_INT, "-", 0, 0, false, 0},
        {CONFIG_INT, "+5", 0, 0, false, 0},
        {CONFIG_INT, "5s", 0, 0, false, 0},
        {CONFIG_INT, "0x10", 0, 0, false, 0},
        {CONFIG_INT, " 5", 0, 0, false, 0},
        {CONFIG_SIZE, "0", 0, 0, true, 0},
        {CONFIG_SIZE, "1000", 0, 0, true, 1000},
        {CONFIG_SIZE, "64KiB", 0, 0, true, 65536},
        {CONFIG_SIZE, "8 MiB", 0, 0, true, 8388608},
        {CONFIG_SIZE, "2GiB", 0, 0, true, INT64_C(2147483648)},
        {CONFIG_SIZE, "8589934592GiB", 0, 0, false, 0},
        {CONFIG_SIZE, "8MB", 0, 0, false, 0},
        {CONFIG_SIZE, "-1", 0, 0, false, 0},
        {CONFIG_TIME, "250ms", 0, 0, true, 250000},
        {CONFIG_TIME, "30s", 0, 0, true, 30000000},
        {CONFIG_TIME, "5min", 0, 0, true, 300000000},
        {CONFIG_TIME, "2h", 0, 0, true, INT64_C(7200000000)},
        {CONFIG_TIME, "7d", 0, 0, true, INT64_C(604800000000)},
        {CONFIG_TIME, "0s", 0, 0, true, 0},
        {CONFIG_TIME, "30", 0, 0, false, 0}, /* seconds or milliseconds? nobody knows */
        {CONFIG_TIME, "30m", 0, 0, false, 0},
        {CONFIG_TIME, "1.5s", 0, 0, false, 0},
        {CONFIG_TIME, "s", 0, 0, false, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct config_option option = {
            .type = ROWS[i].type, .minimum = ROWS[i].minimum, .maximum = ROWS[i].maximum};
        struct config_value value;
        struct buf why;

        buf_init(&why, 1000);
        assert_int_equal(config_value_parse(&option, ROWS[i].text, &value, &why), ROWS[i].is_good);
        if (ROWS[i].is_good)
            assert_true(value.number == ROWS[i].number);
        assert_int_equal(why.length == 0, ROWS[i].is_good);
        buf_done(&why);
    }
}

static void test_config_value__bools(void **state UNUSED)
{
    static const struct {
        const char *text;
        bool is_good, truth;
    } ROWS[] = {
        {"true", true, true},   {"yes", true, true},    {"1", true, true},
        {"false", true, false}, {"no", true, false},    {"0", true, false},
        {"", false, false},     {"True", false, false}, {"on", false, false},
    };
    static const struct config_option OPTION = {.type = CONFIG_BOOL};

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct config_value value;
        struct buf why;

        buf_init(&why, 1000);
        assert_int_equal(config_value_parse(&OPTION, ROWS[i].text, &value, &why), ROWS[i].is_good);
        assert_int_equal(value.truth, ROWS[i].truth);
        buf_done(&why);
    }
}

static void test_config_value__says_what_is_allowed(void **state UNUSED)
{
    static const struct {
        struct config_option option;
        const char *text, *why;
    } ROWS[] = {
        {{.type = CONFIG_INT, .minimum = 1, .maximum = 64}, "65", "must be 1 to 64"},
        {{.type = CONFIG_INT, .minimum = 1}, "0", "must be at least 1"},
        {{.type = CONFIG_TIME, .minimum = 0, .maximum = 90000000}, "2min", "must be 0s to 90s"},
        {{.type = CONFIG_TIME, .minimum = 1500000, .maximum = INT64_C(7200000000)},
         "1s",
         "must be 1500ms to 2h"},
        {{.type = CONFIG_SIZE, .minimum = 1048576, .maximum = 104857600},
         "1",
         "must be 1MiB to 100MiB"},
        {{.type = CONFIG_SIZE, .minimum = 1, .maximum = 1000}, "0", "must be 1 to 1000"},
        {{.type = CONFIG_STRING, .choices = CHOICES}, "xml", "must be one of text, json"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct config_value value;
        struct buf why;

        buf_init(&why, 1000);
        assert_false(config_value_parse(&ROWS[i].option, ROWS[i].text, &value, &why));
        assert_string_equal(buf_string(&why), ROWS[i].why);
        buf_done(&why);
    }
}

static void test_config_value__strings(void **state UNUSED)
{
    static const struct config_option ANY = {.type = CONFIG_STRING};
    static const struct config_option CHOICE = {.type = CONFIG_STRING, .choices = CHOICES};
    struct config_value value;
    struct buf why;

    buf_init(&why, 1000);
    assert_true(config_value_parse(&ANY, "", &value, &why));
    assert_true(config_value_parse(&ANY, "anything at all", &value, &why));
    assert_true(config_value_parse(&CHOICE, "json", &value, &why));
    assert_false(config_value_parse(&CHOICE, "jso", &value, &why));
    buf_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_value__numbers),
        cmocka_unit_test(test_config_value__bools),
        cmocka_unit_test(test_config_value__says_what_is_allowed),
        cmocka_unit_test(test_config_value__strings),
    };
    return cmocka_run_group_tests_name("config_value", tests, NULL, NULL);
}
