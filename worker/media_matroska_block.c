/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_matroska_block.h"

#include "worker/media_bytes.h"

/* Pieces that must follow each other where one is looked for, and how many of them at least when
 * the bytes end before that. */
#define CHAIN_PIECES 4
#define CHAIN_PIECES_MIN 2
#define BLOCK_BYTES_MAX (INT64_C(16) << 20)
#define HEAD_ELEMENTS_MAX 16
#define GROUP_ELEMENTS_MAX 16

enum { LACING_NONE = 0, LACING_XIPH = 1, LACING_FIXED = 2, LACING_EBML = 3 };

static bool is_top_level(uint32_t id)
{
    switch (id) {
    case MATROSKA_EBML:
    case MATROSKA_SEGMENT:
    case MATROSKA_SEEK_HEAD:
    case MATROSKA_INFO:
    case MATROSKA_TRACKS:
    case MATROSKA_CLUSTER:
    case MATROSKA_CUES:
    case MATROSKA_ATTACHMENTS:
    case MATROSKA_CHAPTERS:
    case MATROSKA_TAGS:
        return true;
    default:
        return false;
    }
}

static bool is_block_or_group(uint32_t id)
{
    return id == MATROSKA_SIMPLE_BLOCK || id == MATROSKA_BLOCK_GROUP;
}

/* A cluster's head goes up to its first block, so that the time is told with it. */
static enum media_unit_status read_head(struct media_source *source,
                                        const struct ebml_element *cluster, int64_t limit,
                                        struct matroska_piece *piece)
{
    int64_t offset = cluster->content;
    piece->kind = MATROSKA_IS_CLUSTER;
    for (int i = 0; i < HEAD_ELEMENTS_MAX && offset < cluster->end; i++) {
        struct ebml_element element;
        enum ebml_status status = ebml_element_at(source, offset, limit, &element);
        if (status == EBML_UNKNOWN) {
            return MEDIA_UNIT_UNKNOWN;
        }
        if (status == EBML_INVALID || is_block_or_group(element.id) || is_top_level(element.id) ||
            element.has_unknown_size) {
            piece->told_by = status == EBML_READY ? element.content : offset;
            break;
        }
        if (media_source_available_end(source, offset) < element.end) {
            return MEDIA_UNIT_UNKNOWN;
        }
        if (element.id == MATROSKA_TIMESTAMP) {
            uint64_t time = ebml_unsigned(source, &element, UINT64_MAX);
            piece->has_time = time <= INT64_MAX / 2;
            piece->time = piece->has_time ? (int64_t)time : 0;
        }
        offset = element.end;
    }
    piece->end = offset;
    return MEDIA_UNIT_READY;
}

/* The block's header: its track, a time relative to the cluster's, flags. */
static enum media_unit_status read_block(struct media_source *source,
                                         const struct ebml_element *block,
                                         struct matroska_piece *piece)
{
    int64_t there = media_source_available_end(source, block->content) - block->content;
    int64_t length = block->end - block->content;
    int64_t wanted = length < EBML_HEADER_BYTES_MAX ? length : EBML_HEADER_BYTES_MAX;
    uint64_t track = 0;
    if (length < 4) {
        return MEDIA_UNIT_INVALID;
    }
    const uint8_t *bytes =
        there < wanted ? NULL : media_source_at(source, block->content, (size_t)wanted);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    size_t track_length = ebml_number(bytes, (size_t)wanted, &track);
    if (track_length == 0 || (int64_t)track_length + 3 > length || track > UINT32_MAX) {
        return MEDIA_UNIT_INVALID;
    }
    piece->track = (uint32_t)track;
    piece->relative_time = (int16_t)be16(bytes + track_length);
    piece->lacing = bytes[track_length + 2] >> 1 & 3;
    piece->frames = block->content + (int64_t)track_length + 3;
    piece->frames_end = block->end;
    return MEDIA_UNIT_READY;
}

