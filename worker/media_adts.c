/* SPDX-License-Identifier: Apache-2.0 */

/*
 * AAC in ADTS frames (ISO/IEC 13818-7 and 14496-3), as radio streams and phones write it. A unit is
 * a frame. Its sync word is weak, so that sync asks for a chain of four frames that agree in all
 * fixed bits of the header with the file's first one.
 */

#include <stdio.h>
#include <string.h>

#include "worker/media_bytes.h"
#include "worker/media_framer.h"

#define HEADER_BYTES 7
#define CRC_BYTES 2
#define FRAME_BYTES_MAX 8191
#define CHAIN_FRAMES 4
#define BLOCK_SAMPLES 1024
#define AVERAGED_FRAMES 64
/* Sync word, version, profile, sample rate, channels. */
#define REFERENCE_MASK 0xFFFEFDC0u
/* A frame overlaps with the one before it. */
#define PREROLL_BYTES 1

struct adts_frame {
    uint32_t reference;
    int32_t length;
    int32_t blocks; /* of 1,024 samples */
};

static const int32_t SAMPLE_RATES[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                         22050, 16000, 12000, 11025, 8000,  7350};
/* By the header's index; 0: told inside the frames. */
static const int32_t CHANNELS[8] = {2, 1, 2, 3, 4, 5, 6, 8};

static bool parse_frame(const uint8_t *bytes, struct adts_frame *ret_frame)
{
    bool has_crc = (bytes[1] & 1) == 0;
    struct adts_frame frame = {
        .reference = be32(bytes) & REFERENCE_MASK,
        .length = (bytes[3] & 3) << 11 | bytes[4] << 3 | bytes[5] >> 5,
        .blocks = (bytes[6] & 3) + 1,
    };
    if (frame.reference >> 20 != 0xFFF || (bytes[1] & 6) != 0 ||
        SAMPLE_RATES[bytes[2] >> 2 & 15] == 0 ||
        frame.length <= HEADER_BYTES + (has_crc ? CRC_BYTES : 0)) {
        return false;
    }
    *ret_frame = frame;
    return true;
}

static bool adts_is_format(const uint8_t *magic, size_t length)
{
    struct adts_frame frame;
    return length >= HEADER_BYTES && parse_frame(magic, &frame);
}

/* The frame that begins at `offset`, if it is of the same stream as the reference. */
static enum media_unit_status frame_at(struct media_source *source, int64_t offset, int64_t end,
                                       uint32_t reference, struct adts_frame *ret_frame)
{
    if (end - offset < HEADER_BYTES) {
        return MEDIA_UNIT_END;
    }
    const uint8_t *bytes = media_source_at(source, offset, HEADER_BYTES);
    if (bytes == NULL) {
        return MEDIA_UNIT_UNKNOWN;
    }
    if (!parse_frame(bytes, ret_frame) || ret_frame->reference != reference) {
        return MEDIA_UNIT_INVALID;
    }
    if (ret_frame->length > end - offset) {
        return MEDIA_UNIT_END;
    }
    return media_source_available_end(source, offset) - offset < ret_frame->length
               ? MEDIA_UNIT_CUT
               : MEDIA_UNIT_READY;
}

/* Whether frames follow each other from here, as far as the bytes reach. Tells how it ended. */
static bool is_chain(struct media_source *source, int64_t offset, int64_t end, uint32_t reference,
                     enum media_unit_status *ret_ended)
{
    int frames = 0;
    enum media_unit_status status = MEDIA_UNIT_READY;
    while (frames < CHAIN_FRAMES) {
        struct adts_frame frame;
        status = frame_at(source, offset, end, reference, &frame);
        if (status != MEDIA_UNIT_READY && status != MEDIA_UNIT_CUT) {
            break;
        }
        offset += frame.length;
        frames++;
    }
    *ret_ended = status;
    return frames == CHAIN_FRAMES || (frames > 0 && status != MEDIA_UNIT_INVALID);
}

