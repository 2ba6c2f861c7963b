/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures behind the constants are in docs/seams.md: speech recognition is unreliable in the
 * first second and a half and the last two seconds of a reading, so the text crosses over between
 * them, at a pair of words that both readings have, best 3.5 s before the earlier reading ends.
 */
#include "common/seam.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "common/mem.h"
#include "common/word_match.h"

#define DISTRUSTED_HEAD_S 1.5 /* of the later reading */
#define DISTRUSTED_TAIL_S 2.0 /* of the earlier reading */
#define CROSSING_BEFORE_END_S 3.5
#define TIME_GATE_S 0.7 /* two readings of one word are never further apart */
#define SIMILARITY_MIN 0.75
#define RUN_MIN 2 /* agreed words in a row: one alone may be chance */
/* More words than anyone says in an overlap: such readings are joined by time. */
#define ALIGNED_WORDS_MAX 512

static const char *const METHOD_NAMES[] = {
    [SEAM_AGREED] = "agreed",
    [SEAM_BY_TIME] = "by_time",
    [SEAM_HARD_CUT] = "hard_cut",
};
static_assert(ARRAY_LEN(METHOD_NAMES) == SEAM_METHOD_COUNT, "a name for each method");

/* A stretch of one reading's words, ready to be compared. */
struct stretch {
    size_t first; /* index in the reading */
    size_t count;
    int64_t *middles;              /* owned, in compared positions */
    struct word_match_form *forms; /* owned */
    bool *is_alone;                /* owned: the other reading says nothing near this word */
};

struct pair {
    size_t earlier; /* indexes in the readings */
    size_t later;
    int64_t middle; /* mean of both words' */
};

/* Where the text may cross over. */
struct crossing_range {
    int64_t from;
    int64_t target;
    int64_t to;
};

const char *seam_method_name(enum seam_method method)
{
    assert(method < SEAM_METHOD_COUNT);
    return METHOD_NAMES[method];
}

static int64_t middle(const struct seam_side *side, size_t word)
{
    const struct reading_word *w = &side->reading->words[word];

    return w->start + (w->end - w->start) / 2 + side->offset;
}

/* The first word whose middle is at or after `position`; words are in order. */
static size_t first_at(const struct seam_side *side, int64_t position)
{
    size_t word = 0;

    while (word < side->reading->word_count && middle(side, word) < position)
        word++;
    return word;
}

static int64_t clamp(int64_t value, int64_t from, int64_t to)
{
    return value < from ? from : value > to ? to : value;
}

static int64_t samples(const struct seam_input *input, double seconds)
{
    return (int64_t)(seconds * input->sample_rate);
}

static int64_t overlap_start(const struct seam_input *input)
{
    return input->later.reading->start + input->later.offset;
}

static int64_t overlap_end(const struct seam_input *input)
{
    return input->earlier.reading->end + input->earlier.offset;
}

/* In an overlap too short for both distrusted edges they are shortened in proportion. */
static struct crossing_range crossing_range(const struct seam_input *input)
{
    int64_t start = overlap_start(input);
    int64_t end = overlap_end(input);
    struct crossing_range range = {.from = start + samples(input, DISTRUSTED_HEAD_S),
                                   .to = end - samples(input, DISTRUSTED_TAIL_S)};

    if (range.from > range.to) {
        double share = DISTRUSTED_HEAD_S / (DISTRUSTED_HEAD_S + DISTRUSTED_TAIL_S);

        range.from = range.to = start + (int64_t)(share * (double)(end - start));
    }
    range.target = clamp(end - samples(input, CROSSING_BEFORE_END_S), range.from, range.to);
    return range;
}

static void stretch_done(struct stretch *stretch)
{
    free(stretch->middles);
    free(stretch->forms);
    free(stretch->is_alone);
}

/* The words whose middle lies in the overlap, or so near that the other reading may have them. */
static struct stretch stretch_of(const struct seam_input *input, const struct seam_side *side)
{
    int64_t gate = samples(input, TIME_GATE_S);
    struct stretch stretch = {.first = first_at(side, overlap_start(input) - gate)};

    stretch.count = first_at(side, overlap_end(input) + gate) - stretch.first;
    if (stretch.count > ALIGNED_WORDS_MAX)
        stretch.count = 0;
    stretch.middles = mem_array(stretch.count, sizeof *stretch.middles);
    stretch.forms = mem_array(stretch.count, sizeof *stretch.forms);
    stretch.is_alone = mem_array(stretch.count, sizeof *stretch.is_alone);
    for (size_t i = 0; i < stretch.count; i++) {
        stretch.middles[i] = middle(side, stretch.first + i);
        word_match_normalise(side->reading->words[stretch.first + i].text, &stretch.forms[i]);
    }
    return stretch;
}

/* The similarity of two words if they may be one, else 0. */
static double match(const struct stretch *earlier, size_t i, const struct stretch *later, size_t j,
                    int64_t gate)
{
    int64_t apart = earlier->middles[i] - later->middles[j];

    if (apart > gate || apart < -gate)
        return 0.0;
    double similarity = word_match_similarity(&earlier->forms[i], &later->forms[j]);
    return similarity >= SIMILARITY_MIN ? similarity : 0.0;
}

