/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/word_match.h"

static void test_word_match__similarity(void **state)
{
    static const struct {
        const char *one, *other;
        int percent;
    } CASES[] = {
        {" Hello,", "hello", 100},
        {"don't", " Don\xE2\x80\x99t!", 100},
        {"\xC3\x89t\xC3\xA9", "\xC3\xA9t\xC3\xA9", 100},
        {"\xD0\x9C\xD0\xB8\xD1\x80", "\xD0\xBC\xD0\xB8\xD1\x80", 100},
        {"twelve", "12.", 100},
        {"two", "2", 100},
        {"colour", "color", 83},
        {"cat", "dog", 0},
        {"...", "...", 0},
        {"", "a", 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct word_match_form one;
        struct word_match_form other;

        word_match_normalise(CASES[i].one, &one);
        word_match_normalise(CASES[i].other, &other);
        assert_int_equal((int)(word_match_similarity(&one, &other) * 100.0), CASES[i].percent);
        assert_int_equal((int)(word_match_similarity(&other, &one) * 100.0), CASES[i].percent);
    }
}

static void test_word_match__long_words_are_cut(void **state)
{
    char word[500];
    struct word_match_form form;
    (void)state;

    for (size_t i = 0; i < sizeof word; i++)
        word[i] = 'x';
    word[sizeof word - 1] = '\0';
    word_match_normalise(word, &form);
    assert_int_equal(form.length, WORD_MATCH_CHARACTERS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_word_match__similarity),
        cmocka_unit_test(test_word_match__long_words_are_cut),
    };
    return cmocka_run_group_tests_name("word_match", tests, NULL, NULL);
}
