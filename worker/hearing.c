/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/hearing.h"

#include <assert.h>
#include <string.h>

#include "common/mem.h"
#include "worker/media_report.h"
#include "worker/plain_text.h"
#include "worker/window_join.h"
#include "worker/word_loop.h"

#define MS(milliseconds) ((int64_t)(milliseconds)*MEDIA_PCM_RATE / 1000)

/* A word's end is often put where the next one begins, however far that is. */
#define LONGEST_WORD MS(1500)
/* Words on silence: less than this share of their time sounds. */
#define SOUND_SHARE_MIN 0.1
#define ON_SILENCE_MIN MS(300)
/* Too fast: auctioneers reach some 25 letters a second. */
#define LETTERS_A_SECOND_MAX 40
#define FAST_WORDS_MIN 15
/* Shorter stretches of silence, or of sound without words, are pauses between words. */
#define SILENCE_MIN MS(1000)
#define WORDLESS_MIN MS(2000)
/* Around what is asked for again: readings are not believed at their edges (docs/seams.md). */
#define MARGIN MS(4000)
#define LEAD MS(1000)
#define PARTS_MAX 256

void hearing_done(struct hearing *hearing)
{
    reading_done(&hearing->reading);
    free(hearing->notes);
    free(hearing->doubts);
    *hearing = (struct hearing){0};
}

/* A service that answers nonsense shall not make us list all of it: the last one is widened. */
static void add_part(struct coverage_part **parts, size_t *count, const struct coverage_part *part)
{
    if (*count == PARTS_MAX) {
        struct coverage_part *last = &(*parts)[*count - 1];
        last->to = part->to > last->to ? part->to : last->to;
        return;
    }
    *parts = mem_resize(*parts, *count + 1, sizeof **parts);
    (*parts)[(*count)++] = *part;
}

static void add_doubt(struct hearing *hearing, struct sound_span span, enum coverage_reason reason)
{
    add_part(&hearing->doubts, &hearing->doubt_count,
             &(struct coverage_part){
                 .from = span.from, .to = span.to, .kind = COVERAGE_FAILED, .reason = reason});
}

/* Filtering */

static bool says_something(const char *text)
{
    while (*text != '\0') {
        uint32_t code_point = plain_text_next(&text);
        if (code_point != ' ' && !plain_text_is_punctuation(code_point) && code_point != 0x266A)
            return true; /* more than ♪ */
    }
    return false;
}

/* Words [first, last) of a reading, which belong to one segment. */
struct group {
    size_t first;
    size_t last;
};

static struct group group_at(const struct reading *reading, size_t first)
{
    struct group group = {first, first + 1};

    while (group.last < reading->word_count &&
           reading->words[group.last].segment == reading->words[first].segment)
        group.last++;
    return group;
}

static struct sound_span span_of(const struct reading *reading, struct group group)
{
    struct sound_span span = {reading->words[group.first].start, reading->words[group.first].end};

    for (size_t i = group.first; i < group.last; i++)
        span.to = reading->words[i].end > span.to ? reading->words[i].end : span.to;
    return span;
}

static bool is_on_silence(const struct sound_map *map, struct sound_span span)
{
    int64_t length = span.to - span.from;

    return length >= ON_SILENCE_MIN &&
           (double)sound_map_active(map, span) < SOUND_SHARE_MIN * (double)length;
}

static bool is_wordless(const struct reading *reading, struct group group)
{
    for (size_t i = group.first; i < group.last; i++) {
        if (says_something(reading->words[i].text))
            return false;
    }
    return true;
}

/* COVERAGE_NO_REASON: it stays. */
static enum coverage_reason reason_against(const struct sound_map *map,
                                           const struct hearing_rules *rules,
                                           const struct reading *reading, struct group group)
{
    int32_t segment = reading->words[group.first].segment;

    if (is_wordless(reading, group))
        return COVERAGE_NO_SPEECH;
    if (segment >= 0 && reading->segments[segment].no_speech_prob > rules->no_speech_prob_max &&
        reading->segments[segment].avg_logprob < rules->avg_logprob_min)
        return COVERAGE_NO_SPEECH;
    return is_on_silence(map, span_of(reading, group)) ? COVERAGE_ON_SILENCE : COVERAGE_NO_REASON;
}

