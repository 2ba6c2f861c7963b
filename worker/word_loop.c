/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/word_loop.h"

#include <stdbool.h>
#include <stdint.h>

#include "common/mem.h"
#include "common/word_match.h"

#define PERIOD_MAX 8
#define TIMES_MIN 4
#define WORDS_MIN 12

/* FNV-1a over the letters that are compared; words without any are all alike. */
static uint64_t digest(const char *text)
{
    struct word_match_form form;
    uint64_t hash = UINT64_C(14695981039346656037);

    word_match_normalise(text, &form);
    for (size_t i = 0; i < form.length; i++)
        hash = (hash ^ form.characters[i]) * UINT64_C(1099511628211);
    return hash;
}

/* How many words from `first` on repeat those `period` before them. */
static size_t run_length(const uint64_t *digests, size_t count, size_t first, size_t period)
{
    size_t length = 0;

    while (first + period + length < count &&
           digests[first + length] == digests[first + period + length])
        length++;
    return length;
}

static bool is_loop(size_t repeated, size_t period)
{
    size_t words = repeated + period;

    return words / period >= TIMES_MIN && words >= WORDS_MIN;
}

static bool find_at(const uint64_t *digests, size_t count, size_t first, size_t *ret_period,
                    size_t *ret_words)
{
    for (size_t period = 1; period <= PERIOD_MAX; period++) {
        size_t repeated = run_length(digests, count, first, period);
        if (is_loop(repeated, period)) {
            *ret_period = period;
            *ret_words = repeated + period;
            return true;
        }
    }
    return false;
}

struct word_loop *word_loop_find(const struct reading *reading, size_t *ret_count)
{
    size_t count = reading->word_count;
    CLEANUP(mem_free_at) uint64_t *digests = mem_array(count, sizeof *digests);
    struct word_loop *loops = NULL;
    size_t period;
    size_t words;

    *ret_count = 0;
    for (size_t i = 0; i < count; i++)
        digests[i] = digest(reading->words[i].text);
    for (size_t first = 0; first < count;) {
        if (!find_at(digests, count, first, &period, &words)) {
            first++;
            continue;
        }
        loops = mem_resize(loops, *ret_count + 1, sizeof *loops);
        loops[(*ret_count)++] = (struct word_loop){first, period, first + words};
        first += words;
    }
    return loops;
}
