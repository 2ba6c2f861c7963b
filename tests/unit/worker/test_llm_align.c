/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/worker/reading_fixture.h"
#include "worker/llm_align.h"

static const struct llm_span EVERYWHERE = {INT64_MIN, INT64_MAX};

/* Lays `answer` beside the reading from word `first` on; returns how many words changed. */
static size_t apply(struct reading *reading, size_t first, const char *answer, struct llm_span span)
{
    struct llm_units heard;
    struct llm_units units;
    struct llm_alignment alignment;

    llm_units_of_words(reading, first, reading->word_count, &heard);
    llm_units_of_text(answer, &units);
    llm_align(&heard, &units, &alignment);
    size_t changed = llm_align_apply(&alignment, &heard, &units, span, reading, first);
    llm_alignment_done(&alignment);
    llm_units_done(&units);
    llm_units_done(&heard);
    return changed;
}

static const struct {
    const char *what;
    const char *heard;
    const char *answer;
    const char *expected;
} ROWS[] = {
    {"nothing changes", " It| was| a| day.", "It was a day.", " It| was| a| day."},
    {"capitals and punctuation", " it| was| the| best| of| times", "It was the best of times.",
     " It| was| the| best| of| times."},
    {"a word is mended", " The| quik| fox", "The quick fox", " The| quick| fox"},
    {"a word is exchanged", " their| is| a| house", "There is a house", " There| is| a| house"},
    {"two become one", " on| a| nother| day", "on another day", " on|| another| day"},
    {"one becomes two", " we| aswell| went", "we as well went", " we as| well| went"},
    {"a word is left out", " it| it| was", "it was", "| it| was"},
    {"a word is added at the end", " we| went", "we went home", " we| went home"},
    {"a word is added at the beginning", " we| went| home", "So we went home",
     " So we| went| home"},
    {"no space before the first word", "It| was", "It were", "It| were"},
    {"Chinese, words of several characters", "你好|世界|我们|来了", "你好，世界我们来啦。",
     "你好，|世界|我们|来啦。"},
    {"Japanese with a Latin word", "これは| OpenAI|です", "これは OpenAI です。",
     "これは| OpenAI| です。"},
    {"German", " wir| gehen| morgen| nach| haus", "Wir gehen morgen nach Haus.",
     " Wir| gehen| morgen| nach| Haus."},
    {"a dash by itself", " yes| -| no", "yes - no!", " yes| -| no!"},
};

static void test_llm_align__each_word_keeps_its_correction(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct reading reading = fixture_reading(ROWS[i].heard);

        (void)apply(&reading, 0, ROWS[i].answer, EVERYWHERE);
        CLEANUP(mem_free_at) char *words = fixture_barred(&reading);
        if (strcmp(words, ROWS[i].expected) != 0)
            fail_msg("%s: %s", ROWS[i].what, words);
        /* Nothing of the answer is lost, whatever the words it went to. */
        CLEANUP(mem_free_at)
        char *text = reading_corrected_text(&reading, 0, reading.word_count);
        assert_string_equal(text, ROWS[i].answer);
        reading_done(&reading);
    }
}

static void test_llm_align__an_unchanged_word_has_no_correction(void **state)
{
    struct reading reading = fixture_spaced("it was a day");

    (void)state;
    assert_int_equal(apply(&reading, 0, "It was a day.", EVERYWHERE), 2);
    assert_non_null(reading.words[0].corrected);
    assert_null(reading.words[1].corrected);
    assert_null(reading.words[2].corrected);
    assert_non_null(reading.words[3].corrected);
    reading_done(&reading);
}

static void test_llm_align__a_piece_begins_anywhere(void **state)
{
    struct reading reading = fixture_spaced("it was a day");

    (void)state;
    (void)apply(&reading, 2, "an evening", EVERYWHERE);
    CLEANUP(mem_free_at) char *words = fixture_barred(&reading);
    assert_string_equal(words, " it| was| an| evening");
    reading_done(&reading);
}

/* Words that became one get their correction together, or not at all. */
static void test_llm_align__outside_of_the_span_words_stay(void **state)
{
    static const struct {
        int64_t from;
        int64_t to;
        const char *expected;
    } SPANS[] = {
        {0, 6 * FIXTURE_SECOND, " ON|| another| DAY| we| WENT"},
        {3 * FIXTURE_SECOND, 5 * FIXTURE_SECOND, " on| a| nother| DAY| we| went"},
        {2 * FIXTURE_SECOND, 6 * FIXTURE_SECOND, " on| a| nother| DAY| we| WENT"},
        {INT64_MIN, 2 * FIXTURE_SECOND, " on| a| nother| day| we| went"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(SPANS); i++) {
        struct reading reading = fixture_reading(" on| a| nother| day| we| went");
        (void)apply(&reading, 0, "ON another DAY we WENT",
                    (struct llm_span){SPANS[i].from, SPANS[i].to});
        CLEANUP(mem_free_at) char *words = fixture_barred(&reading);
        if (strcmp(words, SPANS[i].expected) != 0)
            fail_msg("span %zu: %s", i, words);
        reading_done(&reading);
    }
}

/* Whatever the two texts, the answer comes out whole and in order. */
static void test_llm_align__any_two_texts_have_an_alignment(void **state)
{
    static const char *const WORDS[] = {"one", "too", "tree", "fore", "-", "five!", "six", "Seven"};
    uint64_t random = 1;

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct buf texts[2];

        for (int i = 0; i < 2; i++) {
            buf_init(&texts[i], 1 << 16);
            random = random * 6364136223846793005U + 1442695040888963407U;
            for (uint64_t n = 1 + (random >> 33) % (round < 200 ? 12 : 160); n > 0; n--) {
                random = random * 6364136223846793005U + 1442695040888963407U;
                buf_append_format(&texts[i], "%s%s", texts[i].length > 0 ? " " : "",
                                  WORDS[(random >> 40) % ARRAY_LEN(WORDS)]);
            }
        }
        struct reading reading = fixture_spaced(buf_string(&texts[0]));
        (void)apply(&reading, 0, buf_string(&texts[1]), EVERYWHERE);
        CLEANUP(mem_free_at)
        char *text = reading_corrected_text(&reading, 0, reading.word_count);
        assert_string_equal(text, buf_string(&texts[1]));
        reading_done(&reading);
        buf_done(&texts[0]);
        buf_done(&texts[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llm_align__each_word_keeps_its_correction),
        cmocka_unit_test(test_llm_align__an_unchanged_word_has_no_correction),
        cmocka_unit_test(test_llm_align__a_piece_begins_anywhere),
        cmocka_unit_test(test_llm_align__outside_of_the_span_words_stay),
        cmocka_unit_test(test_llm_align__any_two_texts_have_an_alignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
