/* SPDX-License-Identifier: Apache-2.0 */

/*
 * MP4, M4A and QuickTime (ISO/IEC 14496-12). There are two ways to write one.
 *
 * Plain: a moov box, first or last, has tables of all samples. A unit is a run of samples without a
 * gap; what lies between runs (video) is passed over, because the tables tell where the next one
 * begins whether its bytes are there or not.
 *
 * In fragments: the moov only describes the tracks, and each moof tells of the samples in the mdat
 * behind it. A unit is a fragment, up to the next moof, because nothing inside it can be understood
 * without its beginning. A recorder may put the first samples in the moov and the rest in
 * fragments.
 *
 * The recording's time 0 is where its edit list says it begins, so that the delay of the encoder
 * lies before it; what an edit list hides by more than a second is no part of the recording.
 */

#include <assert.h>
#include <string.h>

#include "common/mem.h"
#include "worker/media_bytes.h"
#include "worker/media_framer.h"
#include "worker/media_mp4_box.h"
#include "worker/media_mp4_fragment.h"

#define TOP_BOXES_MAX 256
#define MOOV_BYTES_MAX (INT64_C(32) << 20)
/* Samples that are decoded as one unit, and those of PCM. */
#define RUN_PACKETS_MAX 64
#define RUN_BLOCKS_MAX 4096
#define PACKET_BYTES_MAX (INT64_C(1) << 20)
/* The decoder is tried on the first ones. */
#define FIRST_BYTES 16384
#define BYTES_PER_SECOND_UNKNOWN 16000

static_assert(sizeof(struct mp4_cursor) <= sizeof(struct media_hint),
              "the cursor is what this framer remembers");

