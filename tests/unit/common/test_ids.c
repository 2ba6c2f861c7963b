/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/ids.h"

static void test_ids__known_names(void **state UNUSED)
{
    /* From Python: uuid.uuid5(UUID("ee0570e9-f0fc-4821-9b63-4c94e6eaec67"), name). */
    assert_string_equal(id_from_name("%s", "a").text, "55ae428e-9a39-5f6a-a2d3-8d4730833470");
    assert_string_equal(id_of_sub_job("11111111-2222-4333-8444-555555555555", 7).text,
                        "49e867b7-b6d3-50de-8a1d-872dba2821d0");
}

static void test_ids__random_is_version_4_and_differs(void **state UNUSED)
{
    struct id first = id_random();
    struct id second = id_random();
    struct id parsed;

    assert_true(id_parse(first.text, &parsed));
    assert_string_equal(parsed.text, first.text);
    assert_int_equal(first.text[14], '4');
    assert_non_null(strchr("89ab", first.text[19]));
    assert_string_not_equal(first.text, second.text);
}

static void test_ids__long_names_count_to_their_end(void **state UNUSED)
{
    char name[2001];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct id first = id_from_name("%s1", name);
    struct id second = id_from_name("%s2", name);
    assert_string_not_equal(first.text, second.text);
}

static void test_ids__parse(void **state UNUSED)
{
    static const char *const BAD[] = {
        "",
        "11111111-2222-4333-8444-55555555555",
        "11111111-2222-4333-8444-5555555555555",
        "11111111-2222-4333-8444-55555555555g",
        "111111112-222-4333-8444-555555555555",
        "11111111222243338444555555555555",
        "{11111111-2222-4333-8444-555555555555}",
        "11111111-2222-4333-8444-555555555555\n",
        "11111111-2222-4333-8444_555555555555",
        "../../../../../../../../../etc/passwd",
    };
    struct id id;

    assert_true(id_parse("ABCDEF01-2345-4789-ABCD-EF0123456789", &id));
    assert_string_equal(id.text, "abcdef01-2345-4789-abcd-ef0123456789");
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++)
        assert_false(id_parse(BAD[i], &id));
    assert_string_equal(id.text, "abcdef01-2345-4789-abcd-ef0123456789");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids__known_names),
        cmocka_unit_test(test_ids__random_is_version_4_and_differs),
        cmocka_unit_test(test_ids__long_names_count_to_their_end),
        cmocka_unit_test(test_ids__parse),
    };
    return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
