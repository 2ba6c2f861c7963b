/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/mem.h"
#include "tests/unit/worker/loopback_http.h"
#include "worker/speech_client.h"
#include "worker/worker_metrics.h"

#define CALLS_MAX 16
#define GOOD "{\"text\":\"hello\",\"language\":\"english\"}"

/* A speech service on the test's own loop, and what became of the calls. */
struct fixture {
    struct loop *loop;
    struct metrics *metrics;
    struct http_fetch *fetch;
    struct speech_client *client;
    struct loopback_http http;
    /* The service's. */
    int status;
    const char *retry_after;
    const char *body;
    bool holds; /* keeps requests unanswered */
    struct evhttp_request *held[CALLS_MAX];
    size_t held_count;
    size_t served;
    size_t changes;
    /* The calls'. */
    struct speech_call *calls[CALLS_MAX];
    enum speech_outcome outcomes[CALLS_MAX];
    struct err errs[CALLS_MAX];
    const char *types[CALLS_MAX];
    int64_t until_us[CALLS_MAX];
    size_t ended;
    size_t expected;
    bool is_slow; /* the loop comes late to what is due after each result */
};

static void answer(struct fixture *fixture, struct evhttp_request *request)
{
    loopback_http_answer(request, fixture->status, fixture->retry_after, fixture->body);
}

static void stop_if_done(struct fixture *fixture)
{
    if (fixture->ended == fixture->expected && fixture->held_count >= (fixture->holds ? 2 : 0))
        loop_stop(fixture->loop);
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct fixture *fixture = context;

    fixture->served++;
    if (!fixture->holds) {
        answer(fixture, request);
        return;
    }
    fixture->held[fixture->held_count++] = request;
    stop_if_done(fixture);
}

