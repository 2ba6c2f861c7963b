/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gateway_options.h"

static char empty[] = "";

static const struct {
    const char *listen;
    const char *host; /* NULL: refused */
    uint16_t port;
    bool is_loopback;
} LISTENS[] = {
    {"127.0.0.1:8080", "127.0.0.1", 8080, true},
    {"127.9.9.9:1", "127.9.9.9", 1, true},
    {"localhost:0", "127.0.0.1", 0, true},
    {"[::1]:8080", "::1", 8080, true},
    {"0.0.0.0:80", "0.0.0.0", 80, false},
    {"[::]:80", "::", 80, false},
    {"192.168.1.1:65535", "192.168.1.1", 65535, false},
    {"127.0.0.1", NULL, 0, false},
    {":8080", NULL, 0, false},
    {"127.0.0.1:", NULL, 0, false},
    {"127.0.0.1:65536", NULL, 0, false},
    {"127.0.0.1:+1", NULL, 0, false},
    {"127.0.0.1:80x", NULL, 0, false},
    {"[::1]", NULL, 0, false},
    {"[::1:80", NULL, 0, false},
    {"example.com:80", NULL, 0, false},
};

static void test_gateway_options__listen_is_a_numeric_address_and_a_port(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(LISTENS); i++) {
        struct listen_address listen = {0};
        struct err err;
        bool is_taken = listen_address_parse(LISTENS[i].listen, &listen, &err);

        if (is_taken != (LISTENS[i].host != NULL))
            fail_msg("%s", LISTENS[i].listen);
        if (!is_taken)
            continue;
        assert_string_equal(listen.host, LISTENS[i].host);
        assert_int_equal(listen.port, LISTENS[i].port);
        assert_int_equal(listen.is_loopback, LISTENS[i].is_loopback);
    }
}

static bool check(const char *listen, const char *public_url, struct err *err)
{
    char listen_text[64], url_text[64];
    struct gateway_options options = {.common.listen = listen_text, .public_url = url_text};
    struct listen_address address;

    (void)snprintf(listen_text, sizeof listen_text, "%s", listen);
    (void)snprintf(url_text, sizeof url_text, "%s", public_url);
    return gateway_options_check(&options, &address, err);
}

static void test_gateway_options__without_keys_only_this_machine_is_served(void **state)
{
    (void)state;
    struct err err;

    assert_true(check("127.0.0.1:1", empty, &err));
    assert_true(check("[::1]:1", empty, &err));
    assert_false(check("0.0.0.0:1", empty, &err));
    assert_non_null(strstr(err.message, "without API keys"));
    assert_false(check("[::]:1", empty, &err));
}

static void test_gateway_options__public_url_holds_nothing_that_json_escapes(void **state)
{
    (void)state;
    struct err err;

    assert_true(check("[::1]:1", "https://s.example:8443/base", &err));
    assert_false(check("[::1]:1", "https://s.example/", &err));
    assert_false(check("[::1]:1", "ftp://s.example", &err));
    assert_false(check("[::1]:1", "https://s.example/\"", &err));
    assert_false(check("[::1]:1", "https://s.example?x=1", &err));
}

static void test_gateway_options__a_list_is_cut_at_commas(void **state)
{
    (void)state;
    const char **list = gateway_options_list("a.example, b.example,,c");

    assert_string_equal(list[0], "a.example");
    assert_string_equal(list[1], "b.example");
    assert_string_equal(list[2], "c");
    assert_null(list[3]);
    free(list);
    assert_null(gateway_options_list(NULL));
    assert_null(gateway_options_list(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_options__listen_is_a_numeric_address_and_a_port),
        cmocka_unit_test(test_gateway_options__without_keys_only_this_machine_is_served),
        cmocka_unit_test(test_gateway_options__public_url_holds_nothing_that_json_escapes),
        cmocka_unit_test(test_gateway_options__a_list_is_cut_at_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
