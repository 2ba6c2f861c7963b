/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/complete_request.h"

#define JOB "6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40"

static const struct {
    const char *body;
    enum problem_type type;
    const char *field;
} BAD[] = {
    {"nonsense", PROBLEM_INVALID_JSON, NULL},
    {"{\"chunk_index\":0,\"actual_size\":1}", PROBLEM_MISSING_FIELD, "parent_job_id"},
    {"{\"parent_job_id\":\"x\",\"chunk_index\":0,\"actual_size\":1}", PROBLEM_INVALID_FIELD,
     "parent_job_id"},
    {"{\"parent_job_id\":\"" JOB "\",\"actual_size\":1}", PROBLEM_MISSING_FIELD, "chunk_index"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":-1,\"actual_size\":1}",
     PROBLEM_CHUNK_INDEX_OUT_OF_RANGE, "chunk_index"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":10000,\"actual_size\":1}",
     PROBLEM_CHUNK_INDEX_OUT_OF_RANGE, "chunk_index"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":true,\"actual_size\":1}",
     PROBLEM_INVALID_FIELD, "chunk_index"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":0}", PROBLEM_MISSING_FIELD, "actual_size"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":0,\"actual_size\":0}", PROBLEM_INVALID_FIELD,
     "actual_size"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":0.5,\"actual_size\":1}", PROBLEM_INVALID_FIELD,
     "chunk_index"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":-1e300,\"actual_size\":1}",
     PROBLEM_CHUNK_INDEX_OUT_OF_RANGE, "chunk_index"},
    {"{\"parent_job_id\":\"" JOB "\",\"chunk_index\":0,\"actual_siez\":1}", PROBLEM_UNKNOWN_FIELD,
     "actual_siez"},
};

static void test_complete_request__refusal_names_the_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct complete_request request;
        struct refusal refusal;

        assert_false(complete_request_parse(BAD[i].body, strlen(BAD[i].body), &request, &refusal));
        if (refusal.problem.type != BAD[i].type)
            fail_msg("%s: %s", BAD[i].body, refusal.problem.detail);
        if (BAD[i].field == NULL)
            assert_null(refusal.problem.field);
        else
            assert_string_equal(refusal.problem.field, BAD[i].field);
    }
}

static void test_complete_request__takes_any_case_of_the_job(void **state)
{
    (void)state;
    static const char BODY[] = "{\"parent_job_id\":\"6A8B3F5E-52A1-4C3D-9B1F-0D6A3C1E2F40\","
                               "\"chunk_index\":9999,\"actual_size\":5242880}";
    struct complete_request request;
    struct refusal refusal;

    assert_true(complete_request_parse(BODY, sizeof BODY - 1, &request, &refusal));
    assert_string_equal(request.job.text, JOB);
    assert_int_equal(request.chunk_index, 9999);
    assert_int_equal(request.actual_size, 5242880);
}

static void test_complete_request__an_integer_may_have_a_point(void **state)
{
    (void)state;
    static const char BODY[] =
        "{\"parent_job_id\":\"" JOB "\",\"chunk_index\":7.0,\"actual_size\":5.24288e6}";
    struct complete_request request;
    struct refusal refusal;

    assert_true(complete_request_parse(BODY, sizeof BODY - 1, &request, &refusal));
    assert_int_equal(request.chunk_index, 7);
    assert_int_equal(request.actual_size, 5242880);
}

static const struct {
    int32_t chunk_index;
    int64_t actual_size;
    bool fits;
    enum problem_type type;
    int64_t maximum;
} FITS[] = {
    {0, 1000, true, 0, 0},
    {2, 500, true, 0, 0},
    {2, 1000, false, PROBLEM_INVALID_FIELD, 500},
    {1, 999, false, PROBLEM_INVALID_FIELD, 1000},
    {3, 500, false, PROBLEM_CHUNK_INDEX_OUT_OF_RANGE, 2},
};

static void test_complete_request__must_fit_the_layout(void **state)
{
    (void)state;
    struct chunk_layout layout = chunk_layout_of(2500, 1000, 1000);

    for (size_t i = 0; i < ARRAY_LEN(FITS); i++) {
        struct complete_request request = {.chunk_index = FITS[i].chunk_index,
                                           .actual_size = FITS[i].actual_size};
        struct refusal refusal;

        assert_int_equal(complete_request_fits(&request, &layout, &refusal), FITS[i].fits);
        if (FITS[i].fits)
            continue;
        assert_int_equal(refusal.problem.type, FITS[i].type);
        assert_int_equal(refusal.problem.maximum, FITS[i].maximum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_request__refusal_names_the_field),
        cmocka_unit_test(test_complete_request__takes_any_case_of_the_job),
        cmocka_unit_test(test_complete_request__an_integer_may_have_a_point),
        cmocka_unit_test(test_complete_request__must_fit_the_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
