/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/llm_guard.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "worker/llm_language.h"

/* Short texts may change by that many words, whatever their share. */
#define WORDS_FREE 2
/* A phrase of up to so many words that comes so often in a row, and was not heard so. */
#define LOOP_WORDS_MAX 12
#define LOOP_TIMES 4
/* A name may be mended, not exchanged. */
#define NAME_SIMILAR 0.6

const struct llm_limits LLM_LIMITS_DEFAULT = {
    .max_added = 0.15, .max_lost = 0.2, .max_exchanged = 0.25};

static const char *const NAMES[] = LLM_VERDICT_NAMES;
static_assert(ARRAY_LEN(NAMES) == LLM_VERDICT_COUNT, "a name for each verdict");

/* How models begin when they will not, or cannot, do what they were asked for. */
static const char *const REFUSALS[] = {
    "I'm sorry, but I",        "I’m sorry, but I",
    "I am sorry, but I",       "I'm sorry, I can",
    "I’m sorry, I can",        "Sorry, but I can",
    "I cannot assist",         "I can't assist",
    "I can’t assist",          "I cannot help with",
    "I can't help with",       "I can’t help with",
    "I'm unable to",           "I’m unable to",
    "I am unable to",          "As an AI",
    "As a language model",     "I cannot provide",
    "I can't provide",         "I can’t provide",
    "Please provide the",      "Es tut mir leid, aber ich",
    "Je suis désolé, mais je", "Lo siento, pero no",
};

const char *llm_verdict_name(enum llm_verdict verdict)
{
    assert(verdict < LLM_VERDICT_COUNT);
    return NAMES[verdict];
}

static size_t count_words(const struct llm_units *units)
{
    size_t count = 0;

    for (size_t i = 0; i < units->count; i++)
        count += llm_unit_is_word(&units->items[i]);
    return count;
}

static bool is_over(size_t words, double share, size_t heard)
{
    return words > WORDS_FREE && (double)words > share * (double)heard;
}

static bool begins_with(const char *text, const char *phrase)
{
    return strncasecmp(text, phrase, strlen(phrase)) == 0;
}

/* Somebody may have said so: then it was heard, too. */
static bool is_refusal(const struct llm_units *heard, const char *text)
{
    struct word_match_form first;

    for (size_t i = 0; i < ARRAY_LEN(REFUSALS); i++) {
        if (!begins_with(text, REFUSALS[i]))
            continue;
        CLEANUP(mem_free_at) char *word = mem_copy(REFUSALS[i], strcspn(REFUSALS[i], " "));
        word_match_normalise(word, &first);
        return heard->count == 0 || word_match_similarity(&heard->items[0].form, &first) < 1.0;
    }
    return false;
}

static bool is_same(const struct llm_unit *one, const struct llm_unit *other)
{
    return one->form.length == other->form.length &&
           memcmp(one->form.characters, other->form.characters,
                  one->form.length * sizeof *one->form.characters) == 0;
}

/* How often in a row a phrase of `length` units comes at most. */
static size_t longest_loop(const struct llm_units *units, size_t length)
{
    size_t longest = 1;
    size_t same = 0; /* units in a row that are what stood `length` before them */

    for (size_t i = length; i < units->count; i++) {
        same = is_same(&units->items[i], &units->items[i - length]) ? same + 1 : 0;
        if (same / length + 1 > longest)
            longest = same / length + 1;
    }
    return longest;
}

static bool loops(const struct llm_units *heard, const struct llm_units *answer)
{
    for (size_t length = 1; length <= LOOP_WORDS_MAX; length++) {
        size_t times = longest_loop(answer, length);
        if (times >= LOOP_TIMES && times > longest_loop(heard, length))
            return true;
    }
    return false;
}

/* Numbers and names */

static bool is_figure(uint32_t character)
{
    return character >= '0' && character <= '9';
}

/* The figures of a word, as in "$1,250.50" or "3rd"; small numerals have become figures. */
static size_t figures(const struct llm_unit *unit, uint32_t ret_figures[static 48])
{
    size_t count = 0;

    for (size_t i = 0; i < unit->form.length; i++)
        if (is_figure(unit->form.characters[i]))
            ret_figures[count++] = unit->form.characters[i];
    return count;
}
static_assert(WORD_MATCH_CHARACTERS_MAX == 48, "the figures of a word have room");

/* Numbers may be split and joined ("20 20" and "2020"), so all of their figures are compared. */
struct figure_walk {
    const struct llm_units *units;
    size_t unit;
    uint32_t figures[WORD_MATCH_CHARACTERS_MAX];
    size_t count;
    size_t at;
};

static uint32_t next_figure(struct figure_walk *walk)
{
    while (walk->at == walk->count && walk->unit < walk->units->count) {
        walk->count = figures(&walk->units->items[walk->unit++], walk->figures);
        walk->at = 0;
    }
    return walk->at < walk->count ? walk->figures[walk->at++] : 0;
}

static bool has_same_figures(const struct llm_units *heard, const struct llm_units *answer)
{
    struct figure_walk one = {.units = heard};
    struct figure_walk other = {.units = answer};
    uint32_t figure;

    while ((figure = next_figure(&one)) == next_figure(&other))
        if (figure == 0)
            return true;
    return false;
}

