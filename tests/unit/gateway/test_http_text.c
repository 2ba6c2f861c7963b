/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/http_text.h"

static void test_http_text__decodes_percent_escapes(void **state)
{
    static const struct {
        const char *text;
        bool plus_is_space;
        const char *decoded; /* NULL: refused */
    } CASES[] = {
        {"", false, ""},      {"a%20b", false, "a b"}, {"a+b", false, "a+b"},
        {"a+b", true, "a b"}, {"%2f%2F", false, "//"}, {"%e4", false, "\xe4"},
        {"%2", false, NULL},  {"%", false, NULL},      {"%zz", false, NULL},
        {"%00", false, NULL}, {"a%25", false, "a%"},   {"%252e", false, "%2e"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        char *decoded =
            http_text_decode(CASES[i].text, strlen(CASES[i].text), CASES[i].plus_is_space);
        if (CASES[i].decoded == NULL)
            assert_null(decoded);
        else
            assert_string_equal(decoded, CASES[i].decoded);
        free(decoded);
    }
}

static void test_http_text__finds_the_first_parameter_of_a_name(void **state)
{
    static const struct {
        const char *query;
        const char *value; /* of "key"; NULL: absent */
    } CASES[] = {
        {"", NULL},       {"key=1", "1"},    {"a=b&key=1&key=2", "1"},
        {"key", ""},      {"key=", ""},      {"monkey=1", NULL},
        {"keys=1", NULL}, {"a=key=1", NULL}, {"&&key=a=b&", "a=b"},
        {"KEY=1", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const char *value = NULL;
        size_t length = 0;
        bool is_found = http_text_find_parameter(CASES[i].query, "key", &value, &length);
        if (is_found != (CASES[i].value != NULL))
            fail_msg("%s", CASES[i].query);
        if (is_found) {
            assert_int_equal(length, strlen(CASES[i].value));
            assert_memory_equal(value, CASES[i].value, length);
        }
    }
}

static void test_http_text__knows_sane_ids(void **state)
{
    (void)state;
    assert_true(http_text_is_request_id("a-B_9.z"));
    assert_false(http_text_is_request_id(""));
    assert_false(http_text_is_request_id("a b"));
    assert_false(http_text_is_request_id("a\"b"));
    assert_true(http_text_is_request_id(
        "0123456789012345678901234567890123456789012345678901234567890123"));
    assert_false(http_text_is_request_id(
        "01234567890123456789012345678901234567890123456789012345678901234"));
    assert_true(
        http_text_is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    assert_false(
        http_text_is_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
    assert_false(
        http_text_is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
    assert_false(
        http_text_is_traceparent("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
    assert_false(
        http_text_is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"));
    assert_false(http_text_is_traceparent(""));
}

static void test_http_text__escapes_all_but_unreserved_characters(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    http_text_append_escaped("a-b_c.~ \"ä%\r", strlen("a-b_c.~ \"ä%\r"), &out);
    assert_string_equal(buf_string(&out), "a-b_c.~%20%22%C3%A4%25%0D");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_text__decodes_percent_escapes),
        cmocka_unit_test(test_http_text__finds_the_first_parameter_of_a_name),
        cmocka_unit_test(test_http_text__knows_sane_ids),
        cmocka_unit_test(test_http_text__escapes_all_but_unreserved_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
