/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/window_join.h"

#include <assert.h>

#include "common/mem.h"
#include "common/seam.h"
#include "worker/media_report.h"

int64_t window_position(struct window_scale scale, int64_t pcm)
{
    assert(pcm >= 0);
    return scale.start + (pcm * scale.sample_rate + MEDIA_PCM_RATE / 2) / MEDIA_PCM_RATE;
}

void window_place(struct reading *reading, struct window_scale scale, int64_t window_start)
{
    reading->start = window_position(scale, window_start + reading->start);
    reading->end = window_position(scale, window_start + reading->end);
    for (size_t i = 0; i < reading->word_count; i++) {
        struct reading_word *word = &reading->words[i];
        word->start = window_position(scale, window_start + word->start);
        word->end = window_position(scale, window_start + word->end);
    }
}

/* Which words of each window stand. */
struct share {
    size_t first;
    size_t last;
};

/* Gives where the text goes over. */
static int64_t join_pair(const struct reading *readings, size_t later, int32_t sample_rate,
                         struct share *shares)
{
    const struct reading *before = &readings[later - 1];
    const struct reading *after = &readings[later];
    const struct seam_input input = {
        .earlier = {.reading = before},
        .later = {.reading = after},
        .border = before->end - (before->end - after->start) / 2,
        .sample_rate = sample_rate,
        .earlier_emitted = shares[later - 1].first,
    };
    struct seam_choice choice = seam_join(&input);

    assert(choice.earlier_end >= shares[later - 1].first);
    shares[later - 1].last = choice.earlier_end;
    shares[later].first = choice.later_start;
    return choice.crossing;
}

static void add_share(const struct reading *reading, struct share share,
                      struct reading *ret_reading)
{
    int32_t segments_before = (int32_t)ret_reading->segment_count;

    for (size_t i = 0; i < reading->segment_count; i++)
        reading_add_segment(ret_reading, &reading->segments[i]);
    for (size_t i = share.first; i < share.last; i++) {
        struct reading_word word = reading->words[i];
        word.segment = word.segment < 0 ? -1 : word.segment + segments_before;
        reading_add_word(ret_reading, &word);
    }
}

void window_join(const struct reading *readings, size_t count, int32_t sample_rate,
                 struct reading *ret_reading, int64_t *ret_crossings)
{
    CLEANUP(mem_free_at) struct share *shares = mem_array(count, sizeof *shares);

    *ret_reading = (struct reading){0};
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        shares[i] = (struct share){.first = 0, .last = readings[i].word_count};
    for (size_t i = 1; i < count; i++) {
        int64_t crossing = join_pair(readings, i, sample_rate, shares);
        if (ret_crossings != NULL)
            ret_crossings[i - 1] = crossing;
    }
    for (size_t i = 0; i < count; i++)
        add_share(&readings[i], shares[i], ret_reading);
    ret_reading->start = readings[0].start;
    ret_reading->end = readings[count - 1].end;
}

char *window_text_between(const struct reading *reading, int64_t from, int64_t to)
{
    size_t first = 0;

    while (first < reading->word_count &&
           (reading->words[first].start + reading->words[first].end) / 2 < from)
        first++;
    size_t last = first;
    while (last < reading->word_count &&
           (reading->words[last].start + reading->words[last].end) / 2 < to)
        last++;
    return reading_text(reading, first, last);
}
