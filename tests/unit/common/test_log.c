/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/utf8.h"
#include "tests/support/capture.h"

#define THREADS 4
#define LINES_PER_THREAD 200

/* The line that one call writes, owned by the caller. */
static char *line_of(bool json, const char *message, struct log_field field)
{
    log_init("worker", LOG_LEVEL_DEBUG, json);
    struct capture capture = capture_start(STDERR_FILENO);
    log_warn("some_event", message, field);
    return capture_end(capture);
}

static const char *member(struct json_object *object, const char *key)
{
    struct json_object *value;

    assert_true(json_object_object_get_ex(object, key, &value));
    return json_object_get_string(value);
}

static void test_log__text(void **state UNUSED)
{
    static const struct {
        const char *value, *shown;
    } ROWS[] = {
        {"plain", " key=plain\n"},
        {"two words", " key=\"two words\"\n"},
        {"", " key=\"\"\n"},
        {NULL, " key=null\n"},
        {"a=b", " key=\"a=b\"\n"},
        {"say \"x\"", " key=\"say \\\"x\\\"\"\n"},
        {"a\nb", " key=\"a\\u000ab\"\n"},
        {"\x1b[31m", " key=\"\\u001b[31m\"\n"},
        {"\xc2\x9b", " key=\"\\u009b\"\n"},
        {"\xe2\x80\xa8", " key=\"\\u2028\"\n"},
        {"\xc3\xa9", " key=\"\xc3\xa9\"\n"},
        {"\xff", " key=\"\xef\xbf\xbd\"\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        CLEANUP(mem_free_at) char *line = line_of(false, "it broke", LOG_STR("key", ROWS[i].value));
        assert_string_equal(
            line + strlen("2026-01-31T12:34:56.789Z warn  worker some_event: it broke"),
            ROWS[i].shown);
        assert_non_null(strstr(line, "Z warn  worker some_event: it broke "));
    }
}

static void test_log__foreign_message_cannot_forge_a_line(void **state UNUSED)
{
    CLEANUP(mem_free_at) char *line = line_of(false, "x\n2026 error", LOG_INT("n", -5));

    assert_non_null(strstr(line, "some_event: \"x\\u000a2026 error\" n=-5\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_log__json_survives_any_bytes(void **state UNUSED)
{
    char bytes[256];

    for (size_t i = 0; i < 255; i++)
        bytes[i] = (char)(i + 1);
    bytes[255] = '\0';
    CLEANUP(mem_free_at) char *line = line_of(true, bytes, LOG_STR("key", bytes));
    struct json_object *object = json_tokener_parse(line);
    CLEANUP(mem_free_at) char *clean = utf8_clean(bytes, 255);
    assert_non_null(object);
    assert_string_equal(member(object, "key"), clean);
    assert_string_equal(member(object, "message"), clean);
    assert_string_equal(member(object, "level"), "warn");
    assert_string_equal(member(object, "service"), "worker");
    assert_string_equal(member(object, "event"), "some_event");
    assert_int_equal(strlen(member(object, "time")), 24);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    json_object_put(object);
}

static void test_log__err_becomes_four_fields(void **state UNUSED)
{
    struct err err;

    err_set(&err, ERR_RETRY, "kafka", -195, "broker down");
    CLEANUP(mem_free_at) char *line = line_of(true, "m", LOG_ERR(&err));
    assert_non_null(strstr(line,
                           ",\"err_kind\":\"retry\",\"err_domain\":\"kafka\",\"err_code\":-195,"
                           "\"err\":\"broker down\"}\n"));
}

/* Long strings are cut one by one; what no longer fits is left out as a whole. */
static void test_log__too_long_stays_one_parsable_line(void **state UNUSED)
{
    char text[20000];

    memset(text, '\x01', sizeof text - 1); /* the longest escapes */
    text[sizeof text - 1] = '\0';
    CLEANUP(mem_free_at) char *over = line_of(true, "m", LOG_STR("key", text));
    struct json_object *object = json_tokener_parse(over);
    assert_non_null(object);
    assert_string_equal(member(object, "cut"), "true");
    assert_false(json_object_object_get_ex(object, "key", NULL));
    json_object_put(object);

    memset(text, 'x', sizeof text - 1);
    CLEANUP(mem_free_at) char *cut = line_of(true, "m", LOG_STR("key", text));
    object = json_tokener_parse(cut);
    assert_non_null(object);
    assert_int_equal(strlen(member(object, "key")), 2048 + 3);
    json_object_put(object);

    CLEANUP(mem_free_at) char *plain = line_of(false, text, LOG_STR("key", text));
    assert_true(strlen(plain) < 8192);
    assert_ptr_equal(strchr(plain, '\n'), plain + strlen(plain) - 1);
}

static void test_log__level_threshold(void **state UNUSED)
{
    for (int level = LOG_LEVEL_DEBUG; level < LOG_LEVEL_COUNT; level++) {
        assert_int_equal(log_level_from_name(LOG_LEVEL_NAMES[level]), level);
        log_init("worker", (enum log_level)level, false);
        struct capture capture = capture_start(STDERR_FILENO);
        log_debug("e", "debug record");
        log_info("e", "info record");
        log_warn("e", "warn record");
        log_error("e", "error record");
        CLEANUP(mem_free_at) char *text = capture_end(capture);
        for (int other = LOG_LEVEL_DEBUG; other < LOG_LEVEL_COUNT; other++) {
            CLEANUP(mem_free_at) char *record = mem_format("%s record", LOG_LEVEL_NAMES[other]);
            assert_int_equal(strstr(text, record) != NULL, other >= level);
        }
    }
}

static void *log_much(void *context)
{
    for (int i = 0; i < LINES_PER_THREAD; i++)
        log_info("e", "from a thread", LOG_STR("thread", context), LOG_INT("i", i));
    return NULL;
}

static void test_log__threads_never_mix_lines(void **state UNUSED)
{
    static char names[THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];
    int count = 0;
    char *rest = NULL;

    log_init("worker", LOG_LEVEL_INFO, true);
    struct capture capture = capture_start(STDERR_FILENO);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, names[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    CLEANUP(mem_free_at) char *text = capture_end(capture);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct json_object *object = json_tokener_parse(line);
        assert_non_null(object);
        assert_string_equal(member(object, "message"), "from a thread");
        json_object_put(object);
        count++;
    }
    assert_int_equal(count, THREADS * LINES_PER_THREAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__text),
        cmocka_unit_test(test_log__foreign_message_cannot_forge_a_line),
        cmocka_unit_test(test_log__json_survives_any_bytes),
        cmocka_unit_test(test_log__err_becomes_four_fields),
        cmocka_unit_test(test_log__too_long_stays_one_parsable_line),
        cmocka_unit_test(test_log__level_threshold),
        cmocka_unit_test(test_log__threads_never_mix_lines),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
