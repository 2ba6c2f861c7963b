/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/transcript_request.h"

struct parameter {
    const char *name;
    const char *value;
};

static const char *find(void *context, const char *name)
{
    for (const struct parameter *each = context; each->name != NULL; each++)
        if (strcmp(each->name, name) == 0)
            return each->value;
    return NULL;
}

static bool parse(struct parameter *parameters, struct transcript_request *ret_request,
                  struct refusal *refusal)
{
    return transcript_request_parse(find, parameters, ret_request, refusal);
}

static void test_transcript_request__defaults_are_text_and_broadcast_captions(void **state UNUSED)
{
    struct parameter none[] = {{NULL, NULL}};
    struct transcript_request request;
    struct refusal refusal;

    assert_true(parse(none, &request, &refusal));
    assert_int_equal(request.format, TRANSCRIPT_TXT);
    assert_int_equal(request.paragraph_pause_ms, 0);
    assert_memory_equal(&request.rules, &caption_rules_default, sizeof request.rules);
}

static void test_transcript_request__takes_every_rule(void **state UNUSED)
{
    struct parameter all[] = {{"format", "vtt"},
                              {"line_characters", "37"},
                              {"lines", "3"},
                              {"min_duration_ms", "1000"},
                              {"max_duration_ms", "6000"},
                              {"characters_per_s", "17"},
                              {"pause_ms", "800"},
                              {"gap_ms", "0"},
                              {"paragraph_pause_ms", "2000"},
                              {NULL, NULL}};
    const struct caption_rules expected = {.line_characters = 37,
                                           .lines = 3,
                                           .min_duration_ms = 1000,
                                           .max_duration_ms = 6000,
                                           .characters_per_s = 17,
                                           .pause_ms = 800,
                                           .gap_ms = 0};
    struct transcript_request request;
    struct refusal refusal;
    struct buf tag;

    assert_true(parse(all, &request, &refusal));
    assert_int_equal(request.format, TRANSCRIPT_VTT);
    assert_int_equal(request.paragraph_pause_ms, 2000);
    assert_memory_equal(&request.rules, &expected, sizeof expected);
    buf_init(&tag, 1000);
    transcript_request_append_tag(&request, &tag);
    assert_string_equal(buf_string(&tag), "vtt-2000-37-3-1000-6000-17-800-0");
    buf_done(&tag);
}

static void test_transcript_request__a_duration_that_is_left_out_gives_way(void **state UNUSED)
{
    struct parameter shortest[] = {{"max_duration_ms", "500"}, {NULL, NULL}};
    struct parameter longest[] = {{"min_duration_ms", "10000"}, {NULL, NULL}};
    struct parameter both[] = {
        {"min_duration_ms", "7001"}, {"max_duration_ms", "7000"}, {NULL, NULL}};
    struct transcript_request request;
    struct refusal refusal;

    assert_true(parse(shortest, &request, &refusal));
    assert_int_equal(request.rules.min_duration_ms, 500);
    assert_int_equal(request.rules.max_duration_ms, 500);
    assert_true(parse(longest, &request, &refusal));
    assert_int_equal(request.rules.min_duration_ms, 10000);
    assert_int_equal(request.rules.max_duration_ms, 10000);
    assert_false(parse(both, &request, &refusal));
    assert_string_equal(refusal.problem.field, "min_duration_ms");
    assert_int_equal(refusal.problem.maximum, 7000);
}

static void test_transcript_request__what_is_wrong_is_named_with_its_bounds(void **state UNUSED)
{
    static const struct {
        struct parameter parameter;
        int64_t minimum;
        int64_t maximum;
    } CASES[] = {
        {{"line_characters", "9"}, 10, 200},
        {{"line_characters", "201"}, 10, 200},
        {{"lines", "0"}, 1, 10},
        {{"lines", ""}, 1, 10},
        {{"lines", "2x"}, 1, 10},
        {{"lines", "-1"}, 1, 10},
        {{"gap_ms", "99999999999"}, 0, 1000},
        {{"characters_per_s", "4"}, 5, 200},
        {{"min_duration_ms", "10001"}, 0, 10000},
        {{"max_duration_ms", "499"}, 500, 60000},
        {{"paragraph_pause_ms", "600001"}, 0, 600000},
    };

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct parameter parameters[] = {CASES[i].parameter, {NULL, NULL}};
        struct transcript_request request;
        struct refusal refusal;

        assert_false(parse(parameters, &request, &refusal));
        assert_int_equal(refusal.problem.type, PROBLEM_INVALID_FIELD);
        assert_string_equal(refusal.problem.field, CASES[i].parameter.name);
        assert_true(refusal.problem.has_range);
        assert_int_equal(refusal.problem.minimum, CASES[i].minimum);
        assert_int_equal(refusal.problem.maximum, CASES[i].maximum);
    }
}

static void test_transcript_request__the_text_is_corrected_or_raw(void **state UNUSED)
{
    struct parameter raw[] = {{"text", "raw"}, {NULL, NULL}};
    struct parameter corrected[] = {{"text", "corrected"}, {NULL, NULL}};
    struct parameter bad[] = {{"text", "RAW"}, {NULL, NULL}};
    struct transcript_request request;
    struct refusal refusal;

    assert_true(parse(raw, &request, &refusal));
    assert_true(request.is_raw);
    assert_true(parse(corrected, &request, &refusal));
    assert_false(request.is_raw);
    assert_false(parse(bad, &request, &refusal));
    assert_string_equal(refusal.problem.field, "text");
    assert_string_equal(refusal.problem.allowed[1], "raw");
}

static void test_transcript_request__an_unknown_format_gets_the_known_ones(void **state UNUSED)
{
    struct parameter parameters[] = {{"format", "SRT"}, {NULL, NULL}};
    struct transcript_request request;
    struct refusal refusal;

    assert_false(parse(parameters, &request, &refusal));
    assert_string_equal(refusal.problem.field, "format");
    assert_string_equal(refusal.problem.allowed[3], "srt");
    assert_null(refusal.problem.allowed[TRANSCRIPT_FORMAT_COUNT]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transcript_request__defaults_are_text_and_broadcast_captions),
        cmocka_unit_test(test_transcript_request__takes_every_rule),
        cmocka_unit_test(test_transcript_request__a_duration_that_is_left_out_gives_way),
        cmocka_unit_test(test_transcript_request__what_is_wrong_is_named_with_its_bounds),
        cmocka_unit_test(test_transcript_request__the_text_is_corrected_or_raw),
        cmocka_unit_test(test_transcript_request__an_unknown_format_gets_the_known_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
