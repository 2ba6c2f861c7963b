/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/speech_align.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "worker/plain_text.h"

/* How far behind the last word the next one is looked for. A word beyond that is not this one: a
 * false match would swallow what lies between. */
#define SEARCH_BYTES 80

struct stretch {
    const char *start;
    const char *end;
};

/* A word without the punctuation around it. */
static struct stretch core_of(const char *word)
{
    struct stretch core = {NULL, NULL};

    for (const char *at = word; *at != '\0';) {
        const char *before = at;
        uint32_t code_point = plain_text_next(&at);
        if (code_point == ' ' || plain_text_is_punctuation(code_point))
            continue;
        if (core.start == NULL)
            core.start = before;
        core.end = at;
    }
    return core;
}

static bool is_word_byte(char byte)
{
    return isalnum((unsigned char)byte) || (byte & 0x80) != 0;
}

/* Within a script that has spaces a word begins where the last one ended or behind a byte that is
 * in no word; a text in an unspaced script matches at the cursor or behind punctuation. */
static const char *find(const char *cursor, struct stretch core)
{
    size_t length = (size_t)(core.end - core.start);
    const char *limit = cursor + strnlen(cursor, SEARCH_BYTES + length);

    for (const char *at = cursor; at + length <= limit;) {
        bool may_begin =
            at == cursor || !is_word_byte(at[-1]) || !is_word_byte(at[0]) || ((at[-1] & 0x80) != 0);
        if (may_begin && strncasecmp(at, core.start, length) == 0)
            return at;
        (void)plain_text_next(&at);
    }
    return NULL;
}

/* The punctuation right behind a word belongs to it. */
static const char *with_punctuation(const char *end, const char *limit)
{
    while (end < limit) {
        const char *behind = end;
        if (!plain_text_is_punctuation(plain_text_next(&behind)))
            break;
        end = behind;
    }
    return end;
}

size_t speech_align(const char *text, char *const *words, size_t count, char **ret_pieces)
{
    const char *piece_start = text;
    const char *cursor = text;
    size_t found = 0;
    size_t last = 0;

    for (size_t i = 0; i < count; i++) {
        ret_pieces[i] = NULL;
        struct stretch core = core_of(words[i]);
        const char *match = core.start == NULL ? NULL : find(cursor, core);
        if (match == NULL)
            continue;
        if (found > 0) {
            const char *piece_end = with_punctuation(cursor, match);
            ret_pieces[last] = mem_copy(piece_start, (size_t)(piece_end - piece_start));
            piece_start = piece_end;
        }
        cursor = match + (core.end - core.start);
        last = i;
        found++;
    }
    if (found > 0)
        ret_pieces[last] = mem_copy_string(piece_start);
    return found;
}
