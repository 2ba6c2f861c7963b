/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_CAPTION_H
#define GATEWAY_CAPTION_H

/*
 * Words with times become captions by the rules of broadcasters: how much fits on the screen, how
 * long it stays there, and how fast it has to be read. A caption ends at the end of a sentence, at
 * a pause, or where the next word would break a rule, then preferably behind a clause. It stays
 * longer than its words where they were spoken faster than can be read, as far as the next one
 * leaves room: nothing is left out and nothing shown before it is said. Pure; memory is bounded by
 * two captions.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

struct caption_rules {
    int64_t line_characters;
    int64_t lines;
    int64_t min_duration_ms;
    int64_t max_duration_ms;
    int64_t characters_per_s; /* at the most; a caption with more stays longer */
    int64_t pause_ms;         /* of silence, that ends a caption */
    int64_t gap_ms;           /* between two captions */
};

/* What broadcasters agree on for Latin scripts: 2 lines of 42 characters, 5/6 to 7 seconds, 20
 * characters a second, 2 frames of 24 a second between two captions (Netflix Timed Text Style
 * Guide; BBC and ARD differ by little). */
extern const struct caption_rules caption_rules_default;

struct caption_cue {
    int64_t start_ms;
    int64_t end_ms;
    const char *text; /* lines parted by "\n", none empty; no other control characters */
};

struct captions;

/* `on_cue` is called with each caption once it cannot change any more, in order: start_ms < end_ms
 * <= the next start_ms. The cue is borrowed for the call. */
void captions_free(struct captions *captions);
struct captions *captions_new(const struct caption_rules *rules,
                              void (*on_cue)(void *context, const struct caption_cue *cue),
                              void *context) FREED_BY(captions_free);
/* A word in order of start, with its leading space if there is one; times from 0. */
void captions_add(struct captions *captions, const char *word, int64_t start_ms, int64_t end_ms);
/* What follows belongs into another caption. */
void captions_break(struct captions *captions);
/* Gives what is still held. */
void captions_finish(struct captions *captions);

#endif
