/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/share_request.h"

#define JOB "6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40"
#define DAY 86400

static bool parse(const char *body, int64_t max_s, struct share_request *ret_request,
                  struct refusal *refusal)
{
    return share_request_parse(body, strlen(body), max_s, ret_request, refusal);
}

static void test_share_request__defaults_are_a_week_with_the_recording(void **state UNUSED)
{
    struct share_request request;
    struct refusal refusal;

    assert_true(parse("{}", 30 * DAY, &request, &refusal));
    assert_int_equal(request.expires_in_s, 7 * DAY);
    assert_true(request.has_audio);
    assert_true(parse("{}", DAY, &request, &refusal));
    assert_int_equal(request.expires_in_s, DAY);
    assert_true(parse("{\"expires_in_s\":60,\"audio\":false}", DAY, &request, &refusal));
    assert_int_equal(request.expires_in_s, 60);
    assert_false(request.has_audio);
}

static void test_share_request__bounds_are_named(void **state UNUSED)
{
    static const char *const BAD[] = {"{\"expires_in_s\":59}", "{\"expires_in_s\":86401}",
                                      "{\"expires_in_s\":\"60\"}", "{\"expires_in_s\":60.5}"};
    struct share_request request;
    struct refusal refusal;

    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        assert_false(parse(BAD[i], DAY, &request, &refusal));
        assert_string_equal(refusal.problem.field, "expires_in_s");
    }
    assert_false(parse("{\"audio\":1}", DAY, &request, &refusal));
    assert_string_equal(refusal.problem.field, "audio");
    assert_false(parse("{\"expires\":60}", DAY, &request, &refusal));
    assert_int_equal(refusal.problem.type, PROBLEM_UNKNOWN_FIELD);
}

static void check_answer(bool has_audio, enum sign_scope expected_scope)
{
    struct sign_keys *keys = sign_keys_random();
    const struct share_request request = {.expires_in_s = 3600, .has_audio = has_audio};
    const struct share_terms terms = {keys, "https://speech.example", JOB, 1999996400};
    enum sign_scope scope = SIGN_SCOPE_COUNT;
    struct json_object *token, *audio, *expires, *share;
    struct buf json;

    buf_init(&json, share_bytes_max(terms.public_url));
    share_format(&request, &terms, &json);
    assert_false(buf_is_over(&json));
    struct json_object *answer = json_tokener_parse(buf_string(&json));
    assert_true(json_object_object_get_ex(answer, "token", &token));
    assert_true(json_object_object_get_ex(answer, "audio_url", &audio));
    assert_true(json_object_object_get_ex(answer, "expires_at", &expires));
    assert_true(json_object_object_get_ex(answer, "share_url", &share));
    assert_int_equal(
        sign_verify_token(keys, json_object_get_string(token), JOB, 1999999999, &scope),
        SIGN_VALID);
    assert_int_equal(
        sign_verify_token(keys, json_object_get_string(token), JOB, 2000000000, &scope),
        SIGN_EXPIRED);
    assert_int_equal(scope, expected_scope);
    assert_true((audio != NULL) == has_audio);
    assert_string_equal(json_object_get_string(expires), "2033-05-18T03:33:20.000Z");
    assert_non_null(
        strstr(json_object_get_string(share), "https://speech.example/#" JOB "&token="));
    json_object_put(answer);
    buf_done(&json);
    sign_keys_free(keys);
}

static void test_share_request__the_answer_has_a_token_for_what_was_asked(void **state UNUSED)
{
    check_answer(true, SIGN_SCOPE_LISTEN);
    check_answer(false, SIGN_SCOPE_READ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share_request__defaults_are_a_week_with_the_recording),
        cmocka_unit_test(test_share_request__bounds_are_named),
        cmocka_unit_test(test_share_request__the_answer_has_a_token_for_what_was_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
