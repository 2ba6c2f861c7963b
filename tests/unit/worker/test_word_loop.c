/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/word_loop.h"

/* Words of a text, without times. */
static struct reading read_words(const char *text)
{
    struct reading reading = {0};
    CLEANUP(mem_free_at) char *copy = mem_copy_string(text);
    char *rest = NULL;

    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        reading_add_word(&reading, &(struct reading_word){.text = word, .segment = -1});
    return reading;
}

static void test_word_loop__finds_what_goes_in_circles(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        size_t first;
        size_t period;
        size_t last;
    } ROWS[] = {
        {"we all know that", 0, 0, 0, 0},
        {"no no no no no no no no no no no", 0, 0, 0, 0},
        {"no no no no no no no no no no no no", 1, 0, 1, 12},
        {"so thank you thank you thank you thank you thank you thank you bye", 1, 1, 2, 13},
        {"I Think, so I think so i think so. I think so", 1, 0, 3, 12},
        {"row row row your boat gently down the stream row row row your boat gently down the "
         "stream",
         0, 0, 0, 0},
        {"a b c d a b c d a b c d a b c", 0, 0, 0, 0},
        {"a b c d a b c d a b c d a b c d", 1, 0, 4, 16},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct reading reading = read_words(ROWS[i].text);
        size_t count;
        CLEANUP(mem_free_at) struct word_loop *loops = word_loop_find(&reading, &count);

        print_message("  %s\n", ROWS[i].text);
        assert_int_equal(count, ROWS[i].count);
        if (count == 1) {
            assert_int_equal(loops[0].first, ROWS[i].first);
            assert_int_equal(loops[0].period, ROWS[i].period);
            assert_int_equal(loops[0].last, ROWS[i].last);
        }
        reading_done(&reading);
    }
}

static void test_word_loop__finds_each_of_several(void **state)
{
    (void)state;
    struct reading reading = read_words("x x x x x x x x x x x x and then y y y y y y y y y y y y");
    size_t count;
    CLEANUP(mem_free_at) struct word_loop *loops = word_loop_find(&reading, &count);

    assert_int_equal(count, 2);
    assert_int_equal(loops[1].first, 14);
    assert_int_equal(loops[1].last, 26);
    reading_done(&reading);
}

static void test_word_loop__of_nothing(void **state)
{
    (void)state;
    const struct reading empty = {0};
    size_t count = 1;

    assert_null(word_loop_find(&empty, &count));
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_word_loop__finds_what_goes_in_circles),
        cmocka_unit_test(test_word_loop__finds_each_of_several),
        cmocka_unit_test(test_word_loop__of_nothing),
    };
    return cmocka_run_group_tests_name("word_loop", tests, NULL, NULL);
}
