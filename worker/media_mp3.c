/* SPDX-License-Identifier: Apache-2.0 */

/*
 * MP3 files. A unit is a frame. Frames carry nothing but a weak sync word, so that sync asks for a
 * chain of four with sane side information, and for headers that agree in all bits an encoder never
 * changes: with the file's first real frame, or, behind a place where files were joined, among each
 * other. A frame right behind another one only needs the same version and sample rate.
 */

#include <stdio.h>
#include <string.h>

#include "worker/media_framer.h"
#include "worker/media_mpeg.h"

#define CHAIN_FRAMES 4
/* Where the first frame may begin behind the tags: some taggers pad with zeros. */
#define FIRST_FRAME_WITHIN 65536
/* A frame may use main data of up to 511 bytes before it, without the headers between, and a frame
 * overlaps with its predecessor. 2.1 KB sufficed for all bit rates that were tried. */
#define PREROLL_BYTES 4096
/* What decoders delay by, LAME's convention. */
#define DECODER_DELAY 529
#define AVERAGED_FRAMES 32
#define BIT_RATE_MIN 8000
#define BIT_RATE_MAX 320000
#define ID3V1_BYTES 128

static bool mp3_is_format(const uint8_t *magic UNUSED, size_t length UNUSED)
{
    return true;
}

/* Tags that may follow the last frame. */
static bool is_trailing_tag(struct media_source *source, int64_t offset, int64_t rest)
{
    const uint8_t *bytes = rest >= 8 ? media_source_at(source, offset, 8) : NULL;
    return bytes != NULL &&
           ((rest == ID3V1_BYTES && memcmp(bytes, "TAG", 3) == 0) ||
            memcmp(bytes, "APETAGEX", 8) == 0 || memcmp(bytes, "LYRICSBE", 8) == 0);
}

/* The frame that begins at `offset`, if it is of the same stream as the reference (0: any). */
static enum media_unit_status frame_at(struct media_source *source, int64_t offset, int64_t end,
                                       uint32_t reference, struct mpeg_frame *ret_frame)
{
    int64_t rest = end - offset;
    if (rest < MPEG_HEADER_BYTES || is_trailing_tag(source, offset, rest)) {
        return MEDIA_UNIT_END;
    }
    const uint8_t *bytes = media_source_at(source, offset, MPEG_HEADER_BYTES);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    if (!mpeg_frame_parse(bytes, ret_frame) ||
        (reference != 0 && ((ret_frame->reference ^ reference) & MPEG_STREAM_MASK) != 0)) {
        return MEDIA_UNIT_INVALID;
    }
    if (ret_frame->length > rest) {
        return MEDIA_UNIT_END;
    }
    return media_source_available_end(source, offset) - offset < ret_frame->length
               ? MEDIA_UNIT_CUT
               : MEDIA_UNIT_READY;
}

/* Like frame_at(), with the side information checked too. */
static enum media_unit_status checked_frame_at(struct media_source *source, int64_t offset,
                                               int64_t end, uint32_t reference,
                                               struct mpeg_frame *ret_frame)
{
    enum media_unit_status status = frame_at(source, offset, end, reference, ret_frame);
    if (status != MEDIA_UNIT_READY && status != MEDIA_UNIT_CUT) {
        return status;
    }
    int32_t side_end = ret_frame->side_start + ret_frame->side_bytes;
    if (side_end > ret_frame->length) {
        return MEDIA_UNIT_INVALID;
    }
    const uint8_t *bytes = media_source_at(source, offset, (size_t)side_end);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    return mpeg_side_is_valid(ret_frame, bytes) ? status : MEDIA_UNIT_INVALID;
}

/* Frames that follow each other. */
struct chain {
    int frames;                   /* up to CHAIN_FRAMES */
    enum media_unit_status ended; /* why there are fewer */
    uint32_t reference;           /* of the first */
    bool is_uniform;              /* all have the same */
};

static struct chain follow_chain(struct media_source *source, int64_t offset, int64_t end,
                                 uint32_t reference)
{
    struct chain chain = {.ended = MEDIA_UNIT_READY, .is_uniform = true};
    while (chain.frames < CHAIN_FRAMES) {
        struct mpeg_frame frame;
        chain.ended = checked_frame_at(source, offset, end, reference, &frame);
        if (chain.ended != MEDIA_UNIT_READY && chain.ended != MEDIA_UNIT_CUT) {
            break;
        }
        chain.reference = chain.frames == 0 ? frame.reference : chain.reference;
        chain.is_uniform = chain.is_uniform && frame.reference == chain.reference;
        offset += frame.length;
        chain.frames++;
    }
    return chain;
}

