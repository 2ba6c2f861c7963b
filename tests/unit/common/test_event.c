/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/event.h"
#include "common/jsonread.h"
#include "common/mem.h"

#define WALL_US INT64_C(1769862896789000)

static char *read_file(const char *folder, const char *name)
{
    CLEANUP(mem_free_at) char *path = mem_format("%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    char bytes[65536];

    assert_non_null(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    return mem_copy(bytes, length);
}

static int each_example(const char *folder, void (*check)(const char *name, const char *json))
{
    DIR *directory = opendir(folder);
    int count = 0;

    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] == '.')
            continue;
        CLEANUP(mem_free_at) char *json = read_file(folder, entry->d_name);
        check(entry->d_name, json);
        count++;
    }
    assert_int_equal(closedir(directory), 0);
    return count;
}

/* Decoded and encoded again, an example of the schemas says the same. */
static void check_round_trip(const char *name, const char *json)
{
    CLEANUP(jsonread_put_at) struct json_object *example = NULL;
    CLEANUP(jsonread_put_at) struct json_object *again = NULL;
    struct event event;
    struct buf encoded;
    struct err err;

    if (!event_decode(json, strlen(json), &event, &err))
        fail_msg("%s: %s", name, err.message);
    buf_init(&encoded, EVENT_BYTES_MAX);
    event_encode(&event, WALL_US, &encoded);
    assert_true(jsonread_parse(json, strlen(json), &example, &err));
    assert_true(jsonread_parse(buf_string(&encoded), encoded.length, &again, &err));
    /* The id is derived; every other member is compared. */
    json_object_object_del(example, "event_id");
    json_object_object_del(again, "event_id");
    if (!json_object_equal(example, again))
        fail_msg("%s: became %s", name, buf_string(&encoded));
    assert_memory_equal(name, event_type_name(event.type), strlen(event_type_name(event.type)));
    buf_done(&encoded);
    event_done(&event);
}

static void test_event__examples_round_trip(void **state)
{
    (void)state;
    assert_int_equal(each_example(CHUNKSCRIBE_EXAMPLES "/valid", check_round_trip),
                     EVENT_TYPE_COUNT);
}

static void check_refused(const char *name, const char *json)
{
    struct event event;
    struct err err;

    if (event_decode(json, strlen(json), &event, &err))
        fail_msg("%s was taken", name);
    assert_int_equal(err.kind, ERR_REJECT);
    assert_true(err.message[0] != '\0');
}

static void test_event__invalid_examples_are_refused(void **state)
{
    (void)state;
    assert_true(each_example(CHUNKSCRIBE_EXAMPLES "/invalid", check_refused) >= 10);
}

static struct event partial(int32_t window)
{
    static char text[] = "bad \xFF bytes";
    struct event event = {.type = EVENT_CHUNK_PARTIAL, .attempt = 1};

    assert_true(id_parse("11111111-2222-4333-8444-555555555555", &event.job));
    event.partial = (struct event_partial){.window_index = window, .text = text};
    return event;
}

static void test_event__resend_has_the_same_id(void **state)
{
    struct event one = partial(3);
    struct event other = partial(4);
    struct buf first;
    struct buf again;
    struct buf different;
    (void)state;

    buf_init(&first, EVENT_BYTES_MAX);
    buf_init(&again, EVENT_BYTES_MAX);
    buf_init(&different, EVENT_BYTES_MAX);
    event_encode(&one, WALL_US, &first);
    event_encode(&one, WALL_US, &again);
    event_encode(&other, WALL_US, &different);
    assert_string_equal(buf_string(&first), buf_string(&again));
    const char *id = strstr(buf_string(&first), "event_id");
    assert_non_null(id);
    CLEANUP(mem_free_at) char *id_member = mem_copy(id, 48);
    assert_null(strstr(buf_string(&different), id_member));
    assert_non_null(strstr(buf_string(&first), "bad \xEF\xBF\xBD bytes"));
    buf_done(&first);
    buf_done(&again);
    buf_done(&different);
}

/* Cut anywhere, no example decodes, crashes or leaks. */
static void check_truncated(const char *name, const char *json)
{
    struct event event;
    struct err err;
    (void)name;

    for (size_t length = 0; length + 2 < strlen(json); length++)
        assert_false(event_decode(json, length, &event, &err));
}

static void test_event__truncated(void **state)
{
    (void)state;
    (void)each_example(CHUNKSCRIBE_EXAMPLES "/valid", check_truncated);
}

static void test_event__keys_and_topics(void **state)
{
    struct event event = partial(0);
    (void)state;

    CLEANUP(mem_free_at) char *job_key = event_key(&event);
    assert_string_equal(job_key, event.job.text);
    assert_string_equal(event_topic(event.type), "chunks.results");
    event.type = EVENT_CHUNK_WORK;
    event.chunk_index = 7;
    CLEANUP(mem_free_at) char *work_key = event_key(&event);
    assert_string_equal(work_key, "11111111-2222-4333-8444-555555555555:7");
    assert_string_equal(event_topic(event.type), "chunks.uploaded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event__examples_round_trip),
        cmocka_unit_test(test_event__invalid_examples_are_refused),
        cmocka_unit_test(test_event__resend_has_the_same_id),
        cmocka_unit_test(test_event__truncated),
        cmocka_unit_test(test_event__keys_and_topics),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
