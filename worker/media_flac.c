/* SPDX-License-Identifier: Apache-2.0 */

/*
 * FLAC files. A unit is a frame. Its header tells where in the recording it begins and how many
 * samples it holds, but not how many bytes: a frame ends where the next one's header stands. That
 * header is believed when its own checksum is right and its number is the one that must follow;
 * behind a damaged or missing frame the frame's checksum decides instead, and so it does at the end
 * of the file, where tags may follow.
 */

#include <stdio.h>
#include <string.h>

#include "worker/media_bytes.h"
#include "worker/media_flac_frame.h"
#include "worker/media_framer.h"

#define MAGIC_BYTES 4
#define BLOCK_HEADER_BYTES 4
#define BLOCKS_MAX 1024
#define STREAMINFO_OFFSET (MAGIC_BYTES + BLOCK_HEADER_BYTES)
/* Of the samples as they are: what speech and music shrink to, where the file doesn't tell. */
#define USUAL_PERCENT 60

static bool flac_is_format(const uint8_t *magic, size_t length)
{
    return length >= MAGIC_BYTES && memcmp(magic, "fLaC", MAGIC_BYTES) == 0;
}

static enum media_status refuse(struct err *err, const char *reason)
{
    (void)err_set(err, ERR_REJECT, "media", 0, "the FLAC header is damaged: %s", reason);
    return MEDIA_REFUSED;
}

static enum media_status read_stream(struct media_source *source, int64_t start,
                                     struct flac_stream *ret_stream, struct media_need *ret_need,
                                     struct err *err)
{
    const size_t length = STREAMINFO_OFFSET + FLAC_STREAMINFO_BYTES;
    if (media_source_total_size(source) - start < (int64_t)length) {
        return refuse(err, "it is cut");
    }
    if (!media_has_bytes(source, start, (int64_t)length, ret_need)) {
        return MEDIA_NEED;
    }
    const uint8_t *bytes = media_source_at(source, start, length);
    if (bytes == NULL || (bytes[MAGIC_BYTES] & 0x7F) != 0 ||
        be24(bytes + MAGIC_BYTES + 1) != FLAC_STREAMINFO_BYTES ||
        !flac_stream_parse(bytes + STREAMINFO_OFFSET, ret_stream)) {
        return refuse(err, "STREAMINFO makes no sense");
    }
    return MEDIA_READY;
}

/* Passes over the blocks of metadata, a cover may be among them. */
static enum media_status find_audio(struct media_source *source, int64_t start,
                                    struct media_header *header, struct media_need *ret_need,
                                    struct err *err)
{
    int64_t position = start + MAGIC_BYTES;
    for (int i = 0; i < BLOCKS_MAX && position <= header->audio_end - BLOCK_HEADER_BYTES; i++) {
        if (!media_has_bytes(source, position, BLOCK_HEADER_BYTES, ret_need)) {
            return MEDIA_NEED;
        }
        const uint8_t *bytes = media_source_at(source, position, BLOCK_HEADER_BYTES);
        if (bytes == NULL) {
            return refuse(err, "it cannot be read");
        }
        bool is_last = (bytes[0] & 0x80) != 0;
        position += BLOCK_HEADER_BYTES + (int64_t)be24(bytes + 1);
        if (is_last && position <= header->audio_end) {
            header->audio_start = position;
            return MEDIA_READY;
        }
    }
    return refuse(err, "it has no end");
}

static int64_t bytes_per_second(const struct media_header *header, const struct flac_stream *stream)
{
    int64_t bytes = header->audio_end - header->audio_start;
    int64_t plain = (int64_t)stream->sample_rate * stream->channels * ((stream->bits + 7) / 8);
    if (stream->total_samples > 0) {
        int64_t told =
            (int64_t)((double)bytes * stream->sample_rate / (double)stream->total_samples);
        if (told > 0 && told <= plain + plain / 8) {
            return told;
        }
    }
    return plain * USUAL_PERCENT / 100;
}

static enum media_status flac_read_header(struct media_source *source, int64_t start,
                                          struct media_header *header, struct media_need *ret_need,
                                          struct err *err)
{
    struct flac_stream stream;
    enum media_status status = read_stream(source, start, &stream, ret_need, err);
    if (status == MEDIA_READY) {
        status = find_audio(source, start, header, ret_need, err);
    }
    if (status != MEDIA_READY) {
        return status;
    }
    (void)snprintf(header->codec, sizeof(header->codec), "flac");
    header->sample_rate = stream.sample_rate;
    header->channels = stream.channels;
    header->bytes_per_second = bytes_per_second(header, &stream);
    header->largest_unit_bytes = stream.frame_bytes_max;
    header->detail.flac.stream = stream;
    header->detail.flac.streaminfo = start + STREAMINFO_OFFSET;
    return MEDIA_READY;
}

