/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/worker/sound_fixture.h"
#include "worker/sound_map.h"

#define SPAN(from_s, to_s)                                                                         \
    ((struct sound_span){(int64_t)((from_s)*SOUND_SECOND), (int64_t)((to_s)*SOUND_SECOND)})

static struct sound_map *map_of(int16_t *take_samples, double seconds)
{
    struct sound_map *map = sound_map_new(take_samples, (size_t)(seconds * SOUND_SECOND));

    free(take_samples);
    return map;
}

static void assert_seconds(int64_t samples, double seconds, double tolerance)
{
    double found = (double)samples / SOUND_SECOND;

    if (fabs(found - seconds) > tolerance)
        fail_msg("%.2f s, not %.2f", found, seconds);
}

static void test_sound_map__tells_speech_music_and_silence(void **state)
{
    (void)state;
    static const struct {
        double speech;
        double music;
        double noise;
        enum sound_class class;
    } ROWS[] = {
        {1, 0, 0, SOUND_SPEECH},    {0.05, 0, 0, SOUND_SPEECH},  {1, 0, 0.002, SOUND_SPEECH},
        {0, 1, 0, SOUND_MUSIC},     {0, 0.1, 0, SOUND_MUSIC},    {1, 0.4, 0, SOUND_MIXED},
        {0, 0, 0.3, SOUND_SILENCE}, {0, 0, 0.01, SOUND_SILENCE}, {0, 0, 0, SOUND_SILENCE},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        int16_t *samples = sound_new(20);
        sound_add(samples, 0, 20, sound_speech_at, ROWS[i].speech);
        sound_add(samples, 0, 20, sound_music_at, ROWS[i].music);
        sound_add_noise(samples, 0, 20, ROWS[i].noise);
        struct sound_map *map = map_of(samples, 20);
        print_message("  row %zu\n", i);
        assert_string_equal(sound_class_name(sound_map_class(map)),
                            sound_class_name(ROWS[i].class));
        sound_map_free(map);
    }
}

static void test_sound_map__speech_before_music_is_mixed(void **state)
{
    (void)state;
    int16_t *samples = sound_new(30);
    sound_add(samples, 0, 15, sound_speech_at, 1);
    sound_add(samples, 15, 30, sound_music_at, 1);
    struct sound_map *map = map_of(samples, 30);

    assert_int_equal(sound_map_class(map), SOUND_MIXED);
    assert_seconds(sound_map_speech(map, SPAN(0, 15)), 15, 0.5);
    assert_seconds(sound_map_speech(map, SPAN(17, 30)), 0, 0.01);
    assert_seconds(sound_map_active(map, SPAN(17, 30)), 13, 0.1);
    sound_map_free(map);
}

/* Pauses within speech are speech, stretches without are found at their places. */
static void test_sound_map__finds_silence(void **state)
{
    (void)state;
    for (double gain = 1; gain > 0.01; gain /= 3) {
        int16_t *samples = sound_new(20);
        struct sound_span silence;
        sound_add(samples, 0, 5, sound_speech_at, gain);
        sound_add(samples, 9, 20, sound_speech_at, gain);
        sound_add_noise(samples, 0, 20, 0.0003);
        struct sound_map *map = map_of(samples, 20);

        assert_true(sound_map_next_silence(map, 0, SOUND_SECOND, &silence));
        assert_seconds(silence.from, 5, 0.3);
        assert_seconds(silence.to, 9, 0.2);
        assert_false(sound_map_next_silence(map, silence.to, SOUND_SECOND, &silence));
        assert_seconds(sound_map_active(map, SPAN(0, 4.8)), 4.8, 0.05);
        sound_map_free(map);
    }
}

/* Quiet speech in a quiet recording is not silence: -55 dBFS at its peaks. */
static void test_sound_map__quiet_speech_is_speech(void **state)
{
    (void)state;
    int16_t *samples = sound_new(20);
    sound_add(samples, 0, 20, sound_speech_at, 0.006);
    struct sound_map *map = map_of(samples, 20);

    assert_int_equal(sound_map_class(map), SOUND_SPEECH);
    assert_true(sound_map_speech(map, SPAN(0, 20)) > 18 * SOUND_SECOND);
    sound_map_free(map);
}

static void test_sound_map__of_any_length(void **state)
{
    (void)state;
    static const size_t LENGTHS[] = {0, 1, 255, 256, 257, 511, 512, 513, 24575, 24577};
    int16_t *samples = sound_new(2);

    sound_add(samples, 0, 2, sound_speech_at, 1);
    for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
        struct sound_map *map = sound_map_new(samples, LENGTHS[i]);
        struct sound_span all = {-100, (int64_t)LENGTHS[i] + 1000};
        struct sound_span silence;
        int64_t active = sound_map_active(map, all);
        assert_in_range(active, 0, LENGTHS[i] + 255);
        (void)!sound_map_next_silence(map, 0, 1, &silence);
        assert_false(sound_map_next_silence(map, (int64_t)LENGTHS[i] + 512, 1, &silence));
        sound_map_free(map);
    }
    free(samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_map__tells_speech_music_and_silence),
        cmocka_unit_test(test_sound_map__speech_before_music_is_mixed),
        cmocka_unit_test(test_sound_map__finds_silence),
        cmocka_unit_test(test_sound_map__quiet_speech_is_speech),
        cmocka_unit_test(test_sound_map__of_any_length),
    };
    return cmocka_run_group_tests_name("sound_map", tests, NULL, NULL);
}
