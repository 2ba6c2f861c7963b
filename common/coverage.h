/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_COVERAGE_H
#define COMMON_COVERAGE_H

/*
 * What became of every moment of a stretch of audio: text, silence, filtered or failed. A stretch
 * is covered without holes from its beginning to its end, by parts in order that do not overlap.
 * Positions are samples, of whatever rate its user counts in. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

enum coverage_kind {
    COVERAGE_TEXT,
    COVERAGE_SILENCE,  /* decided from the samples, never from absent words */
    COVERAGE_FILTERED, /* heard, and left out of the text for a reason */
    COVERAGE_FAILED,   /* something may have been said that is not in the text */
    COVERAGE_KIND_COUNT
};

enum coverage_reason {
    COVERAGE_NO_REASON,
    COVERAGE_NO_SPEECH,    /* filtered: the speech service itself doubts that it was speech */
    COVERAGE_ON_SILENCE,   /* filtered: words where the samples are silent */
    COVERAGE_REPETITION,   /* filtered or failed: the same words over and over */
    COVERAGE_MUSIC,        /* filtered: sound without words that is no speech: music, noise */
    COVERAGE_NO_WORDS,     /* failed: it sounds like speech, but no words came */
    COVERAGE_TOO_FAST,     /* failed: more words than anyone can say; they stand in the text */
    COVERAGE_CHUNK_FAILED, /* failed: the chunk as a whole */
    COVERAGE_UNACCOUNTED,  /* failed: nobody said what became of it */
    COVERAGE_REASON_COUNT
};

#define COVERAGE_TEXT_BYTES 240

struct coverage_part {
    int64_t from;
    int64_t to;
    enum coverage_kind kind;
    enum coverage_reason reason;
    char text[COVERAGE_TEXT_BYTES]; /* what was filtered, cut; else "" */
};

struct coverage {
    struct coverage_part *parts; /* owned */
    size_t count;
};

/* Samples by kind. */
struct coverage_sums {
    int64_t samples[COVERAGE_KIND_COUNT];
};

void coverage_done(struct coverage *coverage);
/* Covers [from, to) with one part of no reason; none if it is empty. */
void coverage_init(struct coverage *coverage, int64_t from, int64_t to, enum coverage_kind kind);
/* Takes the place of whatever covered the part's stretch before, as far as it lies within. A
 * neighbour of the same kind, reason and text is joined with it. */
void coverage_paint(struct coverage *coverage, const struct coverage_part *part);
/* Covers more, behind the end: what lies before both `part->to` and the end already is left as it
 * is, and a hole between is unaccounted for. */
void coverage_append(struct coverage *coverage, const struct coverage_part *part);
struct coverage_sums coverage_sum(const struct coverage *coverage);
int64_t coverage_total(const struct coverage_sums *sums);
void coverage_add(struct coverage_sums *sums, const struct coverage_sums *more);

/* Copies as much of the text as fits, whole characters. */
void coverage_set_text(struct coverage_part *part, const char *text);

const char *coverage_kind_name(enum coverage_kind kind);
bool coverage_kind_parse(const char *name, enum coverage_kind *ret_kind) MUST_CHECK;
/* COVERAGE_NO_REASON is NULL. */
const char *coverage_reason_name(enum coverage_reason reason);
/* False for a name that is not known, as of a newer writer. */
bool coverage_reason_parse(const char *name, enum coverage_reason *ret_reason) MUST_CHECK;

#endif
