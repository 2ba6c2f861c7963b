/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/worker/sound_fixture.h"
#include "worker/hearing.h"

#define AT(seconds) ((int64_t)((seconds)*SOUND_SECOND))
#define LENGTH_S 30

static const struct hearing_rules *rules_of(enum sound_class class)
{
    return hearing_rules_of_type("auto", class);
}

static struct sound_map *map_of(int16_t *take_samples)
{
    struct sound_map *map = sound_map_new(take_samples, (size_t)AT(LENGTH_S));

    free(take_samples);
    return map;
}

static struct sound_map *speech_map(void)
{
    int16_t *samples = sound_new(LENGTH_S);

    sound_add(samples, 0, LENGTH_S, sound_speech_at, 1);
    return map_of(samples);
}

static struct reading blank(void)
{
    return (struct reading){.end = AT(LENGTH_S)};
}

/* A word each half second of [from, to). */
static void say(struct reading *reading, double from, double to, int32_t segment)
{
    for (double at = from; at + 0.25 < to; at += 0.5) {
        char text[16];
        (void)snprintf(text, sizeof text, " w%d", (int)(at * 2));
        reading_add_word(
            reading, &(struct reading_word){
                         .text = text, .start = AT(at), .end = AT(at + 0.4), .segment = segment});
    }
}

static void say_at(struct reading *reading, double from, double to, const char *text,
                   int32_t segment)
{
    reading_add_word(reading, &(struct reading_word){.text = (char *)(uintptr_t)text,
                                                     .start = AT(from),
                                                     .end = AT(to),
                                                     .segment = segment});
}

static int64_t seconds_of(const struct coverage *coverage, enum coverage_kind kind)
{
    struct coverage_sums sums = coverage_sum(coverage);

    assert_int_equal(coverage_total(&sums), AT(LENGTH_S));
    return (sums.samples[kind] + SOUND_SECOND / 2) / SOUND_SECOND;
}

/* The first part of this kind; a part with neither reason nor text: none. */
static struct coverage_part part_of(const struct coverage *coverage, enum coverage_kind kind)
{
    for (size_t i = 0; i < coverage->count; i++) {
        if (coverage->parts[i].kind == kind)
            return coverage->parts[i];
    }
    return (struct coverage_part){.reason = COVERAGE_REASON_COUNT, .text = ""};
}

static void test_hearing__speech_with_its_words_is_text(void **state)
{
    (void)state;
    struct sound_map *map = speech_map();
    struct reading reading = blank();
    struct coverage coverage;

    say(&reading, 0, LENGTH_S, -1);
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    assert_false(hearing_is_doubtful(&hearing));
    hearing_conclude(&hearing, map, &coverage);
    assert_int_equal(hearing.reading.word_count, 60);
    assert_int_equal(coverage.count, 1);
    assert_int_equal(coverage.parts[0].kind, COVERAGE_TEXT);
    coverage_done(&coverage);
    hearing_done(&hearing);
    sound_map_free(map);
}

/* Five seconds that sound like speech and have no words. */
static struct hearing swallowed(const struct sound_map *map)
{
    struct reading reading = blank();

    say(&reading, 0, 10, -1);
    say(&reading, 15, LENGTH_S, -1);
    return hearing_judge(map, rules_of(SOUND_SPEECH), reading);
}

static void test_hearing__what_is_missing_is_asked_for_again_and_mended(void **state)
{
    (void)state;
    struct sound_map *map = speech_map();
    struct hearing first = swallowed(map);
    struct coverage coverage;

    assert_true(hearing_is_doubtful(&first));
    struct hearing_again again = hearing_again(&first);
    assert_int_equal(again.lead, 0);
    assert_in_range(again.span.from, AT(5), AT(7));
    assert_in_range(again.span.to, AT(18), AT(20));
    struct reading reading = {.start = again.span.from, .end = again.span.to};
    say(&reading, 6, 19, -1);
    struct hearing second = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    struct hearing mended = hearing_mend(map, rules_of(SOUND_SPEECH), first, second);
    hearing_conclude(&mended, map, &coverage);
    assert_int_equal(mended.reading.word_count, 60);
    for (size_t i = 0; i < 60; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, " w%zu", i);
        assert_string_equal(mended.reading.words[i].text, text);
    }
    assert_int_equal(seconds_of(&coverage, COVERAGE_TEXT), LENGTH_S);
    coverage_done(&coverage);
    hearing_done(&mended);
    sound_map_free(map);
}

static void test_hearing__what_stays_missing_is_failed(void **state)
{
    (void)state;
    struct sound_map *map = speech_map();
    struct hearing first = swallowed(map);
    struct hearing_again again = hearing_again(&first);
    struct reading reading = {.start = again.span.from, .end = again.span.to};
    struct coverage coverage;

    say(&reading, 6, 10, -1);
    say(&reading, 15, 19, -1);
    struct hearing second = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    struct hearing mended = hearing_mend(map, rules_of(SOUND_SPEECH), first, second);
    hearing_conclude(&mended, map, &coverage);
    assert_int_equal(mended.reading.word_count, 50);
    assert_int_equal(seconds_of(&coverage, COVERAGE_FAILED), 5);
    assert_int_equal(part_of(&coverage, COVERAGE_FAILED).reason, COVERAGE_NO_WORDS);
    coverage_done(&coverage);
    hearing_done(&mended);
    sound_map_free(map);
}

