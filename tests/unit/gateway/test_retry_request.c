/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/retry_request.h"

#define JOB "\"parent_job_id\":\"6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40\""

static const struct {
    const char *body;
    enum problem_type type;
    const char *field;
} BAD[] = {
    {"{}", PROBLEM_MISSING_FIELD, "parent_job_id"},
    {"{" JOB ",\"chunk_indices\":[]}", PROBLEM_INVALID_FIELD, "chunk_indices"},
    {"{" JOB ",\"chunk_indices\":3}", PROBLEM_INVALID_FIELD, "chunk_indices"},
    {"{" JOB ",\"chunk_indices\":[1,-1]}", PROBLEM_INVALID_FIELD, "chunk_indices"},
    {"{" JOB ",\"chunk_indices\":[10000]}", PROBLEM_INVALID_FIELD, "chunk_indices"},
    {"{" JOB ",\"chunk_indices\":[true]}", PROBLEM_INVALID_FIELD, "chunk_indices"},
    {"{" JOB ",\"chunk_indices\":[1.5]}", PROBLEM_INVALID_FIELD, "chunk_indices"},
    {"{" JOB ",\"chunk_index\":1}", PROBLEM_UNKNOWN_FIELD, "chunk_index"},
};

static void test_retry_request__refusal_names_the_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct retry_request request;
        struct refusal refusal;

        assert_false(retry_request_parse(BAD[i].body, strlen(BAD[i].body), &request, &refusal));
        assert_int_equal(refusal.problem.type, BAD[i].type);
        assert_string_equal(refusal.problem.field, BAD[i].field);
    }
}

static void parse(const char *body, struct retry_request *ret_request)
{
    struct refusal refusal;

    if (!retry_request_parse(body, strlen(body), ret_request, &refusal))
        fail_msg("%s: %s", body, refusal.problem.detail);
}

static void test_retry_request__without_a_list_every_chunk_is_meant(void **state)
{
    CLEANUP(retry_request_done) struct retry_request request;
    const struct chunk_layout layout = chunk_layout_of(4000, 1000, 1000);
    struct refusal refusal;

    (void)state;
    parse("{" JOB "}", &request);
    assert_true(retry_request_wants(&request, 3));
    assert_true(retry_request_fits(&request, &layout, &refusal));
}

static void test_retry_request__a_list_must_fit_the_job(void **state)
{
    CLEANUP(retry_request_done) struct retry_request request;
    const struct chunk_layout four = chunk_layout_of(4000, 1000, 1000);
    const struct chunk_layout three = chunk_layout_of(3000, 1000, 1000);
    struct refusal refusal;

    (void)state;
    parse("{" JOB ",\"chunk_indices\":[3,1.0]}", &request);
    assert_true(retry_request_wants(&request, 1));
    assert_false(retry_request_wants(&request, 2));
    assert_true(retry_request_fits(&request, &four, &refusal));
    assert_false(retry_request_fits(&request, &three, &refusal));
    assert_int_equal(refusal.problem.type, PROBLEM_CHUNK_INDEX_OUT_OF_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_request__refusal_names_the_field),
        cmocka_unit_test(test_retry_request__without_a_list_every_chunk_is_meant),
        cmocka_unit_test(test_retry_request__a_list_must_fit_the_job),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
