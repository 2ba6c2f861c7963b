/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/llm_units.h"

#include <string.h>

#include "common/mem.h"
#include "worker/plain_text.h"

static const uint32_t SENTENCE_ENDS[] = {'.',    '!',    '?',    0x61F,  0x6D4, 0x964,
                                         0x2026, 0x3002, 0xFF01, 0xFF0E, 0xFF1F};

void llm_units_done(struct llm_units *units)
{
    for (size_t i = 0; i < units->count; i++)
        free(units->items[i].text);
    free(units->items);
    *units = (struct llm_units){0};
}

bool llm_unit_is_word(const struct llm_unit *unit)
{
    return unit->form.length > 0;
}

static bool is_sentence_end(uint32_t code_point)
{
    for (size_t i = 0; i < ARRAY_LEN(SENTENCE_ENDS); i++)
        if (SENTENCE_ENDS[i] == code_point)
            return true;
    return false;
}

/* Quotes and brackets may follow the full stop. */
bool llm_units_ends_sentence(const char *text)
{
    bool ends = false;

    while (*text != '\0') {
        uint32_t code_point = plain_text_next(&text);
        ends = is_sentence_end(code_point) || (ends && plain_text_is_punctuation(code_point));
    }
    return ends;
}

static void add_unit(struct llm_units *units, const char *text, size_t length, size_t word)
{
    struct llm_unit unit = {.text = mem_copy(text, length), .word = word};
    const struct llm_unit *before = units->count > 0 ? &units->items[units->count - 1] : NULL;

    word_match_normalise(unit.text, &unit.form);
    unit.begins_sentence = before == NULL || llm_units_ends_sentence(before->text) ||
                           (before->begins_sentence && !llm_unit_is_word(before));
    if ((units->count & (units->count - 1)) == 0)
        units->items = mem_resize(units->items, units->count == 0 ? 1 : units->count * 2,
                                  sizeof *units->items);
    units->items[units->count++] = unit;
}

/* Whether a unit that has begun ends before this character. Punctuation stays with the character
 * that it follows. */
static bool is_border(uint32_t code_point, bool has_letter, bool was_unspaced)
{
    if (code_point == ' ')
        return true;
    return has_letter && !plain_text_is_punctuation(code_point) &&
           (was_unspaced || plain_text_is_unspaced(code_point));
}

static void add_units(struct llm_units *units, const char *text, size_t word)
{
    const char *begin = text;
    bool has_letter = false;
    bool was_unspaced = false;

    for (const char *at = text; *at != '\0';) {
        const char *next = at;
        uint32_t code_point = plain_text_next(&next);

        if (at > begin && is_border(code_point, has_letter, was_unspaced)) {
            add_unit(units, begin, (size_t)(at - begin), word);
            begin = at;
            has_letter = false;
        }
        has_letter |= code_point != ' ' && !plain_text_is_punctuation(code_point);
        was_unspaced = plain_text_is_unspaced(code_point) ||
                       (was_unspaced && plain_text_is_punctuation(code_point));
        at = next;
    }
    if (*begin != '\0')
        add_unit(units, begin, strlen(begin), word);
}

void llm_units_of_words(const struct reading *reading, size_t first, size_t last,
                        struct llm_units *ret_units)
{
    *ret_units = (struct llm_units){0};
    for (size_t i = first; i < last; i++)
        add_units(ret_units, reading->words[i].text, i - first);
}

void llm_units_of_text(const char *text, struct llm_units *ret_units)
{
    *ret_units = (struct llm_units){0};
    add_units(ret_units, text, 0);
}