/* Too few frames are proof enough where the bytes or the audio end. */
static bool chain_is_proof(const struct chain *chain, uint32_t reference)
{
    bool is_long = chain->frames == CHAIN_FRAMES;
    if (chain->frames == 0 || (!is_long && chain->ended == MEDIA_UNIT_INVALID)) {
        return false;
    }
    return chain->reference == reference || (is_long && chain->is_uniform);
}

static bool mp3_sync(struct media_source *source, const struct media_header *header, int64_t offset,
                     int64_t limit, int64_t *ret_position)
{
    uint32_t reference = header->detail.mp3.reference;
    for (int64_t at = media_find_byte(source, 0xFF, offset, limit); at < limit;
         at = media_find_byte(source, 0xFF, at + 1, limit)) {
        struct chain chain = follow_chain(source, at, header->audio_end, reference);
        if (chain_is_proof(&chain, reference)) {
            *ret_position = at;
            return true;
        }
    }
    return false;
}

static enum media_unit_status mp3_unit_at(struct media_source *source,
                                          const struct media_header *header, int64_t offset,
                                          int64_t limit UNUSED, struct media_unit *ret_unit)
{
    struct mpeg_frame frame;
    enum media_unit_status status =
        frame_at(source, offset, header->audio_end, header->detail.mp3.reference, &frame);
    if (status == MEDIA_UNIT_READY || status == MEDIA_UNIT_CUT) {
        *ret_unit = (struct media_unit){.offset = offset,
                                        .length = frame.length,
                                        .samples = frame.samples,
                                        .has_position = offset == header->audio_start,
                                        .position = -header->initial_skip};
    }
    return status;
}

/* What the search for the first frame finds. */
struct first_frame {
    int64_t offset; /* of the first frame with audio */
    struct mpeg_frame frame;
    struct mpeg_tag tag;
};

/* Whether the file's frames begin at `offset`, perhaps with a tag frame, whose header may differ
 * from those of the others. */
static enum media_unit_status try_first_frame(struct media_source *source, int64_t offset,
                                              int64_t end, struct first_frame *ret_first)
{
    struct first_frame first = {.offset = offset, .tag = {.encoder_delay = -1}};
    enum media_unit_status status = checked_frame_at(source, offset, end, 0, &first.frame);
    if (status != MEDIA_UNIT_READY) {
        return status == MEDIA_UNIT_CUT ? MEDIA_UNIT_UNKNOWN : status;
    }
    int32_t length =
        first.frame.length < MPEG_TAG_BYTES_MAX ? first.frame.length : MPEG_TAG_BYTES_MAX;
    const uint8_t *bytes = media_source_at(source, offset, (size_t)length);
    if (bytes != NULL && mpeg_tag_parse(&first.frame, bytes, (size_t)length, &first.tag)) {
        first.offset += first.frame.length;
        status = checked_frame_at(source, first.offset, end, 0, &first.frame);
        if (status != MEDIA_UNIT_READY && status != MEDIA_UNIT_CUT) {
            return status;
        }
    }
    struct chain chain = follow_chain(source, first.offset, end, first.frame.reference);
    if (chain.ended == MEDIA_UNIT_UNKNOWN) {
        return MEDIA_UNIT_UNKNOWN;
    }
    *ret_first = first;
    return chain.is_uniform && chain_is_proof(&chain, first.frame.reference) ? MEDIA_UNIT_READY
                                                                             : MEDIA_UNIT_INVALID;
}

/* The mean over the frames at hand, in bits per second. */
static int64_t average_bit_rate(struct media_source *source, const struct first_frame *first,
                                int64_t end)
{
    int64_t sum = 0;
    int64_t count = 0;
    int64_t offset = first->offset;
    struct mpeg_frame frame;
    while (count < AVERAGED_FRAMES &&
           frame_at(source, offset, end, first->frame.reference, &frame) == MEDIA_UNIT_READY) {
        sum += frame.bit_rate;
        count++;
        offset += frame.length;
    }
    return count > 0 ? sum / count : first->frame.bit_rate;
}