/* An upper-case letter inside a sentence, in the scripts that word_match knows. German writes all
 * nouns so, which only makes the guard stricter there. */
static bool is_name(const struct llm_unit *unit)
{
    const char *text = unit->text + strspn(unit->text, " \"'([");
    struct word_match_form capital;

    if (unit->begins_sentence || unit->form.length < 2)
        return false;
    if (text[0] >= 'A' && text[0] <= 'Z')
        return true;
    /* Two bytes of UTF-8: upper case if its lower-case form is another character. */
    if (((unsigned char)text[0] & 0xE0) != 0xC0)
        return false;
    const char letter[] = {text[0], text[1], '\0'};
    word_match_normalise(letter, &capital);
    uint32_t character = ((unsigned char)text[0] & 0x1FU) << 6 | ((unsigned char)text[1] & 0x3FU);
    return capital.length == 1 && capital.characters[0] != character;
}

static bool is_kept(const struct llm_unit *name, const struct llm_units *answer, int32_t pair)
{
    /* A name that was split or joined lies in the neighbours' pairs. */
    int32_t from = pair < 0 ? 0 : pair - 1;
    int32_t to = pair < 0 ? (int32_t)answer->count - 1 : pair + 1;

    for (int32_t i = from < 0 ? 0 : from; i <= to && i < (int32_t)answer->count; i++)
        if (word_match_similarity(&name->form, &answer->items[i].form) >= NAME_SIMILAR)
            return true;
    return false;
}

static bool has_same_names(const struct llm_units *heard, const struct llm_units *answer,
                           const struct llm_alignment *alignment)
{
    for (size_t i = 0; i < heard->count; i++)
        if (is_name(&heard->items[i]) && !is_kept(&heard->items[i], answer, alignment->of_heard[i]))
            return false;
    return true;
}

/* The judgement */

struct changes {
    size_t lost;
    size_t added;
    size_t exchanged;
};

static struct changes count_changes(const struct llm_units *heard, const struct llm_units *answer,
                                    const struct llm_alignment *alignment)
{
    struct changes changes = {0};

    for (size_t i = 0; i < heard->count; i++) {
        int32_t pair = alignment->of_heard[i];

        if (!llm_unit_is_word(&heard->items[i]))
            continue;
        if (pair < 0)
            changes.lost++;
        else if (word_match_similarity(&heard->items[i].form, &answer->items[pair].form) <
                 LLM_ALIGN_SIMILAR)
            changes.exchanged++;
    }
    for (size_t i = 0; i < answer->count; i++)
        changes.added += alignment->of_answer[i] < 0 && llm_unit_is_word(&answer->items[i]);
    return changes;
}

static enum llm_verdict judge_changes(const struct llm_units *heard, const struct llm_units *answer,
                                      const struct llm_alignment *alignment,
                                      const struct llm_limits *limits)
{
    struct changes changes = count_changes(heard, answer, alignment);
    size_t words = count_words(heard);

    if (is_over(changes.added, limits->max_added, words))
        return LLM_ADDITIONS;
    if (is_over(changes.lost, limits->max_lost, words))
        return LLM_LOSSES;
    if (is_over(changes.exchanged, limits->max_exchanged, words))
        return LLM_REWRITTEN;
    if (!has_same_figures(heard, answer))
        return LLM_NUMBERS_CHANGED;
    if (!has_same_names(heard, answer, alignment))
        return LLM_NAMES_CHANGED;
    return LLM_ACCEPTED;
}

/* What can be told from the texts alone, before they are laid side by side: that would cost
 * something, and what is much longer or shorter is no correction anyway. */
static enum llm_verdict judge_whole(const struct llm_units *heard, const char *text,
                                    const struct llm_units *answer, const struct llm_limits *limits)
{
    size_t words = count_words(heard);
    size_t answered = count_words(answer);

    if (answered == 0)
        return words == 0 ? LLM_ACCEPTED : LLM_EMPTY;
    if (is_refusal(heard, text))
        return LLM_REFUSED;
    if (loops(heard, answer))
        return LLM_LOOPS;
    if (llm_language_differs(heard, answer))
        return LLM_OTHER_LANGUAGE;
    if (answered > words && is_over(answered - words, limits->max_added, words))
        return LLM_ADDITIONS;
    if (words > answered && is_over(words - answered, limits->max_lost, words))
        return LLM_LOSSES;
    return LLM_ACCEPTED;
}

struct llm_judgement llm_guard_judge(const struct llm_units *heard, const char *text,
                                     const struct llm_units *answer,
                                     const struct llm_limits *limits)
{
    struct llm_judgement judgement = {.verdict = judge_whole(heard, text, answer, limits)};

    if (judgement.verdict != LLM_ACCEPTED)
        return judgement;
    llm_align(heard, answer, &judgement.alignment);
    judgement.verdict = judge_changes(heard, answer, &judgement.alignment, limits);
    if (judgement.verdict != LLM_ACCEPTED)
        llm_alignment_done(&judgement.alignment);
    return judgement;
}
