/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/seam.h"

#define RATE 1000 /* positions in these tests are milliseconds */

static void add(struct reading *reading, const char *text, int64_t start, int64_t end)
{
    char spaced[64];

    (void)snprintf(spaced, sizeof spaced, " %s", text);
    reading_add_word(
        reading, &(struct reading_word){.text = spaced, .start = start, .end = end, .segment = -1});
}

/* A word every 400 ms that says which one it is: distinct, and unlike its neighbours. */
static void numbered(int index, char *ret_text, size_t size)
{
    static const char *const NAMES[] = {"apple",  "bridge", "candle", "dragon",
                                        "engine", "forest", "guitar", "hammer"};

    (void)snprintf(ret_text, size, "%s%d", NAMES[index % 8], 100 + index * 7);
}

/* The words whose middle lies in [from, to) of an endless recitation; positions relative to
 * `zero`. */
static struct reading recite(int64_t from, int64_t to, int64_t zero)
{
    struct reading reading = {.start = from - zero, .end = to - zero};

    for (int i = 0; i < 500; i++) {
        int64_t start = (int64_t)i * 400;
        char text[32];

        if (start + 150 < from || start + 150 >= to)
            continue;
        numbered(i, text, sizeof text);
        add(&reading, text, start - zero, start + 300 - zero);
    }
    return reading;
}

static char *joined(const struct reading *earlier, const struct reading *later,
                    const struct seam_choice *choice)
{
    CLEANUP(mem_free_at) char *left = reading_text(earlier, 0, choice->earlier_end);
    CLEANUP(mem_free_at) char *right = reading_text(later, choice->later_start, later->word_count);

    return mem_format("%s%s%s", left, left[0] != '\0' && right[0] != '\0' ? " " : "", right);
}

static char *recited_text(int64_t from, int64_t to)
{
    struct reading reading = recite(from, to, 0);
    char *text = reading_text(&reading, 0, reading.word_count);

    reading_done(&reading);
    return text;
}

static struct seam_choice join(const struct reading *earlier, const struct reading *later,
                               int64_t later_offset, int64_t border)
{
    return seam_join(&(struct seam_input){.earlier = {earlier, 0},
                                          .later = {later, later_offset},
                                          .border = border,
                                          .sample_rate = RATE});
}

/* Every word is said once, wherever the border and however far each side reaches. */
static void test_seam__every_word_once(void **state)
{
    (void)state;
    for (int64_t border = 20000; border < 20400; border += 7) {
        for (int64_t reach = 0; reach <= 12000; reach += 1300) {
            struct reading earlier = recite(0, border + reach, 0);
            struct reading later = recite(border - reach, 40000, border);
            struct seam_choice choice = join(&earlier, &later, border, border);
            CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
            CLEANUP(mem_free_at) char *expected = recited_text(0, 40000);

            assert_string_equal(text, expected);
            assert_int_equal(choice.method, reach == 0 ? SEAM_HARD_CUT : choice.method);
            reading_done(&earlier);
            reading_done(&later);
        }
    }
}

static void test_seam__one_side_that_spans_is_enough(void **state)
{
    struct reading earlier = recite(0, 20000, 0);
    struct reading later = recite(14000, 40000, 20000);

    (void)state;
    struct seam_choice choice = join(&earlier, &later, 20000, 20000);
    CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
    CLEANUP(mem_free_at) char *expected = recited_text(0, 40000);
    assert_string_equal(text, expected);
    assert_int_equal(choice.method, SEAM_AGREED);
    /* 3.5 s before the end of the earlier reading, to the nearest word. */
    assert_in_range(choice.crossing, 16300, 16700);
    reading_done(&earlier);
    reading_done(&later);
}

/* What is heard wrongly at the edges of the readings does not reach the text. */
static void test_seam__edges_are_not_believed(void **state)
{
    struct reading earlier = recite(0, 26000, 0);
    struct reading later = recite(14000, 40000, 20000);
    (void)state;

    for (size_t i = 0; i < earlier.word_count; i++) {
        if (earlier.words[i].start > 24200)
            memcpy(earlier.words[i].text, " wrong", 7);
    }
    for (size_t i = 0; i < later.word_count && later.words[i].start < -4800; i++)
        memcpy(later.words[i].text, " wrong", 7);
    struct seam_choice choice = join(&earlier, &later, 20000, 20000);
    CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
    CLEANUP(mem_free_at) char *expected = recited_text(0, 40000);
    assert_string_equal(text, expected);
    reading_done(&earlier);
    reading_done(&later);
}