/* A whole window in doubt is shifted by silence before it. */
static void test_hearing__nothing_at_all_is_asked_for_shifted(void **state)
{
    (void)state;
    struct sound_map *map = speech_map();
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_SPEECH), blank());

    struct hearing_again again = hearing_again(&hearing);
    assert_int_equal(again.span.from, 0);
    assert_int_equal(again.span.to, AT(LENGTH_S));
    assert_true(again.lead > 0);
    hearing_done(&hearing);
    sound_map_free(map);
}

/* Silence is what the samples say, words or not; no gap is found in it. */
static void test_hearing__silence_is_no_gap(void **state)
{
    (void)state;
    int16_t *samples = sound_new(LENGTH_S);
    sound_add(samples, 0, 10, sound_speech_at, 1);
    sound_add(samples, 20, LENGTH_S, sound_speech_at, 1);
    struct sound_map *map = map_of(samples);
    struct reading reading = blank();
    struct coverage coverage;

    say(&reading, 0, 10, -1);
    say(&reading, 20, LENGTH_S, -1);
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    assert_false(hearing_is_doubtful(&hearing));
    hearing_conclude(&hearing, map, &coverage);
    assert_int_equal(seconds_of(&coverage, COVERAGE_SILENCE), 10);
    coverage_done(&coverage);
    hearing_done(&hearing);
    sound_map_free(map);
}

static void test_hearing__inventions_are_filtered_and_noted(void **state)
{
    (void)state;
    int16_t *samples = sound_new(LENGTH_S);
    sound_add(samples, 0, 15, sound_speech_at, 1);
    sound_add(samples, 22, LENGTH_S, sound_speech_at, 1);
    struct sound_map *map = map_of(samples);
    struct reading reading = blank();
    struct coverage coverage;

    reading_add_segment(&reading, &(struct reading_segment){.avg_logprob = -0.2});
    reading_add_segment(&reading, &(struct reading_segment){.avg_logprob = -0.3});
    reading_add_segment(&reading,
                        &(struct reading_segment){.avg_logprob = -1.2, .no_speech_prob = 0.7});
    reading_add_segment(&reading, &(struct reading_segment){.avg_logprob = -0.3});
    say(&reading, 0, 15, 0);
    say_at(&reading, 17, 18, " Thank", 1);
    say_at(&reading, 18, 19, " you.", 1);
    say(&reading, 22, 28, 0);
    say_at(&reading, 28, 29, " Subscribe!", 2);
    say_at(&reading, 29, 29.5, " ...", 3);
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    hearing_conclude(&hearing, map, &coverage);
    assert_int_equal(hearing.reading.word_count, 42);
    assert_int_equal(hearing.note_count, 3);
    assert_int_equal(hearing.notes[0].reason, COVERAGE_ON_SILENCE);
    assert_string_equal(hearing.notes[0].text, "Thank you.");
    assert_int_equal(hearing.notes[1].reason, COVERAGE_NO_SPEECH);
    assert_string_equal(hearing.notes[1].text, "Subscribe!");
    assert_int_equal(hearing.notes[2].reason, COVERAGE_NO_SPEECH);
    assert_string_equal(part_of(&coverage, COVERAGE_FILTERED).text, "Thank you.");
    coverage_done(&coverage);
    hearing_done(&hearing);
    sound_map_free(map);
}

static void test_hearing__words_in_circles_stand_once(void **state)
{
    (void)state;
    struct sound_map *map = speech_map();
    struct reading reading = blank();
    struct coverage coverage;

    say(&reading, 0, 10, -1);
    for (int i = 0; i < 20; i++)
        say_at(&reading, 10 + i * 0.5, 10.4 + i * 0.5, i % 2 == 0 ? " again" : " and", -1);
    say(&reading, 20, LENGTH_S, -1);
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    assert_true(hearing_is_doubtful(&hearing));
    hearing_conclude(&hearing, map, &coverage);
    assert_int_equal(hearing.reading.word_count, 42);
    assert_int_equal(seconds_of(&coverage, COVERAGE_FAILED), 9);
    assert_int_equal(part_of(&coverage, COVERAGE_FAILED).reason, COVERAGE_REPETITION);
    coverage_done(&coverage);
    hearing_done(&hearing);
    sound_map_free(map);
}

