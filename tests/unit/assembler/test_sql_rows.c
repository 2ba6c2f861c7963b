/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assembler/sql_rows.h"
#include "common/attrs.h"

static void test_sql_rows__rows_become_columns(void **state)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    (void)state;
    sql_rows_init(&rows, 4);
    sql_rows_text(&rows, "one");
    sql_rows_int(&rows, INT64_MIN);
    sql_rows_bool(&rows, true);
    sql_rows_natural(&rows, 0);
    sql_rows_text(&rows, NULL);
    sql_rows_null(&rows);
    sql_rows_bool(&rows, false);
    sql_rows_natural(&rows, -1);
    const char *const *literals = sql_rows_finish(&rows);
    assert_int_equal(rows.row_count, 2);
    assert_string_equal(literals[0], "{\"one\",NULL}");
    assert_string_equal(literals[1], "{-9223372036854775808,NULL}");
    assert_string_equal(literals[2], "{t,f}");
    assert_string_equal(literals[3], "{0,NULL}");
}

static void test_sql_rows__texts_are_quoted(void **state)
{
    static const struct {
        const char *text;
        const char *literal;
    } CASES[] = {
        {"", "{\"\"}"},           {"NULL", "{\"NULL\"}"}, {"a\"b", "{\"a\\\"b\"}"},
        {"a\\b", "{\"a\\\\b\"}"}, {"{,}", "{\"{,}\"}"},   {"\\\"", "{\"\\\\\\\"\"}"},
        {"%s%n", "{\"%s%n\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        CLEANUP(sql_rows_done) struct sql_rows rows;

        sql_rows_init(&rows, 1);
        sql_rows_text(&rows, CASES[i].text);
        assert_string_equal(sql_rows_finish(&rows)[0], CASES[i].literal);
    }
}

static void test_sql_rows__no_rows_are_empty_arrays(void **state)
{
    CLEANUP(sql_rows_done) struct sql_rows rows;

    (void)state;
    sql_rows_init(&rows, 2);
    assert_string_equal(sql_rows_finish(&rows)[1], "{}");
    assert_string_equal(sql_rows_finish(&rows)[1], "{}"); /* and again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sql_rows__rows_become_columns),
        cmocka_unit_test(test_sql_rows__texts_are_quoted),
        cmocka_unit_test(test_sql_rows__no_rows_are_empty_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
