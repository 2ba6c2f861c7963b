/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "assembler/task_answer.h"
#include "assembler/task_kind.h"
#include "assembler/webhook_delivery.h"
#include "common/jsonread.h"
#include "tests/unit/assembler/recording_fixture.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_S 3600

/* The table of Standard Webhooks, in seconds after the first attempt; each wait within 10 %. */
static void test_webhook_delivery__is_tried_over_a_day(void **state)
{
    static const int64_t DUE_S[] = {0,          5,           300,         1800,        2 * HOUR_S,
                                    5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S};
    static const uint64_t RANDOM[] = {0, 12345678901, UINT64_MAX / 3, UINT64_MAX};

    (void)state;
    assert_int_equal(ARRAY_LEN(DUE_S), WEBHOOK_DELIVERY_ATTEMPTS);
    for (size_t k = 0; k < ARRAY_LEN(RANDOM); k++) {
        for (int32_t attempt = 1; attempt < WEBHOOK_DELIVERY_ATTEMPTS; attempt++) {
            int64_t wanted = (DUE_S[attempt] - DUE_S[attempt - 1]) * SECOND_US;
            int64_t delay = webhook_delivery_delay_us(attempt, RANDOM[k]);
            assert_in_range(delay, wanted - wanted / 10, wanted + wanted / 10);
        }
    }
    assert_int_not_equal(webhook_delivery_delay_us(3, 0), webhook_delivery_delay_us(3, 99999999));
}

static struct job *job_with(const char *url)
{
    struct job *job = job_new(RECORDING_JOB_ID);

    job->layout = chunk_layout_of(100, 50, 50);
    job->status = JOB_DONE;
    job->last_seq = 7;
    job->webhook_url = mem_copy_string(url);
    return job;
}

static void test_webhook_delivery__begins_with_a_small_body_and_a_task(void **state)
{
    struct job *job = job_with("https://example.com");
    CLEANUP(jsonread_put_at) struct json_object *body = NULL;
    struct json_object *data;
    struct err err;

    (void)state;
    job->public_url = mem_copy_string("https://speech.example");
    webhook_delivery_begin(job, 1700000000 * SECOND_US);
    assert_int_equal(job->deliveries.count, 1);
    assert_int_equal(job->tasks.count, 1);
    const struct job_delivery *delivery = &job->deliveries.items[0];
    assert_string_equal(delivery->type, "job.done");
    assert_non_null(strstr(job->tasks.items[0].payload, delivery->id.text));
    assert_true(jsonread_parse(delivery->body, strlen(delivery->body), &body, &err));
    assert_true(jsonread_object(body, "data", &data, &err));
    assert_string_equal(json_object_get_string(jsonread_member(data, "parent_job_id")),
                        RECORDING_JOB_ID);
    assert_non_null(strstr(delivery->body, "https://speech.example/chunked-upload-status"));
    job_free(job);
}

static void test_webhook_delivery__the_same_end_has_the_same_id(void **state)
{
    struct job *one = job_with("https://example.com");
    struct job *again = job_with("https://example.com");

    (void)state;
    webhook_delivery_begin(one, 1);
    webhook_delivery_begin(again, 2);
    again->last_seq++;
    webhook_delivery_begin(again, 3);
    assert_string_equal(one->deliveries.items[0].id.text, again->deliveries.items[0].id.text);
    assert_string_not_equal(one->deliveries.items[0].id.text, again->deliveries.items[1].id.text);
    job_free(one);
    job_free(again);
}

static void test_webhook_delivery__nobody_is_told_who_did_not_ask(void **state)
{
    struct job *silent = job_with(NULL);
    struct job *gone = job_with("https://example.com");
    struct id delivery = id_random();

    (void)state;
    gone->is_webhook_gone = true;
    webhook_delivery_begin(silent, 1);
    webhook_delivery_begin(gone, 1);
    assert_int_equal(silent->tasks.count + gone->tasks.count, 0);
    assert_false(webhook_delivery_replay(silent, &delivery));
    /* A person may think otherwise. */
    assert_true(webhook_delivery_replay(gone, &delivery));
    assert_int_equal(gone->tasks.count, 1);
    job_free(silent);
    job_free(gone);
}

/* Answers `attempt` at the only task; gives what became of the delivery. */
static const struct job_delivery *answer(struct job *job, enum event_type type, int32_t attempt,
                                         const char *error_type, bool is_permanent)
{
    static char message[] = "why";
    struct event event = {.type = type, .job = job->id, .chunk_index = -1, .attempt = attempt};
    CLEANUP(mem_free_at)
    char *payload = mem_format("{\"delivery_id\":\"%s\"}", RECORDING_JOB_ID);
    const struct job_open_task task = {.id = 1,
                                       .kind = JOB_TASK_WEBHOOK_DELIVER,
                                       .attempt = attempt,
                                       .payload = mem_copy_string(payload)};

    event.task.id = 1;
    event.task.failed =
        (struct event_failed){.message = message, .permanent = is_permanent, .retry_after_ms = -1};
    (void)snprintf(event.task.failed.type, sizeof event.task.failed.type, "%s", error_type);
    job_add_open_task(job, &task);
    assert_int_not_equal(task_answer_apply(job, &event, 0), TASK_ANSWER_SUPERSEDED);
    assert_int_equal(job->deliveries.count, 1);
    return &job->deliveries.items[0];
}

static void test_webhook_delivery__answers_become_its_state(void **state)
{
    static const struct {
        enum event_type type;
        int32_t attempt;
        const char *error;
        bool is_permanent;
        enum delivery_change change;
        bool is_gone;
    } ROWS[] = {
        {EVENT_TASK_DONE, 1, "", false, DELIVERY_DELIVERED, false},
        {EVENT_TASK_FAILED, 1, "webhook_refused", false, DELIVERY_RETRIED, false},
        {EVENT_TASK_FAILED, WEBHOOK_DELIVERY_ATTEMPTS, "webhook_refused", false, DELIVERY_FAILED,
         false},
        {EVENT_TASK_FAILED, 1, "webhook_invalid", true, DELIVERY_FAILED, false},
        {EVENT_TASK_FAILED, 1, "webhook_gone", true, DELIVERY_FAILED, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct job *job = job_with("https://example.com");
        const struct job_delivery *delivery =
            answer(job, ROWS[i].type, ROWS[i].attempt, ROWS[i].error, ROWS[i].is_permanent);

        assert_int_equal(delivery->change, ROWS[i].change);
        assert_int_equal(job->is_webhook_gone, ROWS[i].is_gone);
        assert_int_equal(delivery->error == NULL, ROWS[i].type == EVENT_TASK_DONE);
        assert_int_equal(delivery->due_in_us > 0, ROWS[i].change == DELIVERY_RETRIED);
        job_free(job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webhook_delivery__is_tried_over_a_day),
        cmocka_unit_test(test_webhook_delivery__begins_with_a_small_body_and_a_task),
        cmocka_unit_test(test_webhook_delivery__the_same_end_has_the_same_id),
        cmocka_unit_test(test_webhook_delivery__nobody_is_told_who_did_not_ask),
        cmocka_unit_test(test_webhook_delivery__answers_become_its_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
