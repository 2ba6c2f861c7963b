/* SPDX-License-Identifier: Apache-2.0 */
#include "common/spelling.h"

#include <string.h>

/* More edits than this are another word, not a misspelling. */
#define NEAR_EDITS 2
/* Names longer than this are not compared; so short a beginning of a name tells nothing. */
#define NAME_LIMIT 64
#define BEGINNING_MIN 4

static size_t least(size_t a, size_t b, size_t c)
{
    size_t smaller = a < b ? a : b;

    return smaller < c ? smaller : c;
}

/* Levenshtein's distance, one row of its table at a time. */
static size_t edits_between(const char *a, const char *b)
{
    size_t row[NAME_LIMIT + 1];
    size_t width = strlen(b);

    if (width > NAME_LIMIT || strlen(a) > NAME_LIMIT)
        return NAME_LIMIT;
    for (size_t x = 0; x <= width; x++)
        row[x] = x;
    for (size_t y = 0; a[y] != '\0'; y++) {
        size_t diagonal = row[0];
        row[0] = y + 1;
        for (size_t x = 0; x < width; x++) {
            size_t above = row[x + 1];
            row[x + 1] = least(above + 1, row[x] + 1, diagonal + (a[y] != b[x]));
            diagonal = above;
        }
    }
    return row[width];
}

void spelling_offer(struct spelling_guess *guess, const char *misspelt, const char *known)
{
    size_t length = strlen(misspelt);
    /* "chunk_size" for "chunk_size_mb" counts as one edit. */
    size_t edits = length >= BEGINNING_MIN && strncmp(misspelt, known, length) == 0
                       ? 1
                       : edits_between(misspelt, known);

    if (edits <= NEAR_EDITS && (guess->name == NULL || edits < guess->edits))
        *guess = (struct spelling_guess){.name = known, .edits = edits};
}
