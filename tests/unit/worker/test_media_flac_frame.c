/* SPDX-License-Identifier: Apache-2.0 */

/* Frames of FLAC by the letter of RFC 9639. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "worker/media_flac_frame.h"

/* The examples of the RFC's appendix D. */
static const uint8_t STREAMINFO[FLAC_STREAMINFO_BYTES] = {
    0x10, 0x00, 0x10, 0x00, 0x00, 0x00, 0x0f, 0x00, 0x00, 0x0f, 0x0a, 0xc4,
    0x42, 0xf0, 0x00, 0x00, 0x00, 0x01, 0x3e, 0x84, 0xb4, 0x18, 0x07, 0xdc,
    0x69, 0x03, 0x07, 0x58, 0x6a, 0x3d, 0xad, 0x1a, 0x2e, 0x0f};
static const uint8_t FRAME[] = {0xff, 0xf8, 0x69, 0x18, 0x00, 0x00, 0xbf, 0x03,
                                0x58, 0xfd, 0x03, 0x12, 0x8b, 0xaa, 0x9a};

static const struct flac_stream STREAM = {
    .block_samples = 4096, .sample_rate = 44100, .channels = 2, .bits = 16};

static void test_media_flac_frame__reads_streaminfo(void **state)
{
    (void)state;
    struct flac_stream stream;
    assert_true(flac_stream_parse(STREAMINFO, &stream));
    assert_int_equal(stream.block_samples, 4096);
    assert_int_equal(stream.sample_rate, 44100);
    assert_int_equal(stream.channels, 2);
    assert_int_equal(stream.bits, 16);
    assert_int_equal(stream.total_samples, 1);
    assert_in_range(stream.frame_bytes_max, 4096 * 4, 4096 * 5);

    uint8_t zeros[FLAC_STREAMINFO_BYTES] = {0};
    assert_false(flac_stream_parse(zeros, &stream));
}

static void test_media_flac_frame__a_frame_s_checksum_ends_at_0(void **state)
{
    (void)state;
    assert_int_equal(flac_crc16(0, FRAME, sizeof(FRAME)), 0);
    uint16_t half = flac_crc16(0, FRAME, 6);
    assert_int_equal(flac_crc16(half, FRAME + 6, sizeof(FRAME) - 6), 0);
    assert_int_not_equal(flac_crc16(0, FRAME, sizeof(FRAME) - 1), 0);
}

/* The sum with the generator x^8 + x^2 + x + 1, bit by bit. */
static uint8_t checksum(const uint8_t *bytes, size_t length)
{
    uint8_t crc = 0;
    for (size_t i = 0; i < length * 8; i++) {
        int bit = bytes[i / 8] >> (7 - i % 8) & 1;
        int carry = crc >> 7;
        crc = (uint8_t)(crc << 1 ^ (carry ^ bit ? 7 : 0));
    }
    return crc;
}

static void test_media_flac_frame__reads_headers(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[FLAC_FRAME_HEADER_BYTES_MAX]; /* without the checksum */
        size_t length;
        int64_t position; /* -1: no frame of this stream */
        int32_t samples;
    } CASES[] = {
        {{0xff, 0xf8, 0xc9, 0x18, 0x00}, 5, 0, 4096},
        {{0xff, 0xf8, 0xc9, 0x18, 0x7f}, 5, 0x7f * 4096, 4096},
        {{0xff, 0xf8, 0xc0, 0x10, 0x02}, 5, 2 * 4096, 4096},
        {{0xff, 0xf8, 0xc9, 0xa8, 0xc2, 0x80}, 6, 0x80 * 4096, 4096},
        {{0xff, 0xf9, 0xc9, 0x18, 0xe1, 0x80, 0x81}, 7, 0x1001, 4096},
        {{0xff, 0xf9, 0xc9, 0x18, 0xfe, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf}, 11, 0xFFFFFFFFF, 4096},
        {{0xff, 0xf8, 0x69, 0x18, 0x01, 0x0f}, 6, 4096, 16},
        {{0xff, 0xf8, 0x79, 0x18, 0x01, 0x0f, 0xff}, 7, 4096, 4096},
        {{0xff, 0xf8, 0xcd, 0x18, 0x00, 0xac, 0x44}, 7, 0, 4096}, /* 44,100 Hz as a number */
        {{0xff, 0xf8, 0x79, 0x18, 0x01, 0x10, 0x00}, 7, -1, 0},   /* 4097 samples */
        {{0xff, 0xf8, 0x09, 0x18, 0x00}, 5, -1, 0},               /* reserved block size */
        {{0xff, 0xf8, 0xca, 0x18, 0x00}, 5, -1, 0},               /* 48 kHz */
        {{0xff, 0xf8, 0xcf, 0x18, 0x00}, 5, -1, 0},               /* forbidden rate */
        {{0xff, 0xf8, 0xc9, 0x08, 0x00}, 5, -1, 0},               /* mono */
        {{0xff, 0xf8, 0xc9, 0xb8, 0x00}, 5, -1, 0},               /* reserved channels */
        {{0xff, 0xf8, 0xc9, 0x1c, 0x00}, 5, -1, 0},               /* 24 bits */
        {{0xff, 0xf8, 0xc9, 0x19, 0x00}, 5, -1, 0},               /* reserved bit */
        {{0xff, 0xfa, 0xc9, 0x18, 0x00}, 5, -1, 0},               /* reserved bit */
        {{0xff, 0xf8, 0xc9, 0x18, 0x80}, 5, -1, 0},               /* a number's continuation */
        {{0xff, 0xf8, 0xc9, 0x18, 0xc2, 0x00}, 6, -1, 0},
        {{0xff, 0xf8, 0xc9, 0x18, 0xff, 0x80}, 6, -1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct flac_frame frame;
        size_t length = CASES[i].length + 1;
        uint8_t *bytes = (uint8_t *)mem_copy(CASES[i].bytes, CASES[i].length + 1);
        bytes[length - 1] = checksum(bytes, length - 1);
        assert_int_equal(flac_frame_parse(&STREAM, bytes, length, &frame), CASES[i].position >= 0);
        if (CASES[i].position >= 0) {
            assert_int_equal(frame.position, CASES[i].position);
            assert_int_equal(frame.samples, CASES[i].samples);
            assert_int_equal(frame.header_bytes, length);
            bytes[length - 1] ^= 1;
            assert_false(flac_frame_parse(&STREAM, bytes, length, &frame));
            bytes[length - 1] ^= 1;
        }
        for (size_t shorter = 0; shorter < length; shorter++) {
            uint8_t *some = (uint8_t *)mem_copy(bytes, shorter); /* ASan sees reads beyond it */
            assert_false(flac_frame_parse(&STREAM, some, shorter, &frame));
            free(some);
        }
        free(bytes);
    }
    struct flac_frame frame;
    assert_true(flac_frame_parse(&STREAM, FRAME, sizeof(FRAME), &frame));
    assert_int_equal(frame.samples, 1);
    assert_int_equal(frame.header_bytes, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_flac_frame__reads_streaminfo),
        cmocka_unit_test(test_media_flac_frame__a_frame_s_checksum_ends_at_0),
        cmocka_unit_test(test_media_flac_frame__reads_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