static void note(struct hearing *hearing, const struct reading *reading, struct group group,
                 enum coverage_kind kind, enum coverage_reason reason)
{
    struct sound_span span = span_of(reading, group);
    CLEANUP(mem_free_at) char *text = reading_text(reading, group.first, group.last);
    struct coverage_part part = {.from = span.from, .to = span.to, .kind = kind, .reason = reason};

    coverage_set_text(&part, text);
    add_part(&hearing->notes, &hearing->note_count, &part);
}

static void filter(struct hearing *hearing, const struct sound_map *map,
                   const struct hearing_rules *rules, const struct reading *heard)
{
    struct group group;

    for (size_t i = 0; i < heard->segment_count; i++)
        reading_add_segment(&hearing->reading, &heard->segments[i]);
    for (size_t first = 0; first < heard->word_count; first = group.last) {
        group = group_at(heard, first);
        enum coverage_reason reason = reason_against(map, rules, heard, group);
        if (reason != COVERAGE_NO_REASON)
            note(hearing, heard, group, COVERAGE_FILTERED, reason);
        for (size_t i = group.first; reason == COVERAGE_NO_REASON && i < group.last; i++)
            reading_add_word(&hearing->reading, &heard->words[i]);
    }
}

/* Doubts */

static int64_t believed_end(const struct reading_word *word)
{
    return word->end - word->start > LONGEST_WORD ? word->start + LONGEST_WORD : word->end;
}

/* What lies between word `next` and the one before it, or the reading's edges. */
static struct sound_span gap_before(const struct reading *reading, size_t next)
{
    return (struct sound_span){
        .from = next == 0 ? reading->start : believed_end(&reading->words[next - 1]),
        .to = next == reading->word_count ? reading->end : reading->words[next].start,
    };
}

static void doubt_gaps(struct hearing *hearing, const struct sound_map *map,
                       const struct hearing_rules *rules)
{
    if (rules->gap_ms == 0)
        return;
    for (size_t next = 0; next <= hearing->reading.word_count; next++) {
        struct sound_span gap = gap_before(&hearing->reading, next);
        if (gap.to - gap.from >= MS(rules->gap_ms) &&
            sound_map_speech(map, gap) >= MS(rules->gap_ms))
            add_doubt(hearing, gap, COVERAGE_NO_WORDS);
    }
}

static void doubt_loops(struct hearing *hearing)
{
    size_t count;
    CLEANUP(mem_free_at) struct word_loop *loops = word_loop_find(&hearing->reading, &count);

    for (size_t i = 0; i < count; i++) {
        struct group again = {loops[i].first + loops[i].period, loops[i].last};
        add_doubt(hearing, span_of(&hearing->reading, again), COVERAGE_REPETITION);
    }
}

static int64_t count_letters(const struct reading *reading, struct group group)
{
    int64_t letters = 0;

    for (size_t i = group.first; i < group.last; i++) {
        for (const char *at = reading->words[i].text; *at != '\0';)
            letters += plain_text_next(&at) != ' ';
    }
    return letters;
}

static void doubt_rates(struct hearing *hearing)
{
    struct group group;

    for (size_t first = 0; first < hearing->reading.word_count; first = group.last) {
        group = group_at(&hearing->reading, first);
        struct sound_span span = span_of(&hearing->reading, group);
        if (group.last - group.first >= FAST_WORDS_MIN &&
            count_letters(&hearing->reading, group) * MEDIA_PCM_RATE >
                LETTERS_A_SECOND_MAX * (span.to - span.from))
            add_doubt(hearing, span, COVERAGE_TOO_FAST);
    }
}

/* Text that compresses so well often goes in circles. What the second answer says is taken as it
 * is: people do repeat themselves. */
static void doubt_compression(struct hearing *hearing, const struct hearing_rules *rules)
{
    struct group group;

    for (size_t first = 0; first < hearing->reading.word_count; first = group.last) {
        int32_t segment = hearing->reading.words[first].segment;
        group = group_at(&hearing->reading, first);
        if (segment >= 0 &&
            hearing->reading.segments[segment].compression_ratio > rules->compression_max)
            add_doubt(hearing, span_of(&hearing->reading, group), COVERAGE_NO_REASON);
    }
}

