/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/problem.h"

static struct json_object *encode(const struct problem *problem, const char *request_id)
{
    struct buf text;
    buf_init(&text, 65536);
    problem_encode(problem, request_id, &text);
    struct json_object *object = json_tokener_parse(buf_string(&text));
    assert_non_null(object);
    buf_done(&text);
    return object;
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, name, &value);
    return value;
}

static void
test_problem__each_type_has_a_reference_of_its_own_a_title_and_an_error_status(void **state)
{
    const char *references[PROBLEM_TYPE_COUNT];
    struct json_object *objects[PROBLEM_TYPE_COUNT];
    (void)state;
    for (int type = 0; type < PROBLEM_TYPE_COUNT; type++) {
        const struct problem problem = {.type = (enum problem_type)type};
        objects[type] = encode(&problem, NULL);
        references[type] = json_object_get_string(member(objects[type], "type"));
        int status = json_object_get_int(member(objects[type], "status"));
        assert_int_equal(status, problem_status((enum problem_type)type));
        assert_true(status >= 400 && status < 600);
        assert_true(json_object_get_string_len(member(objects[type], "title")) > 5);
        assert_memory_equal(references[type], "/problems/", 10);
        for (int other = 0; other < type; other++)
            assert_string_not_equal(references[type], references[other]);
    }
    for (int type = 0; type < PROBLEM_TYPE_COUNT; type++)
        json_object_put(objects[type]);
}

static void test_problem__carries_field_bounds_and_choices(void **state)
{
    static const char *const ALLOWED[] = {"per_chunk", "post_process", NULL};
    const struct problem problem = {.type = PROBLEM_CHUNK_SIZE_OUT_OF_RANGE,
                                    .detail = "it says \"no\"\n",
                                    .field = "chunk_size_mb",
                                    .has_range = true,
                                    .minimum = 1,
                                    .maximum = INT64_C(9007199254740993),
                                    .allowed = ALLOWED};
    (void)state;
    struct json_object *object = encode(&problem, "req-1");
    assert_string_equal(json_object_get_string(member(object, "detail")), "it says \"no\"\n");
    assert_string_equal(json_object_get_string(member(object, "field")), "chunk_size_mb");
    assert_string_equal(json_object_get_string(member(object, "request_id")), "req-1");
    assert_true(json_object_get_int64(member(object, "minimum")) == 1);
    assert_true(json_object_get_int64(member(object, "maximum")) == INT64_C(9007199254740993));
    assert_int_equal(json_object_array_length(member(object, "allowed")), 2);
    json_object_put(object);
}

static void test_problem__leaves_out_what_is_not_said(void **state)
{
    const struct problem problem = {.type = PROBLEM_NOT_FOUND};
    (void)state;
    struct json_object *object = encode(&problem, NULL);
    assert_int_equal(json_object_object_length(object), 3); /* type, title, status */
    json_object_put(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_problem__each_type_has_a_reference_of_its_own_a_title_and_an_error_status),
        cmocka_unit_test(test_problem__carries_field_bounds_and_choices),
        cmocka_unit_test(test_problem__leaves_out_what_is_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
