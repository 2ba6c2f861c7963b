/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/http_negotiate.h"

static void test_http_negotiate__gzip(void **state UNUSED)
{
    static const struct {
        const char *header;
        bool is_taken;
    } ROWS[] = {
        {NULL, false},
        {"", false},
        {"gzip", true},
        {"GZip", true},
        {"x-gzip", true},
        {"deflate, gzip;q=1.0, *;q=0.5", true},
        {"br , gzip ; q=0.001", true},
        {"gzip;q=0", false},
        {"gzip; q=0.000, *", false},
        {"*;q=0, gzip", true},
        {"*", true},
        {"*;q=0", false},
        {"br, deflate, identity", false},
        {"gzippy", false},
        {"gzip;level=9;q=0", false},
        {",,gzip", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        assert_int_equal(http_negotiate_gzip(ROWS[i].header), ROWS[i].is_taken);
}

static void test_http_negotiate__if_none_match(void **state UNUSED)
{
    static const struct {
        const char *header;
        const char *etag;
        bool is_known;
    } ROWS[] = {
        {NULL, "\"a\"", false},
        {"", "\"a\"", false},
        {"\"a\"", "\"a\"", true},
        {"W/\"a\"", "\"a\"", true},
        {"\"a\"", "W/\"a\"", true},
        {"\"b\", W/\"c\" ,\"a\"", "W/\"a\"", true},
        {"*", "\"a\"", true},
        {"\"A\"", "\"a\"", false},
        {"\"aa\"", "\"a\"", false},
        {"a", "\"a\"", false},
        {"\"b, \"a\"", "\"a\"", false},
        {"\"a", "\"a\"", false},
        {"\"b\", a\"a\"", "\"a\"", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++)
        assert_int_equal(http_negotiate_is_known(ROWS[i].header, ROWS[i].etag), ROWS[i].is_known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_negotiate__gzip),
        cmocka_unit_test(test_http_negotiate__if_none_match),
    };
    return cmocka_run_group_tests_name("http_negotiate", tests, NULL, NULL);
}
