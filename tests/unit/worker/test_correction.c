/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/worker/llm_fixture.h"
#include "tests/unit/worker/reading_fixture.h"
#include "worker/correction.h"
#include "worker/worker_metrics.h"

#define WORDS_A_PIECE 20
#define SIXTY_WORDS                                                                                \
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november "      \
    "oscar papa quebec romeo sierra tango. uniform victor whiskey xray yankee zulu apple banana "  \
    "cherry dates elder fig grape hazel iris jasmine kale lemon mango nut. olive peach quince "    \
    "radish sage thyme urd violet wheat yam acorn beech cedar dill elm fir gorse holly ivy "       \
    "juniper."

/* A language model on the test's own loop, which puts a full stop behind the text it is sent. */
struct fixture {
    struct loop *loop;
    struct metrics *metrics;
    struct loopback_http http;
    struct llm_client *client;
    struct correction_service service;
    struct reading reading;
    /* The model's. */
    int status; /* of the first `bad` requests; 0: they are never answered */
    size_t bad;
    const char *retry_after;
    const char *body; /* of those; NULL: none */
    size_t served;
    char key[64]; /* of the last one */
};

static void answer_well(struct evhttp_request *request)
{
    CLEANUP(mem_free_at) char *text = llm_asked_text(request);
    CLEANUP(mem_free_at) char *marked = mem_format("%s!", text);

    llm_answer_text(request, 200, marked);
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct fixture *fixture = context;
    const char *key =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");

    assert_string_equal(evhttp_request_get_uri(request), "/v1/chat/completions");
    (void)snprintf(fixture->key, sizeof fixture->key, "%s", key);
    if (fixture->served++ >= fixture->bad) {
        answer_well(request);
        return;
    }
    if (fixture->status != 0)
        loopback_http_answer(request, fixture->status, fixture->retry_after,
                             fixture->body == NULL ? "" : fixture->body);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_new(sizeof *fixture);

    fixture->loop = loop_new();
    fixture->metrics = metrics_new(WORKER_METRICS, WORKER_METRIC_COUNT);
    fixture->http = loopback_http_start(fixture->loop, on_request, fixture);
    const struct llm_client_options options = {
        .service = {.url = fixture->http.url, .key = "k", .model = "m"},
        .max_requests = 2,
        .connect_timeout_us = 5000000,
        .total_timeout_us = 20000000,
        .answer_limit_bytes = 4096,
    };
    fixture->client = llm_client_new(fixture->loop, fixture->metrics, &options);
    fixture->service = (struct correction_service){.loop = fixture->loop,
                                                   .metrics = fixture->metrics,
                                                   .client = fixture->client,
                                                   .piece_words = WORDS_A_PIECE,
                                                   .deadline_us = 30000000};
    fixture->reading = fixture_spaced(SIXTY_WORDS);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    reading_done(&fixture->reading);
    llm_client_free(fixture->client);
    evhttp_free(fixture->http.server);
    metrics_free(fixture->metrics);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void on_done(void *context)
{
    struct fixture *fixture = context;

    loop_stop(fixture->loop);
}

static struct event_correction correct_within(struct fixture *fixture, struct llm_span span)
{
    struct correction *correction = correction_start(
        &fixture->service, &fixture->reading, fixture->reading.word_count, span, on_done, fixture);

    if (!correction_is_done(correction))
        loop_run(fixture->loop);
    assert_true(correction_is_done(correction));
    struct event_correction summary = correction_summary(correction);
    correction_free(correction);
    free(summary.model);
    summary.model = NULL;
    return summary;
}

static struct event_correction correct(struct fixture *fixture)
{
    return correct_within(fixture, (struct llm_span){INT64_MIN, INT64_MAX});
}

static size_t corrected_words(const struct fixture *fixture)
{
    size_t count = 0;

    for (size_t i = 0; i < fixture->reading.word_count; i++)
        count += fixture->reading.words[i].corrected != NULL;
    return count;
}

static void test_correction__each_piece_is_corrected(void **state)
{
    struct fixture *fixture = *state;
    struct event_correction summary = correct(fixture);

    assert_true(summary.is_there);
    assert_int_equal(summary.pieces, 3);
    assert_int_equal(summary.rejected, 0);
    assert_int_equal(summary.requests, 3);
    assert_string_equal(fixture->key, "Bearer k");
    assert_int_equal(corrected_words(fixture), 3);
    assert_string_equal(fixture->reading.words[19].corrected, " tango.!");
    assert_string_equal(fixture->reading.words[59].corrected, " juniper.!");
    assert_int_equal(metrics_get(fixture->metrics, WORKER_METRIC_LLM_PIECES, LLM_ACCEPTED), 3);
}

static void test_correction__only_inside_the_span(void **state)
{
    struct fixture *fixture = *state;

    (void)correct_within(fixture, (struct llm_span){20 * FIXTURE_SECOND, 59 * FIXTURE_SECOND});
    assert_int_equal(corrected_words(fixture), 1);
    assert_non_null(fixture->reading.words[39].corrected);
}

static void test_correction__nothing_was_said(void **state)
{
    struct fixture *fixture = *state;

    reading_done(&fixture->reading);
    assert_int_equal(correct(fixture).pieces, 0);
    assert_int_equal(fixture->served, 0);
}

static void test_correction__without_a_model_the_text_stands(void **state)
{
    struct fixture *fixture = *state;

    fixture->service.client = NULL;
    struct event_correction summary = correct(fixture);
    assert_int_equal(summary.rejected, 3);
    assert_string_equal(summary.reason, "not_configured");
    assert_int_equal(corrected_words(fixture), 0);
}

static void test_correction__a_bad_answer_costs_its_piece_alone(void **state)
{
    static const struct {
        int status;
        const char *body;
        const char *reason;
    } ROWS[] = {
        {200, "<html>", "unreadable"},
        {200, "{\"choices\":[{\"message\":{\"content\":\"\"}}]}", "empty"},
        {200, "{\"choices\":[{\"finish_reason\":\"length\",\"message\":{\"content\":\"a\"}}]}",
         "truncated"},
        {200, "{\"choices\":[{\"message\":{\"content\":\"Something else.\"}}]}", "losses"},
    };

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        assert_int_equal(i == 0 || set_up(state) == 0, 1);
        struct fixture *fixture = *state;
        fixture->bad = 1;
        fixture->status = ROWS[i].status;
        fixture->body = ROWS[i].body;
        struct event_correction summary = correct(fixture);
        assert_int_equal(summary.rejected, 1);
        assert_string_equal(summary.reason, ROWS[i].reason);
        assert_int_equal(corrected_words(fixture), 2);
        if (i + 1 < ARRAY_LEN(ROWS))
            assert_int_equal(tear_down(state), 0);
    }
}

