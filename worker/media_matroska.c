/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WebM and Matroska (RFC 9559), as files that were finished and as recorders write them live, with
 * a segment and clusters of unknown size. A unit is a run of blocks without a gap, together with
 * heads of clusters between them; blocks of other tracks (video) and elements of other kinds are
 * units without samples.
 *
 * A block tells its time relative to its cluster's, whose head may lie in another chunk: then the
 * position is unknown until the next cluster begins.
 */

#include <assert.h>
#include <string.h>

#include "common/mem.h"
#include "worker/media_ebml.h"
#include "worker/media_framer.h"
#include "worker/media_matroska_block.h"

/* Blocks that are decoded as one unit. */
#define RUN_BLOCKS_MAX 64
#define PACKET_BYTES_MAX (INT64_C(1) << 20)
/* Elements before the first cluster, and how long those may be that are read. */
#define TOP_ELEMENTS_MAX 64
#define READ_ELEMENT_BYTES_MAX (INT64_C(1) << 20)
/* Behind the first cluster's beginning: its first blocks are measured. */
#define MEASURED_BYTES 16384
#define MEASURED_HEADER_BYTES 64     /* of the last one */
#define BYTES_PER_SECOND_AUDIO 16000 /* where nothing tells it */
#define BYTES_PER_SECOND_VIDEO 250000
#define TICKS_MAX (INT64_C(1) << 40)
#define NS_PER_S 1000000000
#define NS_PER_TICK_USUAL 1000000

enum { ID_NS_PER_TICK = 0x2AD7B1, ID_DURATION = 0x4489 };

static bool matroska_is_format(const uint8_t *magic, size_t length)
{
    return length >= 4 && memcmp(magic, "\x1a\x45\xdf\xa3", 4) == 0;
}

static const struct matroska_track *track_of(const struct media_header *header)
{
    return &header->detail.matroska.track;
}

/* --- units --- */

/* What is known at a place between two pieces because of those before it. */
struct state {
    bool has_time; /* of the cluster */
    int64_t time;
    int32_t previous_block; /* Vorbis; see media_track_packet_samples() */
};

/* What the source's hint holds: the last unit, and the state before and behind it. */
struct memory {
    int64_t start;
    int64_t end; /* 0: there was none */
    struct state before;
    struct state behind;
};

static_assert(sizeof(struct memory) <= sizeof(struct media_hint), "it must fit the hint");

static struct state recall(struct media_source *source, const struct media_header *header,
                           int64_t offset)
{
    struct memory memory;
    memcpy(&memory, media_source_hint(source), sizeof(memory));
    if (offset == header->audio_start) {
        return (struct state){.previous_block = -1};
    }
    if (memory.end > 0 && offset == memory.end) {
        return memory.behind;
    }
    return memory.end > 0 && offset == memory.start ? memory.before
                                                    : (struct state){.has_time = false};
}

static void remember(struct media_source *source, const struct memory *memory)
{
    memcpy(media_source_hint(source), memory, sizeof(*memory));
}

static int64_t frame_samples(struct media_source *source, const struct media_header *header,
                             const struct matroska_frame *frame, struct state *state)
{
    size_t there =
        frame->size < MEDIA_TRACK_PEEK_BYTES ? (size_t)frame->size : MEDIA_TRACK_PEEK_BYTES;
    const uint8_t *bytes = there == 0 ? NULL : media_source_at(source, frame->offset, there);
    if (bytes == NULL) {
        return 0;
    }
    return media_track_packet_samples(&track_of(header)->track, bytes, there, frame->size,
                                      &state->previous_block) *
           header->rate_factor;
}

static void give_packet(struct media_source *source, const struct matroska_frame *frame,
                        int64_t samples, const struct media_packet_sink *sink)
{
    struct media_packet packet = {.length = (size_t)frame->size, .samples = samples};
    CLEANUP(mem_free_at) uint8_t *long_packet = NULL;
    if (frame->size > 0 && frame->size <= MEDIA_VIEW_MAX) {
        packet.bytes = media_source_at(source, frame->offset, (size_t)frame->size);
    } else if (frame->size > 0 && frame->size <= PACKET_BYTES_MAX) {
        long_packet = mem_array(1, (size_t)frame->size);
        packet.bytes = media_source_read(source, frame->offset, long_packet, (size_t)frame->size)
                           ? long_packet
                           : NULL;
    }
    sink->on_packet(sink->context, &packet);
}

struct block_samples {
    int64_t sum;
    int64_t first; /* frame's */
};