/* Too many words for anyone are kept, and told. */
static void test_hearing__words_too_fast_are_told(void **state)
{
    (void)state;
    struct sound_map *map = speech_map();
    struct reading reading = blank();
    struct coverage coverage;

    reading_add_segment(&reading, &(struct reading_segment){.avg_logprob = -0.2});
    reading_add_segment(&reading, &(struct reading_segment){.avg_logprob = -0.2});
    say(&reading, 0, 10, 0);
    for (int i = 0; i < 40; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, " antidisestablish%d", i);
        say_at(&reading, 10 + i * 0.05, 10.05 + i * 0.05, text, 1);
    }
    say(&reading, 12, LENGTH_S, 0);
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    assert_true(hearing_is_doubtful(&hearing));
    hearing_conclude(&hearing, map, &coverage);
    assert_int_equal(hearing.reading.word_count, 20 + 40 + 36);
    assert_int_equal(seconds_of(&coverage, COVERAGE_FAILED), 2);
    coverage_done(&coverage);
    hearing_done(&hearing);
    sound_map_free(map);
}

/* Music alone yields no words and no doubt; speech over it is kept. */
static void test_hearing__music(void **state)
{
    (void)state;
    int16_t *samples = sound_new(LENGTH_S);
    sound_add(samples, 0, LENGTH_S, sound_music_at, 1);
    struct sound_map *map = map_of(samples);
    struct reading reading = blank();
    struct coverage coverage;

    assert_int_equal(sound_map_class(map), SOUND_MUSIC);
    reading_add_segment(&reading,
                        &(struct reading_segment){.avg_logprob = -0.9, .no_speech_prob = 0.5});
    reading_add_segment(&reading,
                        &(struct reading_segment){.avg_logprob = -0.3, .no_speech_prob = 0.5});
    say_at(&reading, 3, 4, " Music", 0);
    say_at(&reading, 20, 21, " Welcome.", 1);
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_MUSIC), reading);
    assert_false(hearing_is_doubtful(&hearing));
    hearing_conclude(&hearing, map, &coverage);
    assert_int_equal(hearing.reading.word_count, 1);
    assert_string_equal(hearing.reading.words[0].text, " Welcome.");
    assert_true(seconds_of(&coverage, COVERAGE_FILTERED) >= 28);
    assert_int_equal(seconds_of(&coverage, COVERAGE_FAILED), 0);
    coverage_done(&coverage);
    hearing_done(&hearing);
    sound_map_free(map);
}

/* Nonsense without end has a bounded ledger. */
static void test_hearing__notes_are_bounded(void **state)
{
    (void)state;
    struct sound_map *map = speech_map();
    struct reading reading = blank();
    struct coverage coverage;

    for (int i = 0; i < 5000; i++) {
        reading_add_segment(&reading,
                            &(struct reading_segment){.avg_logprob = -2, .no_speech_prob = 1});
        say_at(&reading, i * 0.005, i * 0.005 + 0.004, " x", i);
    }
    struct hearing hearing = hearing_judge(map, rules_of(SOUND_SPEECH), reading);
    hearing_conclude(&hearing, map, &coverage);
    assert_in_range(hearing.note_count, 1, 300);
    assert_int_equal(hearing.reading.word_count, 0);
    assert_true(seconds_of(&coverage, COVERAGE_FILTERED) > 20);
    coverage_done(&coverage);
    hearing_done(&hearing);
    sound_map_free(map);
}

static void test_hearing__each_type_has_its_rules(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum sound_class class;
        const char *rules;
    } ROWS[] = {
        {"auto", SOUND_SPEECH, "speech"},   {"auto", SOUND_MUSIC, "music"},
        {"auto", SOUND_MIXED, "mixed"},     {"auto", SOUND_SILENCE, "silence"},
        {"speech", SOUND_MUSIC, "speech"},  {"music", SOUND_SPEECH, "music"},
        {"podcast", SOUND_MIXED, "speech"}, {"podcast", SOUND_MUSIC, "music"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        assert_string_equal(hearing_rules_of_type(ROWS[i].type, ROWS[i].class)->name,
                            ROWS[i].rules);
    assert_string_equal(hearing_rules_of_type("song", SOUND_MUSIC)->name, "music");
    assert_true(hearing_rules_window("music", 30, 6) < hearing_rules_window("auto", 30, 6));
    assert_int_equal(hearing_rules_window("music", 30, 8), 17); /* whose overlaps do not meet */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hearing__speech_with_its_words_is_text),
        cmocka_unit_test(test_hearing__what_is_missing_is_asked_for_again_and_mended),
        cmocka_unit_test(test_hearing__what_stays_missing_is_failed),
        cmocka_unit_test(test_hearing__nothing_at_all_is_asked_for_shifted),
        cmocka_unit_test(test_hearing__silence_is_no_gap),
        cmocka_unit_test(test_hearing__inventions_are_filtered_and_noted),
        cmocka_unit_test(test_hearing__words_in_circles_stand_once),
        cmocka_unit_test(test_hearing__words_too_fast_are_told),
        cmocka_unit_test(test_hearing__music),
        cmocka_unit_test(test_hearing__notes_are_bounded),
        cmocka_unit_test(test_hearing__each_type_has_its_rules),
    };
    return cmocka_run_group_tests_name("hearing", tests, NULL, NULL);
}
