/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_PIECES_H
#define WORKER_LLM_PIECES_H

/* Cuts what is sent to a language model: whole sentences, as far as they can be told. Pure. */

#include <stddef.h>

#include "common/reading.h"

/* Where the piece of words [first, last) that begins at `first` ends: behind the last sentence that
 * ends within `max_words`, or there. What is little more than a piece is left in one. */
size_t llm_pieces_end(const struct reading *reading, size_t first, size_t last, size_t max_words);

#endif
