/* SPDX-License-Identifier: Apache-2.0 */

/* Pages of Ogg by the letter of RFC 3533. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "worker/media_ogg_page.h"

/* The beginning of a file that ffmpeg made: a page with an OpusHead. */
static const uint8_t PAGE[] = {
    0x4f, 0x67, 0x67, 0x53, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x28, 0xb5, 0x72, 0x01, 0x13, 0x4f, 0x70, 0x75, 0x73,
    0x48, 0x65, 0x61, 0x64, 0x01, 0x01, 0x38, 0x01, 0x80, 0xbb, 0x00, 0x00, 0x00, 0x00, 0x00};

static void test_media_ogg_page__knows_a_page(void **state)
{
    (void)state;
    struct ogg_page page;
    uint8_t bytes[sizeof(PAGE)];
    memcpy(bytes, PAGE, sizeof(PAGE));
    assert_int_equal(ogg_page_header_bytes(bytes), 28);
    ogg_page_parse(bytes, &page);
    assert_int_equal(page.length, sizeof(PAGE));
    assert_int_equal(page.header_bytes, 28);
    assert_int_equal(page.granule, 0);
    assert_true(page.is_first);
    assert_false(page.is_last || page.is_continued);
    assert_true(ogg_page_is_sound(bytes, sizeof(bytes)));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] ^= 0x10;
        assert_false(ogg_page_is_sound(bytes, sizeof(bytes)));
        bytes[i] ^= 0x10;
    }
    bytes[4] = 1; /* another version */
    assert_int_equal(ogg_page_header_bytes(bytes), 0);
    bytes[4] = 0;
    bytes[5] = 8; /* an unknown flag */
    assert_int_equal(ogg_page_header_bytes(bytes), 0);
}

static void test_media_ogg_page__cuts_pieces(void **state)
{
    (void)state;
    static const struct {
        bool is_continued;
        uint8_t segments[6];
        int32_t segment_count;
        struct ogg_piece pieces[4];
        int piece_count;
    } CASES[] = {
        {false, {10, 20}, 2, {{100, 10, true, true}, {110, 20, true, true}}, 2},
        {false, {255, 20, 0}, 3, {{100, 275, true, true}, {375, 0, true, true}}, 2},
        {true, {255, 0, 7}, 3, {{100, 255, false, true}, {355, 7, true, true}}, 2},
        {true, {255, 255}, 2, {{100, 510, false, false}}, 1},
        {false, {3, 255}, 2, {{100, 3, true, true}, {103, 255, true, false}}, 2},
        {true, {0}, 0, {{0}}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct ogg_page page = {.header_bytes = 100,
                                .is_continued = CASES[i].is_continued,
                                .segment_count = CASES[i].segment_count};
        memcpy(page.segments, CASES[i].segments, sizeof(CASES[i].segments));
        int32_t segment = 0;
        struct ogg_piece piece = {0};
        int count = 0;
        while (ogg_page_next_piece(&page, &segment, &piece)) {
            const struct ogg_piece *wanted = &CASES[i].pieces[count++];
            assert_int_equal(piece.offset, wanted->offset);
            assert_int_equal(piece.length, wanted->length);
            assert_int_equal(piece.begins, wanted->begins);
            assert_int_equal(piece.ends, wanted->ends);
        }
        assert_int_equal(count, CASES[i].piece_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_ogg_page__knows_a_page),
        cmocka_unit_test(test_media_ogg_page__cuts_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
