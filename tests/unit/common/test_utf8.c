/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/utf8.h"

#define BAD "\xEF\xBF\xBD"

static void test_utf8__clean(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        const char *clean;
    } CASES[] = {
        {"", 0, ""},
        {"plain", 5, "plain"},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
        {"a\0b", 3, "a" BAD "b"},
        {"\xFF", 1, BAD},
        {"\xC0\x80", 2, BAD BAD},                 /* overlong NUL */
        {"\xED\xA0\x80", 3, BAD BAD BAD},         /* surrogate */
        {"\xF4\x90\x80\x80", 4, BAD BAD BAD BAD}, /* above U+10FFFF */
        {"x\xE2\x82", 3, "x" BAD BAD},            /* cut */
        {"\x80z", 2, BAD "z"},                    /* continuation alone */
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        CLEANUP(mem_free_at) char *clean = utf8_clean(CASES[i].text, CASES[i].length);

        assert_string_equal(clean, CASES[i].clean);
        assert_int_equal(utf8_is_clean(CASES[i].text, CASES[i].length), i < 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_utf8__clean)};

    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
