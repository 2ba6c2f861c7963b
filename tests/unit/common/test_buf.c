/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/mem.h"

static void test_buf__empty_is_a_string(void **state UNUSED)
{
    struct buf buf;

    buf_init(&buf, 10);
    assert_string_equal(buf_string(&buf), "");
    CLEANUP(mem_free_at) char *taken = buf_take(&buf);
    assert_string_equal(taken, "");
    buf_done(&buf);
}

static void test_buf__grows_and_stays_terminated(void **state UNUSED)
{
    struct buf buf;

    buf_init(&buf, 100000);
    for (int i = 0; i < 10000; i++) {
        buf_append(&buf, "abc", 3);
        assert_int_equal(buf.data[buf.length], '\0');
    }
    buf_append_format(&buf, "%d", 42);
    assert_int_equal(buf.length, 30002);
    assert_string_equal(buf_string(&buf) + 29997, "abc42");
    assert_false(buf_is_over(&buf));
    buf_done(&buf);
}

static void test_buf__limit_is_exact_and_remembered(void **state UNUSED)
{
    struct buf buf;

    buf_init(&buf, 5);
    buf_append_string(&buf, "12345");
    assert_false(buf_is_over(&buf));
    buf_append_string(&buf, "6");
    assert_true(buf_is_over(&buf));
    assert_string_equal(buf_string(&buf), "12345");
    buf_clear(&buf);
    assert_false(buf_is_over(&buf));
    buf_append_format(&buf, "%s", "123456");
    assert_true(buf_is_over(&buf));
    assert_string_equal(buf_string(&buf), "");
    buf_append_string(&buf, "1"); /* would fit, but something before it is missing */
    assert_string_equal(buf_string(&buf), "");
    buf_done(&buf);
}

static void test_buf__length_beyond_all_memory(void **state UNUSED)
{
    struct buf buf;

    buf_init(&buf, 5);
    buf_append_string(&buf, "12");
    buf_append(&buf, "", SIZE_MAX);
    assert_true(buf_is_over(&buf));
    assert_string_equal(buf_string(&buf), "12");
    buf_done(&buf);
}

static void test_buf__take_leaves_it_usable(void **state UNUSED)
{
    struct buf buf;

    buf_init(&buf, 5);
    buf_append_string(&buf, "first");
    CLEANUP(mem_free_at) char *taken = buf_take(&buf);
    buf_append_string(&buf, "again");
    assert_string_equal(taken, "first");
    assert_string_equal(buf_string(&buf), "again");
    buf_done(&buf);
}

static void test_buf__bytes_may_hold_nul(void **state UNUSED)
{
    struct buf buf;

    buf_init(&buf, 10);
    buf_append(&buf, "a\0b", 3);
    assert_int_equal(buf.length, 3);
    assert_memory_equal(buf_string(&buf), "a\0b", 4);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__empty_is_a_string),
        cmocka_unit_test(test_buf__grows_and_stays_terminated),
        cmocka_unit_test(test_buf__limit_is_exact_and_remembered),
        cmocka_unit_test(test_buf__length_beyond_all_memory),
        cmocka_unit_test(test_buf__take_leaves_it_usable),
        cmocka_unit_test(test_buf__bytes_may_hold_nul),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
