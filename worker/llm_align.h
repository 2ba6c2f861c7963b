/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_ALIGN_H
#define WORKER_LLM_ALIGN_H

/*
 * Lays a language model's answer beside what was heard, so that each word that was heard keeps its
 * correction and with it its times: the cheapest way of turning one into the other by keeping,
 * mending, exchanging, leaving out and adding words (Levenshtein's distance over words, after
 * Wagner and Fischer), in a band around the diagonal. Pure.
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/reading.h"
#include "worker/llm_units.h"

/* Words this alike are the same word, mended. */
#define LLM_ALIGN_SIMILAR 0.5

struct llm_alignment {
    int32_t *of_heard;  /* owned; by unit heard: the unit of the answer; -1: left out */
    int32_t *of_answer; /* owned; by unit of the answer: the unit heard; -1: added */
};

void llm_alignment_done(struct llm_alignment *alignment);
void llm_align(const struct llm_units *heard, const struct llm_units *answer,
               struct llm_alignment *ret_alignment);

/* The samples of a reading inside which words may be corrected. */
struct llm_span {
    int64_t from;
    int64_t to;
};

/* Gives the words from `first` on, of which `heard` are the units, their corrections. Words whose
 * corrections only make sense together (one became two, or two became one) get all of them or, if
 * one does not lie inside the span, none. Returns how many words changed. */
size_t llm_align_apply(const struct llm_alignment *alignment, const struct llm_units *heard,
                       const struct llm_units *answer, struct llm_span span,
                       struct reading *reading, size_t first);

#endif
