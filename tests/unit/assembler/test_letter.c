/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assembler/letter.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct letter LETTER = {
    .place = {3, 17},
    .wall_us = INT64_C(1769862896789000),
    .topic = TEXT("chunks.uploaded"),
    .partition = TEXT("2"),
    .offset = TEXT("991"),
    .reason = TEXT("not JSON:\tbyte 3\n\x1b[31m"),
    .key = TEXT("job\0:1\\"),
    .value = TEXT("{\"a\":\xff}"),
};

static void test_letter__is_one_line(void **state UNUSED)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    letter_print_line(&LETTER, &text);
    assert_string_equal(buf_string(&text),
                        "3:17\t2026-01-31T12:34:56.789Z\tchunks.uploaded\t2\t991\tjob\\x00:1\\x5C\t"
                        "not JSON:\\x09byte 3\\x0A\\x1B[31m\n");
    buf_done(&text);
}

static void test_letter__is_shown_whole(void **state UNUSED)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    letter_print_whole(&LETTER, &text);
    assert_string_equal(buf_string(&text), "place: 3:17\nwritten: 2026-01-31T12:34:56.789Z\n"
                                           "topic: chunks.uploaded\npartition: 2\noffset: 991\n"
                                           "reason: not JSON:\\x09byte 3\\x0A\\x1B[31m\n"
                                           "key: job\\x00:1\\x5C\n\n{\"a\":\xff}\n");
    buf_done(&text);
}

static void test_letter__may_lack_everything(void **state UNUSED)
{
    const struct letter letter = {.place = {0, 0}};
    struct buf text;

    buf_init(&text, SIZE_MAX);
    letter_print_line(&letter, &text);
    assert_string_equal(buf_string(&text), "0:0\t1970-01-01T00:00:00.000Z\t-\t-\t-\t-\t-\n");
    buf_done(&text);
}

static void test_letter__place_is_two_numbers(void **state UNUSED)
{
    static const char *const BAD[] = {"",
                                      "3",
                                      ":",
                                      "3:",
                                      ":4",
                                      "3:4 ",
                                      " 3:4",
                                      "3:-4",
                                      "-3:4",
                                      "3:4:5",
                                      "a:b",
                                      "2147483648:0",
                                      "0:9223372036854775808"};
    struct kafka_position place;

    assert_true(letter_parse_place("3:17", &place));
    assert_int_equal(place.partition, 3);
    assert_int_equal(place.offset, 17);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(letter_parse_place(BAD[i], &place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letter__is_one_line),
        cmocka_unit_test(test_letter__is_shown_whole),
        cmocka_unit_test(test_letter__may_lack_everything),
        cmocka_unit_test(test_letter__place_is_two_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
