/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/llm_align.h"

#include <assert.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

/* How far off the diagonal the way may lead, beyond the difference of the lengths. What lies
 * farther off is no correction, and the guard says so. */
#define BAND 32

/* A word exchanged for another is cheaper than one left out and one added. */
enum cost { COST_KEPT = 0, COST_MENDED = 2, COST_ADDED = 2, COST_LEFT_OUT = 2, COST_EXCHANGED = 3 };

#define COST_NO_WAY (INT32_MAX / 2)

enum move { MOVE_NONE, MOVE_PAIR, MOVE_LEAVE_OUT, MOVE_ADD };

struct table {
    const struct llm_units *heard;
    const struct llm_units *answer;
    size_t left;    /* the band reaches that far below the diagonal */
    size_t width;   /* columns of the band */
    uint8_t *moves; /* by row and column of the band */
    int32_t *costs; /* of the row before, and of this one */
};

void llm_alignment_done(struct llm_alignment *alignment)
{
    free(alignment->of_heard);
    free(alignment->of_answer);
    *alignment = (struct llm_alignment){0};
}

static bool is_same(const struct word_match_form *one, const struct word_match_form *other)
{
    return one->length == other->length &&
           memcmp(one->characters, other->characters, one->length * sizeof *one->characters) == 0;
}

static int32_t pair_cost(const struct llm_unit *heard, const struct llm_unit *answer)
{
    if (is_same(&heard->form, &answer->form))
        return COST_KEPT;
    return word_match_similarity(&heard->form, &answer->form) >= LLM_ALIGN_SIMILAR ? COST_MENDED
                                                                                   : COST_EXCHANGED;
}

/* The band's column of answer unit j in the row of heard unit i; outside of the band: `width`. */
static size_t band_column(const struct table *table, size_t i, size_t j)
{
    size_t shifted = j + table->left;

    return shifted < i || shifted - i >= table->width ? table->width : shifted - i;
}

static int32_t cost_at(const struct table *table, const int32_t *row, size_t i, size_t j)
{
    size_t column = band_column(table, i, j);

    return column == table->width ? COST_NO_WAY : row[column];
}

static void consider(int32_t cost, enum move move, int32_t *best, enum move *best_move)
{
    if (cost < *best) {
        *best = cost;
        *best_move = move;
    }
}

/* Pairs come first: of ways that cost the same, the one that keeps words beside each other. */
static void fill_cell(struct table *table, const int32_t *before, int32_t *row, size_t i, size_t j)
{
    int32_t best = i == 0 && j == 0 ? 0 : COST_NO_WAY;
    enum move move = MOVE_NONE;

    if (i > 0 && j > 0)
        consider(cost_at(table, before, i - 1, j - 1) +
                     pair_cost(&table->heard->items[i - 1], &table->answer->items[j - 1]),
                 MOVE_PAIR, &best, &move);
    if (i > 0)
        consider(cost_at(table, before, i - 1, j) + COST_LEFT_OUT, MOVE_LEAVE_OUT, &best, &move);
    if (j > 0)
        consider(cost_at(table, row, i, j - 1) + COST_ADDED, MOVE_ADD, &best, &move);
    row[band_column(table, i, j)] = best;
    table->moves[i * table->width + band_column(table, i, j)] = (uint8_t)move;
}

static void fill(struct table *table)
{
    for (size_t i = 0; i <= table->heard->count; i++) {
        int32_t *row = table->costs + (i % 2) * table->width;
        const int32_t *before = table->costs + ((i + 1) % 2) * table->width;

        for (size_t column = 0; column < table->width; column++) {
            row[column] = COST_NO_WAY;
            if (i + column >= table->left && i + column - table->left <= table->answer->count)
                fill_cell(table, before, row, i, i + column - table->left);
        }
    }
}

static void trace(const struct table *table, struct llm_alignment *alignment)
{
    size_t i = table->heard->count;
    size_t j = table->answer->count;

    while (i > 0 || j > 0) {
        switch ((enum move)table->moves[i * table->width + band_column(table, i, j)]) {
        case MOVE_PAIR:
            i--;
            j--;
            alignment->of_heard[i] = (int32_t)j;
            alignment->of_answer[j] = (int32_t)i;
            break;
        case MOVE_LEAVE_OUT:
            alignment->of_heard[--i] = -1;
            break;
        case MOVE_ADD:
            alignment->of_answer[--j] = -1;
            break;
        case MOVE_NONE:
            abort(); /* the band holds both corners, so there is a way */
        }
    }
}