/* Of a whole block of ours, and its packets for the sink, if there is one. */
static struct block_samples read_block(struct media_source *source,
                                       const struct media_header *header,
                                       const struct matroska_piece *block, struct state *state,
                                       const struct media_packet_sink *sink)
{
    struct matroska_frame frames[MATROSKA_FRAMES_MAX];
    int count = matroska_frames(source, block, frames);
    struct block_samples result = {.sum = 0};
    for (int i = 0; i < count; i++) {
        int64_t samples = frame_samples(source, header, &frames[i], state);
        if (sink != NULL && frames[i].size > 0) {
            give_packet(source, &frames[i], samples, sink);
        }
        result.first = i == 0 ? samples : result.first;
        result.sum += samples;
    }
    return result;
}

static bool is_ours(const struct media_header *header, const struct matroska_piece *piece)
{
    return piece->kind == MATROSKA_IS_BLOCK && piece->track == track_of(header)->number;
}

/* Where a codec has frames of one length, times that are rounded to milliseconds are put back on
 * frames. */
static int64_t snap(const struct media_header *header, int64_t position, int64_t frame)
{
    const struct matroska_track *track = track_of(header);
    int64_t tick = track->ns_per_tick * header->sample_rate / NS_PER_S + 1;
    bool has_one_length = track->track.kind == MEDIA_TRACK_AAC ||
                          track->track.kind == MEDIA_TRACK_MP3 ||
                          track->track.kind == MEDIA_TRACK_OPUS;
    if (!has_one_length || frame <= 2 * tick || position < 0) {
        return position;
    }
    int64_t nearest = (position + frame / 2) / frame * frame;
    int64_t distance = nearest > position ? nearest - position : position - nearest;
    return distance <= tick ? nearest : position;
}

/* Counted from the first block. */
static int64_t position_of(const struct media_header *header, int64_t ticks)
{
    int64_t ticks_per_second = NS_PER_S / track_of(header)->ns_per_tick;
    int64_t since = ticks - header->detail.matroska.first_time;
    since = since < -TICKS_MAX ? -TICKS_MAX : since > TICKS_MAX ? TICKS_MAX : since;
    return since / ticks_per_second * header->sample_rate +
           since % ticks_per_second * header->sample_rate / ticks_per_second;
}

/* Adds a piece to the unit. */
static void add_piece(struct media_source *source, const struct media_header *header,
                      const struct matroska_piece *piece, struct state *state,
                      struct media_unit *unit, const struct media_packet_sink *sink)
{
    if (piece->kind == MATROSKA_IS_CLUSTER) {
        state->has_time = piece->has_time;
        state->time = piece->time;
    } else if (is_ours(header, piece)) {
        struct block_samples block = read_block(source, header, piece, state, sink);
        if (!unit->has_position && state->has_time && block.sum > 0) {
            int64_t position = position_of(header, state->time + piece->relative_time);
            unit->has_position = true;
            unit->position =
                snap(header, position, block.first) - header->initial_skip - unit->samples;
        }
        unit->samples += block.sum;
    }
    unit->length = piece->end - unit->offset;
}

/* Only pieces that are there belong together with others, and that end before the limit: one that
 * reaches across a border is a unit by itself, which the neighbours can tell each other about. */
static enum media_unit_status matroska_unit_at(struct media_source *source,
                                               const struct media_header *header, int64_t offset,
                                               int64_t limit, struct media_unit *ret_unit)
{
    struct memory memory = {.start = offset, .before = recall(source, header, offset)};
    struct media_unit unit = {.offset = offset};
    struct state state = memory.before;
    int64_t at = offset;
    for (int i = 0; i < RUN_BLOCKS_MAX && at < limit && at < header->audio_end; i++) {
        struct matroska_piece piece;
        enum media_unit_status status = matroska_piece_at(source, at, header->audio_end, &piece);
        bool is_cut = status == MEDIA_UNIT_READY && !piece.is_whole;
        if (is_cut && is_ours(header, &piece)) {
            status = MEDIA_UNIT_UNKNOWN; /* its frames tell how many samples it has */
        }
        if (i > 0 && (status != MEDIA_UNIT_READY || is_cut || piece.told_by > limit)) {
            break;
        }
        if (status != MEDIA_UNIT_READY) {
            return status;
        }
        if (is_cut) {
            unit.length = piece.end - offset;
            *ret_unit = unit;
            return MEDIA_UNIT_CUT;
        }
        add_piece(source, header, &piece, &state, &unit, NULL);
        unit.lookahead_bytes = (int32_t)(piece.told_by - piece.end);
        at = piece.end;
    }
    if (offset == header->audio_start) {
        unit.has_position = true;
        unit.position = -header->initial_skip;
    }
    memory.end = at;
    memory.behind = state;
    remember(source, &memory);
    *ret_unit = unit;
    return MEDIA_UNIT_READY;
}

