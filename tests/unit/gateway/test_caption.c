/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/mem.h"
#include "gateway/caption.h"

#define CUES_MAX 4096

struct cue {
    int64_t start_ms;
    int64_t end_ms;
    char *text;
};

struct made {
    struct cue cues[CUES_MAX];
    size_t count;
};

static struct made made;

static void on_cue(void *context, const struct caption_cue *cue)
{
    struct made *to = context;

    assert_true(to->count < CUES_MAX);
    to->cues[to->count++] = (struct cue){cue->start_ms, cue->end_ms, mem_copy_string(cue->text)};
}

static int clear(void **state UNUSED)
{
    for (size_t i = 0; i < made.count; i++)
        free(made.cues[i].text);
    made.count = 0;
    return 0;
}

static struct captions *captions_of(const struct caption_rules *rules)
{
    return captions_new(rules, on_cue, &made);
}

static void finish(struct captions *captions)
{
    captions_finish(captions);
    captions_free(captions);
}

/* Words of the text, parted at spaces, each as long as given, one directly after the other. */
static int64_t say(struct captions *captions, const char *text, int64_t at_ms, int64_t word_ms)
{
    char word[256];

    for (const char *rest = text; *rest != '\0'; at_ms += word_ms) {
        size_t length = strcspn(rest + 1, " ") + 1;
        snprintf(word, sizeof word, "%s%.*s", *rest == ' ' ? "" : " ", (int)length, rest);
        captions_add(captions, word, at_ms, at_ms + word_ms);
        rest += length;
    }
    return at_ms;
}

static void check(size_t index, int64_t start_ms, int64_t end_ms, const char *text)
{
    assert_true(index < made.count);
    assert_string_equal(made.cues[index].text, text);
    assert_int_equal(made.cues[index].start_ms, start_ms);
    assert_int_equal(made.cues[index].end_ms, end_ms);
}

static void test_caption__nothing_said_is_no_caption(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);

    captions_add(captions, " ", 0, 100);
    captions_add(captions, "", 0, 100);
    captions_break(captions);
    finish(captions);
    assert_int_equal(made.count, 0);
}

static void test_caption__a_short_one_stays_for_the_minimum(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);

    captions_add(captions, "Yes.", 1000, 1200);
    finish(captions);
    assert_int_equal(made.count, 1);
    check(0, 1000, 1833, "Yes.");
}

static void test_caption__one_spoken_fast_stays_until_it_is_read(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);

    /* 60 characters with their spaces in one second: three at 20 a second. */
    (void)say(captions, "aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii jjjj kkkk llll", 0, 83);
    finish(captions);
    check(0, 0, 3000, "aaaa bbbb cccc dddd eeee ffff\ngggg hhhh iiii jjjj kkkk llll");
}

static void test_caption__the_next_one_is_never_delayed(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);

    captions_add(captions, "Quick", 0, 300);
    captions_break(captions);
    captions_add(captions, " answer", 400, 700);
    finish(captions);
    check(0, 0, 400 - 83, "Quick");
    check(1, 400, 1233, "answer");
}

static void test_caption__a_sentence_a_pause_and_a_break_end_it(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);
    int64_t at_ms = say(captions, "This ends “here.” Then a", 0, 500);

    at_ms = say(captions, "pause", at_ms, 500);
    at_ms = say(captions, "and on", at_ms + 1000, 500);
    captions_break(captions);
    (void)say(captions, "after a break", at_ms, 500);
    finish(captions);
    assert_int_equal(made.count, 4);
    assert_string_equal(made.cues[0].text, "This ends “here.”");
    assert_string_equal(made.cues[1].text, "Then a pause");
    assert_string_equal(made.cues[2].text, "and on");
    assert_string_equal(made.cues[3].text, "after a break");
}

static void test_caption__a_full_one_is_divided_behind_a_clause(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);

    (void)say(
        captions,
        "One of the many things that he said on the way home, that evening was rather remarkable",
        0, 200);
    finish(captions);
    assert_int_equal(made.count, 2);
    assert_string_equal(made.cues[0].text, "One of the many things that\nhe said on the way home,");
    assert_string_equal(made.cues[1].text, "that evening was rather remarkable");
}

static void test_caption__the_longest_time_divides_too(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);

    (void)say(captions, "slow words with much time each", 0, 2000);
    finish(captions);
    assert_int_equal(made.count, 2);
    check(0, 0, 5917, "slow words with");
    check(1, 6000, 12000, "much time each");
}

static void test_caption__what_is_glued_stays_together(void **state UNUSED)
{
    struct caption_rules rules = caption_rules_default;
    rules.line_characters = 10;
    rules.lines = 1;
    struct captions *captions = captions_of(&rules);

    captions_add(captions, " about", 0, 100);
    captions_add(captions, " U", 100, 200);
    captions_add(captions, ".S", 200, 300);
    captions_add(captions, ".", 300, 400);
    captions_add(captions, " a", 400, 500);
    finish(captions);
    assert_int_equal(made.count, 2);
    assert_string_equal(made.cues[0].text, "about U.S.");
    assert_string_equal(made.cues[1].text, "a");
    clear(NULL);

    captions = captions_of(&rules);
    captions_add(captions, " aboutness", 0, 100);
    captions_add(captions, " U", 100, 200);
    captions_add(captions, ".S", 200, 300);
    finish(captions);
    assert_string_equal(made.cues[0].text, "aboutness");
    assert_string_equal(made.cues[1].text, "U.S");
}