static void test_seam__a_repeated_phrase_is_not_a_seam(void **state)
{
    struct reading earlier = {.end = 12000};
    struct reading later = {.start = 6000, .end = 20000};
    static const char *const SONG[] = {"row",  "row",  "row",    "your", "boat", "gently",
                                       "down", "the",  "stream", "row",  "row",  "row",
                                       "your", "boat", "gently", "down", "the",  "stream"};
    struct buf expected;
    (void)state;

    buf_init(&expected, 4096);
    for (int i = 0; i < 18; i++) {
        int64_t start = (int64_t)i * 1000;

        if (start < 12000)
            add(&earlier, SONG[i], start, start + 800);
        if (start >= 6000)
            add(&later, SONG[i], start, start + 800);
        buf_append_format(&expected, "%s%s", i > 0 ? " " : "", SONG[i]);
    }
    struct seam_choice choice = join(&earlier, &later, 0, 9000);
    CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
    assert_string_equal(text, buf_string(&expected));
    buf_done(&expected);
    reading_done(&earlier);
    reading_done(&later);
}

static void test_seam__without_agreement_it_is_cut_by_time(void **state)
{
    struct reading earlier = {.end = 12000};
    struct reading later = {.start = 6000, .end = 20000};
    (void)state;

    add(&earlier, "alpha", 1000, 1500);
    add(&earlier, "beta", 7000, 7500);
    add(&earlier, "gamma", 11000, 11500);
    add(&later, "zulu", 7100, 7500);
    add(&later, "yankee", 11100, 11500);
    add(&later, "xray", 15000, 15500);
    struct seam_choice choice = join(&earlier, &later, 0, 9000);
    CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
    assert_int_equal(choice.method, SEAM_BY_TIME);
    assert_string_equal(text, "alpha beta yankee xray");
    reading_done(&earlier);
    reading_done(&later);
}

/* The middles of one word fall on the two sides of the cut: it is neither doubled nor lost. */
/* A recogniser leaves out the half sentence that its sound begins or ends with. */
static void test_seam__what_only_one_side_heard_is_kept(void **state)
{
    static const struct {
        int64_t earlier_stops;
        int64_t later_speaks;
    } CASES[] = {{19800, 20200}, {18900, 19400}, {19900, 26000}, {13000, 14000}, {15500, 16000}};
    (void)state;

    for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        struct reading earlier = recite(0, CASES[c].earlier_stops, 0);
        struct reading later = recite(CASES[c].later_speaks, 40000, 20000);
        earlier.end = 20000;
        later.start = -6000;

        struct seam_choice choice = join(&earlier, &later, 20000, 20000);
        CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
        CLEANUP(mem_free_at) char *left = recited_text(0, CASES[c].earlier_stops);
        CLEANUP(mem_free_at) char *right = recited_text(CASES[c].later_speaks, 40000);
        CLEANUP(mem_free_at) char *expected = mem_format("%s %s", left, right);
        assert_string_equal(text, expected);
        assert_int_equal(choice.method, SEAM_BY_TIME);
        reading_done(&earlier);
        reading_done(&later);
    }
}

static void test_seam__word_on_the_cut_is_said_once(void **state)
{
    static const struct {
        int64_t in_earlier, in_later;
    } CASES[] = {{8900, 9100}, {9100, 8900}};
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct reading earlier = {.end = 9000};
        struct reading later = {.start = 9000, .end = 20000};

        add(&earlier, "one-sided", 1000, 1500);
        add(&earlier, "Seam,", CASES[i].in_earlier - 100, CASES[i].in_earlier + 100);
        add(&later, "seam", CASES[i].in_later - 100, CASES[i].in_later + 100);
        add(&later, "after", 12000, 12500);
        struct seam_choice choice = join(&earlier, &later, 0, 9000);
        CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
        assert_string_equal(text, "one-sided Seam, after");
        reading_done(&earlier);
        reading_done(&later);
    }
}

