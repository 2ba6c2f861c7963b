/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "worker/task_events.h"

#define RATE 8000

static const struct event WORK = {.type = EVENT_CHUNK_WORK,
                                  .job = {"6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40"},
                                  .chunk_index = 3,
                                  .attempt = 2};

static void test_task_events__a_failure_has_the_type_of_its_error(void **state)
{
    (void)state;
    static const struct {
        enum err_kind kind;
        const char *domain;
        const char *type;
    } ROWS[] = {
        {ERR_REJECT, "media", "not_audio"},         {ERR_RETRY, "media", "storage_failed"},
        {ERR_REJECT, "decoder", "decoder_crashed"}, {ERR_RETRY, "decoder", "decoder_failed"},
        {ERR_REJECT, "kafka", "result_too_large"},  {ERR_RETRY, "blob", "storage_failed"},
        {ERR_REJECT, "blob", "storage_failed"},     {ERR_RETRY, "os", "storage_failed"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct err err;
        (void)err_set(&err, ROWS[i].kind, ROWS[i].domain, 0, "why");
        struct event event = task_event_failed(&WORK, &err);
        assert_int_equal(event.type, EVENT_CHUNK_FAILED);
        assert_int_equal(event.chunk_index, 3);
        assert_int_equal(event.attempt, 2);
        assert_string_equal(event.failed.type, ROWS[i].type);
        assert_string_equal(event.failed.message, "why");
        assert_int_equal(event.failed.permanent, ROWS[i].kind == ERR_REJECT);
        assert_int_equal(event.failed.retry_after_ms, -1);
        event_done(&event);
    }
}

static void test_task_events__speech_fails_or_defers(void **state)
{
    (void)state;
    struct speech_result result = {
        .outcome = SPEECH_FAILED, .type = "speech_unavailable", .retry_after_us = 2500000};

    (void)err_set(&result.err, ERR_RETRY, "speech", 503, "busy");
    struct event event = task_event_of_speech(&WORK, &result, 1000);
    assert_string_equal(event.failed.type, "speech_unavailable");
    assert_int_equal(event.failed.retry_after_ms, 2500);
    event_done(&event);

    result = (struct speech_result){
        .outcome = SPEECH_DEFERRED, .type = "speech_limited", .until_us = 60000000};
    event = task_event_of_speech(&WORK, &result, 1000);
    assert_int_equal(event.type, EVENT_CHUNK_DEFERRED);
    assert_int_equal(event.deferred.until_wall_us, 60001000);
    assert_string_equal(event.deferred.reason, "speech_limited");
    event_done(&event);
}

/* A word each second, said in its first half. */
static struct reading hear(int64_t from_s, int64_t to_s)
{
    struct reading reading = {.start = from_s * RATE, .end = to_s * RATE};

    for (int64_t second = from_s; second < to_s; second++) {
        CLEANUP(mem_free_at) char *text = mem_format(" %d", (int)second);
        const struct reading_word word = {
            .text = text, .start = second * RATE, .end = second * RATE + RATE / 2, .segment = -1};
        reading_add_word(&reading, &word);
    }
    return reading;
}

static void test_task_events__a_partial_has_its_window_s_own_words(void **state)
{
    (void)state;
    static const struct {
        int32_t index;
        int32_t count;
        int64_t from_s;
        int64_t to_s;
        const char *text;
        int64_t start_ms;
        int64_t end_ms;
    } ROWS[] = {
        /* The neighbours' words are theirs, and so are those that the next window hears better. */
        {0, 0, -2, 6, "0 1 2 3 4", 0, 5000},   {1, 0, 4, 10, "5 6 7 8", 5000, 9000},
        {2, 3, 8, 14, "9 10 11", 9000, 12000}, {2, 3, 8, 11, "9 10", 9000, 11000},
        {3, 4, 13, 15, "", 12000, 12000},      {0, 2, -5, -1, "", 0, 0},
    };
    const struct media_report report = {.sample_rate = RATE, .samples = INT64_C(12) * RATE};

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct reading reading = hear(ROWS[i].from_s, ROWS[i].to_s);
        const struct event_window window = {.index = ROWS[i].index,
                                            .count = ROWS[i].count,
                                            .overlap = INT64_C(2) * RATE,
                                            .reading = &reading};
        struct event event = task_event_partial(&WORK, &report, &window);
        assert_string_equal(event.partial.text, ROWS[i].text);
        assert_int_equal(event.partial.start_ms, ROWS[i].start_ms);
        assert_int_equal(event.partial.end_ms, ROWS[i].end_ms);
        assert_int_equal(event.partial.window_index, ROWS[i].index);
        event_done(&event);
        reading_done(&reading);
    }
}

static void test_task_events__waiting_names_the_bytes(void **state)
{
    (void)state;
    struct event event = task_event_waiting(&WORK, (struct media_need){.start = 5, .end = 9});

    assert_int_equal(event.type, EVENT_CHUNK_WAITING);
    assert_int_equal(event.waiting.from, 5);
    assert_int_equal(event.waiting.to, 9);
    event_done(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_events__a_failure_has_the_type_of_its_error),
        cmocka_unit_test(test_task_events__speech_fails_or_defers),
        cmocka_unit_test(test_task_events__a_partial_has_its_window_s_own_words),
        cmocka_unit_test(test_task_events__waiting_names_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
