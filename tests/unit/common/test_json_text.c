/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/json_text.h"

static void test_json_text__every_character_comes_back(void **state)
{
    char text[256];
    struct buf json;

    (void)state;
    for (int i = 1; i < 128; i++)
        text[i - 1] = (char)i;
    (void)snprintf(text + 127, sizeof text - 127, "%s", "äöü — 文字 🙂");
    buf_init(&json, 4096);
    json_text_append(&json, text, strlen(text));
    struct json_object *parsed = json_tokener_parse(buf_string(&json));
    assert_non_null(parsed);
    assert_string_equal(json_object_get_string(parsed), text);
    assert_null(strchr(buf_string(&json), '\n'));
    json_object_put(parsed);
    buf_done(&json);
}

static void test_json_text__what_fits_is_cut_between_characters(void **state)
{
    static const struct {
        const char *text;
        size_t max_bytes;
        size_t fits;
    } CASES[] = {
        {"hello", 5, 5}, {"hello", 4, 4},    {"ää", 4, 4},        {"ää", 3, 2},
        {"文", 2, 3},    {"a文b", 4, 4},     {"\x01\x02", 12, 2}, {"\x01\x02", 11, 1},
        {"\"\"", 6, 1},  {"🙂🙂", 7, 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        assert_int_equal(json_text_fit(CASES[i].text, strlen(CASES[i].text), CASES[i].max_bytes),
                         CASES[i].fits);
}

static void test_json_text__what_fits_really_does(void **state)
{
    static const char TEXT[] = "a\n\"b\\\x1f\x7f文字🙂äöü\tend";

    (void)state;
    for (size_t max_bytes = 6; max_bytes < 80; max_bytes++) {
        struct buf json;

        buf_init(&json, 4096);
        json_text_append(&json, TEXT, json_text_fit(TEXT, strlen(TEXT), max_bytes));
        assert_in_range(json.length, 2, max_bytes + 2);
        buf_done(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_text__every_character_comes_back),
        cmocka_unit_test(test_json_text__what_fits_is_cut_between_characters),
        cmocka_unit_test(test_json_text__what_fits_really_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
