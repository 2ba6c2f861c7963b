/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_vorbis.h"

#include <string.h>

#include "worker/media_bytes.h"

#define IDENTIFICATION_BYTES 30
#define HEADER_BYTES 7 /* type and "vorbis" */
#define MODES_MAX 64
#define MODE_COUNT_BITS 6
#define MAPPING_MAX 63

bool vorbis_identification_parse(const uint8_t *bytes, size_t length,
                                 struct vorbis_stream *ret_stream)
{
    if (length < IDENTIFICATION_BYTES || memcmp(bytes, "\x01vorbis\0\0\0\0", 11) != 0 ||
        (bytes[29] & 1) == 0) {
        return false;
    }
    uint32_t sample_rate = le32(bytes + 12);
    int short_bits = bytes[28] & 15;
    int long_bits = bytes[28] >> 4;
    if (short_bits < 6 || long_bits < short_bits || long_bits > 13) {
        return false;
    }
    *ret_stream = (struct vorbis_stream){
        .sample_rate = sample_rate > INT32_MAX ? INT32_MAX : (int32_t)sample_rate,
        .channels = bytes[11],
        .short_block = 1 << short_bits,
        .long_block = 1 << long_bits,
    };
    return true;
}

/* Reads bits from the end of a header to its beginning; a value's highest bit comes first then. */
struct backward_reader {
    const uint8_t *bytes;
    size_t bits_left;
};

static uint32_t take_back(struct backward_reader *reader, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count && reader->bits_left > 0; i++) {
        size_t bit = --reader->bits_left;
        value = value << 1 | ((uint32_t)reader->bytes[bit / 8] >> bit % 8 & 1);
    }
    return value;
}

/* The modes stand at the end, behind code books whose lengths only a decoder can tell: they are
 * read backwards, as libavcodec's parser does. Each is a flag for its block, two numbers of 16 bits
 * that are 0, and a mapping; before them stands how many there are. */
bool vorbis_setup_parse(const uint8_t *bytes, size_t length, struct vorbis_stream *stream)
{
    if (length < HEADER_BYTES + 1 || memcmp(bytes, "\x05vorbis", HEADER_BYTES) != 0) {
        return false;
    }
    struct backward_reader reader = {.bytes = bytes, .bits_left = length * 8};
    while (reader.bits_left > 0 && take_back(&reader, 1) == 0) {
        /* padding behind the framing bit */
    }
    uint64_t is_long = 0; /* the last mode comes first */
    int modes = 0;
    for (int found = 1; found <= MODES_MAX; found++) {
        if (reader.bits_left < (size_t)HEADER_BYTES * 8 + 41 + MODE_COUNT_BITS ||
            take_back(&reader, 8) > MAPPING_MAX || take_back(&reader, 32) != 0) {
            break;
        }
        is_long = is_long << 1 | take_back(&reader, 1);
        struct backward_reader before = reader;
        if ((int)take_back(&before, MODE_COUNT_BITS) + 1 == found) {
            modes = found;
            stream->long_modes = is_long;
        }
    }
    stream->mode_bits = 0;
    while (modes > 1 << stream->mode_bits) {
        stream->mode_bits++;
    }
    return modes > 0;
}

bool vorbis_packet_parse(const struct vorbis_stream *stream, const uint8_t *bytes, size_t length,
                         struct vorbis_block *ret_block)
{
    if (length < 1 || (bytes[0] & 1) != 0) {
        return false;
    }
    uint32_t mode = bytes[0] >> 1 & ((1u << stream->mode_bits) - 1);
    if ((stream->long_modes >> mode & 1) == 0) {
        *ret_block = (struct vorbis_block){.samples = stream->short_block};
        return true;
    }
    bool is_previous_long = (bytes[0] >> (1 + stream->mode_bits) & 1) != 0;
    *ret_block = (struct vorbis_block){.samples = stream->long_block,
                                       .previous = is_previous_long ? stream->long_block
                                                                    : stream->short_block};
    return true;
}
