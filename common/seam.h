/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SEAM_H
#define COMMON_SEAM_H

/*
 * Joins two readings of neighbouring stretches of audio that overlap: windows inside a chunk, and
 * chunks. The words of both in the overlap are aligned; the text crosses from the earlier to the
 * later reading at an agreed pair of words, away from the edges, where speech recognition is
 * unreliable. Nothing is deleted that is not confirmed as a repeat. Pure.
 *
 * Rule and figures: docs/seams.md.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/reading.h"

enum seam_method {
    SEAM_AGREED,   /* at a pair of words that both readings have */
    SEAM_BY_TIME,  /* the readings overlap but no pair agrees */
    SEAM_HARD_CUT, /* no overlap: at the border */
    SEAM_METHOD_COUNT
};

struct seam_side {
    const struct reading *reading; /* borrowed */
    int64_t offset;                /* added to its positions to compare them with the other side */
};

struct seam_input {
    struct seam_side earlier;
    struct seam_side later;
    int64_t border;         /* where the stretches meet, in compared positions */
    int32_t sample_rate;    /* of the positions */
    size_t earlier_emitted; /* words of the earlier reading that are out and cannot be taken back */
};

struct seam_choice {
    enum seam_method method;
    size_t earlier_end;   /* words [.., earlier_end) of the earlier reading stand */
    size_t later_start;   /* words [later_start, ..) of the later reading stand */
    int64_t crossing;     /* in compared positions */
    size_t agreed_pairs;  /* pairs of the alignment that both readings have */
    size_t earlier_words; /* compared: those of each reading in the overlap */
    size_t later_words;
};

/* Where both readings have been, in compared positions: none if to <= from. */
struct seam_overlap {
    int64_t from;
    int64_t to;
};

/* earlier_end >= earlier_emitted. */
struct seam_choice seam_join(const struct seam_input *input);
struct seam_overlap seam_overlap(const struct seam_input *input);
/* How much of what both readings have heard they agree on: 0 (nothing, or no overlap) to 1. */
double seam_confidence(const struct seam_choice *choice);
const char *seam_method_name(enum seam_method method);

#endif
