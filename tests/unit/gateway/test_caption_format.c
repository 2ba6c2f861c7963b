/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/caption_format.h"

static const struct caption_cue CUE = {
    .start_ms = 3723004, .end_ms = 360000000, .text = "<b> & -->\nsecond"};

static void test_caption_format__srt_has_commas_and_no_arrow_in_its_text(void **state UNUSED)
{
    struct buf out;

    buf_init(&out, 1000);
    caption_format_srt(&CUE, 7, &out);
    assert_string_equal(buf_string(&out), "7\n01:02:03,004 --> 100:00:00,000\n<b> & →\nsecond\n\n");
    buf_done(&out);
}

static void test_caption_format__vtt_escapes_its_text(void **state UNUSED)
{
    struct buf out;

    buf_init(&out, 1000);
    caption_format_vtt(&CUE, 7, &out);
    assert_string_equal(buf_string(&out),
                        "7\n01:02:03.004 --> 100:00:00.000\n&lt;b&gt; &amp; --&gt;\nsecond\n\n");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caption_format__srt_has_commas_and_no_arrow_in_its_text),
        cmocka_unit_test(test_caption_format__vtt_escapes_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