void llm_align(const struct llm_units *heard, const struct llm_units *answer,
               struct llm_alignment *ret_alignment)
{
    struct table table = {.heard = heard, .answer = answer};
    size_t longer = heard->count > answer->count ? heard->count - answer->count : 0;

    table.left = BAND + longer;
    table.width =
        table.left + BAND + 1 + (answer->count > heard->count ? answer->count - heard->count : 0);
    table.moves = mem_array((heard->count + 1) * table.width, sizeof *table.moves);
    table.costs = mem_array(2 * table.width, sizeof *table.costs);
    ret_alignment->of_heard = mem_array(heard->count, sizeof *ret_alignment->of_heard);
    ret_alignment->of_answer = mem_array(answer->count, sizeof *ret_alignment->of_answer);
    fill(&table);
    trace(&table, ret_alignment);
    free(table.moves);
    free(table.costs);
}

/* Applying */

/* Where the answer's units for each word begin: those that were added go to the word before. */
static void find_starts(const struct llm_alignment *alignment, const struct llm_units *heard,
                        const struct llm_units *answer, size_t word_count, size_t *ret_starts,
                        bool *ret_is_tied)
{
    size_t word = 0;

    for (size_t i = 0; i <= word_count; i++)
        ret_starts[i] = answer->count;
    for (size_t i = 0; i < heard->count; i++)
        if (alignment->of_heard[i] >= 0 &&
            (size_t)alignment->of_heard[i] < ret_starts[heard->items[i].word])
            ret_starts[heard->items[i].word] = (size_t)alignment->of_heard[i];
    for (word = word_count; word-- > 0;) /* a word without a unit gets an empty stretch */
        if (ret_starts[word] > ret_starts[word + 1])
            ret_starts[word] = ret_starts[word + 1];
    ret_starts[0] = 0;
    for (size_t i = 0; i + 1 < heard->count; i++) {
        bool is_clean =
            alignment->of_heard[i] >= 0 && alignment->of_heard[i + 1] == alignment->of_heard[i] + 1;
        if (heard->items[i].word != heard->items[i + 1].word)
            ret_is_tied[heard->items[i].word] = !is_clean;
    }
}

static char *correction_of(const struct llm_units *answer, size_t from, size_t to,
                           const char *first_word)
{
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    /* The answer has no space at its beginning; what was heard may have one. */
    if (from == 0 && to > 0 && first_word[0] == ' ' && answer->items[0].text[0] != ' ')
        buf_append_string(&text, " ");
    for (size_t i = from; i < to; i++)
        buf_append_string(&text, answer->items[i].text);
    return buf_take(&text);
}

static size_t correct_word(struct reading_word *word, char *take_correction)
{
    free(word->corrected);
    word->corrected = NULL;
    if (strcmp(word->text, take_correction) == 0) {
        free(take_correction);
        return 0;
    }
    word->corrected = take_correction;
    return 1;
}

static bool is_inside(const struct reading *reading, size_t from, size_t to, struct llm_span span)
{
    for (size_t i = from; i < to; i++)
        if (reading->words[i].start < span.from || reading->words[i].end > span.to)
            return false;
    return true;
}

size_t llm_align_apply(const struct llm_alignment *alignment, const struct llm_units *heard,
                       const struct llm_units *answer, struct llm_span span,
                       struct reading *reading, size_t first)
{
    size_t word_count = heard->count == 0 ? 0 : heard->items[heard->count - 1].word + 1;
    CLEANUP(mem_free_at) size_t *starts = mem_array(word_count + 1, sizeof *starts);
    CLEANUP(mem_free_at) bool *is_tied = mem_array(word_count + 1, sizeof *is_tied);
    size_t changed = 0;

    assert(first + word_count <= reading->word_count);
    find_starts(alignment, heard, answer, word_count, starts, is_tied);
    for (size_t from = 0, to; from < word_count; from = to) {
        for (to = from + 1; to < word_count && is_tied[to - 1];)
            to++;
        if (!is_inside(reading, first + from, first + to, span))
            continue;
        for (size_t i = from; i < to; i++)
            changed += correct_word(
                &reading->words[first + i],
                correction_of(answer, starts[i], starts[i + 1], reading->words[first].text));
    }
    return changed;
}