static int64_t bytes_per_second(struct media_source *source, const struct first_frame *first,
                                int64_t end)
{
    if (first->tag.frames > 0 && first->tag.bytes > 0) {
        int64_t samples = first->tag.frames * first->frame.samples;
        int64_t rate = first->tag.bytes * first->frame.sample_rate / samples;
        if (rate >= BIT_RATE_MIN / 8 && rate <= BIT_RATE_MAX / 8) {
            return rate;
        }
    }
    return average_bit_rate(source, first, end) / 8;
}

static bool free_header_at(struct media_source *source, int64_t offset,
                           struct mpeg_free_header *ret_header)
{
    const uint8_t *bytes = media_source_at(source, offset, MPEG_HEADER_BYTES);
    return bytes != NULL && mpeg_free_header_parse(bytes, ret_header);
}

/* The offset of the next header like this one, `limit` if there is none. */
static int64_t next_free_header(struct media_source *source, int64_t offset, int64_t limit,
                                uint32_t reference)
{
    for (int64_t at = media_find_byte(source, 0xFF, offset, limit); at < limit;
         at = media_find_byte(source, 0xFF, at + 1, limit)) {
        struct mpeg_free_header header;
        if (free_header_at(source, at, &header) && header.reference == reference) {
            return at;
        }
    }
    return limit;
}

/* Whether frames of free format begin here: as many as prove a stream, all of one length. */
static bool is_free_format(struct media_source *source, int64_t offset)
{
    struct mpeg_free_header header;
    if (!free_header_at(source, offset, &header)) {
        return false;
    }
    uint32_t reference = header.reference;
    int64_t limit = offset + MPEG_FREE_FRAME_BYTES_MAX + 1;
    int64_t next = next_free_header(source, offset + MPEG_FREE_FRAME_BYTES_MIN, limit, reference);
    if (next == limit) {
        return false;
    }
    int64_t length = next - offset - header.padding;
    for (int frames = 1; frames < CHAIN_FRAMES; frames++) {
        if (!free_header_at(source, next, &header) || header.reference != reference) {
            return false;
        }
        next += length + header.padding;
    }
    return true;
}

static void fill_header(struct media_source *source, const struct first_frame *first,
                        struct media_header *header)
{
    (void)snprintf(header->codec, sizeof(header->codec), "mp3");
    header->sample_rate = first->frame.sample_rate;
    header->channels = first->frame.channels;
    header->bytes_per_second = bytes_per_second(source, first, header->audio_end);
    header->largest_unit_bytes = MPEG_FRAME_BYTES_MAX;
    header->preroll_bytes = PREROLL_BYTES;
    header->initial_skip =
        first->tag.encoder_delay < 0 ? 0 : first->tag.encoder_delay + DECODER_DELAY;
    header->audio_start = first->offset;
    header->detail.mp3.reference = first->frame.reference;
}

static enum media_status mp3_read_header(struct media_source *source, int64_t start,
                                         struct media_header *header, struct media_need *ret_need,
                                         struct err *err)
{
    int64_t end = header->audio_end;
    int64_t limit = end - start < FIRST_FRAME_WITHIN ? end : start + FIRST_FRAME_WITHIN;
    for (int64_t at = media_find_byte(source, 0xFF, start, limit); at < limit;
         at = media_find_byte(source, 0xFF, at + 1, limit)) {
        struct first_frame first;
        enum media_unit_status status = try_first_frame(source, at, end, &first);
        if (status == MEDIA_UNIT_READY) {
            fill_header(source, &first, header);
            return MEDIA_READY;
        }
        if (status == MEDIA_UNIT_UNKNOWN) {
            int64_t chain_bytes = (int64_t)(CHAIN_FRAMES + 1) * MPEG_FRAME_BYTES_MAX;
            int64_t length = end - at < chain_bytes ? end - at : chain_bytes;
            if (!media_has_bytes(source, at, length, ret_need)) {
                return MEDIA_NEED;
            }
        }
        if (is_free_format(source, at)) {
            (void)err_set(err, ERR_REJECT, "media", 0, "free-format MP3 is not supported");
            return MEDIA_REFUSED;
        }
    }
    if (!media_has_bytes(source, start, limit - start, ret_need)) {
        return MEDIA_NEED;
    }
    (void)err_set(err, ERR_REJECT, "media", 0,
                  "the file is not audio in a supported format (no MP3 frames found)");
    return MEDIA_REFUSED;
}

const struct media_framer media_mp3_framer = {.format = "mp3",
                                              .is_format = mp3_is_format,
                                              .read_header = mp3_read_header,
                                              .unit_at = mp3_unit_at,
                                              .sync = mp3_sync};
