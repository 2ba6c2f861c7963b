/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_mpeg.h"

#include <string.h>

#include "worker/media_bytes.h"

#define VERSION_2_5 0u
#define VERSION_RESERVED 1u
#define VERSION_1 3u
#define FREE_FORMAT 0u
#define LAYER_III 1u
#define MODE_MONO 3u
#define CRC_BYTES 2
#define BIG_VALUES_MAX 288

/* kbit/s by the header's index; FREE_FORMAT has none, 15 is forbidden. */
static const int32_t BIT_RATES_1[15] = {0,   32,  40,  48,  56,  64,  80, 96,
                                        112, 128, 160, 192, 224, 256, 320};
static const int32_t BIT_RATES_2[15] = {0,  8,  16, 24,  32,  40,  48, 56,
                                        64, 80, 96, 112, 128, 144, 160};
static const int32_t SAMPLE_RATES_1[3] = {44100, 48000, 32000};

static int32_t side_info_bytes(bool is_version1, bool is_mono)
{
    if (is_version1) {
        return is_mono ? 17 : 32;
    }
    return is_mono ? 9 : 17;
}

/* What the header's fields tell, before they are looked up. */
struct fields {
    uint32_t version;
    uint32_t rate_index;
    uint32_t bit_rate_index; /* 0 to 14 */
    int32_t padding;
};

static bool parse_fields(uint32_t header, struct fields *ret_fields)
{
    struct fields fields = {.version = header >> 19 & 3,
                            .rate_index = header >> 10 & 3,
                            .bit_rate_index = header >> 12 & 15,
                            .padding = (int32_t)(header >> 9 & 1)};
    *ret_fields = fields;
    return header >> 21 == 0x7FF && fields.version != VERSION_RESERVED &&
           (header >> 17 & 3) == LAYER_III && fields.rate_index != 3 && fields.bit_rate_index != 15;
}

bool mpeg_frame_parse(const uint8_t bytes[static MPEG_HEADER_BYTES], struct mpeg_frame *ret_frame)
{
    uint32_t header = be32(bytes);
    struct fields fields;
    if (!parse_fields(header, &fields) || fields.bit_rate_index == FREE_FORMAT) {
        return false;
    }
    bool is_version1 = fields.version == VERSION_1;
    bool is_mono = (header >> 6 & 3) == MODE_MONO;
    bool has_crc = (header >> 16 & 1) == 0;
    int rate_shift = is_version1 ? 0 : fields.version == VERSION_2_5 ? 2 : 1;
    struct mpeg_frame frame = {
        .reference = header & MPEG_REFERENCE_MASK,
        .samples = is_version1 ? 1152 : 576,
        .sample_rate = SAMPLE_RATES_1[fields.rate_index] >> rate_shift,
        .channels = is_mono ? 1 : 2,
        .bit_rate = 1000 * (is_version1 ? BIT_RATES_1 : BIT_RATES_2)[fields.bit_rate_index],
        .side_start = MPEG_HEADER_BYTES + (has_crc ? CRC_BYTES : 0),
        .side_bytes = side_info_bytes(is_version1, is_mono),
        .is_version1 = is_version1,
    };
    frame.length = frame.samples / 8 * frame.bit_rate / frame.sample_rate + fields.padding;
    *ret_frame = frame;
    return true;
}

bool mpeg_free_header_parse(const uint8_t bytes[static MPEG_HEADER_BYTES],
                            struct mpeg_free_header *ret_header)
{
    uint32_t header = be32(bytes);
    struct fields fields;
    if (!parse_fields(header, &fields) || fields.bit_rate_index != FREE_FORMAT) {
        return false;
    }
    *ret_header = (struct mpeg_free_header){.reference = header & MPEG_REFERENCE_MASK,
                                            .padding = fields.padding};
    return true;
}

struct bit_reader {
    const uint8_t *bytes;
    uint32_t position;
};

static uint32_t take_bits(struct bit_reader *reader, uint32_t count)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t byte = reader->bytes[reader->position / 8];
        value = value << 1 | (byte >> (7 - reader->position % 8) & 1);
        reader->position++;
    }
    return value;
}

