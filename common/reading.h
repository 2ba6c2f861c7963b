/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_READING_H
#define COMMON_READING_H

/*
 * A reading: what the speech service heard in one stretch of audio, which may reach beyond the
 * chunk (or window) that it was made for. Positions are samples at the recording's native rate,
 * relative to the first sample that the chunk owns; they may be negative, or beyond the chunk's
 * end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

struct reading_word {
    char *text; /* owned; with its leading space (none in scripts that use none) and punctuation */
    int64_t start;
    int64_t end;
    double probability; /* 0 to 1; 0 when unknown */
    int32_t segment;    /* index into the reading's segments; -1: none */
    char *corrected;    /* owned; what a language model made of it, maybe ""; NULL: as heard */
};

/* The service's own measures of one of its segments. */
struct reading_segment {
    double avg_logprob;
    double no_speech_prob;
    double compression_ratio;
};

struct reading {
    int64_t start; /* of the audio that was read */
    int64_t end;
    bool spans_previous;        /* the audio began inside the previous chunk */
    bool spans_next;            /* the audio ended inside the next chunk */
    struct reading_word *words; /* in order of start */
    size_t word_count;
    struct reading_segment *segments;
    size_t segment_count;
};

/* Frees what a reading owns, not the struct itself. */
void reading_done(struct reading *reading);
/* Appends a copy of the word. */
void reading_add_word(struct reading *reading, const struct reading_word *word);
void reading_add_segment(struct reading *reading, const struct reading_segment *segment);
/* The text of words [first, last), without a leading space; owned by the caller. */
char *reading_text(const struct reading *reading, size_t first, size_t last);
/* The same with the corrections. */
char *reading_corrected_text(const struct reading *reading, size_t first, size_t last);
/* Of one word; borrowed. */
const char *reading_word_heard(const struct reading_word *word);
const char *reading_word_corrected(const struct reading_word *word);

#endif
