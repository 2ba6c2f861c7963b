/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/sse_format.h"

static void test_sse_format__cuts_data_at_every_line_break(void **state)
{
    static const struct {
        uint64_t id;
        const char *type;
        const char *data;
        const char *text;
    } CASES[] = {
        {7, "done", "{}", "id: 7\nevent: done\ndata: {}\n\n"},
        {0, NULL, "x", "data: x\n\n"},
        {0, "a", "", "event: a\ndata: \n\n"},
        {0, NULL, "a\nb", "data: a\ndata: b\n\n"},
        {0, NULL, "a\rb", "data: a\ndata: b\n\n"},
        {0, NULL, "a\r\nb", "data: a\ndata: b\n\n"},
        {0, NULL, "a\n\nb", "data: a\ndata: \ndata: b\n\n"},
        {0, NULL, "a\n", "data: a\ndata: \n\n"},
        {0, NULL, "a\nid: 9\n\nevent: x", "data: a\ndata: id: 9\ndata: \ndata: event: x\n\n"},
        {UINT64_C(9007199254740992), NULL, "x", "id: 9007199254740992\ndata: x\n\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct buf text;
        buf_init(&text, 4096);
        sse_format_event(&text, CASES[i].id, CASES[i].type, CASES[i].data, strlen(CASES[i].data));
        assert_string_equal(buf_string(&text), CASES[i].text);
        buf_done(&text);
    }
}

static void test_sse_parse_last_id__takes_plain_numbers_only(void **state)
{
    static const struct {
        const char *value;
        enum sse_last_id verdict;
        uint64_t seq;
    } CASES[] = {
        {NULL, SSE_LAST_ID_NONE, 0},
        {"", SSE_LAST_ID_NONE, 0},
        {"1", SSE_LAST_ID_SEQ, 1},
        {"4711", SSE_LAST_ID_SEQ, 4711},
        {"9007199254740992", SSE_LAST_ID_SEQ, UINT64_C(9007199254740992)},
        {"9007199254740993", SSE_LAST_ID_GARBAGE, 0},
        {"18446744073709551617", SSE_LAST_ID_GARBAGE, 0},
        {"0", SSE_LAST_ID_GARBAGE, 0},
        {"007", SSE_LAST_ID_GARBAGE, 0},
        {"-1", SSE_LAST_ID_GARBAGE, 0},
        {"+1", SSE_LAST_ID_GARBAGE, 0},
        {" 1", SSE_LAST_ID_GARBAGE, 0},
        {"1 ", SSE_LAST_ID_GARBAGE, 0},
        {"1,2", SSE_LAST_ID_GARBAGE, 0},
        {"0x10", SSE_LAST_ID_GARBAGE, 0},
        {"abc", SSE_LAST_ID_GARBAGE, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        uint64_t seq = 0;
        if (sse_parse_last_id(CASES[i].value, &seq) != CASES[i].verdict)
            fail_msg("\"%s\"", CASES[i].value);
        assert_int_equal(seq, CASES[i].seq);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_format__cuts_data_at_every_line_break),
        cmocka_unit_test(test_sse_parse_last_id__takes_plain_numbers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