static void test_caption__a_word_longer_than_a_line_is_cut_with_its_time(void **state UNUSED)
{
    struct caption_rules rules = caption_rules_default;
    rules.line_characters = 10;
    rules.lines = 1;
    rules.min_duration_ms = 0;
    rules.gap_ms = 0;
    struct captions *captions = captions_of(&rules);

    captions_add(captions, " ääääääääääöööööööööö", 0, 2000);
    finish(captions);
    assert_int_equal(made.count, 2);
    check(0, 0, 1000, "ääääääääää");
    check(1, 1000, 2000, "öööööööööö");
}

static void test_caption__scripts_without_spaces_have_sentences_too(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);
    static const char *const WORDS[] = {"今天", "天气", "很", "好", "。", "我们", "出去", "吧"};

    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++)
        captions_add(captions, WORDS[i], (int64_t)i * 300, (int64_t)i * 300 + 300);
    finish(captions);
    assert_int_equal(made.count, 2);
    assert_string_equal(made.cues[0].text, "今天天气很好。");
    assert_string_equal(made.cues[1].text, "我们出去吧");
}

static void test_caption__control_characters_become_spaces(void **state UNUSED)
{
    struct captions *captions = captions_of(&caption_rules_default);

    captions_add(captions, " \na\n\nb\r", 0, 1000);
    finish(captions);
    assert_string_equal(made.cues[0].text, "a  b");
}

static int64_t line_length(const char *line, size_t bytes)
{
    int64_t characters = 0;

    for (size_t i = 0; i < bytes; i++)
        characters += ((unsigned char)line[i] & 0xc0) != 0x80;
    return characters;
}

static void check_lines(const char *text, const struct caption_rules *rules)
{
    int64_t lines = 1;

    for (const char *line = text;; lines++) {
        size_t bytes = strcspn(line, "\n");
        assert_in_range(line_length(line, bytes), 1, rules->line_characters);
        assert_true(line[0] != ' ' && line[bytes - 1] != ' ');
        if (line[bytes] == '\0')
            break;
        line += bytes + 1;
    }
    assert_in_range(lines, 1, rules->lines);
}

/* Any words, also with times that go back: every rule holds, and no character is lost. */
static void test_caption__any_words_give_lawful_captions(void **state UNUSED)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct caption_rules rules = caption_rules_default;
        CLEANUP(buf_done) struct buf said;
        CLEANUP(buf_done) struct buf shown;
        int64_t at_ms = 0, last_end_ms = 0;

        srandom(seed);
        rules.line_characters = 10 + random() % 40;
        rules.lines = 1 + random() % 3;
        struct captions *captions = captions_of(&rules);
        buf_init(&said, 1 << 20);
        buf_init(&shown, 1 << 20);
        for (int i = 0; i < 300; i++) {
            char word[64] = " ";
            size_t length = (size_t)(random() % 5 > 0);
            for (long k = random() % (random() % 20 == 0 ? 50 : 9); k >= 0; k--)
                word[length++] = "abcdefghij.,"[random() % 12];
            at_ms += random() % 700 - 100;
            at_ms = at_ms < 0 ? 0 : at_ms;
            captions_add(captions, word, at_ms, at_ms + random() % 900);
            buf_append_string(&said, word[0] == ' ' ? word + 1 : word);
            if (random() % 50 == 0)
                captions_break(captions);
        }
        finish(captions);
        for (size_t i = 0; i < made.count; i++) {
            const struct cue *cue = &made.cues[i];
            assert_true(cue->start_ms >= last_end_ms && cue->end_ms > cue->start_ms);
            last_end_ms = cue->end_ms;
            check_lines(cue->text, &rules);
            for (const char *c = cue->text; *c != '\0'; c++)
                if (*c != ' ' && *c != '\n')
                    buf_append(&shown, c, 1);
        }
        assert_string_equal(buf_string(&shown), buf_string(&said));
        clear(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_caption__nothing_said_is_no_caption, clear),
        cmocka_unit_test_teardown(test_caption__a_short_one_stays_for_the_minimum, clear),
        cmocka_unit_test_teardown(test_caption__one_spoken_fast_stays_until_it_is_read, clear),
        cmocka_unit_test_teardown(test_caption__the_next_one_is_never_delayed, clear),
        cmocka_unit_test_teardown(test_caption__a_sentence_a_pause_and_a_break_end_it, clear),
        cmocka_unit_test_teardown(test_caption__a_full_one_is_divided_behind_a_clause, clear),
        cmocka_unit_test_teardown(test_caption__the_longest_time_divides_too, clear),
        cmocka_unit_test_teardown(test_caption__what_is_glued_stays_together, clear),
        cmocka_unit_test_teardown(test_caption__a_word_longer_than_a_line_is_cut_with_its_time,
                                  clear),
        cmocka_unit_test_teardown(test_caption__scripts_without_spaces_have_sentences_too, clear),
        cmocka_unit_test_teardown(test_caption__control_characters_become_spaces, clear),
        cmocka_unit_test_teardown(test_caption__any_words_give_lawful_captions, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
