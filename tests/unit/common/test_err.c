/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"

static void test_err__set_fills_everything_and_is_false(void **state UNUSED)
{
    struct err err;

    assert_false(err_set(&err, ERR_REJECT, "http", 413, "%d bytes are too many", 9));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_string_equal(err.domain, "http");
    assert_int_equal(err.code, 413);
    assert_string_equal(err.message, "9 bytes are too many");
}

static void test_err__wrap_puts_identity_first(void **state UNUSED)
{
    struct err err;

    err_set(&err, ERR_RETRY, "os", 5, "read failed");
    assert_false(err_wrap(&err, "chunk %d", 3));
    assert_string_equal(err.message, "chunk 3: read failed");
    assert_int_equal(err.kind, ERR_RETRY);
    assert_int_equal(err.code, 5);
}

static void test_err__long_messages_are_cut(void **state UNUSED)
{
    struct err err;
    char text[400];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_FATAL, "os", 0, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    err_wrap(&err, "first");
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_memory_equal(err.message, "first: xxx", 10);
    err_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_memory_equal(err.message, "xxx", 3);
}

static void test_err__errno_decides_the_kind(void **state UNUSED)
{
    static const struct {
        int errno_value;
        enum err_kind kind;
    } ROWS[] = {
        {ENOSPC, ERR_RETRY},  {EDQUOT, ERR_RETRY}, {EAGAIN, ERR_RETRY},  {ENOMEM, ERR_RETRY},
        {EMFILE, ERR_RETRY},  {ENFILE, ERR_RETRY}, {EIO, ERR_RETRY},     {ENOENT, ERR_REJECT},
        {EACCES, ERR_REJECT}, {ELOOP, ERR_REJECT}, {EINVAL, ERR_REJECT},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct err err;
        assert_false(err_set_errno(&err, ROWS[i].errno_value, "open"));
        assert_int_equal(err.kind, ROWS[i].kind);
        assert_int_equal(err.code, ROWS[i].errno_value);
        assert_string_equal(err.domain, "os");
        assert_memory_equal(err.message, "open: ", 6);
    }
}

static void test_err__every_kind_has_a_name(void **state UNUSED)
{
    assert_string_equal(err_kind_name(ERR_RETRY), "retry");
    assert_string_equal(err_kind_name(ERR_REJECT), "reject");
    assert_string_equal(err_kind_name(ERR_FATAL), "fatal");
    assert_string_equal(err_kind_name(ERR_CANCELLED), "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_err__set_fills_everything_and_is_false),
        cmocka_unit_test(test_err__wrap_puts_identity_first),
        cmocka_unit_test(test_err__long_messages_are_cut),
        cmocka_unit_test(test_err__errno_decides_the_kind),
        cmocka_unit_test(test_err__every_kind_has_a_name),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
