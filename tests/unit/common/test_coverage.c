/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/coverage.h"

static void paint(struct coverage *coverage, int64_t from, int64_t to, enum coverage_kind kind)
{
    coverage_paint(coverage, &(struct coverage_part){.from = from, .to = to, .kind = kind});
}

static void assert_parts(const struct coverage *coverage, const struct coverage_part *parts,
                         size_t count)
{
    assert_int_equal(coverage->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(coverage->parts[i].from, parts[i].from);
        assert_int_equal(coverage->parts[i].to, parts[i].to);
        assert_int_equal(coverage->parts[i].kind, parts[i].kind);
    }
}

static void test_coverage__a_part_takes_the_place_of_what_was_there(void **state)
{
    (void)state;
    struct coverage coverage;
    static const struct coverage_part EXPECTED[] = {
        {.from = 0, .to = 20, .kind = COVERAGE_SILENCE},
        {.from = 20, .to = 35, .kind = COVERAGE_FAILED},
        {.from = 35, .to = 50, .kind = COVERAGE_SILENCE},
        {.from = 50, .to = 90, .kind = COVERAGE_TEXT},
        {.from = 90, .to = 100, .kind = COVERAGE_FILTERED},
    };

    coverage_init(&coverage, 0, 100, COVERAGE_TEXT);
    paint(&coverage, -10, 50, COVERAGE_SILENCE);
    paint(&coverage, 90, 1000, COVERAGE_FILTERED);
    paint(&coverage, 20, 35, COVERAGE_FAILED);
    paint(&coverage, 60, 60, COVERAGE_FAILED);
    paint(&coverage, 200, 300, COVERAGE_FAILED);
    paint(&coverage, -300, -200, COVERAGE_FAILED);
    assert_parts(&coverage, EXPECTED, ARRAY_LEN(EXPECTED));
    coverage_done(&coverage);
}

static void test_coverage__neighbours_alike_are_one(void **state)
{
    (void)state;
    struct coverage coverage;

    coverage_init(&coverage, 0, 100, COVERAGE_TEXT);
    paint(&coverage, 10, 20, COVERAGE_SILENCE);
    paint(&coverage, 20, 30, COVERAGE_SILENCE);
    assert_int_equal(coverage.count, 3);
    paint(&coverage, 10, 30, COVERAGE_TEXT);
    assert_int_equal(coverage.count, 1);
    coverage_done(&coverage);
}

static uint64_t random_state = 7;

static int64_t random_below(unsigned limit)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (int64_t)((random_state >> 33) % limit);
}

/* Whatever is painted, every sample is covered once. */
static void test_coverage__is_always_whole(void **state)
{
    (void)state;
    for (int round = 0; round < 500; round++) {
        struct coverage coverage;

        coverage_init(&coverage, -50, 950, COVERAGE_TEXT);
        for (int i = 0; i < 30; i++) {
            int64_t from = random_below(1400) - 200;
            paint(&coverage, from, from + random_below(300) - 50,
                  (enum coverage_kind)random_below(COVERAGE_KIND_COUNT));
        }
        struct coverage_sums sums = coverage_sum(&coverage);
        assert_int_equal(coverage_total(&sums), 1000);
        assert_int_equal(coverage.parts[0].from, -50);
        assert_int_equal(coverage.parts[coverage.count - 1].to, 950);
        for (size_t i = 1; i < coverage.count; i++)
            assert_int_equal(coverage.parts[i].from, coverage.parts[i - 1].to);
        coverage_done(&coverage);
    }
}

static void test_coverage__a_hole_is_unaccounted_for(void **state)
{
    (void)state;
    struct coverage coverage = {0};

    coverage_append(&coverage, &(struct coverage_part){.from = 0, .to = 10});
    coverage_append(&coverage, &(struct coverage_part){.from = 5, .to = 12});
    coverage_append(&coverage, &(struct coverage_part){.from = 20, .to = 30});
    coverage_append(&coverage, &(struct coverage_part){.from = 3, .to = 8});
    struct coverage_sums sums = coverage_sum(&coverage);
    assert_int_equal(sums.samples[COVERAGE_TEXT], 22);
    assert_int_equal(sums.samples[COVERAGE_FAILED], 8);
    assert_int_equal(coverage.parts[1].reason, COVERAGE_UNACCOUNTED);
    coverage_done(&coverage);
}

static void test_coverage__names_there_and_back(void **state)
{
    (void)state;
    for (enum coverage_kind kind = 0; kind < COVERAGE_KIND_COUNT; kind++) {
        enum coverage_kind parsed;
        assert_true(coverage_kind_parse(coverage_kind_name(kind), &parsed));
        assert_int_equal(parsed, kind);
    }
    for (enum coverage_reason reason = 1; reason < COVERAGE_REASON_COUNT; reason++) {
        enum coverage_reason parsed;
        assert_true(coverage_reason_parse(coverage_reason_name(reason), &parsed));
        assert_int_equal(parsed, reason);
    }
    enum coverage_kind kind;
    enum coverage_reason reason;
    assert_false(coverage_kind_parse("lost", &kind));
    assert_false(coverage_reason_parse("bored", &reason));
    assert_null(coverage_reason_name(COVERAGE_NO_REASON));
}

static void test_coverage__text_is_cut_between_characters(void **state)
{
    (void)state;
    struct coverage_part part;
    char text[400];

    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    memcpy(text + COVERAGE_TEXT_BYTES - 2, "\xE2\x82\xAC", 3);
    coverage_set_text(&part, text);
    assert_int_equal(strlen(part.text), COVERAGE_TEXT_BYTES - 2);
    coverage_set_text(&part, "short");
    assert_string_equal(part.text, "short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage__a_part_takes_the_place_of_what_was_there),
        cmocka_unit_test(test_coverage__neighbours_alike_are_one),
        cmocka_unit_test(test_coverage__is_always_whole),
        cmocka_unit_test(test_coverage__a_hole_is_unaccounted_for),
        cmocka_unit_test(test_coverage__names_there_and_back),
        cmocka_unit_test(test_coverage__text_is_cut_between_characters),
    };
    return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
