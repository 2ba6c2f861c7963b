/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"

static void test_mem__new_is_zeroed(void **state UNUSED)
{
    CLEANUP(mem_free_at) char *bytes = mem_new(100);
    CLEANUP(mem_free_at) int *numbers = mem_array(25, sizeof *numbers);

    for (size_t i = 0; i < 25; i++) {
        assert_int_equal(bytes[i * 4], 0);
        assert_int_equal(numbers[i], 0);
    }
}

static void test_mem__nothing_is_still_a_pointer(void **state UNUSED)
{
    CLEANUP(mem_free_at) char *array = mem_array(0, 8);
    CLEANUP(mem_free_at) char *copy = mem_copy(NULL, 0);

    assert_non_null(array);
    array = mem_resize(array, 0, 8);
    assert_non_null(array);
    assert_string_equal(copy, "");
    assert_null(mem_copy_string(NULL));
}

static void test_mem__copies_are_independent_and_terminated(void **state UNUSED)
{
    char original[] = "abcdef";
    CLEANUP(mem_free_at) char *string = mem_copy_string(original);
    CLEANUP(mem_free_at) char *part = mem_copy(original, 3);

    original[0] = 'X';
    assert_string_equal(string, "abcdef");
    assert_string_equal(part, "abc");
}

static void test_mem__resize_keeps_what_was_there(void **state UNUSED)
{
    CLEANUP(mem_free_at) char *text = mem_copy_string("kept");

    text = mem_resize(text, 1000, 1);
    assert_string_equal(text, "kept");
}

static void test_mem__format(void **state UNUSED)
{
    CLEANUP(mem_free_at) char *text = mem_format("%s-%d", "chunk", 7);

    assert_string_equal(text, "chunk-7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mem__new_is_zeroed),
        cmocka_unit_test(test_mem__nothing_is_still_a_pointer),
        cmocka_unit_test(test_mem__copies_are_independent_and_terminated),
        cmocka_unit_test(test_mem__resize_keeps_what_was_there),
        cmocka_unit_test(test_mem__format),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
