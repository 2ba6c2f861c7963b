/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/hearing_rules.h"

#include <assert.h>
#include <string.h>

enum row { ROW_SPEECH, ROW_MIXED, ROW_MUSIC, ROW_SILENCE, ROW_COUNT };

/* Whisper's own bounds for speech: no_speech_prob 0.6 with avg_logprob -1, compression_ratio 2.4.
 */
static const struct hearing_rules RULES[] = {
    [ROW_SPEECH] = {.name = "speech",
                    .window_share = 1.0,
                    .uses_prompt = true,
                    .no_speech_prob_max = 0.6,
                    .avg_logprob_min = -1.0,
                    .compression_max = 2.4,
                    .gap_ms = 3000,
                    .asks_again = true},
    /* Words come and go under music, and a pause filled by it is no gap. */
    [ROW_MIXED] = {.name = "mixed",
                   .window_share = 1.0,
                   .uses_prompt = true,
                   .no_speech_prob_max = 0.6,
                   .avg_logprob_min = -0.9,
                   .compression_max = 2.4,
                   .gap_ms = 5000,
                   .asks_again = true},
    /* What is said over music is heard with some certainty; what is invented for it is not. Songs
     * repeat themselves, and nobody is asked twice for them. */
    [ROW_MUSIC] = {.name = "music",
                   .window_share = 0.5,
                   .is_music = true,
                   .uses_prompt = false,
                   .no_speech_prob_max = 0.45,
                   .avg_logprob_min = -0.7,
                   .compression_max = 3.5,
                   .gap_ms = 0,
                   .asks_again = false},
    [ROW_SILENCE] = {.name = "silence",
                     .window_share = 1.0,
                     .uses_prompt = false,
                     .no_speech_prob_max = 0.45,
                     .avg_logprob_min = -0.7,
                     .compression_max = 2.4,
                     .gap_ms = 0,
                     .asks_again = false},
};
static_assert(ARRAY_LEN(RULES) == ROW_COUNT, "all rows");

/* Which row a type gives to each class. */
static const struct {
    const char *name;
    enum row rows[SOUND_CLASS_COUNT];
} TYPES[] = {
    {"auto",
     {[SOUND_SILENCE] = ROW_SILENCE,
      [SOUND_SPEECH] = ROW_SPEECH,
      [SOUND_MUSIC] = ROW_MUSIC,
      [SOUND_MIXED] = ROW_MIXED}},
    {"speech",
     {[SOUND_SILENCE] = ROW_SPEECH,
      [SOUND_SPEECH] = ROW_SPEECH,
      [SOUND_MUSIC] = ROW_SPEECH,
      [SOUND_MIXED] = ROW_SPEECH}},
    {"music",
     {[SOUND_SILENCE] = ROW_MUSIC,
      [SOUND_SPEECH] = ROW_MUSIC,
      [SOUND_MUSIC] = ROW_MUSIC,
      [SOUND_MIXED] = ROW_MUSIC}},
    /* Speech with jingles and beds of music: stricter only where there is music alone. */
    {"podcast",
     {[SOUND_SILENCE] = ROW_SILENCE,
      [SOUND_SPEECH] = ROW_SPEECH,
      [SOUND_MUSIC] = ROW_MUSIC,
      [SOUND_MIXED] = ROW_SPEECH}},
};

const struct hearing_rules *hearing_rules_of_type(const char *content_type, enum sound_class class)
{
    assert(class < SOUND_CLASS_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
        if (strcmp(content_type, TYPES[i].name) == 0)
            return &RULES[TYPES[i].rows[class]];
    }
    return &RULES[TYPES[0].rows[class]];
}

int64_t hearing_rules_window(const char *content_type, int64_t longest, int64_t overlap)
{
    enum row row = strcmp(content_type, "music") == 0 ? ROW_MUSIC : ROW_SPEECH;
    int64_t wanted = (int64_t)(RULES[row].window_share * (double)longest);
    int64_t shortest = 2 * overlap + 1;

    return wanted > shortest ? wanted : shortest;
}