static void matroska_unpack(struct media_source *source, const struct media_header *header,
                            const struct media_unit *unit, const struct media_packet_sink *sink)
{
    struct state state = recall(source, header, unit->offset);
    struct media_unit again = {.offset = unit->offset};
    int64_t end = unit->offset + unit->length;
    for (int64_t at = unit->offset; at < end;) {
        struct matroska_piece piece;
        if (matroska_piece_at(source, at, header->audio_end, &piece) != MEDIA_UNIT_READY) {
            break;
        }
        add_piece(source, header, &piece, &state, &again, sink);
        at = piece.end;
    }
}

static bool matroska_sync(struct media_source *source, const struct media_header *header,
                          int64_t offset, int64_t limit, int64_t *ret_position)
{
    for (int64_t at = matroska_next_candidate(source, offset, limit); at < limit;
         at = matroska_next_candidate(source, at + 1, limit)) {
        if (matroska_begins(source, at, header->audio_end, track_of(header)->all_numbers)) {
            *ret_position = at;
            return true;
        }
    }
    return false;
}

static bool matroska_write_setup(struct media_source *source, const struct media_header *header,
                                 struct buf *setup)
{
    return matroska_track_write_setup(source, track_of(header), setup);
}

/* --- the header --- */

static enum media_status refuse(struct err *err, const char *reason)
{
    (void)err_set(err, ERR_REJECT, "media", 0, "the WebM or Matroska header is damaged: %s",
                  reason);
    return MEDIA_REFUSED;
}

/* The element at `offset`, whose header is asked for. */
static enum media_status element_at(struct media_source *source, int64_t offset, int64_t limit,
                                    struct ebml_element *ret_element, struct media_need *ret_need,
                                    struct err *err)
{
    int64_t rest = limit - offset;
    int64_t length = rest < EBML_HEADER_BYTES_MAX ? rest : EBML_HEADER_BYTES_MAX;
    if (length > 0 && !media_has_bytes(source, offset, length, ret_need)) {
        return MEDIA_NEED;
    }
    return ebml_element_at(source, offset, limit, ret_element) == EBML_READY
               ? MEDIA_READY
               : refuse(err, "it has no end");
}

/* What the elements before the first cluster say. */
struct intro {
    bool has_track;
    int64_t ns_per_tick;
    double duration; /* in ticks; 0: not told */
};

static enum media_status read_top_element(struct media_source *source,
                                          const struct ebml_element *element, struct intro *intro,
                                          struct media_header *header, struct media_need *ret_need,
                                          struct err *err)
{
    int64_t length = element->end - element->content;
    if (element->id != MATROSKA_INFO && element->id != MATROSKA_TRACKS) {
        return MEDIA_READY;
    }
    if (length == 0 || length > READ_ELEMENT_BYTES_MAX) {
        return refuse(err, "a part of it is empty or too long");
    }
    if (!media_has_bytes(source, element->content, length, ret_need)) {
        return MEDIA_NEED;
    }
    if (element->id == MATROSKA_TRACKS) {
        intro->has_track =
            matroska_track_read(source, element, &header->detail.matroska.track, err);
        return intro->has_track ? MEDIA_READY : MEDIA_REFUSED;
    }
    uint64_t scale = ebml_find_unsigned(source, element, ID_NS_PER_TICK, NS_PER_TICK_USUAL);
    if (scale == 0 || scale > NS_PER_S) {
        return refuse(err, "its unit of time");
    }
    intro->ns_per_tick = (int64_t)scale;
    intro->duration = ebml_find_float(source, element, ID_DURATION, 0);
    return MEDIA_READY;
}