/* scores[i][j]: the best alignment of the words from i and from j on (longest common subsequence,
 * weighted by similarity). One row more and one column more than words, all 0. */
static double *align(const struct stretch *earlier, const struct stretch *later, int64_t gate)
{
    size_t width = later->count + 1;
    double *scores = mem_array((earlier->count + 1) * width, sizeof *scores);

    for (size_t i = earlier->count; i-- > 0;) {
        for (size_t j = later->count; j-- > 0;) {
            double similarity = match(earlier, i, later, j, gate);
            double both = similarity > 0.0 ? similarity + scores[(i + 1) * width + j + 1] : 0.0;
            double down = scores[(i + 1) * width + j];
            double right = scores[i * width + j + 1];
            double skip = down > right ? down : right;

            scores[i * width + j] = both >= skip ? both : skip;
        }
    }
    return scores;
}

/* Follows the best alignment; gives the number of pairs. */
static size_t collect_pairs(const struct stretch *earlier, const struct stretch *later,
                            const double *scores, int64_t gate, struct pair *ret_pairs)
{
    size_t width = later->count + 1;
    size_t count = 0;
    size_t i = 0;
    size_t j = 0;

    while (i < earlier->count && j < later->count) {
        double similarity = match(earlier, i, later, j, gate);

        if (similarity > 0.0 &&
            scores[i * width + j] <= similarity + scores[(i + 1) * width + j + 1]) {
            ret_pairs[count++] = (struct pair){earlier->first + i, later->first + j,
                                               (earlier->middles[i] + later->middles[j]) / 2};
            i++;
            j++;
        } else if (scores[(i + 1) * width + j] >= scores[i * width + j + 1]) {
            i++;
        } else {
            j++;
        }
    }
    return count;
}

static bool continues(const struct pair *pair, const struct pair *next)
{
    return next->earlier == pair->earlier + 1 && next->later == pair->later + 1;
}

/* Leaves only pairs that stand in a run of RUN_MIN. */
static size_t keep_runs(struct pair *pairs, size_t count)
{
    size_t kept = 0;

    for (size_t start = 0; start < count;) {
        size_t end = start + 1;

        while (end < count && continues(&pairs[end - 1], &pairs[end]))
            end++;
        if (end - start >= RUN_MIN) {
            memmove(pairs + kept, pairs + start, (end - start) * sizeof *pairs);
            kept += end - start;
        }
        start = end;
    }
    return kept;
}

static int64_t distance(int64_t one, int64_t other)
{
    return one > other ? one - other : other - one;
}

static const struct pair *nearest(const struct pair *pairs, size_t count,
                                  const struct crossing_range *range, size_t emitted)
{
    const struct pair *best = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct pair *pair = &pairs[i];

        if (pair->middle < range->from || pair->middle > range->to || pair->earlier + 1 < emitted)
            continue;
        if (best == NULL ||
            distance(pair->middle, range->target) < distance(best->middle, range->target))
            best = pair;
    }
    return best;
}

static bool is_same_word(const struct seam_input *input, size_t earlier, size_t later)
{
    struct word_match_form one;
    struct word_match_form other;

    if (distance(middle(&input->earlier, earlier), middle(&input->later, later)) >
        samples(input, TIME_GATE_S))
        return false;
    word_match_normalise(input->earlier.reading->words[earlier].text, &one);
    word_match_normalise(input->later.reading->words[later].text, &other);
    return word_match_similarity(&one, &other) >= SIMILARITY_MIN;
}

static int64_t apart(const struct seam_input *input, size_t earlier, size_t later)
{
    return distance(middle(&input->earlier, earlier), middle(&input->later, later));
}

/* Somebody who says a word twice means both: two words are the same one only if neither has another
 * like it beside it that is nearer to the other. `step` says which neighbours: 1 or -1. */
static bool has_nearer_double(const struct seam_input *input, size_t earlier, size_t later,
                              int step)
{
    size_t earlier_beside = earlier + (size_t)step; /* wraps around below 0: out of range too */
    size_t later_beside = later + (size_t)step;
    int64_t limit = apart(input, earlier, later);

    return (earlier_beside < input->earlier.reading->word_count &&
            is_same_word(input, earlier_beside, later) &&
            apart(input, earlier_beside, later) < limit) ||
           (later_beside < input->later.reading->word_count &&
            is_same_word(input, earlier, later_beside) &&
            apart(input, earlier, later_beside) < limit);
}

static bool is_one_word(const struct seam_input *input, size_t earlier, size_t later)
{
    return is_same_word(input, earlier, later) && !has_nearer_double(input, earlier, later, 1) &&
           !has_nearer_double(input, earlier, later, -1);
}

/* Cuts both readings at one position. A word that stands on both sides of the cut is said once, one
 * that both sides would leave out is kept. */
