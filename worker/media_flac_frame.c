/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_flac_frame.h"

#include "worker/media_bytes.h"

#define CHANNEL_CODES 11 /* one to eight channels, and three ways to code stereo */
#define RATE_CODES_FIXED 12
#define BLOCK_SAMPLES_MIN 16
#define SUBFRAME_HEADER_BYTES 8 /* with the wasted bits at worst */

bool flac_stream_parse(const uint8_t bytes[static FLAC_STREAMINFO_BYTES],
                       struct flac_stream *ret_stream)
{
    uint64_t packed = be64(bytes + 10);
    struct flac_stream stream = {
        .block_samples = be16(bytes + 2),
        .sample_rate = (int32_t)(packed >> 44),
        .channels = (int32_t)(packed >> 41 & 7) + 1,
        .bits = (int32_t)(packed >> 36 & 31) + 1,
        .total_samples = (int64_t)(packed & 0xFFFFFFFFF),
    };
    if (stream.sample_rate == 0 || stream.block_samples < BLOCK_SAMPLES_MIN || stream.bits < 4) {
        return false;
    }
    /* Samples as they are; the side channel of stereo takes a bit more. */
    int64_t channel_bytes =
        ((int64_t)stream.block_samples * (stream.bits + 1) + 7) / 8 + SUBFRAME_HEADER_BYTES;
    stream.frame_bytes_max = (int32_t)(FLAC_FRAME_HEADER_BYTES_MAX + FLAC_FOOTER_BYTES +
                                       channel_bytes * stream.channels);
    *ret_stream = stream;
    return true;
}

static uint8_t crc8(const uint8_t *bytes, size_t length)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc << 1 ^ ((crc & 0x80) != 0 ? 0x107u : 0);
        }
    }
    return (uint8_t)crc;
}

uint16_t flac_crc16(uint16_t crc, const uint8_t *bytes, size_t length)
{
    uint32_t value = crc;
    for (size_t i = 0; i < length; i++) {
        value ^= (uint32_t)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            value = value << 1 ^ ((value & 0x8000) != 0 ? 0x18005u : 0);
        }
    }
    return (uint16_t)value;
}

/* The cursor over a header of which some bytes may be missing. */
struct header_reader {
    const uint8_t *bytes;
    size_t length;
    size_t position;
    bool is_short;
};

static uint32_t next_byte(struct header_reader *reader)
{
    if (reader->position >= reader->length) {
        reader->is_short = true;
        return 0;
    }
    return reader->bytes[reader->position++];
}

/* A number in UTF-8's way of coding, extended to 36 bits; -1 if it isn't one. */
static int64_t read_number(struct header_reader *reader)
{
    uint32_t first = next_byte(reader);
    int following = 0;
    while (following < 7 && (first & 0x80u >> following) != 0) {
        following++;
    }
    if (following == 0) {
        return first;
    }
    if (following == 1 || first == 0xFF) {
        return -1;
    }
    int64_t number = following == 7 ? 0 : first & (0x3Fu >> (following - 1));
    for (int i = 1; i < following; i++) {
        uint32_t byte = next_byte(reader);
        if ((byte & 0xC0) != 0x80) {
            return -1;
        }
        number = number << 6 | (byte & 0x3F);
    }
    return number;
}

/* 0: forbidden. */
static int32_t read_block_samples(struct header_reader *reader, uint32_t code)
{
    if (code == 6) {
        return (int32_t)next_byte(reader) + 1;
    }
    if (code == 7) {
        uint32_t high = next_byte(reader);
        return (int32_t)(high << 8 | next_byte(reader)) + 1;
    }
    if (code <= 1) {
        return code == 0 ? 0 : 192;
    }
    return code < 6 ? 576 << (code - 2) : 256 << (code - 8);
}

static int32_t read_sample_rate(struct header_reader *reader, uint32_t code,
                                const struct flac_stream *stream)
{
    static const int32_t RATES[RATE_CODES_FIXED] = {0,     88200, 176400, 192000, 8000,  16000,
                                                    22050, 24000, 32000,  44100,  48000, 96000};
    if (code == 0) {
        return stream->sample_rate;
    }
    if (code < RATE_CODES_FIXED) {
        return RATES[code];
    }
    uint32_t first = next_byte(reader);
    if (code == 12) {
        return (int32_t)first * 1000;
    }
    int32_t value = (int32_t)(first << 8 | next_byte(reader));
    return code == 13 ? value : value * 10;
}

/* Whether the codes that a stream never changes are this stream's. */
static bool codes_fit(const struct flac_stream *stream, uint32_t channel_code, uint32_t bits_code)
{
    static const int32_t BITS[8] = {0, 8, 12, -1, 16, 20, 24, 32};
    int32_t channels = channel_code < 8 ? (int32_t)channel_code + 1 : 2;
    int32_t bits = BITS[bits_code];
    return channel_code < CHANNEL_CODES && channels == stream->channels &&
           (bits == 0 || bits == stream->bits);
}

bool flac_frame_parse(const struct flac_stream *stream, const uint8_t *bytes, size_t length,
                      struct flac_frame *ret_frame)
{
    if (length < FLAC_FRAME_HEADER_BYTES_MIN || bytes[0] != 0xFF || (bytes[1] & 0xFE) != 0xF8 ||
        (bytes[3] & 1) != 0 || !codes_fit(stream, bytes[3] >> 4, bytes[3] >> 1 & 7)) {
        return false;
    }
    struct header_reader reader = {.bytes = bytes, .length = length, .position = 4};
    bool has_fixed_blocks = (bytes[1] & 1) == 0;
    int64_t number = read_number(&reader);
    int32_t samples = read_block_samples(&reader, bytes[2] >> 4);
    uint32_t rate_code = bytes[2] & 15;
    if (number < 0 || samples == 0 || samples > stream->block_samples || rate_code == 15 ||
        read_sample_rate(&reader, rate_code, stream) != stream->sample_rate) {
        return false;
    }
    size_t checked = reader.position;
    uint32_t crc = next_byte(&reader);
    if (reader.is_short || crc != crc8(bytes, checked)) {
        return false;
    }
    *ret_frame = (struct flac_frame){
        .position = has_fixed_blocks ? number * stream->block_samples : number,
        .samples = samples,
        .header_bytes = (int32_t)reader.position,
    };
    return true;
}