/* One granule of one channel; false if it cannot be one. */
static bool read_granule(struct bit_reader *reader, bool is_version1, uint32_t *ret_main_bits)
{
    *ret_main_bits = take_bits(reader, 12);
    uint32_t big_values = take_bits(reader, 9);
    (void)take_bits(reader, 8);                   /* global gain */
    (void)take_bits(reader, is_version1 ? 4 : 9); /* scale factor lengths */
    bool is_window_switched = take_bits(reader, 1) != 0;
    uint32_t block_type = is_window_switched ? take_bits(reader, 2) : 1;
    (void)take_bits(reader, is_window_switched ? 20 : 22); /* tables and gains */
    (void)take_bits(reader, is_version1 ? 3 : 2);
    return big_values <= BIG_VALUES_MAX && block_type != 0;
}

bool mpeg_side_is_valid(const struct mpeg_frame *frame, const uint8_t *bytes)
{
    int32_t main_bytes = frame->length - frame->side_start - frame->side_bytes;
    if (main_bytes < 0) {
        return false;
    }
    struct bit_reader reader = {.bytes = bytes + frame->side_start};
    bool is_mono = frame->channels == 1;
    uint32_t reservoir_bytes = take_bits(&reader, frame->is_version1 ? 9 : 8);
    if (frame->is_version1) {
        (void)take_bits(&reader, is_mono ? 5 + 4 : 3 + 8); /* private, scfsi */
    } else {
        (void)take_bits(&reader, is_mono ? 1 : 2);
    }
    uint32_t total_bits = 0;
    int granules = (frame->is_version1 ? 2 : 1) * frame->channels;
    for (int i = 0; i < granules; i++) {
        uint32_t main_bits = 0;
        if (!read_granule(&reader, frame->is_version1, &main_bits)) {
            return false;
        }
        total_bits += main_bits;
    }
    return total_bits <= 8 * (reservoir_bytes + (uint32_t)main_bytes);
}

/* Behind the Xing fields: nine bytes with the encoder's name and version, twelve of others, then
 * delay and padding in twelve bits each. Only these encoders are known to fill them. */
static int32_t encoder_delay(const uint8_t *bytes, size_t length)
{
    if (length < 24 || (memcmp(bytes, "LAME", 4) != 0 && memcmp(bytes, "Lavf", 4) != 0 &&
                        memcmp(bytes, "Lavc", 4) != 0)) {
        return -1;
    }
    return bytes[21] << 4 | bytes[22] >> 4;
}

static struct mpeg_tag read_xing(const uint8_t *bytes, size_t length)
{
    enum { HAS_FRAMES = 1, HAS_BYTES = 2, HAS_TABLE = 4, HAS_QUALITY = 8 };
    struct mpeg_tag tag = {.encoder_delay = -1};
    uint32_t flags = length >= 8 ? be32(bytes + 4) : 0;
    size_t position = 8;
    if ((flags & HAS_FRAMES) != 0 && position + 4 <= length) {
        tag.frames = be32(bytes + position);
        position += 4;
    }
    if ((flags & HAS_BYTES) != 0 && position + 4 <= length) {
        tag.bytes = be32(bytes + position);
        position += 4;
    }
    position += (flags & HAS_TABLE) != 0 ? 100 : 0;
    position += (flags & HAS_QUALITY) != 0 ? 4 : 0;
    if (position < length) {
        tag.encoder_delay = encoder_delay(bytes + position, length - position);
    }
    return tag;
}

bool mpeg_tag_parse(const struct mpeg_frame *frame, const uint8_t *bytes, size_t length,
                    struct mpeg_tag *ret_tag)
{
    /* Encoders disagree on whether the place of a checksum counts. */
    for (int32_t start = MPEG_HEADER_BYTES; start <= frame->side_start; start += CRC_BYTES) {
        size_t place = (size_t)start + (size_t)frame->side_bytes;
        if (place + 8 <= length &&
            (memcmp(bytes + place, "Xing", 4) == 0 || memcmp(bytes + place, "Info", 4) == 0)) {
            *ret_tag = read_xing(bytes + place, length - place);
            return true;
        }
    }
    const size_t vbri = MPEG_HEADER_BYTES + 32;
    if (vbri + 18 <= length && memcmp(bytes + vbri, "VBRI", 4) == 0) {
        *ret_tag = (struct mpeg_tag){.bytes = be32(bytes + vbri + 10),
                                     .frames = be32(bytes + vbri + 14),
                                     .encoder_delay = -1};
        return true;
    }
    return false;
}
