/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_walk.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Where no unit is known to begin, the search must find one; among the bytes that are there, unless
 * it needs none. */
static void find_unit(struct media_walk *walk, int64_t from)
{
    int64_t limit = walk->header->has_fixed_units
                        ? walk->header->audio_end
                        : smaller(walk->region_end, from + MEDIA_SYNC_BYTES_MAX);
    if (!walk->header->framer->sync(walk->source, walk->header, from, limit, &walk->position)) {
        walk->end = MEDIA_WALK_LOST;
    }
}

void media_walk_init(struct media_walk *walk, struct media_source *source,
                     const struct media_header *header, const struct media_range *range)
{
    bool is_resync = range->resync_from >= 0;
    int64_t own_start = is_resync ? range->resync_from : range->own_start;
    int64_t start = is_resync ? own_start : media_source_available_start(source, own_start);
    int64_t region_start = larger(start, header->audio_start);
    *walk = (struct media_walk){
        .source = source,
        .header = header,
        .preroll_end = region_start,
        .own_start = larger(own_start, header->audio_start),
        .own_end = range->own_end,
        .region_end = smaller(media_source_available_end(source, own_start), header->audio_end),
        .position = region_start,
    };
    if (is_resync || region_start == header->audio_start) {
        return;
    }
    find_unit(walk, region_start);
    walk->preroll_samples = header->preroll_samples;
    if (header->preroll_samples == 0) {
        walk->preroll_end = smaller(walk->position + header->preroll_bytes, own_start);
    }
}

static enum media_part part_at(const struct media_walk *walk, int64_t position)
{
    if (position >= walk->own_end) {
        return MEDIA_PART_NEXT;
    }
    if (position >= walk->own_start) {
        return MEDIA_PART_OWNED;
    }
    return position < walk->preroll_end || walk->preroll_samples > 0 ? MEDIA_PART_PREROLL
                                                                     : MEDIA_PART_PREVIOUS;
}

/* A unit that begins at `position` is joined with others of the same part only. */
static int64_t part_end(const struct media_walk *walk, enum media_part part)
{
    switch (part) {
    case MEDIA_PART_PREROLL:
        return walk->preroll_samples > 0 ? walk->position + 1 : walk->preroll_end;
    case MEDIA_PART_PREVIOUS:
        return walk->own_start;
    case MEDIA_PART_OWNED:
        return smaller(walk->own_end, walk->region_end);
    case MEDIA_PART_NEXT:
        break;
    }
    return walk->region_end;
}

/* Where sizes are known without looking, so is where the next unit begins behind the region. */
static void end_region(struct media_walk *walk)
{
    const struct media_header *header = walk->header;
    walk->end = MEDIA_WALK_BYTES_ENDED;
    if (header->has_fixed_units && walk->position < header->audio_end &&
        !header->framer->sync(walk->source, header, walk->position, header->audio_end,
                              &walk->position)) {
        walk->position = header->audio_end;
    }
    if (walk->position >= header->audio_end) {
        walk->end = MEDIA_WALK_AUDIO_ENDED;
    }
}

/* Passes over a unit of which the end is missing; one that is owned counts all the same. */
static bool step_over_cut(struct media_walk *walk, struct media_step *step)
{
    walk->end = MEDIA_WALK_BYTES_ENDED;
    if (step->part == MEDIA_PART_NEXT) {
        return false;
    }
    walk->position += step->unit.length;
    end_region(walk);
    step->is_cut = true;
    return step->part == MEDIA_PART_OWNED;
}

bool media_walk_next(struct media_walk *walk, struct media_step *ret_step)
{
    while (walk->end == MEDIA_WALK_GOES_ON) {
        if (walk->position >= walk->region_end) {
            end_region(walk);
            break;
        }
        struct media_step step = {.part = part_at(walk, walk->position)};
        switch (walk->header->framer->unit_at(walk->source, walk->header, walk->position,
                                              part_end(walk, step.part), &step.unit)) {
        case MEDIA_UNIT_READY:
            walk->position += step.unit.length;
            walk->preroll_samples -= step.part == MEDIA_PART_PREROLL ? step.unit.samples : 0;
            *ret_step = step;
            return true;
        case MEDIA_UNIT_CUT:
            *ret_step = step;
            return step_over_cut(walk, ret_step);
        case MEDIA_UNIT_UNKNOWN:
            walk->end = MEDIA_WALK_CUT;
            walk->cut_length = step.unit.length;
            break;
        case MEDIA_UNIT_INVALID:
            find_unit(walk, walk->position + 1);
            break;
        case MEDIA_UNIT_END:
            walk->end = MEDIA_WALK_AUDIO_ENDED;
            break;
        }
    }
    return false;
}
