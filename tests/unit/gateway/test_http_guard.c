/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/http_guard.h"

static const char *const HOSTS[] = {"scribe.example", NULL};
static const char *const ORIGINS[] = {"https://app.example", NULL};
static const struct http_guard KEYLESS = {.any_host = false};
static const struct http_guard LISTED = {.allowed_hosts = HOSTS, .allowed_origins = ORIGINS};
static const struct http_guard KEYS = {.any_host = true};

static void test_http_guard__without_keys_only_known_hosts_are_served(void **state)
{
    static const struct {
        const struct http_guard *guard;
        const char *host;
        bool is_allowed;
    } CASES[] = {
        {&KEYLESS, "localhost", true},
        {&KEYLESS, "localhost:8080", true},
        {&KEYLESS, "LOCALHOST", true},
        {&KEYLESS, "127.0.0.1:1", true},
        {&KEYLESS, "[::1]:8080", true},
        {&KEYLESS, "[::1]", true},
        {&KEYLESS, "evil.example", false},
        {&KEYLESS, "localhost.evil.example", false},
        {&KEYLESS, "evil-localhost", false},
        {&KEYLESS, "127.0.0.2", false},
        {&KEYLESS, "[::2]", false},
        {&KEYLESS, "", false},
        {&KEYLESS, NULL, false},
        {&KEYLESS, "scribe.example", false},
        {&LISTED, "scribe.example", true},
        {&LISTED, "Scribe.Example:443", true},
        {&LISTED, "localhost", true},
        {&LISTED, "a.scribe.example", false},
        {&KEYS, "evil.example", true},
        {&KEYS, NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        if (http_guard_is_host_allowed(CASES[i].guard, CASES[i].host) != CASES[i].is_allowed)
            fail_msg("case %zu: %s", i, CASES[i].host);
    }
}

static void test_http_guard__an_origin_is_our_own_or_listed(void **state)
{
    static const struct {
        const struct http_guard *guard;
        const char *host;
        const char *origin;
        bool is_allowed;
    } CASES[] = {
        {&KEYLESS, "localhost:8080", NULL, true},
        {&KEYLESS, "localhost:8080", "http://localhost:8080", true},
        {&KEYLESS, "localhost:8080", "https://localhost:8080", true},
        {&KEYLESS, "localhost:8080", "http://localhost:9090", false},
        {&KEYLESS, "localhost:8080", "http://localhost", false},
        {&KEYLESS, "localhost:8080", "http://evil.example", false},
        {&KEYLESS, "localhost", "ftp://localhost", false},
        {&KEYLESS, "localhost", "null", false},
        {&KEYLESS, NULL, "http://localhost", false},
        {&KEYS, "scribe.example", "http://evil.example", false},
        {&LISTED, "localhost", "https://app.example", true},
        {&LISTED, "localhost", "http://app.example", false},
        {&LISTED, "localhost", "https://app.example.evil", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        if (http_guard_is_origin_allowed(CASES[i].guard, CASES[i].host, CASES[i].origin) !=
            CASES[i].is_allowed)
            fail_msg("case %zu: %s", i, CASES[i].origin);
    }
}

static void test_http_guard__json_is_known_by_its_type(void **state)
{
    (void)state;
    assert_true(http_guard_is_json("application/json"));
    assert_true(http_guard_is_json("Application/JSON; charset=utf-8"));
    assert_true(http_guard_is_json("application/json ;x=y"));
    assert_false(http_guard_is_json("application/jsonp"));
    assert_false(http_guard_is_json("text/plain"));
    assert_false(http_guard_is_json("text/plain, application/json"));
    assert_false(http_guard_is_json(""));
    assert_false(http_guard_is_json(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_guard__without_keys_only_known_hosts_are_served),
        cmocka_unit_test(test_http_guard__an_origin_is_our_own_or_listed),
        cmocka_unit_test(test_http_guard__json_is_known_by_its_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
