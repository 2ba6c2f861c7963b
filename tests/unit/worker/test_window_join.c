/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/media_report.h"
#include "worker/window_join.h"

#define SECOND ((int64_t)MEDIA_PCM_RATE)

/* A word each half second, named after when it is said; a window hears those that lie in it. */
static struct reading hear(int64_t window_start, int64_t window_end)
{
    struct reading reading = {.end = window_end - window_start};

    for (int64_t at = 0; at + SECOND / 2 <= window_end; at += SECOND / 2) {
        char text[16];
        if (at < window_start)
            continue;
        (void)snprintf(text, sizeof text, " w%d", (int)(at / (SECOND / 2)));
        const struct reading_word word = {.text = text,
                                          .start = at - window_start + 800,
                                          .end = at - window_start + 7000,
                                          .segment = 0};
        reading_add_word(&reading, &word);
    }
    reading_add_segment(&reading, &(struct reading_segment){.avg_logprob = -0.5});
    return reading;
}

static void done_all(struct reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reading_done(&readings[i]);
}

static void test_window_join__scales_to_the_native_rate(void **state)
{
    (void)state;
    static const struct {
        struct window_scale scale;
        int64_t pcm;
        int64_t position;
    } ROWS[] = {
        {{0, 16000}, 5, 5},
        {{0, 44100}, 16000, 44100},
        {{-264600, 44100}, 96000, 0},
        {{-8000, 8000}, 16001, 1},
        {{10, 48000}, 1, 13},
        {{0, 8000}, 1, 1},
        {{0, 384000}, INT64_C(230400000), INT64_C(5529600000)},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        assert_int_equal(window_position(ROWS[i].scale, ROWS[i].pcm), ROWS[i].position);
}

static void test_window_join__places_a_window(void **state)
{
    (void)state;
    struct reading reading = hear(24 * SECOND, 54 * SECOND);
    const struct window_scale scale = {.start = -6 * INT64_C(44100), .sample_rate = 44100};

    window_place(&reading, scale, 24 * SECOND);
    assert_int_equal(reading.start, 18 * INT64_C(44100));
    assert_int_equal(reading.end, 48 * INT64_C(44100));
    assert_int_equal(reading.words[0].start, 18 * INT64_C(44100) + 2205);
    reading_done(&reading);
}

static void test_window_join__loses_and_doubles_nothing(void **state)
{
    (void)state;
    enum { WINDOWS = 4 };
    struct reading readings[WINDOWS];
    struct reading joined;

    for (int64_t i = 0; i < WINDOWS; i++) {
        readings[i] = hear(i * 24 * SECOND, (i * 24 + 30) * SECOND);
        window_place(&readings[i], (struct window_scale){0, MEDIA_PCM_RATE}, i * 24 * SECOND);
    }
    window_join(readings, WINDOWS, MEDIA_PCM_RATE, &joined, NULL);
    assert_int_equal(joined.word_count, (3 * 24 + 30) * 2);
    for (size_t i = 0; i < joined.word_count; i++) {
        char text[24];
        (void)snprintf(text, sizeof text, " w%zu", i);
        assert_string_equal(joined.words[i].text, text);
        assert_in_range(joined.words[i].segment, 0, WINDOWS - 1);
    }
    assert_int_equal(joined.start, 0);
    assert_int_equal(joined.end, (3 * 24 + 30) * SECOND);
    assert_int_equal(joined.segment_count, WINDOWS);
    reading_done(&joined);
    done_all(readings, WINDOWS);
}

/* A silent window has no words and takes none away. */
static void test_window_join__keeps_the_words_beside_a_silent_window(void **state)
{
    (void)state;
    struct reading readings[3] = {
        hear(0, 23 * SECOND), {.end = 30 * SECOND}, hear(54 * SECOND, 60 * SECOND)};
    struct reading joined;
    size_t spoken = readings[0].word_count + readings[2].word_count;

    readings[0].end = 30 * SECOND;
    window_place(&readings[1], (struct window_scale){0, MEDIA_PCM_RATE}, 24 * SECOND);
    window_place(&readings[2], (struct window_scale){0, MEDIA_PCM_RATE}, 54 * SECOND);
    readings[2].start = 48 * SECOND;
    window_join(readings, 3, MEDIA_PCM_RATE, &joined, NULL);
    assert_int_equal(joined.word_count, spoken);
    reading_done(&joined);
    done_all(readings, 3);
}

static void test_window_join__of_one_or_no_window(void **state)
{
    (void)state;
    struct reading reading = hear(0, 3 * SECOND);
    struct reading joined;

    window_join(&reading, 1, MEDIA_PCM_RATE, &joined, NULL);
    assert_int_equal(joined.word_count, 6);
    reading_done(&joined);
    reading_done(&reading);
    window_join(NULL, 0, MEDIA_PCM_RATE, &joined, NULL);
    assert_int_equal(joined.word_count, 0);
    reading_done(&joined);
}

static void test_window_join__tells_a_stretch_of_text(void **state)
{
    (void)state;
    struct reading reading = hear(0, 4 * SECOND);
    CLEANUP(mem_free_at) char *some = window_text_between(&reading, SECOND, 2 * SECOND);
    CLEANUP(mem_free_at) char *none = window_text_between(&reading, 9 * SECOND, 10 * SECOND);

    assert_string_equal(some, "w2 w3");
    assert_string_equal(none, "");
    reading_done(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_join__scales_to_the_native_rate),
        cmocka_unit_test(test_window_join__places_a_window),
        cmocka_unit_test(test_window_join__loses_and_doubles_nothing),
        cmocka_unit_test(test_window_join__keeps_the_words_beside_a_silent_window),
        cmocka_unit_test(test_window_join__of_one_or_no_window),
        cmocka_unit_test(test_window_join__tells_a_stretch_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
