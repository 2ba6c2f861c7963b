/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/llm_pieces.h"

#include "worker/llm_units.h"

/* A remainder of less than a quarter has too little context for a piece of its own. */
static size_t with_remainder(size_t max_words)
{
    return max_words + max_words / 4;
}

size_t llm_pieces_end(const struct reading *reading, size_t first, size_t last, size_t max_words)
{
    if (last - first <= with_remainder(max_words))
        return last;
    for (size_t end = first + max_words; end > first + max_words / 2; end--)
        if (llm_units_ends_sentence(reading->words[end - 1].text))
            return end;
    return first + max_words;
}
