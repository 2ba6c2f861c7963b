/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_mp4_fragment.h"

#include "worker/media_bytes.h"
#include "worker/media_mp4_box.h"

#define FULL_BOX_BYTES 4
#define MFHD_BYTES 16
#define BOXES_MAX 4096
/* A run may list samples without a byte for each. */
#define SAMPLES_MAX 65536

enum {
    TFHD_BASE = 0x1,
    TFHD_DESCRIPTION = 0x2,
    TFHD_DURATION = 0x8,
    TFHD_SIZE = 0x10,
    TRUN_OFFSET = 0x1,
    TRUN_FIRST_FLAGS = 0x4,
    TRUN_DURATION = 0x100,
    TRUN_SIZE = 0x200,
    TRUN_FLAGS = 0x400,
    TRUN_COMPOSITION = 0x800
};

/* A box's fields one after another; all are 0 behind its end. */
struct fields {
    struct media_source *source;
    int64_t at;
    int64_t end;
};

static uint32_t take32(struct fields *fields)
{
    const uint8_t *bytes =
        fields->end - fields->at < 4 ? NULL : media_source_at(fields->source, fields->at, 4);
    fields->at += 4;
    return bytes == NULL ? 0 : be32(bytes);
}

static int64_t take64(struct fields *fields)
{
    uint64_t high = take32(fields);
    uint64_t value = high << 32 | take32(fields);
    return value > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)value;
}

static struct fields fields_of(struct media_source *source, const struct mp4_box *box)
{
    return (struct fields){.source = source, .at = box->content, .end = box->end};
}

/* READY if the box at `offset` is there and has this type. */
static enum media_unit_status box_of_type(struct media_source *source, int64_t offset,
                                          int64_t limit, uint32_t type, struct mp4_box *ret_box)
{
    switch (mp4_box_at(source, offset, limit, ret_box)) {
    case MP4_BOX_UNKNOWN:
        return MEDIA_UNIT_UNKNOWN;
    case MP4_BOX_INVALID:
        return MEDIA_UNIT_INVALID;
    case MP4_BOX_READY:
        break;
    }
    return ret_box->type == type ? MEDIA_UNIT_READY : MEDIA_UNIT_INVALID;
}

enum media_unit_status mp4_fragment_begins(struct media_source *source, int64_t offset,
                                           int64_t limit)
{
    struct mp4_box moof;
    struct mp4_box mfhd;
    enum media_unit_status status =
        box_of_type(source, offset, limit, MP4_TYPE('m', 'o', 'o', 'f'), &moof);
    if (status != MEDIA_UNIT_READY) {
        return status;
    }
    status = box_of_type(source, moof.content, moof.end, MP4_TYPE('m', 'f', 'h', 'd'), &mfhd);
    if (status == MEDIA_UNIT_READY && mfhd.end - mfhd.start != MFHD_BYTES) {
        return MEDIA_UNIT_INVALID;
    }
    return status;
}

/* Where the boxes end that follow a moof. What is no box ends them too, and so does the index
 * (mfra) behind the last fragment, of which a long recording has more than one chunk may hold. */
static enum media_unit_status find_end(struct media_source *source, int64_t offset, int64_t limit,
                                       int64_t *ret_end)
{
    for (int i = 0; i < BOXES_MAX && offset < limit; i++) {
        struct mp4_box box;
        enum mp4_box_status status = mp4_box_at(source, offset, limit, &box);
        if (status == MP4_BOX_UNKNOWN) {
            *ret_end = offset;
            return MEDIA_UNIT_UNKNOWN;
        }
        if (status == MP4_BOX_INVALID) {
            offset = limit; /* a file that was cut */
            break;
        }
        if (box.type == MP4_TYPE('m', 'o', 'o', 'f') || box.type == MP4_TYPE('m', 'f', 'r', 'a')) {
            break;
        }
        offset = box.end;
    }
    *ret_end = offset;
    return MEDIA_UNIT_READY;
}

enum media_unit_status mp4_fragment_at(struct media_source *source, int64_t offset, int64_t limit,
                                       struct mp4_fragment *ret_fragment)
{
    struct mp4_box moof;
    int64_t end = 0;
    enum media_unit_status status = mp4_fragment_begins(source, offset, limit);
    *ret_fragment = (struct mp4_fragment){.start = offset, .end = offset};
    if (status != MEDIA_UNIT_READY) {
        return status;
    }
    if (mp4_box_at(source, offset, limit, &moof) != MP4_BOX_READY) {
        return MEDIA_UNIT_INVALID;
    }
    status = find_end(source, moof.end, limit, &end);
    *ret_fragment = (struct mp4_fragment){.start = offset, .moof_end = moof.end, .end = end};
    return status == MEDIA_UNIT_READY && media_source_available_end(source, offset) >= end
               ? MEDIA_UNIT_READY
               : MEDIA_UNIT_UNKNOWN;
}

/* What the header of a track's part says. */
struct traf {
    struct mp4_box box;
    int64_t base;
    int64_t duration;
    int64_t size;
};

