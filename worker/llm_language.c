/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/llm_language.h"

#include <stdint.h>
#include <string.h>

#include "common/attrs.h"

/* Of that many words at least one must be among a language's most frequent to count, and the
 * others' must be rarer. */
#define WORDS_FOR_ONE 8
#define UNITS_MIN 4

enum script {
    SCRIPT_NONE,
    SCRIPT_LATIN,
    SCRIPT_GREEK,
    SCRIPT_CYRILLIC,
    SCRIPT_HEBREW,
    SCRIPT_ARABIC,
    SCRIPT_INDIC,
    SCRIPT_THAI,
    SCRIPT_HANGUL,
    SCRIPT_KANA,
    SCRIPT_HAN,
    SCRIPT_COUNT
};

static const struct {
    uint32_t first;
    uint32_t last;
    enum script script;
} SCRIPTS[] = {
    {'A', 0x24F, SCRIPT_LATIN},    {0x370, 0x3FF, SCRIPT_GREEK},    {0x400, 0x52F, SCRIPT_CYRILLIC},
    {0x590, 0x5FF, SCRIPT_HEBREW}, {0x600, 0x77F, SCRIPT_ARABIC},   {0x900, 0xDFF, SCRIPT_INDIC},
    {0xE00, 0xE7F, SCRIPT_THAI},   {0x1E00, 0x1EFF, SCRIPT_LATIN},  {0x3040, 0x30FF, SCRIPT_KANA},
    {0x3400, 0x9FFF, SCRIPT_HAN},  {0xAC00, 0xD7AF, SCRIPT_HANGUL},
};

/* Frequent words that no other of these languages has among its own. */
static const char *const FREQUENT[][15] = {
    {"the", "and", "of", "to", "is", "that", "it", "was", "for", "with", "you", "this", "have",
     "are", NULL},
    {"der", "die", "und", "das", "ist", "nicht", "ich", "zu", "den", "mit", "ein", "eine", "auf",
     "sich", NULL},
    {"le", "les", "est", "et", "pas", "je", "une", "des", "dans", "qui", "ce", "vous", "pour",
     "nous", NULL},
    {"el", "los", "las", "y", "es", "por", "con", "una", "para", "pero", "del", "muy", "como",
     "está", NULL},
    {"il", "che", "di", "non", "è", "sono", "della", "per", "gli", "anche", "più", "questo", "nel",
     "ma", NULL},
    {"o", "não", "os", "em", "um", "uma", "com", "do", "da", "mais", "foi", "isso", "você", "ao",
     NULL},
    {"het", "een", "van", "niet", "dat", "ik", "op", "te", "zijn", "voor", "maar", "ook", "naar",
     "wij", NULL},
    {"och", "att", "det", "som", "på", "inte", "jag", "är", "har", "för", "med", "till", "men",
     "vi", NULL},
    {"nie", "się", "na", "jest", "że", "w", "z", "jak", "ale", "tak", "czy", "tego", "już", "ja",
     NULL},
    {"и", "в", "не", "на", "что", "я", "он", "как", "это", "но", "его", "она", "мы", "так", NULL},
};
#define LANGUAGE_COUNT ARRAY_LEN(FREQUENT)
#define LANGUAGE_UNKNOWN (-1)

static enum script script_of(uint32_t character)
{
    for (size_t i = 0; i < ARRAY_LEN(SCRIPTS); i++)
        if (character >= SCRIPTS[i].first && character <= SCRIPTS[i].last)
            return SCRIPTS[i].script;
    return SCRIPT_NONE;
}

/* Of more than half of the letters; Japanese is written in two. */
static enum script main_script(const struct llm_units *units)
{
    size_t counts[SCRIPT_COUNT] = {0};
    size_t all = 0;

    for (size_t i = 0; i < units->count; i++) {
        for (size_t k = 0; k < units->items[i].form.length; k++) {
            enum script script = script_of(units->items[i].form.characters[k]);

            counts[script]++;
            all += script != SCRIPT_NONE;
        }
    }
    if (counts[SCRIPT_KANA] * 10 > all)
        return SCRIPT_KANA;
    for (enum script script = SCRIPT_LATIN; script < SCRIPT_COUNT; script++)
        if (counts[script] * 2 > all)
            return script;
    return SCRIPT_NONE;
}

static bool is_word(const struct llm_unit *unit, const struct word_match_form *word)
{
    return unit->form.length == word->length &&
           memcmp(unit->form.characters, word->characters,
                  word->length * sizeof *word->characters) == 0;
}

static size_t count_frequent(const struct llm_units *units, size_t language)
{
    struct word_match_form form;
    size_t count = 0;

    for (const char *const *word = FREQUENT[language]; *word != NULL; word++) {
        word_match_normalise(*word, &form);
        for (size_t i = 0; i < units->count; i++)
            count += is_word(&units->items[i], &form);
    }
    return count;
}

static int guess(const struct llm_units *units)
{
    size_t best_count = 0;
    size_t second_count = 0;
    int best = LANGUAGE_UNKNOWN;

    for (size_t language = 0; language < LANGUAGE_COUNT; language++) {
        size_t count = count_frequent(units, language);

        if (count > best_count) {
            second_count = best_count;
            best_count = count;
            best = (int)language;
        } else if (count > second_count) {
            second_count = count;
        }
    }
    bool is_sure = best_count * WORDS_FOR_ONE >= units->count && best_count > second_count * 2;
    return is_sure ? best : LANGUAGE_UNKNOWN;
}

bool llm_language_differs(const struct llm_units *one, const struct llm_units *other)
{
    enum script script = main_script(one);
    enum script other_script = main_script(other);

    if (one->count < UNITS_MIN || other->count < UNITS_MIN)
        return false;
    if (script != SCRIPT_NONE && other_script != SCRIPT_NONE && script != other_script)
        return true;
    int language = guess(one);
    int other_language = guess(other);
    return language != LANGUAGE_UNKNOWN && other_language != LANGUAGE_UNKNOWN &&
           language != other_language;
}
