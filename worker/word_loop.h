/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WORD_LOOP_H
#define WORKER_WORD_LOOP_H

/*
 * Finds where a reading says the same words over and over, as speech recognition does when it has
 * lost the thread: one to eight words, at least four times in a row, and at least twelve words
 * altogether. People don't, songs may. Pure.
 */

#include <stddef.h>

#include "common/attrs.h"
#include "common/reading.h"

struct word_loop {
    size_t first; /* words [first, first + period) stand once, */
    size_t period;
    size_t last; /* up to [.., last) they come again */
};

/* All loops in order, which do not overlap; an array owned by the caller (NULL: none). */
struct word_loop *word_loop_find(const struct reading *reading, size_t *ret_count) MUST_CHECK;

#endif