static void find_doubts(struct hearing *hearing, const struct sound_map *map,
                        const struct hearing_rules *rules)
{
    doubt_gaps(hearing, map, rules);
    doubt_loops(hearing);
    doubt_rates(hearing);
    doubt_compression(hearing, rules);
}

struct hearing hearing_judge(const struct sound_map *map, const struct hearing_rules *rules,
                             struct reading take_reading)
{
    struct hearing hearing = {.reading = {.start = take_reading.start, .end = take_reading.end}};

    filter(&hearing, map, rules, &take_reading);
    reading_done(&take_reading);
    find_doubts(&hearing, map, rules);
    return hearing;
}

bool hearing_is_doubtful(const struct hearing *hearing)
{
    return hearing->doubt_count > 0;
}

/* Once more */

static struct sound_span doubtful_span(const struct hearing *hearing)
{
    struct sound_span span = {hearing->doubts[0].from, hearing->doubts[0].to};

    for (size_t i = 1; i < hearing->doubt_count; i++) {
        span.from = hearing->doubts[i].from < span.from ? hearing->doubts[i].from : span.from;
        span.to = hearing->doubts[i].to > span.to ? hearing->doubts[i].to : span.to;
    }
    return span;
}

static int64_t doubted(const struct hearing *hearing)
{
    int64_t total = 0;

    for (size_t i = 0; i < hearing->doubt_count; i++)
        total += hearing->doubts[i].to - hearing->doubts[i].from;
    return total;
}

struct hearing_again hearing_again(const struct hearing *hearing)
{
    assert(hearing_is_doubtful(hearing));
    struct sound_span span = doubtful_span(hearing);
    const struct reading *reading = &hearing->reading;

    span.from = span.from - MARGIN < reading->start ? reading->start : span.from - MARGIN;
    span.to = span.to + MARGIN > reading->end ? reading->end : span.to + MARGIN;
    bool is_all = span.from == reading->start && span.to == reading->end;
    return (struct hearing_again){.span = span, .lead = is_all ? LEAD : 0};
}

/* A copy of what a reading has in the span, by the middle of words. */
static struct reading slice(const struct reading *reading, struct sound_span span)
{
    struct reading part = {.start = span.from, .end = span.to};

    for (size_t i = 0; i < reading->segment_count; i++)
        reading_add_segment(&part, &reading->segments[i]);
    for (size_t i = 0; i < reading->word_count; i++) {
        const struct reading_word *word = &reading->words[i];
        int64_t middle = word->start + (word->end - word->start) / 2;
        if (middle >= span.from && middle < span.to)
            reading_add_word(&part, word);
    }
    return part;
}

static void copy_notes(struct hearing *to, const struct hearing *from, struct sound_span outside)
{
    for (size_t i = 0; i < from->note_count; i++) {
        const struct coverage_part *part = &from->notes[i];
        if (part->to <= outside.from || part->from >= outside.to)
            add_part(&to->notes, &to->note_count, part);
    }
}

static struct hearing splice(const struct hearing *first, const struct hearing *second)
{
    struct sound_span doubt = doubtful_span(first);
    struct reading pieces[3];
    size_t count = 0;
    struct hearing mended = {0};

    if (first->reading.start < second->reading.start)
        pieces[count++] =
            slice(&first->reading, (struct sound_span){first->reading.start, doubt.from});
    pieces[count++] = slice(&second->reading,
                            (struct sound_span){second->reading.start, second->reading.end + 1});
    pieces[count - 1].end = second->reading.end;
    if (first->reading.end > second->reading.end)
        pieces[count++] =
            slice(&first->reading, (struct sound_span){doubt.to, first->reading.end + 1});
    window_join(pieces, count, MEDIA_PCM_RATE, &mended.reading, NULL);
    mended.reading.start = first->reading.start;
    mended.reading.end = first->reading.end;
    for (size_t i = 0; i < count; i++)
        reading_done(&pieces[i]);
    copy_notes(&mended, first, doubt);
    copy_notes(&mended, second, (struct sound_span){INT64_MIN, INT64_MIN});
    return mended;
}

