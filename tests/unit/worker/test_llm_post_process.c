/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "tests/unit/worker/llm_fixture.h"
#include "worker/correction.h"
#include "worker/llm_post_process.h"
#include "worker/worker_metrics.h"

/* A language model on the test's own loop, which answers with the text in the same words, but each
 * full stop an exclamation mark. */
struct fixture {
    struct loop *loop;
    struct metrics *metrics;
    struct loopback_http http;
    struct llm_client *client;
    struct correction_service correction;
    struct job_task_services services;
    int status;
    char asked[4096]; /* the texts, with a bar before each */
    struct job_task_end end;
};

static void on_request(struct evhttp_request *request, void *context)
{
    struct fixture *fixture = context;
    CLEANUP(mem_free_at) char *text = llm_asked_text(request);
    size_t length = strlen(fixture->asked);

    (void)snprintf(fixture->asked + length, sizeof fixture->asked - length, "|%s", text);
    for (char *stop = strchr(text, '.'); stop != NULL; stop = strchr(stop, '.'))
        *stop = '!';
    llm_answer_text(request, fixture->status, text);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_new(sizeof *fixture);

    fixture->loop = loop_new();
    fixture->metrics = metrics_new(WORKER_METRICS, WORKER_METRIC_COUNT);
    fixture->http = loopback_http_start(fixture->loop, on_request, fixture);
    fixture->status = 200;
    fixture->client = llm_client_new(
        fixture->loop, fixture->metrics,
        &(struct llm_client_options){.service = {.url = fixture->http.url, .model = "m"},
                                     .max_requests = 2,
                                     .connect_timeout_us = 5000000,
                                     .total_timeout_us = 20000000,
                                     .answer_limit_bytes = 65536});
    fixture->correction = (struct correction_service){.loop = fixture->loop,
                                                      .metrics = fixture->metrics,
                                                      .client = fixture->client,
                                                      .piece_words = 100,
                                                      .deadline_us = 30000000};
    fixture->services =
        (struct job_task_services){.loop = fixture->loop, .correction = &fixture->correction};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    free(fixture->end.result);
    free(fixture->end.failed.message);
    llm_client_free(fixture->client);
    evhttp_free(fixture->http.server);
    metrics_free(fixture->metrics);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void on_end(void *context, struct job_task_end take_end)
{
    struct fixture *fixture = context;

    fixture->end = take_end;
    loop_stop(fixture->loop);
}

static void run(struct fixture *fixture, const char *payload)
{
    struct event task = {.type = EVENT_TASK_WORK, .chunk_index = -1, .attempt = 1};

    task.task.payload = mem_copy_string(payload);
    void *work = LLM_POST_PROCESS_HANDLER.start(
        &fixture->services, &task, (struct job_task_ending){.on_end = on_end, .context = fixture});
    free(task.task.payload);
    loop_run(fixture->loop);
    LLM_POST_PROCESS_HANDLER.stop(work);
}

/* `expected` is the result without its correction. */
static void assert_result(const struct fixture *fixture, const char *expected)
{
    CLEANUP(jsonread_put_at) struct json_object *result = NULL;
    struct err err;

    if (!fixture->end.is_done)
        fail_msg("%s", fixture->end.failed.message);
    assert_true(jsonread_parse(fixture->end.result, strlen(fixture->end.result), &result, &err));
    assert_non_null(jsonread_member(result, "correction"));
    json_object_object_del(result, "correction");
    assert_string_equal(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN), expected);
}

#define PART(index_, text_) "{\"chunk_index\":" #index_ ",\"is_gap\":false,\"text\":\"" text_ "\"}"
#define GAP(index_) "{\"chunk_index\":" #index_ ",\"is_gap\":true,\"text\":\" [gap]\"}"
#define PAYLOAD(from_word_, head_, is_last_, parts_)                                               \
    "{\"from_word\":" #from_word_ ",\"head\":\"" head_ "\",\"is_last\":" #is_last_                 \
    ",\"parts\":[" parts_ "]}"
#define DONE(index_, text_) "{\"chunk_index\":" #index_ ",\"corrected\":\"" text_ "\"}"

