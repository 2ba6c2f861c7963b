/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SPELLING_H
#define COMMON_SPELLING_H

/* "Did you mean ...?" for misspelt names of options and fields. Pure. */

#include <stddef.h>

struct spelling_guess {
    const char *name; /* borrowed from who offered it; NULL: none was near */
    size_t edits;
};

/* Takes the known name into the guess if it is nearer to the misspelt one than what is there, and
 * near at all: at most two single-byte edits (Levenshtein), or the misspelt one is its beginning.
 */
void spelling_offer(struct spelling_guess *guess, const char *misspelt, const char *known);

#endif