static void test_seam__what_is_out_stays(void **state)
{
    struct reading earlier = recite(0, 26000, 0);
    struct reading later = recite(14000, 40000, 20000);
    (void)state;

    for (size_t emitted = 0; emitted <= earlier.word_count; emitted++) {
        struct seam_choice choice = seam_join(&(struct seam_input){.earlier = {&earlier, 0},
                                                                   .later = {&later, 20000},
                                                                   .border = 20000,
                                                                   .sample_rate = RATE,
                                                                   .earlier_emitted = emitted});
        CLEANUP(mem_free_at) char *text = joined(&earlier, &later, &choice);
        CLEANUP(mem_free_at) char *expected = recited_text(0, 40000);
        assert_true(choice.earlier_end >= emitted);
        assert_string_equal(text, expected);
    }
    reading_done(&earlier);
    reading_done(&later);
}

static void test_seam__empty_readings(void **state)
{
    struct reading empty = {.end = 26000};
    struct reading empty_later = {.start = -6000, .end = 20000};
    struct reading words = recite(0, 26000, 0);
    struct reading later = recite(14000, 40000, 20000);
    (void)state;

    struct seam_choice choice = join(&empty, &empty_later, 20000, 20000);
    assert_int_equal(choice.earlier_end, 0);
    assert_int_equal(choice.later_start, 0);
    choice = join(&words, &empty_later, 20000, 20000);
    CLEANUP(mem_free_at) char *left = joined(&words, &empty_later, &choice);
    CLEANUP(mem_free_at) char *expected = recited_text(0, 26000);
    assert_string_equal(left, expected);
    choice = join(&empty, &later, 20000, 20000);
    CLEANUP(mem_free_at) char *right = joined(&empty, &later, &choice);
    CLEANUP(mem_free_at) char *rest = recited_text(14000, 40000);
    assert_string_equal(right, rest);
    reading_done(&words);
    reading_done(&later);
}

static uint64_t random_state = 42;

static unsigned random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(random_state >> 33) % limit;
}

static struct reading random_reading(int64_t from, int64_t to)
{
    static const char *const WORDS[] = {"a", "the", "cat", "sat", "...", "\xC3\x89t\xC3\xA9", "9"};
    struct reading reading = {.start = from, .end = to};

    for (int64_t at = from; at < to && random_below(40) > 0; at += random_below(900))
        add(&reading, WORDS[random_below(ARRAY_LEN(WORDS))], at, at + random_below(600));
    return reading;
}

/* Whatever two readings say: order is kept and nothing that is out is taken back. */
static void test_seam__any_two_readings(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        int64_t border = 10000 + random_below(3000);
        struct reading earlier = random_reading(0, border + random_below(7000));
        struct reading later = random_reading(border - random_below(7000), 25000);
        size_t emitted = random_below((unsigned)earlier.word_count + 1);
        struct seam_choice choice = seam_join(&(struct seam_input){.earlier = {&earlier, 0},
                                                                   .later = {&later, 0},
                                                                   .border = border,
                                                                   .sample_rate = RATE,
                                                                   .earlier_emitted = emitted});

        assert_in_range(choice.earlier_end, emitted, earlier.word_count);
        assert_in_range(choice.later_start, 0, later.word_count);
        reading_done(&earlier);
        reading_done(&later);
    }
}

/* What a join leaves of two readings, as a reading; freed by the caller. */
static struct reading joined_reading(const struct reading *earlier, const struct reading *later)
{
    int64_t border = (earlier->end + later->start) / 2;
    struct seam_choice choice = join(earlier, later, 0, border);
    struct reading whole = {.start = earlier->start, .end = later->end};

    for (size_t i = 0; i < choice.earlier_end; i++)
        reading_add_word(&whole, &earlier->words[i]);
    for (size_t i = choice.later_start; i < later->word_count; i++)
        reading_add_word(&whole, &later->words[i]);
    return whole;
}

static char *whole_text(const struct reading *reading)
{
    return reading_text(reading, 0, reading->word_count);
}

static int64_t word_middle(const struct reading_word *word)
{
    return word->start + (word->end - word->start) / 2;
}

/* The words of a reading from where it has been cut, as another reading of the same sound. */
static struct reading rest_of(const struct reading *reading, int64_t from)
{
    struct reading rest = {.start = from, .end = reading->end};

    for (size_t i = 0; i < reading->word_count; i++) {
        if (word_middle(&reading->words[i]) >= from)
            reading_add_word(&rest, &reading->words[i]);
    }
    return rest;
}

