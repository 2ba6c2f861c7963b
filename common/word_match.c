/* SPDX-License-Identifier: Apache-2.0 */
#include "common/word_match.h"

#include <stdbool.h>
#include <string.h>

/* Speech services write small numbers now as a word, now as a figure. */
static const char *const NUMERALS[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                       "seven", "eight", "nine", "ten",   "eleven", "twelve"};

/* One character of valid UTF-8. */
static uint32_t next_character(const unsigned char **text)
{
    uint32_t lead = *(*text)++;
    unsigned more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    uint32_t character = more == 0 ? lead : lead & (0x3FU >> more);

    for (; more > 0 && (**text & 0xC0) == 0x80; more--)
        character = character << 6 | (*(*text)++ & 0x3FU);
    return character;
}

/* The simple case mappings of Latin, Greek and Cyrillic; other scripts with case do not occur in
 * enough words for their case to matter here. */
static uint32_t lower(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
        (c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F))
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40F)
        return c + 0x50;
    if (c >= 0x100 && c <= 0x17F && c != 0x130 && c != 0x178)
        return c | 1;
    return c;
}

/* ASCII punctuation and spaces, Latin-1 signs, general and CJK punctuation. */
static bool is_skipped(uint32_t c)
{
    bool is_ascii_alnum =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

    return (c < 0x80 && !is_ascii_alnum) || (c >= 0x80 && c <= 0xBF && c != 0xAA && c != 0xBA) ||
           (c >= 0x2000 && c <= 0x206F) || (c >= 0x3000 && c <= 0x303F);
}

static bool is_numeral(const struct word_match_form *form, const char *numeral)
{
    size_t length = strlen(numeral);

    if (form->length != length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (form->characters[i] != (unsigned char)numeral[i])
            return false;
    }
    return true;
}

static void write_as_figure(struct word_match_form *form)
{
    for (uint32_t value = 0; value < ARRAY_LEN(NUMERALS); value++) {
        if (!is_numeral(form, NUMERALS[value]))
            continue;
        form->length = 0;
        if (value >= 10)
            form->characters[form->length++] = '1';
        form->characters[form->length++] = '0' + value % 10;
        return;
    }
}

void word_match_normalise(const char *text, struct word_match_form *ret_form)
{
    const unsigned char *next = (const unsigned char *)text;

    ret_form->length = 0;
    while (*next != '\0' && ret_form->length < WORD_MATCH_CHARACTERS_MAX) {
        uint32_t character = next_character(&next);

        if (!is_skipped(character))
            ret_form->characters[ret_form->length++] = lower(character);
    }
    write_as_figure(ret_form);
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static size_t distance(const struct word_match_form *one, const struct word_match_form *other)
{
    size_t row[WORD_MATCH_CHARACTERS_MAX + 1];

    for (size_t j = 0; j <= other->length; j++)
        row[j] = j;
    for (size_t i = 1; i <= one->length; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= other->length; j++) {
            size_t substitution =
                diagonal + (one->characters[i - 1] == other->characters[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, substitution);
        }
    }
    return row[other->length];
}

double word_match_similarity(const struct word_match_form *one, const struct word_match_form *other)
{
    size_t longer = one->length > other->length ? one->length : other->length;

    if (one->length == 0 || other->length == 0)
        return 0.0;
    return 1.0 - (double)distance(one, other) / (double)longer;
}