static enum media_status read_intro(struct media_source *source, int64_t start,
                                    struct intro *ret_intro, struct media_header *header,
                                    struct media_need *ret_need, struct err *err)
{
    struct ebml_element element;
    enum media_status status =
        element_at(source, start, header->audio_end, &element, ret_need, err);
    int64_t offset = status == MEDIA_READY ? element.end : start;
    *ret_intro = (struct intro){.ns_per_tick = NS_PER_TICK_USUAL};
    for (int i = 0; i < TOP_ELEMENTS_MAX && status == MEDIA_READY; i++) {
        if (offset >= header->audio_end) {
            header->audio_start = header->audio_end; /* there is no cluster */
            return ret_intro->has_track ? MEDIA_READY : refuse(err, "it tells of no tracks");
        }
        status = element_at(source, offset, header->audio_end, &element, ret_need, err);
        if (status == MEDIA_READY && element.id == MATROSKA_CLUSTER) {
            header->audio_start = offset;
            return ret_intro->has_track ? MEDIA_READY : refuse(err, "it tells of no tracks");
        }
        if (status == MEDIA_READY) {
            status = read_top_element(source, &element, ret_intro, header, ret_need, err);
        }
        offset = element.id == MATROSKA_SEGMENT ? element.content : element.end;
    }
    return status == MEDIA_READY ? refuse(err, "it is too long") : status;
}

/* The first blocks: when ours begin, and from when to when in how many bytes. */
struct measured {
    bool has_time; /* of our first block */
    int64_t first_time;
    int64_t last_time; /* of any track's block */
    int64_t bytes;
};

static struct measured measure_blocks(struct media_source *source,
                                      const struct media_header *header)
{
    struct measured measured = {.has_time = false};
    int64_t end = header->audio_start + MEASURED_BYTES;
    int64_t cluster_time = 0;
    for (int64_t at = header->audio_start; at < end && at < header->audio_end;) {
        struct matroska_piece piece;
        if (matroska_piece_at(source, at, header->audio_end, &piece) != MEDIA_UNIT_READY) {
            break;
        }
        if (piece.kind == MATROSKA_IS_CLUSTER) {
            cluster_time = piece.time;
            measured.first_time =
                measured.has_time || at > header->audio_start ? measured.first_time : cluster_time;
        } else if (piece.kind == MATROSKA_IS_BLOCK) {
            measured.last_time = cluster_time + piece.relative_time;
            measured.bytes = at - header->audio_start;
            if (!measured.has_time && is_ours(header, &piece)) {
                measured.has_time = true;
                measured.first_time = measured.last_time;
            }
        }
        at = piece.end;
    }
    return measured;
}

static int64_t bytes_per_second(const struct media_header *header, const struct intro *intro,
                                const struct measured *measured)
{
    int64_t ticks_per_second = NS_PER_S / intro->ns_per_tick;
    double seconds = intro->duration / (double)ticks_per_second;
    if (seconds >= 1) {
        double rate = (double)(header->audio_end - header->audio_start) / seconds;
        return rate < 1 ? 1 : rate > INT32_MAX ? INT32_MAX : (int64_t)rate;
    }
    /* A video's first picture is much larger than the others. */
    uint64_t numbers = track_of(header)->all_numbers;
    bool has_other_tracks = (numbers & (numbers - 1)) != 0;
    int64_t ticks = measured->last_time - measured->first_time;
    if (has_other_tracks) {
        return BYTES_PER_SECOND_VIDEO;
    }
    if (ticks <= 0 || ticks > TICKS_MAX) {
        return BYTES_PER_SECOND_AUDIO;
    }
    int64_t rate = media_rescale(measured->bytes, ticks_per_second, ticks);
    return rate < 1 ? 1 : rate;
}

static enum media_status matroska_read_header(struct media_source *source, int64_t start,
                                              struct media_header *header,
                                              struct media_need *ret_need, struct err *err)
{
    struct intro intro;
    enum media_status status = read_intro(source, start, &intro, header, ret_need, err);
    if (status != MEDIA_READY) {
        return status;
    }
    struct matroska_track *track = &header->detail.matroska.track;
    int64_t rest = header->audio_end - header->audio_start;
    int64_t wanted = MEASURED_BYTES + MEASURED_HEADER_BYTES;
    if (rest > 0 &&
        !media_has_bytes(source, header->audio_start, rest < wanted ? rest : wanted, ret_need)) {
        return MEDIA_NEED;
    }
    track->ns_per_tick = intro.ns_per_tick;
    struct measured measured = measure_blocks(source, header);
    header->detail.matroska.first_time = measured.first_time;
    header->initial_skip = track->initial_skip;
    header->bytes_per_second = bytes_per_second(header, &intro, &measured);
    media_track_fill_header(&track->track, header);
    return MEDIA_READY;
}

const struct media_framer media_matroska_framer = {.format = "matroska",
                                                   .is_format = matroska_is_format,
                                                   .read_header = matroska_read_header,
                                                   .unit_at = matroska_unit_at,
                                                   .sync = matroska_sync,
                                                   .unpack = matroska_unpack,
                                                   .write_setup = matroska_write_setup};
