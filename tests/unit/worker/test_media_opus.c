/* SPDX-License-Identifier: Apache-2.0 */

/* Opus packets by the letter of RFC 6716, section 3. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "worker/media_opus.h"

static void test_media_opus__tells_how_long_a_packet_is(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[2];
        size_t length;
        int32_t samples;
    } CASES[] = {
        {{0 << 3}, 1, 480},          {{3 << 3}, 1, 2880},      /* SILK, 10 and 60 ms */
        {{12 << 3}, 1, 480},         {{15 << 3}, 1, 960},      /* hybrid, 10 and 20 ms */
        {{16 << 3}, 1, 120},         {{31 << 3}, 1, 960},      /* CELT, 2.5 and 20 ms */
        {{31 << 3 | 1}, 2, 1920},    {{31 << 3 | 2}, 2, 1920}, /* two frames */
        {{31 << 3 | 3, 6}, 2, 5760}, {{31 << 3 | 3, 7}, 2, 0}, /* at most 120 ms */
        {{31 << 3 | 3}, 1, 0},       {{3 << 3 | 3, 2}, 2, 5760},
        {{31 << 3 | 3, 0xC0}, 2, 0}, {{0}, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        assert_int_equal(opus_packet_samples(CASES[i].bytes, CASES[i].length), CASES[i].samples);
    }
}

static void test_media_opus__reads_its_head(void **state)
{
    (void)state;
    uint8_t bytes[OPUS_HEAD_BYTES] = "OpusHead\x01\x02\x38\x01\x80\xbb";
    struct opus_head head;
    assert_true(opus_head_parse(bytes, sizeof(bytes), &head));
    assert_int_equal(head.channels, 2);
    assert_int_equal(head.pre_skip, 312);
    assert_false(opus_head_parse(bytes, sizeof(bytes) - 1, &head));
    bytes[8] = 0x10; /* a version that readers must refuse */
    assert_false(opus_head_parse(bytes, sizeof(bytes), &head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_opus__tells_how_long_a_packet_is),
        cmocka_unit_test(test_media_opus__reads_its_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