struct hearing hearing_mend(const struct sound_map *map, const struct hearing_rules *rules,
                            struct hearing take_first, struct hearing take_second)
{
    struct hearing mended = splice(&take_first, &take_second);

    find_doubts(&mended, map, rules);
    hearing_done(&take_second);
    if (doubted(&mended) >= doubted(&take_first)) {
        hearing_done(&mended);
        return take_first;
    }
    hearing_done(&take_first);
    return mended;
}

/* The end */

/* Where it sounds like speech something else may have been said. */
static enum coverage_kind loop_kind(const struct sound_map *map, struct sound_span span)
{
    return sound_map_speech(map, span) * 2 >= span.to - span.from ? COVERAGE_FAILED
                                                                  : COVERAGE_FILTERED;
}

static void say_loops_once(struct hearing *hearing, const struct sound_map *map)
{
    struct reading kept = {.start = hearing->reading.start, .end = hearing->reading.end};
    size_t count;
    CLEANUP(mem_free_at) struct word_loop *loops = word_loop_find(&hearing->reading, &count);
    size_t next = 0;

    for (size_t i = 0; i < hearing->reading.segment_count; i++)
        reading_add_segment(&kept, &hearing->reading.segments[i]);
    for (size_t i = 0; i < count; i++) {
        struct group again = {loops[i].first + loops[i].period, loops[i].last};
        note(hearing, &hearing->reading, again, loop_kind(map, span_of(&hearing->reading, again)),
             COVERAGE_REPETITION);
        for (; next < again.first; next++)
            reading_add_word(&kept, &hearing->reading.words[next]);
        next = again.last;
    }
    for (; next < hearing->reading.word_count; next++)
        reading_add_word(&kept, &hearing->reading.words[next]);
    reading_done(&hearing->reading);
    hearing->reading = kept;
}

static void paint_wordless(const struct hearing *hearing, const struct sound_map *map,
                           struct coverage *coverage)
{
    for (size_t next = 0; next <= hearing->reading.word_count; next++) {
        struct sound_span gap = gap_before(&hearing->reading, next);
        int64_t active = gap.to > gap.from ? sound_map_active(map, gap) : 0;
        if (active >= WORDLESS_MIN && sound_map_speech(map, gap) * 2 < active)
            coverage_paint(coverage, &(struct coverage_part){.from = gap.from,
                                                             .to = gap.to,
                                                             .kind = COVERAGE_FILTERED,
                                                             .reason = COVERAGE_MUSIC});
    }
}

static void paint_silence(const struct sound_map *map, struct coverage *coverage)
{
    struct sound_span silence;

    for (int64_t at = 0; sound_map_next_silence(map, at, SILENCE_MIN, &silence); at = silence.to)
        coverage_paint(coverage, &(struct coverage_part){.from = silence.from,
                                                         .to = silence.to,
                                                         .kind = COVERAGE_SILENCE});
}

static void paint_doubts(const struct hearing *hearing, enum coverage_reason reason,
                         struct coverage *coverage)
{
    for (size_t i = 0; i < hearing->doubt_count; i++) {
        if (hearing->doubts[i].reason == reason)
            coverage_paint(coverage, &hearing->doubts[i]);
    }
}

/* Each layer hides those before it: in a gap, what is silent is silence all the same. */
void hearing_conclude(struct hearing *hearing, const struct sound_map *map,
                      struct coverage *ret_coverage)
{
    const struct reading *reading = &hearing->reading;

    say_loops_once(hearing, map);
    coverage_init(ret_coverage, reading->start, reading->end, COVERAGE_TEXT);
    paint_wordless(hearing, map, ret_coverage);
    paint_doubts(hearing, COVERAGE_NO_WORDS, ret_coverage);
    paint_silence(map, ret_coverage);
    for (size_t i = 0; i < hearing->note_count; i++)
        coverage_paint(ret_coverage, &hearing->notes[i]);
    paint_doubts(hearing, COVERAGE_TOO_FAST, ret_coverage);
}