/* The next traf of the track, from `offset` on. */
static bool find_traf(struct media_source *source, const struct mp4_track *track,
                      const struct mp4_fragment *fragment, int64_t offset, struct traf *ret_traf)
{
    for (int i = 0; i < BOXES_MAX; i++) {
        struct mp4_box box;
        struct mp4_box tfhd;
        if (!mp4_box_find(source, offset, fragment->moof_end, MP4_TYPE('t', 'r', 'a', 'f'), &box)) {
            break;
        }
        offset = box.end;
        if (!mp4_box_find(source, box.content, box.end, MP4_TYPE('t', 'f', 'h', 'd'), &tfhd)) {
            continue;
        }
        struct fields fields = fields_of(source, &tfhd);
        uint32_t flags = take32(&fields) & 0xFFFFFF;
        if (take32(&fields) != track->id) {
            continue;
        }
        int64_t base = (flags & TFHD_BASE) != 0 ? take64(&fields) : fragment->start;
        (void)((flags & TFHD_DESCRIPTION) != 0 ? take32(&fields) : 0);
        *ret_traf = (struct traf){
            .box = box,
            .base = base,
            .duration = (flags & TFHD_DURATION) != 0 ? take32(&fields) : track->default_duration,
            .size = (flags & TFHD_SIZE) != 0 ? take32(&fields) : track->default_size};
        return true;
    }
    return false;
}

bool mp4_fragment_time(struct media_source *source, const struct mp4_track *track,
                       const struct mp4_fragment *fragment, int64_t *ret_time)
{
    struct traf traf;
    struct mp4_box tfdt;
    if (!find_traf(source, track, fragment, fragment->start + MP4_BOX_HEADER_BYTES, &traf) ||
        !mp4_box_find(source, traf.box.content, traf.box.end, MP4_TYPE('t', 'f', 'd', 't'),
                      &tfdt)) {
        return false;
    }
    struct fields fields = fields_of(source, &tfdt);
    bool is_long = take32(&fields) >> 24 == 1;
    *ret_time = is_long ? take64(&fields) : take32(&fields);
    return true;
}

struct mp4_fragment_reader mp4_fragment_reader_of(struct media_source *source,
                                                  const struct mp4_track *track,
                                                  const struct mp4_fragment *fragment)
{
    return (struct mp4_fragment_reader){.source = source,
                                        .track = track,
                                        .fragment = *fragment,
                                        .traf_next = fragment->start + MP4_BOX_HEADER_BYTES};
}

static bool next_traf(struct mp4_fragment_reader *reader)
{
    struct traf traf;
    if (!find_traf(reader->source, reader->track, &reader->fragment, reader->traf_next, &traf)) {
        return false;
    }
    reader->traf_next = reader->traf_end = traf.box.end;
    reader->trun_next = traf.box.content;
    reader->base = reader->data = traf.base;
    reader->default_duration = traf.duration;
    reader->default_size = traf.size;
    return true;
}

static bool next_trun(struct mp4_fragment_reader *reader)
{
    struct mp4_box trun;
    if (!mp4_box_find(reader->source, reader->trun_next, reader->traf_end,
                      MP4_TYPE('t', 'r', 'u', 'n'), &trun)) {
        return false;
    }
    struct fields fields = fields_of(reader->source, &trun);
    reader->trun_next = trun.end;
    reader->flags = take32(&fields) & 0xFFFFFF;
    reader->entries_left = take32(&fields);
    if ((reader->flags & TRUN_OFFSET) != 0) {
        reader->data = reader->base + (int32_t)take32(&fields);
    }
    if ((reader->flags & TRUN_FIRST_FLAGS) != 0) {
        (void)take32(&fields);
    }
    reader->entry = fields.at;
    reader->entry_bytes = 0;
    for (uint32_t flag = TRUN_DURATION; flag <= TRUN_COMPOSITION; flag <<= 1) {
        reader->entry_bytes += (reader->flags & flag) != 0 ? 4 : 0;
    }
    int64_t room = trun.end > fields.at ? trun.end - fields.at : 0;
    if (reader->entry_bytes > 0 && reader->entries_left > room / reader->entry_bytes) {
        reader->entries_left = room / reader->entry_bytes;
    }
    return true;
}

bool mp4_fragment_next(struct mp4_fragment_reader *reader, struct mp4_fragment_sample *ret_sample)
{
    while (reader->entries_left == 0) {
        bool is_in_traf = reader->trun_next < reader->traf_end;
        if (!(is_in_traf && next_trun(reader)) && !next_traf(reader)) {
            return false;
        }
    }
    if (reader->count == SAMPLES_MAX) {
        return false;
    }
    struct fields fields = {
        .source = reader->source, .at = reader->entry, .end = reader->entry + reader->entry_bytes};
    ret_sample->duration =
        (reader->flags & TRUN_DURATION) != 0 ? take32(&fields) : reader->default_duration;
    ret_sample->size = (reader->flags & TRUN_SIZE) != 0 ? take32(&fields) : reader->default_size;
    ret_sample->offset = reader->data;
    reader->data += ret_sample->size;
    reader->entry += reader->entry_bytes;
    reader->entries_left--;
    reader->count++;
    return true;
}
