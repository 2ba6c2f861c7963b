/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/job_plan.h"

static const struct {
    double seconds;
    const char *text;
} ESTIMATES[] = {
    {0, "less than a minute"},  {54.9, "less than a minute"},
    {55, "1-2 minutes"},        {150, "2-3 minutes"},
    {600, "9-11 minutes"},      {17.5 * 60, "15-20 minutes"},
    {60 * 60, "50-70 minutes"}, {2 * 3600, "1-3 hours"},
    {10 * 3600, "9-11 hours"},  {1e300, "900000-1100000 hours"},
};

static void test_job_plan__estimate_is_a_range_that_a_person_would_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ESTIMATES); i++) {
        char text[JOB_PLAN_ESTIMATE_SIZE];
        job_plan_format_estimate(ESTIMATES[i].seconds, text);
        assert_string_equal(text, ESTIMATES[i].text);
    }
}

static struct json_object *format_ramp(int64_t total_size, int64_t chunk_size, int64_t first_chunk,
                                       const char *public_url, struct sign_keys *keys)
{
    struct job_plan plan = {.layout = chunk_layout_of(total_size, chunk_size, first_chunk),
                            .extension = "wav",
                            .estimated_seconds = -1};
    struct job_plan_terms terms = {.keys = keys,
                                   .public_url = public_url,
                                   .expires_wall_s = INT64_C(99999999999),
                                   .max_concurrent_uploads = 3};
    struct buf json;

    assert_true(id_parse("6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40", &plan.job));
    buf_init(&json, job_plan_bytes_max(plan.layout.total_chunks, public_url));
    job_plan_format(&plan, &terms, &json);
    assert_false(buf_is_over(&json));
    struct json_object *object = json_tokener_parse(buf_string(&json));
    assert_non_null(object);
    buf_done(&json);
    return object;
}

static struct json_object *format(int64_t total_size, int64_t chunk_size, const char *public_url,
                                  struct sign_keys *keys)
{
    return format_ramp(total_size, chunk_size, chunk_size, public_url, keys);
}

static struct json_object *at(struct json_object *object, const char *name)
{
    struct json_object *member = NULL;
    assert_true(json_object_object_get_ex(object, name, &member));
    return member;
}

static void test_job_plan__sizes_add_up_to_the_file(void **state)
{
    (void)state;
    static const int64_t TOTALS[] = {1, 999, 1000, 1001, 2500, 10000000};
    struct sign_keys *keys = sign_keys_random();

    for (size_t i = 0; i < ARRAY_LEN(TOTALS); i++) {
        struct json_object *answer = format(TOTALS[i], 1000, "", keys);
        struct json_object *uploads = at(answer, "upload_urls");
        int64_t sum = 0;

        for (size_t k = 0; k < json_object_array_length(uploads); k++) {
            struct json_object *upload = json_object_array_get_idx(uploads, k);
            assert_int_equal(json_object_get_int64(at(upload, "chunk_index")), k);
            sum += json_object_get_int64(at(upload, "expected_size"));
        }
        assert_int_equal(sum, TOTALS[i]);
        assert_null(at(at(answer, "chunk_info"), "estimated_processing_time"));
        json_object_put(answer);
    }
    sign_keys_free(keys);
}

static void test_job_plan__a_ramp_is_told(void **state)
{
    (void)state;
    static const int64_t ENDS[] = {300, 900, 1900, 2500};
    struct sign_keys *keys = sign_keys_random();
    struct json_object *answer = format_ramp(2500, 1000, 300, "", keys);
    struct json_object *info = at(answer, "chunk_info");
    int64_t start = 0;

    assert_int_equal(json_object_get_int64(at(info, "chunk_size_bytes")), 1000);
    assert_int_equal(json_object_get_int64(at(info, "first_chunk_bytes")), 300);
    assert_int_equal(json_object_get_int64(at(info, "total_chunks")), ARRAY_LEN(ENDS));
    for (size_t k = 0; k < ARRAY_LEN(ENDS); k++) {
        struct json_object *upload = json_object_array_get_idx(at(answer, "upload_urls"), k);
        struct json_object *range = at(upload, "chunk_range");
        assert_int_equal(json_object_get_int64(json_object_array_get_idx(range, 0)), start);
        assert_int_equal(json_object_get_int64(json_object_array_get_idx(range, 1)), ENDS[k]);
        assert_int_equal(json_object_get_int64(at(upload, "expected_size")), ENDS[k] - start);
        start = ENDS[k];
    }
    json_object_put(answer);
    sign_keys_free(keys);
}

static void test_job_plan__urls_are_signed_for_their_key_and_size(void **state)
{
    (void)state;
    struct sign_keys *keys = sign_keys_random();
    struct json_object *answer = format(2500, 1000, "https://s.example", keys);
    struct json_object *last = json_object_array_get_idx(at(answer, "upload_urls"), 2);
    const char *url = json_object_get_string(at(last, "upload_url"));
    const char *key = json_object_get_string(at(last, "key"));

    assert_string_equal(key, "uploads/6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40/chunk.2.wav");
    assert_int_equal(strncmp(url, "https://s.example/uploads/", 26), 0);
    assert_non_null(strstr(url, "size=500&"));
    assert_non_null(strstr(url, "signature="));
    assert_string_equal(json_object_get_string(at(answer, "stream_url")),
                        "https://s.example/chunked-stream/6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40");
    json_object_put(answer);
    sign_keys_free(keys);
}

/* What is told of `chunks` chunks of a file with this extension, as "0,2,1". */
static void check_order(const char *extension, int chunks, const char *wanted)
{
    struct sign_keys *keys = sign_keys_random();
    struct job_plan plan = {.layout = chunk_layout_of((int64_t)chunks * 1000, 1000, 1000),
                            .estimated_seconds = -1};
    struct job_plan_terms terms = {.keys = keys, .public_url = "", .max_concurrent_uploads = 3};
    struct buf json;

    (void)snprintf(plan.extension, sizeof plan.extension, "%s", extension);
    assert_true(id_parse("6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40", &plan.job));
    buf_init(&json, job_plan_bytes_max(chunks, ""));
    job_plan_format(&plan, &terms, &json);
    struct json_object *answer = json_tokener_parse(buf_string(&json));
    assert_string_equal(
        json_object_to_json_string_ext(at(answer, "upload_order"), JSON_C_TO_STRING_PLAIN), wanted);
    json_object_put(answer);
    buf_done(&json);
    sign_keys_free(keys);
}

static void test_job_plan__what_may_hold_the_header_goes_first(void **state)
{
    (void)state;
    check_order("wav", 1, "[0]");
    check_order("wav", 4, "[0,1,2,3]");
    check_order("webm", 3, "[0,1,2]");
    check_order("m4a", 1, "[0]");
    check_order("mp4", 2, "[0,1]");
    check_order("mp4", 3, "[0,2,1]");
    check_order("mov", 5, "[0,4,1,2,3]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job_plan__estimate_is_a_range_that_a_person_would_say),
        cmocka_unit_test(test_job_plan__sizes_add_up_to_the_file),
        cmocka_unit_test(test_job_plan__what_may_hold_the_header_goes_first),
        cmocka_unit_test(test_job_plan__a_ramp_is_told),
        cmocka_unit_test(test_job_plan__urls_are_signed_for_their_key_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
