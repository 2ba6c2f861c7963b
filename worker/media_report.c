/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_report.h"

#include <inttypes.h>
#include <string.h>

#include "worker/media_walk.h"

/* What one walk adds up to. */
struct tally {
    int64_t previous_samples;
    int64_t owned_samples;
    int64_t next_samples;
    int64_t first_owned; /* bytes; -1: none */
    int64_t first_next;  /* -1: none */
    bool has_position;
    int64_t position; /* of the first owned sample */
    int64_t border_byte;
    int64_t border_samples;
};

static void count_previous(struct tally *tally, const struct media_walk *walk,
                           const struct media_step *step)
{
    const struct media_unit *unit = &step->unit;
    if (step->part == MEDIA_PART_PREVIOUS) {
        tally->previous_samples += unit->samples;
    }
    int64_t told_by = unit->offset + unit->length + unit->lookahead_bytes;
    if (told_by > walk->own_start && !walk->header->has_fixed_units) {
        tally->border_byte = tally->border_byte < 0 ? unit->offset : tally->border_byte;
        tally->border_samples += unit->samples;
    }
}

static void count_step(struct tally *tally, const struct media_walk *walk,
                       const struct media_step *step)
{
    const struct media_unit *unit = &step->unit;
    switch (step->part) {
    case MEDIA_PART_PREROLL:
    case MEDIA_PART_PREVIOUS:
        count_previous(tally, walk, step);
        break;
    case MEDIA_PART_OWNED:
        if (tally->first_owned < 0) {
            tally->first_owned = unit->offset;
        }
        if (!tally->has_position && unit->has_position) {
            tally->has_position = true;
            tally->position = unit->position - tally->owned_samples;
        }
        tally->owned_samples += unit->samples;
        break;
    case MEDIA_PART_NEXT:
        if (tally->first_next < 0) {
            tally->first_next = unit->offset;
        }
        tally->next_samples += unit->samples;
        break;
    }
}

/* Where the next chunk's first unit begins. Where the search was lost it is the chunk's end, as the
 * next chunk, lost too, will say of its beginning. */
static int64_t next_byte(const struct tally *tally, const struct media_walk *walk)
{
    if (tally->first_next >= 0) {
        return tally->first_next;
    }
    if (walk->position >= walk->own_end || walk->end == MEDIA_WALK_CUT) {
        return walk->position;
    }
    return walk->own_end;
}

static int64_t first_byte(const struct tally *tally, const struct media_walk *walk)
{
    if (tally->first_owned >= 0) {
        return tally->first_owned;
    }
    if (tally->first_next >= 0) {
        return tally->first_next;
    }
    return walk->position >= walk->own_start && walk->end != MEDIA_WALK_LOST ? walk->position
                                                                             : walk->own_start;
}

static void fill_report(const struct tally *tally, const struct media_walk *walk,
                        struct media_report *report)
{
    report->first_byte = first_byte(tally, walk);
    report->next_byte = next_byte(tally, walk);
    report->samples = tally->owned_samples;
    report->tail_complete = !(walk->end == MEDIA_WALK_CUT && walk->position < walk->own_end);
    report->border_byte = tally->border_byte;
    report->border_samples = tally->border_samples;
    if (tally->owned_samples == 0 && tally->border_samples == 0) {
        return;
    }
    report->has_absolute_start = tally->has_position;
    report->absolute_start = tally->has_position ? tally->position : 0;
    report->reading_start = -tally->previous_samples;
    report->reading_end = tally->owned_samples + tally->next_samples;
    report->spans_previous = tally->previous_samples > 0;
    report->spans_next = tally->next_samples > 0;
}

bool media_report_has_reading(const struct media_report *report)
{
    return report->reading_end > report->reading_start;
}

static bool check_length(const struct media_report *report, int64_t max_seconds, struct err *err)
{
    int64_t seconds = (report->reading_end - report->reading_start) / report->sample_rate;
    if (seconds > max_seconds) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "the chunk holds %" PRId64 " s of audio, more than the limit of %" PRId64
                       " s: use smaller chunks",
                       seconds, max_seconds);
    }
    return true;
}

static bool check_range(const struct media_source *source, const struct media_range *range,
                        struct err *err)
{
    if (range->own_start < 0 || range->own_start > range->own_end ||
        range->own_end > media_source_total_size(source) ||
        range->resync_from >= media_source_total_size(source)) {
        return err_set(err, ERR_REJECT, "media", 0, "the chunk's range lies outside the recording");
    }
    int64_t start = range->resync_from >= 0 ? range->resync_from : range->own_start;
    if (media_source_available_end(source, start) < range->own_end) {
        return err_set(err, ERR_REJECT, "media", 0, "not all of the chunk's bytes are there");
    }
    return true;
}

/* What is cut at the chunk's end is heard with the next chunk, if that one holds the rest of it. */
static bool check_cut(const struct media_walk *walk, const struct media_range *range,
                      struct err *err)
{
    bool is_owned = walk->end == MEDIA_WALK_CUT && walk->position >= walk->own_start &&
                    walk->position < walk->own_end;
    if (is_owned && walk->position + walk->cut_length > range->next_end) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "a fragment of %" PRId64
                       " bytes reaches beyond the next chunk: use larger chunks",
                       walk->cut_length);
    }
    return true;
}

static bool walk_all(struct media_source *source, const struct media_header *header,
                     const struct media_range *range, struct media_report *report, struct err *err)
{
    struct tally tally = {.first_owned = -1, .first_next = -1, .border_byte = -1};
    struct media_walk walk;
    struct media_step step;
    media_walk_init(&walk, source, header, range);
    while (media_walk_next(&walk, &step)) {
        count_step(&tally, &walk, &step);
    }
    fill_report(&tally, &walk, report);
    return check_cut(&walk, range, err);
}

bool media_report_make(struct media_source *source, const struct media_header *header,
                       const struct media_range *range, int64_t max_seconds,
                       struct media_report *ret_report, struct err *err)
{
    struct media_report report = {.sample_rate = header->sample_rate,
                                  .channels = header->channels,
                                  .bytes_per_second = header->bytes_per_second,
                                  .tail_complete = true,
                                  .border_byte = -1};
    memcpy(report.format, header->format, sizeof(report.format));
    memcpy(report.codec, header->codec, sizeof(report.codec));
    if (!check_range(source, range, err)) {
        return false;
    }
    if (range->own_end <= header->audio_start) {
        report.first_byte = report.next_byte = header->audio_start;
    } else if (range->own_start >= header->audio_end && range->resync_from < 0) {
        report.first_byte = report.next_byte = header->audio_end;
    } else if (!walk_all(source, header, range, &report, err)) {
        return false;
    }
    if (!check_length(&report, max_seconds, err)) {
        return false;
    }
    *ret_report = report;
    return true;
}
