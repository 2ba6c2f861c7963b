/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/webhook_url.h"

static const struct webhook_url_policy STRICT = {0};

static const struct {
    const char *url;
    const char *host;
    uint16_t port;
} GOOD[] = {
    {"https://example.com/webhook", "example.com", 443},
    {"HTTPS://Example.com", "Example.com", 443},
    {"https://example.com:8443/a?b=%20c", "example.com", 8443},
    {"https://example.com?x", "example.com", 443},
    {"https://a-b.c1.example/", "a-b.c1.example", 443},
    {"https://93.184.216.34/", "93.184.216.34", 443},
    {"https://[2606:2800:220:1::1]:444/", "2606:2800:220:1::1", 444},
    {"https://example.com/a@b", "example.com", 443},
};

static void test_webhook_url__is_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(GOOD); i++) {
        struct webhook_url url;
        struct err err;

        if (!webhook_url_parse(GOOD[i].url, &STRICT, &url, &err))
            fail_msg("%s: %s", GOOD[i].url, err.message);
        assert_string_equal(url.host, GOOD[i].host);
        assert_int_equal(url.port, GOOD[i].port);
        assert_true(url.is_https);
    }
}

static const struct {
    const char *url;
    const char *why;
} BAD[] = {
    {"", "https://"},
    {"example.com", "https://"},
    {"ftp://example.com", "https://"},
    {"http://example.com", "must be https"},
    {"https://", "no host"},
    {"https:///path", "no host"},
    {"https://user@example.com/", "user name"},
    {"https://example.com:x@10.0.0.1/", "user name"},
    {"https://example.com#@10.0.0.1/", "fragment"},
    {"https://example.com\\@10.0.0.1/", "printable"},
    {"https://example.com /", "printable"},
    {"https://ex\xC3\xA4mple.com/", "printable"},
    {"https://exa_mple.com/", "name of letters"},
    {"https://-a.example/", "name of letters"},
    {"https://a..example/", "name of letters"},
    {"https://.example/", "name of letters"},
    {"https://example.com./", "name of letters"},
    {"https://example.com:/", "port"},
    {"https://example.com:0/", "port"},
    {"https://example.com:65536/", "port"},
    {"https://example.com:80a/", "port"},
    {"https://example.com:0x50/", "port"},
    /* Every spelling of 127.0.0.1 and its like. */
    {"https://127.0.0.1/", "public"},
    {"https://2130706433/", "four plain numbers"},
    {"https://0x7f000001/", "four plain numbers"},
    {"https://017700000001/", "four plain numbers"},
    {"https://127.1/", "four plain numbers"},
    {"https://0177.0.0.1/", "four plain numbers"},
    {"https://127.0.0.01/", "four plain numbers"},
    {"https://0x7f.0.0.1/", "four plain numbers"},
    {"https://127.0.0.0x1/", "four plain numbers"},
    {"https://127.0.0.1./", "four plain numbers"},
    {"https://[::1]/", "public"},
    {"https://[::]/", "public"},
    {"https://[::ffff:127.0.0.1]/", "public"},
    {"https://[::ffff:8.8.8.8]/", "public"},
    {"https://[::127.0.0.1]/", "public"},
    {"https://[64:ff9b::7f00:1]/", "public"},
    {"https://[2002:7f00:1::]/", "public"},
    {"https://[fe80::1%25eth0]/", "IPv6"},
    {"https://[127.0.0.1]/", "IPv6"},
    {"https://[::1", "IPv6"},
    {"https://[::1]x/", "IPv6"},
    {"https://10.0.0.1/", "public"},
    {"https://169.254.169.254/latest/meta-data/", "public"},
    {"https://[fd00:ec2::254]/", "public"},
};

static void test_webhook_url__what_could_mean_something_else_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct webhook_url url;
        struct err err;

        if (webhook_url_parse(BAD[i].url, &STRICT, &url, &err))
            fail_msg("taken: %s", BAD[i].url);
        assert_int_equal(err.kind, ERR_REJECT);
        if (strstr(err.message, BAD[i].why) == NULL)
            fail_msg("%s: %s", BAD[i].url, err.message);
    }
}

static void test_webhook_url__a_deployment_may_allow_more(void **state)
{
    static const char *const URLS[] = {"http://127.0.0.1:8080/hook", "http://[::1]/",
                                       "https://10.1.2.3/", "http://localhost/"};
    const struct webhook_url_policy open = {.http = true, .private_targets = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(URLS); i++) {
        struct webhook_url url;
        struct err err;
        assert_true(webhook_url_parse(URLS[i], &open, &url, &err));
        assert_int_equal(url.is_https, i == 2);
        /* But no other spelling of it. */
        assert_false(webhook_url_parse("http://2130706433/", &open, &url, &err));
    }
}

static void test_webhook_url__has_a_longest_length(void **state)
{
    char url[WEBHOOK_URL_BYTES + 2] = "https://example.com/";
    struct webhook_url parsed;
    struct err err;

    (void)state;
    memset(url + 20, 'a', WEBHOOK_URL_BYTES - 20);
    assert_true(webhook_url_parse(url, &STRICT, &parsed, &err));
    url[WEBHOOK_URL_BYTES] = 'a';
    assert_false(webhook_url_parse(url, &STRICT, &parsed, &err));
    char host[300] = "https://";
    memset(host + 8, 'a', 255);
    assert_false(webhook_url_parse(host, &STRICT, &parsed, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook_url__is_taken_apart),
        cmocka_unit_test(test_webhook_url__what_could_mean_something_else_is_refused),
        cmocka_unit_test(test_webhook_url__a_deployment_may_allow_more),
        cmocka_unit_test(test_webhook_url__has_a_longest_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
