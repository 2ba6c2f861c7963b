/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assembler/coverage_book.h"

#define JOB_ID "00000000-0000-4000-8000-000000000001"

static struct event_hearing told(int64_t text, int64_t silence, int64_t filtered, int64_t failed)
{
    return (struct event_hearing){.is_told = true,
                                  .sums = {{[COVERAGE_TEXT] = text,
                                            [COVERAGE_SILENCE] = silence,
                                            [COVERAGE_FILTERED] = filtered,
                                            [COVERAGE_FAILED] = failed}}};
}

static void test_coverage_book__believes_what_adds_up(void **state)
{
    (void)state;
    struct chunk chunk = {.audio.samples = 1000};
    const struct event_hearing right = told(700, 200, 60, 40);
    const struct event_hearing wrong = told(700, 200, 60, 41);
    const struct event_hearing old = {.is_told = false};

    coverage_book_result(&chunk, &right);
    assert_int_equal(chunk.covered.samples[COVERAGE_TEXT], 700);
    coverage_book_result(&chunk, &wrong);
    assert_int_equal(chunk.covered.samples[COVERAGE_FAILED], 1000);
    assert_int_equal(coverage_total(&chunk.covered), 1000);
    coverage_book_result(&chunk, &old);
    assert_int_equal(chunk.covered.samples[COVERAGE_TEXT], 1000);
    assert_int_equal(coverage_total(&chunk.covered), 1000);
}

/* Holes, overlaps, other rates and gaps: the sums are always those of the frontier. */
static void test_coverage_book__adds_up_to_the_frontier(void **state)
{
    (void)state;
    static const struct {
        int64_t text;
        int64_t silence;
        int64_t samples;  /* at the job's rate */
        int64_t frontier; /* behind the chunk */
    } ROWS[] = {
        {1000, 0, 1000, 1000}, {0, 500, 500, 1500}, {300, 300, 1200, 2700}, {10, 0, 10, 2800},
        {100, 0, 100, 2850},   {7, 5, 13, 2863},    {0, 0, 0, 2863},        {50, 50, 100, 2000},
    };
    struct job *job = job_new(JOB_ID);

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct chunk chunk = {
            .covered = {{[COVERAGE_TEXT] = ROWS[i].text, [COVERAGE_SILENCE] = ROWS[i].silence}}};
        job->frontier_sample = ROWS[i].frontier;
        coverage_book_pass(job, &chunk, ROWS[i].samples);
        assert_int_equal(coverage_total(&job->covered), ROWS[i].frontier);
        for (size_t kind = 0; kind < COVERAGE_KIND_COUNT; kind++)
            assert_true(job->covered.samples[kind] >= 0);
    }
    job_free(job);
}

static void test_coverage_book__a_gap_is_failed(void **state)
{
    (void)state;
    struct job *job = job_new(JOB_ID);
    struct chunk chunk = {0};

    coverage_book_gap(&chunk, 400);
    job->frontier_sample = 400;
    coverage_book_pass(job, &chunk, 400);
    assert_int_equal(job->covered.samples[COVERAGE_FAILED], 400);
    coverage_book_border(job, &chunk, 5);
    job->frontier_sample += 5;
    coverage_book_pass(job, NULL, 0);
    assert_int_equal(job->covered.samples[COVERAGE_TEXT], 5);
    assert_int_equal(coverage_total(&job->covered), 405);
    job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage_book__believes_what_adds_up),
        cmocka_unit_test(test_coverage_book__adds_up_to_the_frontier),
        cmocka_unit_test(test_coverage_book__a_gap_is_failed),
    };
    return cmocka_run_group_tests_name("coverage_book", tests, NULL, NULL);
}
