/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/jobs_query.h"

#define JOB "0b9a3c1e-5d2f-4a67-8e90-1234567890ab"

static void test_jobs_query__without_a_query_is_the_newest_of_all(void **state UNUSED)
{
    struct jobs_query query;
    struct refusal refusal;

    assert_true(jobs_query_parse("", &query, &refusal));
    assert_int_equal(query.statuses, 0x7f);
    assert_int_equal(query.limit, JOBS_QUERY_LIMIT_DEFAULT);
    assert_int_equal(query.created_after_us, 0);
    assert_true(query.created_before_us == query.cursor.created_us);
    assert_false(query.view.has_texts || query.view.has_sub_jobs);
}

static void test_jobs_query__reads_every_parameter(void **state UNUSED)
{
    struct jobs_query query;
    struct refusal refusal;

    assert_true(jobs_query_parse("status=done,failed&limit=7&include=sub_jobs%2Ctranscripts&"
                                 "created_after=2026-01-31T12:34:56Z&"
                                 "created_before=2026-01-31T14:34:56.5%2B01:00&sub_jobs_limit=3",
                                 &query, &refusal));
    assert_int_equal(query.statuses, 1U << 3 | 1U << 4);
    assert_string_equal(JOBS_QUERY_STATUSES[3], "done");
    assert_int_equal(query.limit, 7);
    assert_true(query.view.has_texts && query.view.has_sub_jobs);
    assert_int_equal(query.view.sub_jobs_limit, 3);
    assert_true(query.created_after_us == INT64_C(1769862896000000));
    assert_true(query.created_before_us == INT64_C(1769866496500000));
}

static void test_jobs_query__a_cursor_comes_back_as_it_went(void **state UNUSED)
{
    const struct jobs_cursor cursor = {.created_us = INT64_C(1769862896789012), .job = {JOB}};
    char text[JOBS_CURSOR_SIZE];
    char line[128];
    struct jobs_query query;
    struct refusal refusal;

    jobs_cursor_format(&cursor, text);
    (void)snprintf(line, sizeof line, "cursor=%s", text);
    assert_true(jobs_query_parse(line, &query, &refusal));
    assert_true(query.cursor.created_us == cursor.created_us);
    assert_string_equal(query.cursor.job.text, JOB);
}

static const struct {
    const char *query;
    const char *field;
    const char *detail; /* a part of it */
} BAD[] = {
    {"stauts=done", "stauts", "did you mean \"status\"?"},
    {"colour=red", "colour", "the parameter \"colour\" is not known"},
    {"status", "status", "must be one or more of uploading, processing, assembling, done"},
    {"status=done,", "status", "one or more"},
    {"status=over", "status", "one or more"},
    {"status=done&limit=2&status=failed", "status", "more than once"},
    {"limit=0", "limit", "from 1 to 100"},
    {"limit=101", "limit", "from 1 to 100"},
    {"limit=11&include=transcripts", "limit", "from 1 to 10"},
    {"limit=+7", "limit", "an integer"},
    {"limit=99999999999", "limit", "an integer"},
    {"limit=%zz", "limit", "broken"},
    {"limit=%ff", "limit", "UTF-8"},
    {"include=everything", "include", "one or more of sub_jobs, transcripts"},
    {"sub_jobs_limit=101", "sub_jobs_limit", "from 0 to 100"},
    {"created_after=yesterday", "created_after", "RFC 3339"},
    {"created_before=2026-01-31T12:34:56+01:00", "created_before", "%2B"},
    {"cursor=", "cursor", "1 to 48 bytes"},
    {"cursor=12", "cursor", "next_cursor"},
    {"cursor=ffffffffffffffff0b9a3c1e5d2f4a678e901234567890ab", "cursor", "next_cursor"},
    {"cursor=000649abcdefg0000b9a3c1e5d2f4a678e901234567890ab", "cursor", "next_cursor"},
};

static void test_jobs_query__says_what_is_wrong(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct jobs_query query;
        struct refusal refusal;

        assert_false(jobs_query_parse(BAD[i].query, &query, &refusal));
        assert_int_equal(problem_status(refusal.problem.type), 422);
        assert_string_equal(refusal.problem.field, BAD[i].field);
        assert_non_null(strstr(refusal.problem.detail, BAD[i].detail));
    }
}

static void test_job_view__is_everything_unless_told_otherwise(void **state UNUSED)
{
    struct job_view view;
    struct refusal refusal;

    assert_true(job_view_parse("parent_job_id=" JOB, &view, &refusal));
    assert_true(view.has_texts && view.has_sub_jobs);
    assert_int_equal(view.sub_jobs_limit, JOB_VIEW_SUB_JOBS_DEFAULT);
    assert_true(job_view_parse("include=", &view, &refusal));
    assert_false(view.has_texts || view.has_sub_jobs);
    assert_true(
        job_view_parse("include=sub_jobs&sub_jobs_from=9&sub_jobs_limit=0", &view, &refusal));
    assert_true(view.has_sub_jobs && !view.has_texts);
    assert_int_equal(view.sub_jobs_from, 9);
    assert_int_equal(view.sub_jobs_limit, 0);
    assert_false(job_view_parse("sub_jobs_form=9", &view, &refusal));
    assert_non_null(strstr(refusal.problem.detail, "did you mean \"sub_jobs_from\"?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_query__without_a_query_is_the_newest_of_all),
        cmocka_unit_test(test_jobs_query__reads_every_parameter),
        cmocka_unit_test(test_jobs_query__a_cursor_comes_back_as_it_went),
        cmocka_unit_test(test_jobs_query__says_what_is_wrong),
        cmocka_unit_test(test_job_view__is_everything_unless_told_otherwise),
    };
    return cmocka_run_group_tests_name("jobs_query", tests, NULL, NULL);
}
