/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/spelling.h"

static const char *guess(const char *misspelt)
{
    static const char *const known[] = {"listen", "store", "slots", "chunk_size_mb", "chunk_index"};
    struct spelling_guess guess = {0};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        spelling_offer(&guess, misspelt, known[i]);
    return guess.name;
}

static void test_spelling__the_nearest_name_within_two_edits(void **state)
{
    static const struct {
        const char *misspelt;
        const char *wanted;
    } rows[] = {
        {"slot", "slots"},
        {"solts", "slots"},
        {"sotre", "store"},
        {"lissten", "listen"},
        {"chunk_indx", "chunk_index"},
        {"chunk_size_md", "chunk_size_mb"},
        {"listening", NULL},
        {"x", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *got = guess(rows[i].misspelt);
        if (rows[i].wanted == NULL)
            assert_null(got);
        else
            assert_string_equal(got, rows[i].wanted);
    }
}

static void test_spelling__a_names_beginning_is_near_it(void **state)
{
    (void)state;
    assert_string_equal(guess("chunk_size"), "chunk_size_mb");
    assert_string_equal(guess("list"), "listen");
    assert_null(guess("lis")); /* too short to tell */
}

static void test_spelling__overlong_names_are_not_compared(void **state)
{
    char name[300];

    (void)state;
    memset(name, 's', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_null(guess(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spelling__the_nearest_name_within_two_edits),
        cmocka_unit_test(test_spelling__a_names_beginning_is_near_it),
        cmocka_unit_test(test_spelling__overlong_names_are_not_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