static bool flac_write_setup(struct media_source *source, const struct media_header *header,
                             struct buf *setup)
{
    const uint8_t *bytes =
        media_source_at(source, header->detail.flac.streaminfo, FLAC_STREAMINFO_BYTES);
    if (bytes == NULL) {
        return false;
    }
    buf_append(setup, bytes, FLAC_STREAMINFO_BYTES);
    return true;
}

/* READY, UNKNOWN or INVALID. */
static enum media_unit_status frame_header_at(struct media_source *source,
                                              const struct media_header *header, int64_t offset,
                                              struct flac_frame *ret_frame)
{
    int64_t rest = header->audio_end - offset;
    size_t length = rest < FLAC_FRAME_HEADER_BYTES_MAX ? (size_t)rest : FLAC_FRAME_HEADER_BYTES_MAX;
    if (length < FLAC_FRAME_HEADER_BYTES_MIN) {
        return MEDIA_UNIT_INVALID;
    }
    const uint8_t *bytes = media_source_at(source, offset, length);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    return flac_frame_parse(&header->detail.flac.stream, bytes, length, ret_frame)
               ? MEDIA_UNIT_READY
               : MEDIA_UNIT_INVALID;
}

/* A frame's checksum as far as it was needed. */
struct checked {
    int64_t end; /* up to where */
    uint16_t crc;
};

static bool frame_ends_at(struct media_source *source, struct checked *checked, int64_t end)
{
    while (checked->end < end) {
        int64_t rest = end - checked->end;
        size_t length = rest < MEDIA_VIEW_MAX ? (size_t)rest : MEDIA_VIEW_MAX;
        const uint8_t *bytes = media_source_at(source, checked->end, length);
        if (bytes == NULL) {
            return false;
        }
        checked->crc = flac_crc16(checked->crc, bytes, length);
        checked->end += (int64_t)length;
    }
    return checked->crc == 0;
}

/* Where the frame ends that begins at `offset`. */
static enum media_unit_status find_end(struct media_source *source,
                                       const struct media_header *header, int64_t offset,
                                       const struct flac_frame *frame, int64_t *ret_end)
{
    int64_t most = offset + header->detail.flac.stream.frame_bytes_max;
    int64_t limit = most < header->audio_end ? most : header->audio_end;
    int64_t available_end = media_source_available_end(source, offset);
    int64_t reach = available_end < limit ? available_end : limit;
    struct checked checked = {.end = offset};
    for (int64_t at = media_find_byte(source, 0xFF, offset + frame->header_bytes, reach);
         at < reach; at = media_find_byte(source, 0xFF, at + 1, reach)) {
        struct flac_frame next;
        enum media_unit_status status = frame_header_at(source, header, at, &next);
        if (status == MEDIA_UNIT_UNKNOWN) {
            return MEDIA_UNIT_UNKNOWN;
        }
        if (status == MEDIA_UNIT_READY && (next.position == frame->position + frame->samples ||
                                           frame_ends_at(source, &checked, at))) {
            *ret_end = at;
            return MEDIA_UNIT_READY;
        }
    }
    if (reach < limit) {
        return MEDIA_UNIT_UNKNOWN;
    }
    /* The decoder leaves alone what may follow the last frame. */
    *ret_end = limit;
    return limit == header->audio_end ? MEDIA_UNIT_READY : MEDIA_UNIT_INVALID;
}

static enum media_unit_status flac_unit_at(struct media_source *source,
                                           const struct media_header *header, int64_t offset,
                                           int64_t limit UNUSED, struct media_unit *ret_unit)
{
    struct flac_frame frame;
    int64_t end = 0;
    enum media_unit_status status = frame_header_at(source, header, offset, &frame);
    if (status == MEDIA_UNIT_READY) {
        status = find_end(source, header, offset, &frame, &end);
    }
    if (status == MEDIA_UNIT_READY) {
        *ret_unit = (struct media_unit){.offset = offset,
                                        .length = end - offset,
                                        .lookahead_bytes = FLAC_FRAME_HEADER_BYTES_MAX,
                                        .samples = frame.samples,
                                        .has_position = true,
                                        .position = frame.position};
    }
    return status;
}

static bool flac_sync(struct media_source *source, const struct media_header *header,
                      int64_t offset, int64_t limit, int64_t *ret_position)
{
    for (int64_t at = media_find_byte(source, 0xFF, offset, limit); at < limit;
         at = media_find_byte(source, 0xFF, at + 1, limit)) {
        struct media_unit unit;
        struct flac_frame frame;
        enum media_unit_status status = flac_unit_at(source, header, at, limit, &unit);
        /* A frame whose end is missing is one if its header is whole. */
        if (status == MEDIA_UNIT_UNKNOWN) {
            status = frame_header_at(source, header, at, &frame);
        }
        if (status == MEDIA_UNIT_READY) {
            *ret_position = at;
            return true;
        }
    }
    return false;
}

const struct media_framer media_flac_framer = {.format = "flac",
                                               .is_format = flac_is_format,
                                               .read_header = flac_read_header,
                                               .unit_at = flac_unit_at,
                                               .sync = flac_sync,
                                               .write_setup = flac_write_setup};