static void test_llm_post_process__parts_keep_their_words(void **state)
{
    struct fixture *fixture = *state;

    run(fixture,
        PAYLOAD(0, "", true,
                PART(0, "we went") "," PART(1, " home. And") "," GAP(2) "," PART(3, " slept.")));
    assert_string_equal(fixture->asked, "|we went home. And slept.");
    assert_result(fixture, "{\"parts\":[" DONE(0, "we went") "," DONE(1, " home! And") "," DONE(
                               3, " slept!") "],\"next\":null}");
}

static void test_llm_post_process__what_follows_the_last_sentence_is_the_next_tasks(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, PAYLOAD(0, "", false, PART(4, "we went") "," PART(5, " home. And then")));
    assert_string_equal(fixture->asked, "|we went home.");
    assert_result(
        fixture,
        "{\"parts\":[" DONE(4, "we went") "," DONE(
            5, " home! And then") "],\"next\":{"
                                  "\"from_chunk\":5,\"from_word\":1,\"head\":\" home!\"}}");
    free(fixture->end.result);
    fixture->end.result = NULL;
    fixture->asked[0] = '\0';

    run(fixture, PAYLOAD(1, " home!", true, PART(5, " home. And then") "," PART(6, " slept.")));
    assert_string_equal(fixture->asked, "|And then slept.");
    assert_result(
        fixture, "{\"parts\":[" DONE(5, " home! And then") "," DONE(6, " slept!") "],"
                                                                                  "\"next\":null}");
}

static void test_llm_post_process__a_long_part_is_done_in_several_tasks(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, PAYLOAD(2, "We went.", false, PART(0, "we went. Then home. And so")));
    assert_string_equal(fixture->asked, "|Then home.");
    assert_result(
        fixture,
        "{\"parts\":[" DONE(0, "We went. Then home! And so") "],\"next\":{"
                                                             "\"from_chunk\":0,\"from_word\":4,"
                                                             "\"head\":\"We went. Then home!\"}}");
}

static void test_llm_post_process__a_text_without_sentences_is_taken_as_it_comes(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, PAYLOAD(0, "", false, PART(7, "on and on")));
    assert_result(fixture, "{\"parts\":[" DONE(7, "on and on") "],\"next\":{\"from_chunk\":8,"
                                                               "\"from_word\":0,\"head\":\"\"}}");
}

static void test_llm_post_process__silence_asks_nobody(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, PAYLOAD(0, "", true, PART(0, "") "," GAP(1)));
    assert_string_equal(fixture->asked, "");
    assert_result(fixture, "{\"parts\":[" DONE(0, "") "],\"next\":null}");
}

static void test_llm_post_process__an_outage_is_for_another_attempt(void **state)
{
    struct fixture *fixture = *state;

    fixture->status = 503;
    run(fixture, PAYLOAD(0, "", true, PART(0, "we went home.")));
    assert_false(fixture->end.is_done);
    assert_false(fixture->end.failed.permanent);
    assert_string_equal(fixture->end.failed.type, "unavailable");
}

static void test_llm_post_process__bad_payloads_are_refused_for_good(void **state)
{
    static const char *const PAYLOADS[] = {
        "[]",
        "{}",
        PAYLOAD(0, "", true, ""),
        PAYLOAD(0, "", true, "5"),
        PAYLOAD(1, "x", true, GAP(0)),
        PAYLOAD(-1, "", true, PART(0, "a")),
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(PAYLOADS); i++) {
        run(fixture, PAYLOADS[i]);
        assert_false(fixture->end.is_done);
        assert_true(fixture->end.failed.permanent);
        free(fixture->end.failed.message);
        fixture->end.failed.message = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_llm_post_process__parts_keep_their_words, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_llm_post_process__what_follows_the_last_sentence_is_the_next_tasks, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_llm_post_process__a_long_part_is_done_in_several_tasks,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_llm_post_process__a_text_without_sentences_is_taken_as_it_comes, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_llm_post_process__silence_asks_nobody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_llm_post_process__an_outage_is_for_another_attempt,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_llm_post_process__bad_payloads_are_refused_for_good,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