static bool mp4_is_format(const uint8_t *magic, size_t length)
{
    static const char *const TYPES[] = {"ftyp", "moov", "mdat", "wide", "free",
                                        "skip", "pnot", "styp", "moof"};
    for (size_t i = 0; length >= MP4_BOX_HEADER_BYTES && i < ARRAY_LEN(TYPES); i++) {
        if (memcmp(magic + 4, TYPES[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

static enum media_status refuse(struct err *err, const char *reason)
{
    (void)err_set(err, ERR_REJECT, "media", 0, "%s", reason);
    return MEDIA_REFUSED;
}

/* --- packets and their samples --- */

static const struct mp4_track *track_of(const struct media_header *header)
{
    return &header->detail.mp4.track;
}

static int64_t to_samples(const struct media_header *header, int64_t time)
{
    return media_rescale(time, header->sample_rate, track_of(header)->timescale);
}

/* Those of a packet, from its first bytes; where they aren't there, from its duration. */
static int64_t packet_samples(struct media_source *source, const struct media_header *header,
                              int64_t offset, int64_t size, int64_t duration)
{
    const struct media_track *track = &track_of(header)->track;
    size_t there = size < MEDIA_TRACK_PEEK_BYTES ? (size_t)size : MEDIA_TRACK_PEEK_BYTES;
    if (size == 0) {
        return 0;
    }
    if (track->kind == MEDIA_TRACK_AAC) {
        return (int64_t)track->packet_samples * header->rate_factor;
    }
    const uint8_t *bytes = media_source_at(source, offset, there);
    if (bytes == NULL) {
        return to_samples(header, duration < INT32_MAX ? duration : 0);
    }
    int32_t no_block = 0;
    return media_track_packet_samples(track, bytes, there, size, &no_block);
}

static void give_packet(struct media_source *source, int64_t offset, int64_t size, int64_t samples,
                        const struct media_packet_sink *sink)
{
    struct media_packet packet = {.length = (size_t)size, .samples = samples};
    CLEANUP(mem_free_at) uint8_t *long_packet = NULL;
    if (size > 0 && size <= MEDIA_VIEW_MAX) {
        packet.bytes = media_source_at(source, offset, (size_t)size);
    } else if (size > 0 && size <= PACKET_BYTES_MAX) {
        long_packet = mem_array(1, (size_t)size);
        packet.bytes =
            media_source_read(source, offset, long_packet, (size_t)size) ? long_packet : NULL;
    }
    sink->on_packet(sink->context, &packet);
}

/* --- units of the moov's tables --- */

static void remember(struct media_source *source, const struct mp4_cursor *cursor)
{
    memcpy(media_source_hint(source)->values, cursor, sizeof(*cursor));
}

static bool seek(struct media_source *source, const struct media_header *header, int64_t offset,
                 struct mp4_cursor *ret_cursor)
{
    memcpy(ret_cursor, media_source_hint(source)->values, sizeof(*ret_cursor));
    bool is_there = mp4_cursor_seek(source, &track_of(header)->tables, offset, ret_cursor);
    if (!is_there) {
        *ret_cursor = (struct mp4_cursor){.sample = 0};
    }
    remember(source, ret_cursor);
    return is_there;
}

/* A run on its way: samples behind each other, as far as they are there. */
struct run {
    int64_t end;
    int64_t samples;
    int64_t packets;
};

/* PCM: as many blocks as go into one packet. */
static void extend_by_blocks(const struct media_header *header, int64_t limit, int64_t available,
                             const struct mp4_cursor *cursor, struct run *run)
{
    int64_t size = track_of(header)->tables.size;
    int64_t most = MEDIA_VIEW_MAX / size < RUN_BLOCKS_MAX ? MEDIA_VIEW_MAX / size : RUN_BLOCKS_MAX;
    int64_t blocks = (limit - run->end + size - 1) / size;
    int64_t there = (available - run->end) / size;
    int64_t left = cursor->chunk_end - cursor->sample;
    blocks = blocks < most ? blocks : most;
    blocks = blocks < there ? blocks : there;
    blocks = blocks < left ? blocks : left;
    if (blocks > 0) {
        run->end += blocks * size;
        run->samples += blocks * (size / track_of(header)->track.block_bytes);
        run->packets = 1;
    }
}

static bool is_pcm_of_blocks(const struct mp4_track *track)
{
    return track->track.kind == MEDIA_TRACK_PCM && track->tables.size_bits == 0 &&
           track->tables.size >= track->track.block_bytes && track->tables.size <= MEDIA_VIEW_MAX;
}

static struct run read_run(struct media_source *source, const struct media_header *header,
                           int64_t limit, int64_t available, struct mp4_cursor cursor,
                           const struct media_packet_sink *sink)
{
    const struct mp4_tables *tables = &track_of(header)->tables;
    struct run run = {.end = cursor.offset};
    while (cursor.sample < cursor.chunk_end && run.packets < RUN_PACKETS_MAX && run.end < limit) {
        int64_t size = mp4_cursor_size(source, tables, &cursor);
        if (size > available - run.end) {
            break;
        }
        int64_t duration;
        (void)mp4_cursor_time(source, tables, &cursor, &duration);
        int64_t samples = packet_samples(source, header, run.end, size, duration);
        if (sink != NULL) {
            give_packet(source, run.end, size, samples, sink);
        }
        mp4_cursor_advance(source, tables, 1, &cursor);
        run.end += size;
        run.samples += samples;
        run.packets++;
    }
    return run;
}

static enum media_unit_status sample_unit(struct media_source *source,
                                          const struct media_header *header, int64_t offset,
                                          int64_t limit, struct media_unit *ret_unit)
{
    const struct mp4_track *track = track_of(header);
    struct mp4_cursor cursor;
    if (!seek(source, header, offset, &cursor)) {
        return MEDIA_UNIT_END;
    }
    if (cursor.offset != offset) {
        return MEDIA_UNIT_INVALID; /* other tracks' bytes */
    }
    int64_t available = media_source_available_end(source, offset);
    int64_t duration = 0;
    int64_t time = mp4_cursor_time(source, &track->tables, &cursor, &duration);
    remember(source, &cursor); /* or the table of times is gone through anew for each unit */
    struct media_unit unit = {.offset = offset, .has_position = true};
    struct run run = {.end = offset};
    if (is_pcm_of_blocks(track)) {
        extend_by_blocks(header, limit, available, &cursor, &run);
    } else {
        run = read_run(source, header, limit, available, cursor, NULL);
    }
    bool is_cut = run.packets == 0;
    if (is_cut) {
        int64_t size = mp4_cursor_size(source, &track->tables, &cursor);
        run.end += size;
        run.samples = packet_samples(source, header, offset, size, duration);
    }
    if (run.end > header->audio_end || run.end == offset) {
        return run.end == offset ? MEDIA_UNIT_INVALID : MEDIA_UNIT_END;
    }
    unit.length = run.end - offset;
    unit.samples = run.samples;
    unit.position = to_samples(header, time) - to_samples(header, track->edit_start);
    *ret_unit = unit;
    return is_cut ? MEDIA_UNIT_CUT : MEDIA_UNIT_READY;
}

static void unpack_samples(struct media_source *source, const struct media_header *header,
                           const struct media_unit *unit, const struct media_packet_sink *sink)
{
    struct mp4_cursor cursor;
    if (is_pcm_of_blocks(track_of(header))) {
        give_packet(source, unit->offset, unit->length, unit->samples, sink);
    } else if (seek(source, header, unit->offset, &cursor)) {
        int64_t end = unit->offset + unit->length;
        (void)read_run(source, header, end, end, cursor, sink);
    }
}

/* --- fragments --- */

/* Gives the sink, if there is one, the fragment's packets, and returns their samples. */
static int64_t read_fragment(struct media_source *source, const struct media_header *header,
                             const struct mp4_fragment *fragment,
                             const struct media_packet_sink *sink)
{
    struct mp4_fragment_reader reader = mp4_fragment_reader_of(source, track_of(header), fragment);
    struct mp4_fragment_sample sample;
    int64_t sum = 0;
    while (mp4_fragment_next(&reader, &sample)) {
        bool is_inside = sample.offset >= fragment->start && sample.size > 0 &&
                         sample.offset <= fragment->end - sample.size;
        if (!is_inside) {
            continue;
        }
        int64_t samples =
            packet_samples(source, header, sample.offset, sample.size, sample.duration);
        if (sink != NULL) {
            give_packet(source, sample.offset, sample.size, samples, sink);
        }
        sum += samples;
    }
    return sum;
}

static enum media_unit_status fragment_unit(struct media_source *source,
                                            const struct media_header *header, int64_t offset,
                                            struct media_unit *ret_unit)
{
    const struct mp4_track *track = track_of(header);
    struct mp4_fragment fragment;
    enum media_unit_status status = mp4_fragment_at(source, offset, header->audio_end, &fragment);
    struct media_unit unit = {
        .offset = offset, .length = fragment.end - offset, .lookahead_bytes = MP4_BOX_HEADER_BYTES};
    int64_t time = 0;
    if (status != MEDIA_UNIT_READY) {
        *ret_unit = unit;
        return status;
    }
    unit.samples = read_fragment(source, header, &fragment, NULL);
    unit.has_position = mp4_fragment_time(source, track, &fragment, &time);
    unit.position = to_samples(header, time) -
                    to_samples(header, header->detail.mp4.first_time + track->edit_start);
    *ret_unit = unit;
    return MEDIA_UNIT_READY;
}

static void unpack_fragment(struct media_source *source, const struct media_header *header,
                            const struct media_unit *unit, const struct media_packet_sink *sink)
{
    struct mp4_fragment fragment;
    if (mp4_fragment_at(source, unit->offset, header->audio_end, &fragment) == MEDIA_UNIT_READY) {
        (void)read_fragment(source, header, &fragment, sink);
    }
}

static bool sync_fragment(struct media_source *source, const struct media_header *header,
                          int64_t offset, int64_t limit, int64_t *ret_position)
{
    /* A box's size comes before its type, of which the search finds the first letter. */
    for (int64_t at = media_find_byte(source, 'm', offset + 4, limit + 4); at < limit + 4;
         at = media_find_byte(source, 'm', at + 1, limit + 4)) {
        if (mp4_fragment_begins(source, at - 4, header->audio_end) == MEDIA_UNIT_READY) {
            *ret_position = at - 4;
            return true;
        }
    }
    return false;
}

/* --- the framer's functions --- */

static bool is_in_tables(const struct media_header *header, int64_t offset)
{
    return offset < header->detail.mp4.samples_end;
}

static enum media_unit_status mp4_unit_at(struct media_source *source,
                                          const struct media_header *header, int64_t offset,
                                          int64_t limit, struct media_unit *ret_unit)
{
    return is_in_tables(header, offset) ? sample_unit(source, header, offset, limit, ret_unit)
                                        : fragment_unit(source, header, offset, ret_unit);
}

static void mp4_unpack(struct media_source *source, const struct media_header *header,
                       const struct media_unit *unit, const struct media_packet_sink *sink)
{
    if (is_in_tables(header, unit->offset)) {
        unpack_samples(source, header, unit, sink);
    } else {
        unpack_fragment(source, header, unit, sink);
    }
}

static bool mp4_sync(struct media_source *source, const struct media_header *header, int64_t offset,
                     int64_t limit, int64_t *ret_position)
{
    struct mp4_cursor cursor;
    if (is_in_tables(header, offset) && seek(source, header, offset, &cursor) &&
        cursor.offset < header->detail.mp4.samples_end) {
        *ret_position = cursor.offset;
        return cursor.offset < limit;
    }
    return track_of(header)->has_fragments &&
           sync_fragment(source, header, offset, limit, ret_position);
}

static bool mp4_write_setup(struct media_source *source, const struct media_header *header,
                            struct buf *setup)
{
    return mp4_track_write_setup(source, track_of(header), setup);
}

/* --- the header --- */

/* The first box of the type at the file's top level, from `offset` on. */
static enum media_status find_top_box(struct media_source *source, int64_t offset, uint32_t type,
                                      struct mp4_box *ret_box, struct media_need *ret_need,
                                      struct err *err)
{
    int64_t total = media_source_total_size(source);
    for (int i = 0; i < TOP_BOXES_MAX && total - offset >= MP4_BOX_HEADER_BYTES; i++) {
        int64_t rest = total - offset;
        int64_t length = rest < MP4_BOX_LONG_HEADER_BYTES ? rest : MP4_BOX_LONG_HEADER_BYTES;
        struct mp4_box box;
        if (!media_has_bytes(source, offset, length, ret_need)) {
            return MEDIA_NEED;
        }
        if (mp4_box_at(source, offset, total, &box) != MP4_BOX_READY) {
            break;
        }
        if (box.type == type) {
            *ret_box = box;
            return MEDIA_READY;
        }
        offset = box.end;
    }
    return refuse(err, "the MP4 file is not whole: its index (moov) is missing");
}

static enum media_status read_moov(struct media_source *source, int64_t start,
                                   struct mp4_box *ret_moov, struct mp4_track *ret_track,
                                   struct media_need *ret_need, struct err *err)
{
    enum media_status status =
        find_top_box(source, start, MP4_TYPE('m', 'o', 'o', 'v'), ret_moov, ret_need, err);
    if (status != MEDIA_READY) {
        return status;
    }
    int64_t length = ret_moov->end - ret_moov->start;
    if (length > MOOV_BYTES_MAX) {
        return refuse(err, "the MP4 file's index (moov) is larger than 32 MiB");
    }
    if (!media_has_bytes(source, ret_moov->start, length, ret_need)) {
        return MEDIA_NEED;
    }
    return mp4_track_read(source, ret_moov, ret_track, err) ? MEDIA_READY : MEDIA_REFUSED;
}

/* The samples that the edit list lets be heard, all of them but for what somebody cut off. */
static bool set_range(struct media_source *source, struct media_header *header, struct err *err)
{
    const struct mp4_track *track = track_of(header);
    const struct mp4_tables *tables = &track->tables;
    struct mp4_cursor first;
    struct mp4_cursor last;
    int64_t total = header->audio_end;
    int64_t end = 0;
    header->audio_start = header->audio_end;
    if (mp4_cursor_begin(source, tables, &first)) {
        if (!mp4_tables_are_in_order(source, tables)) {
            return err_set(err, ERR_REJECT, "media", 0,
                           "MP4 with audio out of order in the file is not supported");
        }
        end = mp4_tables_end(source, tables);
        if (track->edit_start > track->timescale &&
            !mp4_cursor_seek_time(source, tables, track->edit_start, &first)) {
            return err_set(err, ERR_REJECT, "media", 0, "the MP4 file's edit list leaves no audio");
        }
        if (track->edit_end < mp4_tables_duration(source, tables) - track->timescale &&
            mp4_cursor_seek_time(source, tables, track->edit_end, &last)) {
            end = last.offset;
        }
        header->audio_start = first.offset < total ? first.offset : total;
    }
    header->audio_end = end < total ? end : total;
    if (header->audio_end < header->audio_start) {
        header->audio_end = header->audio_start;
    }
    header->detail.mp4.samples_end = header->audio_end;
    return true;
}

static void measure_samples(struct media_source *source, struct media_header *header)
{
    const struct mp4_track *track = track_of(header);
    int64_t duration = mp4_tables_duration(source, &track->tables);
    int64_t seconds = duration / track->timescale;
    int64_t bytes = header->audio_end - header->audio_start;
    int64_t rate = seconds > 0 ? bytes / seconds : bytes;
    header->bytes_per_second = rate < 1 ? 1 : rate > INT32_MAX ? INT32_MAX : rate;
}

/* The first fragment's beginning tells how large they are and when they begin. */
static void measure_fragment(struct media_source *source, const struct mp4_box *moof,
                             struct media_header *header)
{
    struct mp4_track *track = &header->detail.mp4.track;
    struct mp4_fragment fragment = {
        .start = moof->start, .moof_end = moof->end, .end = header->audio_end};
    struct mp4_fragment_reader reader = mp4_fragment_reader_of(source, track, &fragment);
    struct mp4_fragment_sample sample;
    int64_t duration = 0;
    while (mp4_fragment_next(&reader, &sample) && duration < INT32_MAX) {
        duration += sample.duration;
    }
    duration = duration < INT32_MAX ? duration : INT32_MAX; /* or rescaling may overflow */
    struct mp4_box box;
    int64_t end = moof->end;
    if (mp4_box_at(source, moof->end, header->audio_end, &box) == MP4_BOX_READY) {
        end = box.end;
    }
    int64_t largest = 2 * (end - moof->start);
    int64_t rate = duration == 0 ? BYTES_PER_SECOND_UNKNOWN
                                 : media_rescale(end - moof->start, track->timescale, duration);
    /* Where the moov has samples too, the fragments' times count from the first of those. */
    bool is_first = header->detail.mp4.samples_end == 0;
    if (!is_first || !mp4_fragment_time(source, track, &fragment, &header->detail.mp4.first_time)) {
        header->detail.mp4.first_time = 0;
    }
    header->bytes_per_second = rate < 1 ? 1 : rate > INT32_MAX ? INT32_MAX : rate;
    media_track_fill_header(&track->track, header);
    header->largest_unit_bytes = largest > INT32_MAX ? INT32_MAX : (int32_t)largest;
}

static enum media_status read_fragments(struct media_source *source, int64_t moov_end,
                                        struct media_header *header, struct media_need *ret_need,
                                        struct err *err)
{
    struct mp4_box moof;
    int64_t total = media_source_total_size(source);
    enum media_status status =
        find_top_box(source, moov_end, MP4_TYPE('m', 'o', 'o', 'f'), &moof, ret_need, err);
    if (status == MEDIA_REFUSED) {
        return MEDIA_READY; /* there is none: the moov has all */
    }
    if (status == MEDIA_NEED || moof.end - moof.start > MOOV_BYTES_MAX) {
        return status;
    }
    int64_t wanted = moof.end - moof.start + MP4_BOX_HEADER_BYTES;
    int64_t rest = total - moof.start;
    if (!media_has_bytes(source, moof.start, wanted < rest ? wanted : rest, ret_need)) {
        return MEDIA_NEED;
    }
    if (header->audio_start == header->audio_end) {
        header->audio_start = moof.start;
        header->detail.mp4.samples_end = 0;
    }
    header->audio_end = total;
    header->has_fixed_units = false;
    measure_fragment(source, &moof, header);
    return MEDIA_READY;
}

static enum media_status mp4_read_header(struct media_source *source, int64_t start,
                                         struct media_header *header, struct media_need *ret_need,
                                         struct err *err)
{
    struct mp4_box moov;
    enum media_status status =
        read_moov(source, start, &moov, &header->detail.mp4.track, ret_need, err);
    if (status != MEDIA_READY) {
        return status;
    }
    if (!set_range(source, header, err)) {
        return MEDIA_REFUSED;
    }
    measure_samples(source, header);
    media_track_fill_header(&header->detail.mp4.track.track, header);
    header->has_fixed_units = true;
    if (header->detail.mp4.track.has_fragments) {
        status = read_fragments(source, moov.end, header, ret_need, err);
    }
    if (status == MEDIA_READY && header->may_double_rate) {
        int64_t rest = header->audio_end - header->audio_start;
        return media_has_bytes(source, header->audio_start, rest < FIRST_BYTES ? rest : FIRST_BYTES,
                               ret_need)
                   ? MEDIA_READY
                   : MEDIA_NEED;
    }
    return status;
}

const struct media_framer media_mp4_framer = {.format = "mp4",
                                              .is_format = mp4_is_format,
                                              .read_header = mp4_read_header,
                                              .unit_at = mp4_unit_at,
                                              .sync = mp4_sync,
                                              .unpack = mp4_unpack,
                                              .write_setup = mp4_write_setup};