static enum media_unit_status read_group(struct media_source *source,
                                         const struct ebml_element *group,
                                         struct matroska_piece *piece)
{
    int64_t offset = group->content;
    for (int i = 0; i < GROUP_ELEMENTS_MAX && offset < group->end; i++) {
        struct ebml_element element;
        enum ebml_status status = ebml_element_at(source, offset, group->end, &element);
        if (status == EBML_UNKNOWN) {
            return MEDIA_UNIT_UNKNOWN;
        }
        if (status == EBML_INVALID || element.has_unknown_size || element.is_cut_off) {
            break;
        }
        if (element.id == MATROSKA_BLOCK) {
            return read_block(source, &element, piece);
        }
        offset = element.end;
    }
    return MEDIA_UNIT_INVALID;
}

enum media_unit_status matroska_piece_at(struct media_source *source, int64_t offset, int64_t limit,
                                         struct matroska_piece *ret_piece)
{
    struct ebml_element element;
    enum media_unit_status status = MEDIA_UNIT_READY;
    switch (ebml_element_at(source, offset, limit, &element)) {
    case EBML_UNKNOWN:
        return MEDIA_UNIT_UNKNOWN;
    case EBML_INVALID:
        return MEDIA_UNIT_INVALID;
    case EBML_READY:
        break;
    }
    struct matroska_piece piece = {.kind = MATROSKA_IS_OTHER, .end = element.end};
    if (element.id == MATROSKA_SEGMENT) {
        piece.end = element.content;
    } else if (element.id == MATROSKA_CLUSTER) {
        status = read_head(source, &element, limit, &piece);
    } else if (element.has_unknown_size || element.is_cut_off) {
        return MEDIA_UNIT_INVALID;
    } else if (is_block_or_group(element.id)) {
        piece.kind = MATROSKA_IS_BLOCK;
        status = element.end - element.start > BLOCK_BYTES_MAX ? MEDIA_UNIT_INVALID
                 : element.id == MATROSKA_SIMPLE_BLOCK ? read_block(source, &element, &piece)
                                                       : read_group(source, &element, &piece);
    }
    if (status == MEDIA_UNIT_READY) {
        piece.is_whole = media_source_available_end(source, offset) >= piece.end;
        piece.told_by = piece.told_by > piece.end ? piece.told_by : piece.end;
        *ret_piece = piece;
    }
    return status;
}

/* --- lacing --- */

struct lace {
    struct media_source *source; /* borrowed */
    int64_t at;
    int64_t end;
};

/* False: there are no more. */
static bool take_byte(struct lace *lace, uint8_t *ret_byte)
{
    const uint8_t *bytes = lace->at < lace->end ? media_source_at(lace->source, lace->at, 1) : NULL;
    if (bytes == NULL) {
        return false;
    }
    lace->at++;
    *ret_byte = bytes[0];
    return true;
}

static bool take_xiph_size(struct lace *lace, int64_t *ret_size)
{
    int64_t size = 0;
    uint8_t byte = UINT8_MAX;
    while (byte == UINT8_MAX) {
        if (!take_byte(lace, &byte)) {
            return false;
        }
        size += byte;
    }
    *ret_size = size;
    return true;
}

/* The first as it is, the others as differences, which are signed by an offset. */
static bool take_ebml_size(struct lace *lace, bool is_first, int64_t *size)
{
    int64_t rest = lace->end - lace->at;
    size_t there = rest < 8 ? (size_t)rest : 8;
    const uint8_t *bytes = there == 0 ? NULL : media_source_at(lace->source, lace->at, there);
    uint64_t number = 0;
    size_t length = bytes == NULL ? 0 : ebml_number(bytes, there, &number);
    if (length == 0 || number > INT64_MAX / 4) {
        return false;
    }
    lace->at += (int64_t)length;
    int64_t middle = (INT64_C(1) << (7 * length - 1)) - 1;
    *size = is_first ? (int64_t)number : *size + (int64_t)number - middle;
    return *size >= 0;
}