static void test_seam__the_same_reading_twice_is_itself(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct reading earlier = random_reading(0, 14000);
        struct reading later = rest_of(&earlier, random_below(14000));
        struct reading whole = joined_reading(&earlier, &later);
        CLEANUP(mem_free_at) char *text = whole_text(&whole);
        CLEANUP(mem_free_at) char *expected = whole_text(&earlier);

        assert_string_equal(text, expected);
        reading_done(&earlier);
        reading_done(&later);
        reading_done(&whole);
    }
}

/* No word comes before one that was said more than the time gate earlier. */
static void test_seam__words_stay_in_order(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        int64_t border = 10000 + random_below(3000);
        struct reading earlier = random_reading(0, border + random_below(7000));
        struct reading later = random_reading(border - random_below(7000), 25000);
        struct seam_choice choice = join(&earlier, &later, 0, border);

        if (choice.earlier_end > 0 && choice.later_start < later.word_count) {
            const struct reading_word *last = &earlier.words[choice.earlier_end - 1];
            const struct reading_word *first = &later.words[choice.later_start];
            /* Words of one reading overlap by up to 600 ms here. */
            assert_true(word_middle(first) >= word_middle(last) - 700 - 600);
        }
        reading_done(&earlier);
        reading_done(&later);
    }
}

/* Three stretches of which the outer two do not meet: whichever seam is decided first. */
static void test_seam__which_seam_comes_first_is_the_same(void **state)
{
    (void)state;
    for (int round = 0; round < 1000; round++) {
        struct reading first = random_reading(0, 15000);
        struct reading second = random_reading(9000, 31000);
        struct reading third = random_reading(25000, 40000);
        struct reading left = joined_reading(&first, &second);
        struct reading right = joined_reading(&second, &third);
        struct reading left_first = joined_reading(&left, &third);
        struct reading right_first = joined_reading(&first, &right);
        CLEANUP(mem_free_at) char *one = whole_text(&left_first);
        CLEANUP(mem_free_at) char *other = whole_text(&right_first);

        assert_string_equal(one, other);
        reading_done(&first);
        reading_done(&second);
        reading_done(&third);
        reading_done(&left);
        reading_done(&right);
        reading_done(&left_first);
        reading_done(&right_first);
    }
}

static void test_seam__confidence_is_the_share_of_agreement(void **state)
{
    struct reading earlier = recite(0, 26000, 0);
    struct reading later = recite(14000, 40000, 0);
    struct reading silent = {.start = 14000, .end = 40000};
    struct reading behind = {.start = 26000, .end = 40000};
    (void)state;

    struct seam_choice same = join(&earlier, &later, 0, 20000);
    assert_true(seam_confidence(&same) > 0.9 && seam_confidence(&same) <= 1.0);
    struct seam_choice one_sided = join(&earlier, &silent, 0, 20000);
    assert_true(seam_confidence(&one_sided) <= 0.0);
    struct seam_choice both_silent = join(&silent, &silent, 0, 20000);
    assert_true(seam_confidence(&both_silent) >= 1.0);
    struct seam_choice apart = join(&earlier, &behind, 0, 26000);
    assert_int_equal(apart.method, SEAM_HARD_CUT);
    assert_true(seam_confidence(&apart) <= 0.0);
    reading_done(&earlier);
    reading_done(&later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seam__every_word_once),
        cmocka_unit_test(test_seam__one_side_that_spans_is_enough),
        cmocka_unit_test(test_seam__edges_are_not_believed),
        cmocka_unit_test(test_seam__a_repeated_phrase_is_not_a_seam),
        cmocka_unit_test(test_seam__without_agreement_it_is_cut_by_time),
        cmocka_unit_test(test_seam__what_only_one_side_heard_is_kept),
        cmocka_unit_test(test_seam__word_on_the_cut_is_said_once),
        cmocka_unit_test(test_seam__what_is_out_stays),
        cmocka_unit_test(test_seam__empty_readings),
        cmocka_unit_test(test_seam__any_two_readings),
        cmocka_unit_test(test_seam__the_same_reading_twice_is_itself),
        cmocka_unit_test(test_seam__words_stay_in_order),
        cmocka_unit_test(test_seam__which_seam_comes_first_is_the_same),
        cmocka_unit_test(test_seam__confidence_is_the_share_of_agreement),
    };
    return cmocka_run_group_tests_name("seam", tests, NULL, NULL);
}
