/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/router.h"

static const struct route ROUTES[] = {
    {.method = HTTP_METHOD_GET, .pattern = "/"},
    {.method = HTTP_METHOD_GET, .pattern = "/healthz"},
    {.method = HTTP_METHOD_GET, .pattern = "/jobs/{id}"},
    {.method = HTTP_METHOD_DELETE, .pattern = "/jobs/{id}"},
    {.method = HTTP_METHOD_GET, .pattern = "/jobs/{id}/transcript.txt"},
    {.method = HTTP_METHOD_PUT, .pattern = "/uploads/{path*}"},
    {.method = HTTP_METHOD_GET, .pattern = "/assets/{id}"},
    {.method = HTTP_METHOD_POST, .pattern = "/assets/new"},
};

static enum router_verdict match(enum http_method method, const char *path,
                                 struct router_match *ret_match)
{
    return router_match(ROUTES, ARRAY_LEN(ROUTES), method, path, ret_match);
}

static void test_router__finds_the_route_and_its_capture(void **state)
{
    static const struct {
        enum http_method method;
        const char *path;
        const char *pattern; /* NULL: nothing is there */
        const char *capture;
    } CASES[] = {
        {HTTP_METHOD_GET, "/", "/", NULL},
        {HTTP_METHOD_GET, "/healthz", "/healthz", NULL},
        {HTTP_METHOD_HEAD, "/healthz", "/healthz", NULL},
        {HTTP_METHOD_GET, "/healthz/", NULL, NULL},
        {HTTP_METHOD_GET, "/health", NULL, NULL},
        {HTTP_METHOD_GET, "/Healthz", NULL, NULL},
        {HTTP_METHOD_GET, "//healthz", NULL, NULL},
        {HTTP_METHOD_GET, "", NULL, NULL},
        {HTTP_METHOD_GET, "/jobs/abc", "/jobs/{id}", "abc"},
        {HTTP_METHOD_DELETE, "/jobs/abc", "/jobs/{id}", "abc"},
        {HTTP_METHOD_GET, "/jobs/", NULL, NULL},
        {HTTP_METHOD_GET, "/jobs/a/b", NULL, NULL},
        {HTTP_METHOD_GET, "/jobs/..", NULL, NULL},
        {HTTP_METHOD_GET, "/jobs/.%2E", NULL, NULL},
        {HTTP_METHOD_GET, "/jobs/...", "/jobs/{id}", "..."},
        {HTTP_METHOD_GET, "/jobs/a/transcript.txt", "/jobs/{id}/transcript.txt", "a"},
        {HTTP_METHOD_GET, "/jobs//transcript.txt", NULL, NULL},
        {HTTP_METHOD_PUT, "/uploads/a", "/uploads/{path*}", "a"},
        {HTTP_METHOD_PUT, "/uploads/a/chunk.0.mp3", "/uploads/{path*}", "a/chunk.0.mp3"},
        {HTTP_METHOD_PUT, "/uploads/", NULL, NULL},
        {HTTP_METHOD_PUT, "/uploads/a/", NULL, NULL},
        {HTTP_METHOD_PUT, "/uploads/a//b", NULL, NULL},
        {HTTP_METHOD_PUT, "/uploads/a/../b", NULL, NULL},
        {HTTP_METHOD_PUT, "/uploads/%2e%2e/b", NULL, NULL},
        {HTTP_METHOD_PUT, "/uploads/./b", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct router_match found;
        enum router_verdict verdict = match(CASES[i].method, CASES[i].path, &found);
        if (verdict != (CASES[i].pattern != NULL ? ROUTER_FOUND : ROUTER_NO_PATH))
            fail_msg("%s: verdict %d", CASES[i].path, (int)verdict);
        if (CASES[i].pattern == NULL)
            continue;
        assert_string_equal(found.route->pattern, CASES[i].pattern);
        assert_true(CASES[i].method == found.route->method || CASES[i].method == HTTP_METHOD_HEAD);
        if (CASES[i].capture == NULL) {
            assert_null(found.capture);
            continue;
        }
        assert_int_equal(found.capture_length, strlen(CASES[i].capture));
        assert_memory_equal(found.capture, CASES[i].capture, found.capture_length);
    }
}

static void test_router__a_known_path_with_another_method_tells_what_is_allowed(void **state)
{
    struct router_match found;
    char allow[ROUTER_ALLOW_BYTES];
    (void)state;
    assert_int_equal(match(HTTP_METHOD_POST, "/jobs/abc", &found), ROUTER_NO_METHOD);
    router_format_allow(found.allowed, allow);
    assert_string_equal(allow, "GET, HEAD, DELETE, OPTIONS");
    assert_int_equal(match(HTTP_METHOD_GET, "/uploads/abc", &found), ROUTER_NO_METHOD);
    router_format_allow(found.allowed, allow);
    assert_string_equal(allow, "PUT, OPTIONS");
}

static void test_router__all_methods_together_fit_the_allow_header(void **state)
{
    char allow[ROUTER_ALLOW_BYTES];
    (void)state;
    router_format_allow((1U << HTTP_METHOD_COUNT) - 1, allow);
    assert_string_equal(allow, "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE, QUERY");
}

static void test_router__a_literal_path_is_no_capture(void **state)
{
    struct router_match found;

    (void)state;
    assert_int_equal(match(HTTP_METHOD_POST, "/assets/new", &found), ROUTER_FOUND);
    assert_int_equal(match(HTTP_METHOD_GET, "/assets/new", &found), ROUTER_NO_METHOD);
    assert_int_equal(found.allowed, 1U << HTTP_METHOD_POST | 1U << HTTP_METHOD_OPTIONS);
    assert_int_equal(match(HTTP_METHOD_GET, "/assets/old", &found), ROUTER_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router__finds_the_route_and_its_capture),
        cmocka_unit_test(test_router__a_literal_path_is_no_capture),
        cmocka_unit_test(test_router__a_known_path_with_another_method_tells_what_is_allowed),
        cmocka_unit_test(test_router__all_methods_together_fit_the_allow_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
