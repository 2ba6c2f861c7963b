/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WORD_MATCH_H
#define COMMON_WORD_MATCH_H

/*
 * Whether two readings mean the same word: compared without case, punctuation and the spelling of
 * small numerals, by the Levenshtein distance in characters. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define WORD_MATCH_CHARACTERS_MAX 48 /* the rest of a longer word is not looked at */

struct word_match_form {
    uint32_t characters[WORD_MATCH_CHARACTERS_MAX];
    size_t length;
};

void word_match_normalise(const char *text, struct word_match_form *ret_form);
/* 1 - distance / longer length; 0 when either has no letters or digits. */
double word_match_similarity(const struct word_match_form *one,
                             const struct word_match_form *other);

#endif