/* The sizes of all frames but the last. */
static bool take_sizes(struct lace *lace, int lacing, int count,
                       struct matroska_frame frames[static MATROSKA_FRAMES_MAX])
{
    int64_t size = 0;
    for (int i = 0; i < count - 1; i++) {
        bool is_taken = lacing == LACING_XIPH ? take_xiph_size(lace, &size)
                                              : take_ebml_size(lace, i == 0, &size);
        if (!is_taken || size > lace->end) {
            return false;
        }
        frames[i].size = size;
    }
    return true;
}

int matroska_frames(struct media_source *source, const struct matroska_piece *block,
                    struct matroska_frame ret_frames[static MATROSKA_FRAMES_MAX])
{
    struct lace lace = {.source = source, .at = block->frames, .end = block->frames_end};
    uint8_t more = 0;
    if (block->lacing != LACING_NONE && !take_byte(&lace, &more)) {
        return 0;
    }
    int count = more + 1;
    if (block->lacing == LACING_FIXED) {
        for (int i = 0; i < count; i++) {
            ret_frames[i].size = (lace.end - lace.at) / count;
        }
    } else if (!take_sizes(&lace, block->lacing, count, ret_frames)) {
        return 0;
    }
    int64_t at = lace.at;
    for (int i = 0; i < count; i++) {
        if (i == count - 1) {
            ret_frames[i].size = lace.end - at;
        }
        if (ret_frames[i].size < 0 || ret_frames[i].size > lace.end - at) {
            return 0;
        }
        ret_frames[i].offset = at;
        at += ret_frames[i].size;
    }
    return count;
}

/* --- looking for a beginning --- */

/* What may come first, and what else may come next. */
static bool is_known(struct media_source *source, int64_t offset, int64_t limit, bool is_first)
{
    enum { ID_VOID = 0xEC, ID_CRC = 0xBF };
    struct ebml_element element;
    switch (ebml_element_at(source, offset, limit, &element)) {
    case EBML_UNKNOWN:
        return !is_first;
    case EBML_INVALID:
        return false;
    case EBML_READY:
        break;
    }
    return is_top_level(element.id) || is_block_or_group(element.id) ||
           (!is_first && (element.id == ID_VOID || element.id == ID_CRC));
}

static bool is_plausible(const struct matroska_piece *piece, uint64_t all_tracks)
{
    switch (piece->kind) {
    case MATROSKA_IS_CLUSTER:
        return piece->has_time;
    case MATROSKA_IS_BLOCK:
        return piece->track < 64 && (all_tracks >> piece->track & 1) != 0;
    case MATROSKA_IS_OTHER:
        break;
    }
    return true;
}

bool matroska_begins(struct media_source *source, int64_t offset, int64_t limit,
                     uint64_t all_tracks)
{
    int pieces = 0;
    while (pieces < CHAIN_PIECES && offset < limit) {
        struct matroska_piece piece;
        enum media_unit_status status = is_known(source, offset, limit, pieces == 0)
                                            ? matroska_piece_at(source, offset, limit, &piece)
                                            : MEDIA_UNIT_INVALID;
        if (status == MEDIA_UNIT_UNKNOWN) {
            return pieces >= CHAIN_PIECES_MIN;
        }
        if (status != MEDIA_UNIT_READY || !is_plausible(&piece, all_tracks)) {
            return false;
        }
        offset = piece.end;
        pieces++;
    }
    return pieces > 0;
}

int64_t matroska_next_candidate(struct media_source *source, int64_t offset, int64_t limit)
{
    static const bool IS_FIRST[256] = {
        [0xA3] = true, [0xA0] = true, [0x1A] = true, [0x18] = true, [0x11] = true, [0x15] = true,
        [0x16] = true, [0x1F] = true, [0x1C] = true, [0x19] = true, [0x10] = true, [0x12] = true};
    const uint8_t *bytes;
    int64_t length;

    for (; (bytes = media_view(source, offset, limit, &length)) != NULL; offset += length) {
        for (int64_t i = 0; i < length; i++) {
            if (IS_FIRST[bytes[i]]) {
                return offset + i;
            }
        }
    }
    return limit;
}