/* In bytes per second, over the frames at hand. */
static int64_t average_rate(struct media_source *source, const struct media_header *header)
{
    int64_t bytes = 0;
    int64_t blocks = 0;
    struct adts_frame frame;
    for (int i = 0; i < AVERAGED_FRAMES; i++) {
        if (frame_at(source, header->audio_start + bytes, header->audio_end,
                     header->detail.adts.reference, &frame) != MEDIA_UNIT_READY) {
            break;
        }
        bytes += frame.length;
        blocks += frame.blocks;
    }
    int64_t rate = blocks == 0 ? 0 : bytes * header->sample_rate / (blocks * BLOCK_SAMPLES);
    return rate > 0 ? rate : 1;
}

static void fill_header(struct media_source *source, int64_t start, const uint8_t *first,
                        struct media_header *header)
{
    (void)snprintf(header->codec, sizeof(header->codec), "aac");
    header->sample_rate = SAMPLE_RATES[first[2] >> 2 & 15];
    header->channels = CHANNELS[(first[2] & 1) << 2 | first[3] >> 6];
    header->largest_unit_bytes = FRAME_BYTES_MAX;
    header->preroll_bytes = PREROLL_BYTES;
    header->may_double_rate = true;
    header->audio_start = start;
    header->detail.adts.reference = be32(first) & REFERENCE_MASK;
    header->bytes_per_second = average_rate(source, header);
}

static enum media_status adts_read_header(struct media_source *source, int64_t start,
                                          struct media_header *header, struct media_need *ret_need,
                                          struct err *err)
{
    int64_t rest = header->audio_end - start;
    int64_t chain_bytes = (int64_t)CHAIN_FRAMES * FRAME_BYTES_MAX;
    const uint8_t *first = media_source_at(source, start, HEADER_BYTES);
    enum media_unit_status ended = MEDIA_UNIT_INVALID;
    if (first != NULL) {
        fill_header(source, start, first, header);
        bool is_good =
            is_chain(source, start, header->audio_end, header->detail.adts.reference, &ended);
        if (ended == MEDIA_UNIT_UNKNOWN &&
            !media_has_bytes(source, start, rest < chain_bytes ? rest : chain_bytes, ret_need)) {
            return MEDIA_NEED;
        }
        if (is_good) {
            return MEDIA_READY;
        }
    }
    (void)err_set(err, ERR_REJECT, "media", 0, "the AAC (ADTS) frames are damaged");
    return MEDIA_REFUSED;
}

static enum media_unit_status adts_unit_at(struct media_source *source,
                                           const struct media_header *header, int64_t offset,
                                           int64_t limit UNUSED, struct media_unit *ret_unit)
{
    struct adts_frame frame;
    enum media_unit_status status =
        frame_at(source, offset, header->audio_end, header->detail.adts.reference, &frame);
    if (status == MEDIA_UNIT_READY || status == MEDIA_UNIT_CUT) {
        *ret_unit = (struct media_unit){.offset = offset,
                                        .length = frame.length,
                                        .samples = (int64_t)frame.blocks * BLOCK_SAMPLES *
                                                   header->rate_factor,
                                        .has_position = offset == header->audio_start};
    }
    return status;
}

static bool adts_sync(struct media_source *source, const struct media_header *header,
                      int64_t offset, int64_t limit, int64_t *ret_position)
{
    for (int64_t at = media_find_byte(source, 0xFF, offset, limit); at < limit;
         at = media_find_byte(source, 0xFF, at + 1, limit)) {
        enum media_unit_status ended;
        if (is_chain(source, at, header->audio_end, header->detail.adts.reference, &ended)) {
            *ret_position = at;
            return true;
        }
    }
    return false;
}

const struct media_framer media_adts_framer = {.format = "adts",
                                               .is_format = adts_is_format,
                                               .read_header = adts_read_header,
                                               .unit_at = adts_unit_at,
                                               .sync = adts_sync};