static void on_change(void *context)
{
    struct fixture *fixture = context;

    fixture->changes++;
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_new(sizeof *fixture);

    fixture->loop = loop_new();
    fixture->metrics = metrics_new(WORKER_METRICS, WORKER_METRIC_COUNT);
    fixture->fetch = http_fetch_new(fixture->loop, 8);
    fixture->http = loopback_http_start(fixture->loop, on_request, fixture);
    fixture->status = 200;
    fixture->body = GOOD;
    const struct speech_client_options options = {
        .service = {.url = fixture->http.url, .key = "k", .model = "m"},
        .max_requests = 2,
        .connect_timeout_us = 5000000,
        .total_timeout_us = 20000000,
    };
    fixture->client = speech_client_new(fixture->loop, fixture->fetch, fixture->metrics, &options,
                                        on_change, fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    speech_client_free(fixture->client);
    http_fetch_free(fixture->fetch);
    evhttp_free(fixture->http.server);
    metrics_free(fixture->metrics);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void on_result(void *context, struct speech_result *result)
{
    struct fixture *fixture = context;
    size_t at = fixture->ended++;

    fixture->outcomes[at] = result->outcome;
    fixture->errs[at] = result->err;
    fixture->types[at] = result->type;
    fixture->until_us[at] = result->until_us;
    if (result->outcome == SPEECH_HEARD)
        assert_string_equal(result->reply.reading.words[0].text, " hello");
    if (fixture->is_slow)
        (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    stop_if_done(fixture);
}

static void call(struct fixture *fixture, size_t count)
{
    static const int16_t SAMPLES[1600] = {1, 2, 3};
    const struct speech_audio audio = {.samples = SAMPLES, .count = ARRAY_LEN(SAMPLES)};

    fixture->expected += count;
    for (size_t i = 0; i < count; i++)
        fixture->calls[i] = speech_client_call(fixture->client, &audio, on_result, fixture);
}

/* Calls until the service has as many requests as it may have, and answers none of them. */
static void call_unanswered(struct fixture *fixture, size_t count)
{
    fixture->holds = true;
    call(fixture, count);
    fixture->expected = 0;
    loop_run(fixture->loop);
    fixture->holds = false;
}

static void test_speech_client__gives_what_was_heard(void **state)
{
    struct fixture *fixture = *state;

    call(fixture, 5);
    loop_run(fixture->loop);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(fixture->outcomes[i], SPEECH_HEARD);
    assert_int_equal(fixture->served, 5);
}

static void test_speech_client__bounds_what_is_in_flight(void **state)
{
    struct fixture *fixture = *state;

    call_unanswered(fixture, 5);
    /* Two are with the service; as many as it answers are sent after them. */
    assert_int_equal(fixture->served, 2);
    assert_int_equal(metrics_get(fixture->metrics, WORKER_METRIC_SPEECH_IN_FLIGHT, 0), 2);
    fixture->expected = 5;
    for (size_t i = 0; i < 2; i++)
        answer(fixture, fixture->held[i]);
    loop_run(fixture->loop);
    assert_int_equal(fixture->served, 5);
}

static void test_speech_client__a_cancelled_call_makes_room(void **state)
{
    struct fixture *fixture = *state;

    call_unanswered(fixture, 3);
    fixture->expected = 1;
    speech_call_cancel(fixture->calls[0]);
    speech_call_cancel(fixture->calls[1]);
    loop_run(fixture->loop);
    assert_int_equal(fixture->outcomes[0], SPEECH_HEARD);
    assert_int_equal(fixture->served, 3);
}

static void test_speech_client__failures_by_status(void **state)
{
    static const struct {
        int status;
        enum err_kind kind;
        const char *body;
        const char *type;
        const char *message;
    } ROWS[] = {
        {400, ERR_REJECT, "{\"error\":{\"message\":\"bad file\"}}", "speech_rejected",
         "the speech service answered 400: bad file"},
        {500, ERR_RETRY, "<html>", "speech_unavailable", "the speech service answered 500"},
        {200, ERR_RETRY, "<html>", "speech_bad_reply", "the answer is not JSON"},
        {200, ERR_RETRY, "{}", "speech_bad_reply", "the answer is not a transcription"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        fixture->status = ROWS[i].status;
        fixture->body = ROWS[i].body;
        call(fixture, 1);
        loop_run(fixture->loop);
        assert_int_equal(fixture->outcomes[i], SPEECH_FAILED);
        assert_int_equal(fixture->errs[i].kind, ROWS[i].kind);
        assert_string_equal(fixture->types[i], ROWS[i].type);
        assert_string_equal(fixture->errs[i].message, ROWS[i].message);
    }
    assert_int_equal(fixture->served, ARRAY_LEN(ROWS));
}

/* A wait that is too long for an attempt ends it; nothing is sent meanwhile. */
static void test_speech_client__defers_when_told_to_wait_long(void **state)
{
    struct fixture *fixture = *state;

    fixture->status = 429;
    fixture->retry_after = "600";
    call(fixture, 6);
    loop_run(fixture->loop);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(fixture->outcomes[i], SPEECH_DEFERRED);
        assert_string_equal(fixture->types[i], "speech_limited");
        assert_in_range(fixture->until_us[i], 590000000, 600000000);
    }
    assert_in_range(fixture->served, 1, 2);
    assert_int_equal(speech_client_allowed(fixture->client, 8), 0);
}

/* "At once" is honoured too; then one request at a time tries it, and a success opens the way. */
static void test_speech_client__tries_again_one_by_one(void **state)
{
    struct fixture *fixture = *state;

    call_unanswered(fixture, 2);
    fixture->expected = 2;
    fixture->status = 429;
    fixture->retry_after = "0";
    answer(fixture, fixture->held[0]);
    answer(fixture, fixture->held[1]);
    fixture->status = 200;
    fixture->retry_after = NULL;
    loop_run(fixture->loop);
    assert_int_equal(fixture->outcomes[0], SPEECH_HEARD);
    assert_int_equal(fixture->outcomes[1], SPEECH_HEARD);
    assert_int_equal(fixture->served, 4);
    assert_int_equal(speech_client_allowed(fixture->client, 8), 8);
    assert_true(fixture->changes > 0);
}

static void cancel_second(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct fixture *fixture = context;

    assert_int_equal(speech_client_allowed(fixture->client, 8), 0);
    speech_call_cancel(fixture->calls[1]);
}

static void stop(evutil_socket_t fd UNUSED, short what UNUSED, void *context)
{
    struct fixture *fixture = context;

    loop_stop(fixture->loop);
}

/* Chunks that arrived meanwhile wait for it, and no call is left whose waiting would wake them. */
static void test_speech_client__tells_that_a_wait_is_over(void **state)
{
    struct fixture *fixture = *state;

    call_unanswered(fixture, 2);
    fixture->is_slow = true;
    answer(fixture, fixture->held[0]);
    fixture->status = 429;
    fixture->retry_after = "1";
    answer(fixture, fixture->held[1]);
    fixture->expected = 2;
    event_base_once(loop_base(fixture->loop), -1, EV_TIMEOUT, cancel_second, fixture,
                    &(struct timeval){.tv_usec = 500000});
    event_base_once(loop_base(fixture->loop), -1, EV_TIMEOUT, stop, fixture,
                    &(struct timeval){.tv_sec = 4});
    loop_run(fixture->loop);
    assert_int_equal(fixture->changes, 1);
    assert_int_equal(speech_client_allowed(fixture->client, 8), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_speech_client__gives_what_was_heard),
        TEST(test_speech_client__bounds_what_is_in_flight),
        TEST(test_speech_client__a_cancelled_call_makes_room),
        TEST(test_speech_client__failures_by_status),
        TEST(test_speech_client__defers_when_told_to_wait_long),
        TEST(test_speech_client__tries_again_one_by_one),
        TEST(test_speech_client__tells_that_a_wait_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