static void test_correction__a_huge_answer_is_cut_off(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(mem_free_at) char *huge = mem_new(100001);

    memset(huge, ' ', 100000);
    fixture->bad = 1;
    fixture->status = 200;
    fixture->body = huge;
    struct event_correction summary = correct(fixture);
    assert_int_equal(summary.rejected, 1);
    assert_string_equal(summary.reason, "too_large");
}

static void test_correction__a_refused_request_ends_it(void **state)
{
    struct fixture *fixture = *state;

    fixture->bad = SIZE_MAX;
    fixture->status = 400;
    struct event_correction summary = correct(fixture);
    assert_int_equal(summary.rejected, 3);
    assert_string_equal(summary.reason, "request_refused");
    assert_true(fixture->served <= 2); /* what was on its way */
}

static void test_correction__an_outage_is_tried_again_and_then_given_up(void **state)
{
    struct fixture *fixture = *state;

    fixture->bad = 2;
    fixture->status = 503;
    assert_int_equal(correct(fixture).rejected, 0);
    assert_int_equal(fixture->served, 5);

    fixture->bad = SIZE_MAX;
    struct event_correction summary = correct(fixture);
    assert_int_equal(summary.rejected, 3);
    assert_string_equal(summary.reason, "unavailable");
}

static void test_correction__a_long_hold_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;

    fixture->bad = SIZE_MAX;
    fixture->status = 429;
    fixture->retry_after = "3000";
    struct event_correction summary = correct(fixture);
    assert_string_equal(summary.reason, "limited");
    size_t served = fixture->served;
    /* The next one is told at once, without a request. */
    summary = correct(fixture);
    assert_string_equal(summary.reason, "limited");
    assert_int_equal(summary.rejected, 3);
    assert_int_equal(fixture->served, served);
}

static void test_correction__a_short_hold_is(void **state)
{
    struct fixture *fixture = *state;

    fixture->bad = 1;
    fixture->status = 429;
    fixture->retry_after = "0";
    assert_int_equal(correct(fixture).rejected, 0);
}

static void test_correction__at_the_deadline_the_rest_stands(void **state)
{
    struct fixture *fixture = *state;

    fixture->bad = 1;
    fixture->status = 0;
    fixture->service.deadline_us = 300000;
    struct event_correction summary = correct(fixture);
    assert_int_equal(summary.rejected, 1);
    assert_string_equal(summary.reason, "timed_out");
    assert_int_equal(corrected_words(fixture), 2);
}

static void test_correction__nobody_listens(void **state)
{
    struct fixture *fixture = *state;

    evhttp_free(fixture->http.server);
    fixture->http.server = evhttp_new(loop_base(fixture->loop));
    struct event_correction summary = correct(fixture);
    assert_int_equal(summary.rejected, 3);
    assert_string_equal(summary.reason, "unavailable");
}

static void test_correction__given_up_it_calls_nobody(void **state)
{
    struct fixture *fixture = *state;
    const struct llm_span everywhere = {INT64_MIN, INT64_MAX};

    for (int i = 0; i < 3; i++)
        correction_free(correction_start(&fixture->service, &fixture->reading,
                                         fixture->reading.word_count, everywhere, on_done, NULL));
    /* Room is left for one that is waited for. */
    assert_int_equal(correct(fixture).rejected, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_correction__each_piece_is_corrected, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_correction__only_inside_the_span, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_correction__nothing_was_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_correction__without_a_model_the_text_stands, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_correction__a_bad_answer_costs_its_piece_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_correction__a_huge_answer_is_cut_off, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_correction__a_refused_request_ends_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_correction__an_outage_is_tried_again_and_then_given_up,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_correction__a_long_hold_is_not_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_correction__a_short_hold_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_correction__at_the_deadline_the_rest_stands, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_correction__nobody_listens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_correction__given_up_it_calls_nobody, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
