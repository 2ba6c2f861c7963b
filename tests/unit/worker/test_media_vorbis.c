/* SPDX-License-Identifier: Apache-2.0 */

/* The parts of Vorbis headers and packets that tell how long a block is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "worker/media_vorbis.h"

#define SETUP_BYTES 100

/* Vorbis packs from the lowest bit up. */
struct bit_writer {
    uint8_t bytes[SETUP_BYTES];
    size_t bits;
};

static void put(struct bit_writer *writer, uint64_t value, int bits)
{
    for (int i = 0; i < bits; i++, writer->bits++) {
        writer->bytes[writer->bits / 8] |= (uint8_t)((value >> i & 1) << (writer->bits % 8));
    }
}

/* Code books of some sort, then the modes. Returns the length. */
static size_t write_setup(struct bit_writer *writer, int modes, uint64_t long_modes)
{
    *writer = (struct bit_writer){.bytes = "\x05vorbis", .bits = 7 * 8};
    put(writer, UINT64_C(0x123456789ABCDEF), 61);
    put(writer, (uint64_t)modes - 1, 6);
    for (int i = 0; i < modes; i++) {
        put(writer, long_modes >> i & 1, 1);
        put(writer, 0, 32);
        put(writer, (uint64_t)i, 8);
    }
    put(writer, 1, 1);
    return (writer->bits + 7) / 8;
}

static void test_media_vorbis__finds_the_modes(void **state)
{
    (void)state;
    static const struct {
        int modes;
        uint64_t long_modes;
        int32_t mode_bits;
    } CASES[] = {{1, 1, 0}, {2, 2, 1}, {3, 4, 2}, {4, 5, 2}, {5, 0x11, 3}};
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct bit_writer setup;
        struct vorbis_stream stream = {0};
        size_t length = write_setup(&setup, CASES[i].modes, CASES[i].long_modes);
        assert_true(vorbis_setup_parse(setup.bytes, length, &stream));
        assert_int_equal(stream.mode_bits, CASES[i].mode_bits);
        assert_int_equal(stream.long_modes, CASES[i].long_modes);
    }
    struct vorbis_stream stream;
    static const uint8_t EMPTY[SETUP_BYTES] = "\x05vorbis";
    assert_false(vorbis_setup_parse(EMPTY, sizeof(EMPTY), &stream));
    assert_false(vorbis_setup_parse(EMPTY, 7, &stream));
}

static void test_media_vorbis__reads_the_identification(void **state)
{
    (void)state;
    uint8_t bytes[30] = "\x01vorbis\0\0\0\0\x02\x44\xac";
    struct vorbis_stream stream;
    bytes[28] = 0xB8;
    bytes[29] = 1;
    assert_true(vorbis_identification_parse(bytes, sizeof(bytes), &stream));
    assert_int_equal(stream.channels, 2);
    assert_int_equal(stream.sample_rate, 44100);
    assert_int_equal(stream.short_block, 256);
    assert_int_equal(stream.long_block, 2048);
    assert_false(vorbis_identification_parse(bytes, sizeof(bytes) - 1, &stream));
    static const uint8_t BLOCKS[] = {0x8B, 0xB5, 0xE8}; /* larger first, too small, too large */
    for (size_t i = 0; i < ARRAY_LEN(BLOCKS); i++) {
        bytes[28] = BLOCKS[i];
        assert_false(vorbis_identification_parse(bytes, sizeof(bytes), &stream));
    }
}

static void test_media_vorbis__knows_a_packet_s_block(void **state)
{
    (void)state;
    const struct vorbis_stream stream = {
        .short_block = 256, .long_block = 2048, .mode_bits = 1, .long_modes = 2};
    static const struct {
        uint8_t byte;
        struct vorbis_block block; /* 0 samples: a header */
    } CASES[] = {
        {0x00, {256, 0}}, {0x02, {2048, 256}}, {0x06, {2048, 2048}},
        {0x04, {256, 0}}, {0x01, {0, 0}},      {0x05, {0, 0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct vorbis_block block = {0};
        assert_int_equal(vorbis_packet_parse(&stream, &CASES[i].byte, 1, &block),
                         CASES[i].block.samples > 0);
        assert_int_equal(block.samples, CASES[i].block.samples);
        assert_int_equal(block.previous, CASES[i].block.previous);
    }
    struct vorbis_block block;
    assert_false(vorbis_packet_parse(&stream, &CASES[0].byte, 0, &block));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_vorbis__finds_the_modes),
        cmocka_unit_test(test_media_vorbis__reads_the_identification),
        cmocka_unit_test(test_media_vorbis__knows_a_packet_s_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