static void cut_at(const struct seam_input *input, int64_t position, struct seam_choice *choice)
{
    size_t earlier_end = first_at(&input->earlier, position);

    if (earlier_end < input->earlier_emitted) {
        earlier_end = input->earlier_emitted;
        const struct reading_word *last = &input->earlier.reading->words[earlier_end - 1];
        position = last->end + input->earlier.offset;
    }
    size_t later_start = first_at(&input->later, position);

    if (earlier_end > 0 && later_start < input->later.reading->word_count &&
        is_one_word(input, earlier_end - 1, later_start))
        later_start++;
    else if (later_start > 0 && earlier_end < input->earlier.reading->word_count &&
             is_one_word(input, earlier_end, later_start - 1))
        earlier_end++;
    choice->earlier_end = earlier_end;
    choice->later_start = later_start;
    choice->crossing = position;
}

static bool cross_at_agreed_pair(const struct seam_input *input, const struct stretch *earlier,
                                 const struct stretch *later, const struct crossing_range *range,
                                 struct seam_choice *choice)
{
    int64_t gate = samples(input, TIME_GATE_S);
    CLEANUP(mem_free_at) double *scores = align(earlier, later, gate);
    CLEANUP(mem_free_at) struct pair *pairs = mem_array(earlier->count, sizeof *pairs);

    choice->agreed_pairs = keep_runs(pairs, collect_pairs(earlier, later, scores, gate, pairs));
    const struct pair *pair = nearest(pairs, choice->agreed_pairs, range, input->earlier_emitted);
    if (pair == NULL)
        return false;
    choice->earlier_end = pair->earlier + 1;
    choice->later_start = pair->later + 1;
    choice->crossing = pair->middle;
    return true;
}

static void mark_alone(struct stretch *stretch, const struct stretch *other, int64_t gate)
{
    size_t first = 0;

    for (size_t i = 0; i < stretch->count; i++) {
        while (first < other->count && other->middles[first] < stretch->middles[i] - gate)
            first++;
        stretch->is_alone[i] =
            first == other->count || other->middles[first] > stretch->middles[i] + gate;
    }
}

/* How many words a cut there leaves out that the other reading says nothing in place of. */
static size_t lost_at(const struct stretch *earlier, const struct stretch *later, int64_t position)
{
    size_t lost = 0;

    for (size_t i = 0; i < earlier->count; i++)
        lost += earlier->is_alone[i] && earlier->middles[i] >= position;
    for (size_t i = 0; i < later->count; i++)
        lost += later->is_alone[i] && later->middles[i] < position;
    return lost;
}

/* Readings that agree on nothing may each have left out what the other one heard, as recognisers do
 * with half a sentence at their edges. So they are cut where the fewest words are lost, as near as
 * can be to where readings are most reliable. */
static int64_t cut_of_fewest_losses(const struct stretch *earlier, const struct stretch *later,
                                    int64_t target)
{
    const struct stretch *const stretches[] = {earlier, later};
    int64_t best = target;
    size_t fewest = lost_at(earlier, later, target);

    for (size_t s = 0; s < ARRAY_LEN(stretches); s++)
        for (size_t i = 0; i < stretches[s]->count; i++) {
            /* Behind a word of the earlier one, before a word of the later one. */
            int64_t position = stretches[s]->middles[i] + (s == 0 ? 1 : 0);
            size_t lost = stretches[s]->is_alone[i] ? lost_at(earlier, later, position) : SIZE_MAX;

            if (lost < fewest ||
                (lost == fewest && distance(position, target) < distance(best, target))) {
                best = position;
                fewest = lost;
            }
        }
    return best;
}

static void join_overlap(const struct seam_input *input, struct seam_choice *choice)
{
    int64_t gate = samples(input, TIME_GATE_S);
    CLEANUP(stretch_done) struct stretch earlier = stretch_of(input, &input->earlier);
    CLEANUP(stretch_done) struct stretch later = stretch_of(input, &input->later);
    struct crossing_range range = crossing_range(input);

    choice->earlier_words = earlier.count;
    choice->later_words = later.count;
    choice->method = SEAM_AGREED;
    if (cross_at_agreed_pair(input, &earlier, &later, &range, choice))
        return;
    choice->method = SEAM_BY_TIME;
    mark_alone(&earlier, &later, gate);
    mark_alone(&later, &earlier, gate);
    cut_at(input, cut_of_fewest_losses(&earlier, &later, range.target), choice);
}

struct seam_overlap seam_overlap(const struct seam_input *input)
{
    return (struct seam_overlap){.from = overlap_start(input), .to = overlap_end(input)};
}

/* Dice's coefficient; two readings that hear nothing agree. */
double seam_confidence(const struct seam_choice *choice)
{
    size_t words = choice->earlier_words + choice->later_words;

    if (choice->method == SEAM_HARD_CUT)
        return 0.0;
    return words == 0 ? 1.0 : 2.0 * (double)choice->agreed_pairs / (double)words;
}

struct seam_choice seam_join(const struct seam_input *input)
{
    struct seam_choice choice = {.method = SEAM_HARD_CUT};

    assert(input->earlier_emitted <= input->earlier.reading->word_count);
    if (overlap_start(input) >= overlap_end(input)) {
        cut_at(input, input->border, &choice);
        return choice;
    }
    join_overlap(input, &choice);
    return choice;
}
