/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/seam_record.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/json_text.h"
#include "common/mem.h"

/* Of each text once escaped: some minutes of speech, far more than an overlap. */
#define TEXT_MAX ((size_t)4096)
#define RECORD_BYTES_MAX (4 * TEXT_MAX)

/* Words [first, last) of a reading. */
struct span {
    size_t first;
    size_t last;
};

struct seam_input seam_record_input(const struct chunk *earlier, const struct chunk *later)
{
    return (struct seam_input){
        .earlier = {earlier->reading, 0},
        .later = {later->reading, earlier->audio.samples},
        .border = earlier->audio.samples,
        .sample_rate = earlier->audio.sample_rate,
        .earlier_emitted = (size_t)earlier->words.emitted,
    };
}

/* The words whose middle lies in the overlap. */
static struct span span_in(const struct seam_side *side, const struct seam_overlap *overlap)
{
    const struct reading *reading = side->reading;
    struct span span = {0, 0};

    for (size_t i = 0; i < reading->word_count; i++) {
        const struct reading_word *word = &reading->words[i];
        int64_t middle = word->start + (word->end - word->start) / 2 + side->offset;

        span.first += middle < overlap->from;
        span.last += middle < overlap->to;
    }
    span.last = span.last < span.first ? span.first : span.last;
    return span;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void add_text(struct buf *json, const char *name, char *take_text)
{
    size_t length = strlen(take_text);

    buf_append_format(json, ",\"%s\":", name);
    json_text_append(json, take_text, length > 0 ? json_text_fit(take_text, length, TEXT_MAX) : 0);
    free(take_text);
}

/* What stands of both: the earlier reading's words up to the crossing, then the later one's. */
static char *chosen_text(const struct seam_input *input, const struct seam_choice *choice,
                         struct span earlier, struct span later)
{
    const struct reading *reading = input->later.reading;
    CLEANUP(mem_free_at)
    char *head = reading_text(input->earlier.reading, smaller(earlier.first, choice->earlier_end),
                              choice->earlier_end);
    CLEANUP(mem_free_at)
    char *tail =
        reading_text(reading, choice->later_start, larger(later.last, choice->later_start));
    bool has_space =
        head[0] != '\0' && tail[0] != '\0' && reading->words[choice->later_start].text[0] == ' ';

    return mem_format("%s%s%s", head, has_space ? " " : "", tail);
}

char *seam_record(const struct job *job, const struct chunk *earlier, const struct chunk *later,
                  const struct seam_choice *choice)
{
    const struct seam_input input = seam_record_input(earlier, later);
    const struct seam_overlap overlap = seam_overlap(&input);
    int32_t rate = earlier->audio.sample_rate;
    int64_t zero_ms = job_ms(earlier->start_sample, job->sample_rate);
    struct span heard_earlier = {choice->earlier_end, choice->earlier_end};
    struct span heard_later = {choice->later_start, choice->later_start};
    struct buf json;

    if (choice->method != SEAM_HARD_CUT) {
        heard_earlier = span_in(&input.earlier, &overlap);
        heard_later = span_in(&input.later, &overlap);
    }
    buf_init(&json, RECORD_BYTES_MAX);
    buf_append_format(
        &json,
        "{\"method\":\"%s\",\"confidence\":%.4f,\"agreed_pairs\":%zu,"
        "\"border_ms\":%" PRId64 ",\"crossing_ms\":%" PRId64 ",\"overlap_ms\":%" PRId64,
        seam_method_name(choice->method), seam_confidence(choice), choice->agreed_pairs,
        zero_ms + job_ms(earlier->audio.samples, rate), zero_ms + job_ms(choice->crossing, rate),
        choice->method == SEAM_HARD_CUT ? 0 : job_ms(overlap.to - overlap.from, rate));
    add_text(&json, "earlier_text",
             reading_text(earlier->reading, heard_earlier.first, heard_earlier.last));
    add_text(&json, "later_text",
             reading_text(later->reading, heard_later.first, heard_later.last));
    add_text(&json, "text", chosen_text(&input, choice, heard_earlier, heard_later));
    buf_append_string(&json, "}");
    assert(!buf_is_over(&json));
    return buf_take(&json);
}
