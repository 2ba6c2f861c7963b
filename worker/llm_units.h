/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_UNITS_H
#define WORKER_LLM_UNITS_H

/*
 * The words of a text as they are compared: what stands between spaces, and in scripts without
 * spaces each character. So that a correction can be laid beside what was heard, whatever the
 * language. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/reading.h"
#include "common/word_match.h"

struct llm_unit {
    char *text;  /* owned; as it stands, with the space before it */
    size_t word; /* of the reading, counted from the first that was asked for; 0 of a text */
    struct word_match_form form; /* without characters: punctuation by itself */
    bool begins_sentence;
};

struct llm_units {
    struct llm_unit *items;
    size_t count;
};

void llm_units_done(struct llm_units *units);
/* Of the words [first, last). */
void llm_units_of_words(const struct reading *reading, size_t first, size_t last,
                        struct llm_units *ret_units);
/* Of a text as plain_text_clean() gives it. */
void llm_units_of_text(const char *text, struct llm_units *ret_units);
/* It has letters or figures. */
bool llm_unit_is_word(const struct llm_unit *unit);
/* A full stop, or what is one in other scripts, ends the text. */
bool llm_units_ends_sentence(const char *text);

#endif
