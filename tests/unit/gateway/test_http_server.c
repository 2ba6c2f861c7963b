/* SPDX-License-Identifier: Apache-2.0 */
/* The server as clients see it: deadlines, back-pressure, answers that come later, the drain. */
#include "tests/unit/gateway/http_loopback.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define LARGE_BYTES ((size_t)4 * 1024 * 1024)

/* What the handlers did, and the request they are holding. */
struct application {
    struct http_request *held;
    unsigned handled;
    unsigned aborted;
    unsigned access_count;
    int access_status;
    uint64_t access_sent_bytes;
    char access_path[64];
    char access_pattern[64];
    bool is_refusing;
    uint64_t poured;
    unsigned sink_ends;
    unsigned sink_aborts;
    bool is_empty_told;
};

static char large_body[LARGE_BYTES];

static void handle_small(struct http_request *request, void *context)
{
    struct application *application = context;
    application->handled++;
    http_respond_json(request, 200, mem_copy_string("{}"), 2);
}

static void handle_large(struct http_request *request, void *context)
{
    struct application *application = context;
    application->handled++;
    http_respond(request, &(struct http_reply){.status = 200,
                                               .content_type = "text/plain",
                                               .body = large_body,
                                               .body_length = LARGE_BYTES,
                                               .body_lasts = true});
}

static void on_abort(struct http_request *request, void *context)
{
    struct application *application = context;
    assert_false(http_request_is_alive(request));
    application->aborted++;
}

static void handle_later(struct http_request *request, void *context)
{
    struct application *application = context;
    application->handled++;
    application->held = request;
    http_request_on_abort(request, on_abort, application);
}

static void handle_echo(struct http_request *request, void *context)
{
    size_t length;
    const char *body = http_request_body(request, &length);
    (void)context;
    http_respond(request, &(struct http_reply){.status = 201,
                                               .content_type = "application/json",
                                               .body = body,
                                               .body_length = length});
}

static void handle_facts(struct http_request *request, void *context)
{
    (void)context;
    const char *word = http_request_query(request, "word");
    char *text =
        mem_format("%s|%s|%s|%s|%s|%s", http_request_capture(request), word != NULL ? word : "-",
                   http_request_raw_query(request), http_request_id(request),
                   http_request_address(request), http_request_header(request, "X-ONE"));
    http_respond(request, &(struct http_reply){.status = 200,
                                               .content_type = "text/plain",
                                               .body_length = strlen(text),
                                               .take_body = text});
}

static bool on_sink_data(void *context, const void *data, size_t length)
{
    struct application *application = context;
    (void)data;
    application->poured += length;
    if (!application->is_refusing)
        return true;
    http_respond_problem(application->held, &(struct problem){.type = PROBLEM_STORAGE_FULL});
    return false;
}

static void on_sink_end(void *context)
{
    struct application *application = context;
    application->sink_ends++;
    http_respond(application->held, &(struct http_reply){.status = 204});
}

static void on_sink_abort(void *context)
{
    struct application *application = context;
    application->sink_aborts++;
    http_request_drop(application->held);
}

static const struct http_sink SINK = {on_sink_data, on_sink_end, on_sink_abort};

static void handle_sink(struct http_request *request, void *context)
{
    struct application *application = context;
    application->held = request;
    http_request_take_body(request, &SINK, application);
}

static void handle_refused_sink(struct http_request *request, void *context)
{
    (void)context;
    http_respond_problem(request, &(struct problem){.type = PROBLEM_SIGNATURE_INVALID});
}

static bool admit(struct http_request *request, void *context)
{
    (void)context;
    if (http_request_route(request)->access == 0)
        return true;
    http_respond_problem(request, &(struct problem){.type = PROBLEM_UNAUTHORIZED});
    return false;
}

static void on_access(const struct http_access *access, void *context)
{
    struct application *application = context;
    application->access_count++;
    application->access_status = access->status;
    application->access_sent_bytes = access->sent_bytes;
    snprintf(application->access_path, sizeof application->access_path, "%s", access->path);
    snprintf(application->access_pattern, sizeof application->access_pattern, "%s",
             access->pattern);
}

static const struct route ROUTES[] = {
    {HTTP_METHOD_GET, "/small", ROUTE_BODY_NONE, 0, handle_small, 0, 0},
    {HTTP_METHOD_GET, "/large", ROUTE_BODY_NONE, 0, handle_large, 0, 0},
    {HTTP_METHOD_GET, "/later", ROUTE_BODY_NONE, 0, handle_later, 0, 0},
    {HTTP_METHOD_GET, "/facts/{id}", ROUTE_BODY_NONE, 0, handle_facts, 0, 0},
    {HTTP_METHOD_GET, "/secret", ROUTE_BODY_NONE, 0, handle_small, 1, 0},
    {HTTP_METHOD_POST, "/echo", ROUTE_BODY_JSON, 65536, handle_echo, 0, 0},
    {HTTP_METHOD_POST, "/secret", ROUTE_BODY_JSON, 65536, handle_echo, 1, 0},
    {HTTP_METHOD_PUT, "/sink", ROUTE_BODY_SINK, 0, handle_sink, 0, 0},
    {HTTP_METHOD_PUT, "/later", ROUTE_BODY_SINK, 0, handle_later, 0, 0},
    {HTTP_METHOD_PUT, "/refused", ROUTE_BODY_SINK, 0, handle_refused_sink, 0, 0},
};

struct fixture {
    struct application application;
    struct http_limits limits;
    struct http_guard guard;
    struct loopback loopback;
    struct client client;
};

/* Starts the server with the fixture's limits and connects. */
static void start(struct fixture *fixture)
{
    const struct http_server_settings settings = {
        .routes = ROUTES,
        .route_count = ARRAY_LEN(ROUTES),
        .context = &fixture->application,
        .limits = fixture->limits,
        .guard = fixture->guard,
        .admit = admit,
        .on_access = on_access,
    };
    loopback_start(&fixture->loopback, &settings);
    client_connect(&fixture->client, &fixture->loopback);
}

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){.limits = http_limits_default};
}

static void tear_down(struct fixture *fixture)
{
    client_close(&fixture->client);
    loopback_stop(&fixture->loopback);
}

static const struct http_stats *stats_of(const struct fixture *fixture)
{
    return http_server_stats(fixture->loopback.server);
}

/* Turns the loop until the predicate's number is there. */
static void wait_until(struct fixture *fixture, const unsigned *number, unsigned wanted)
{
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    while (*number < wanted && clock_now_us() < end_us)
        client_wait(&fixture->client);
    assert_int_equal(*number, wanted);
}

/* --- requests and answers --- */

static void test_http_server__a_handler_sees_the_request_decoded(void **state)
{
    struct fixture fixture;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    buf_init(&answer, 65536);
    assert_true(client_say(&fixture.client, "GET /facts/a%20b?x=%2&word=caf%C3%A9+au HTTP/1.1\r\n"
                                            "Host: localhost\r\nx-one:  1 \r\n"
                                            "X-Request-Id: req-7\r\n\r\n"));
    assert_int_equal(client_take_answer(&fixture.client, &answer), 200);
    assert_non_null(
        strstr(answer.data, "\r\n\r\na b|caf\xc3\xa9 au|x=%2&word=caf%C3%A9+au|req-7|127.0.0.1|1"));
    assert_non_null(strstr(answer.data, "X-Request-Id: req-7\r\n"));
    assert_string_equal(fixture.application.access_path, "/facts/a%20b");
    assert_string_equal(fixture.application.access_pattern, "/facts/{id}");
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_http_server__an_insane_request_id_is_replaced(void **state)
{
    struct fixture fixture;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    buf_init(&answer, 65536);
    client_say(&fixture.client, "GET /small HTTP/1.1\r\nHost: localhost\r\n"
                                "X-Request-Id: \"}{<script>\r\n\r\n");
    assert_int_equal(client_take_answer(&fixture.client, &answer), 200);
    assert_non_null(strstr(answer.data, "X-Request-Id: "));
    assert_null(strstr(answer.data, "script"));
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_http_server__head_has_the_length_but_no_body(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_say(&fixture.client, "HEAD /small HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(client_wait_for(&fixture.client, "\r\n\r\n"));
    assert_non_null(strstr(fixture.client.received.data, "Content-Length: 2\r\n"));
    assert_non_null(strstr(fixture.client.received.data, "\r\n\r\n"));
    assert_string_equal(strstr(fixture.client.received.data, "\r\n\r\n"), "\r\n\r\n");
    buf_clear(&fixture.client.received);
    client_say(&fixture.client, GET("/small"));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    tear_down(&fixture);
}

static void test_http_server__a_wrong_method_is_told_the_right_ones(void **state)
{
    struct fixture fixture;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    buf_init(&answer, 65536);
    client_say(&fixture.client, "DELETE /small HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(client_take_answer(&fixture.client, &answer), 405);
    assert_non_null(strstr(answer.data, "Allow: GET, HEAD, OPTIONS\r\n"));
    client_say(&fixture.client, "OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(client_wait_for(&fixture.client, "Allow: POST, OPTIONS\r\n"));
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_http_server__only_listed_origins_may_read_answers(void **state)
{
    static const char *const ORIGINS[] = {"https://app.example", NULL};
    struct fixture fixture;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    fixture.guard.allowed_origins = ORIGINS;
    start(&fixture);
    buf_init(&answer, 65536);
    client_say(&fixture.client, "GET /small HTTP/1.1\r\nHost: localhost\r\n"
                                "Origin: https://app.example\r\n\r\n");
    assert_int_equal(client_take_answer(&fixture.client, &answer), 200);
    assert_non_null(strstr(answer.data, "Access-Control-Allow-Origin: https://app.example\r\n"));
    assert_non_null(strstr(answer.data, "X-Transcript-Complete\r\n"));
    client_say(&fixture.client, "GET /small HTTP/1.1\r\nHost: localhost\r\n"
                                "Origin: http://localhost\r\n\r\n");
    assert_int_equal(client_take_answer(&fixture.client, &answer), 200);
    assert_null(strstr(answer.data, "Access-Control"));
    client_say(&fixture.client, "OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n"
                                "Origin: https://app.example\r\n\r\n");
    assert_true(client_wait_for(&fixture.client, "Access-Control-Allow-Methods: POST, OPTIONS"));
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_http_server__admission_comes_before_any_body(void **state)
{
    struct fixture fixture;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    buf_init(&answer, 65536);
    client_say(&fixture.client, GET("/secret"));
    assert_int_equal(client_take_answer(&fixture.client, &answer), 401);
    assert_non_null(strstr(answer.data, "WWW-Authenticate: Bearer\r\n"));
    /* The body never comes; the answer must not wait for it. */
    client_say(&fixture.client, "POST /secret HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/json\r\nContent-Length: 10\r\n"
                                "Expect: 100-continue\r\n\r\n");
    assert_int_equal(client_take_answer(&fixture.client, &answer), 401);
    assert_int_equal(fixture.application.handled, 0);
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_http_server__an_answer_may_come_later(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    /* The second request waits for the first one's answer. */
    client_say(&fixture.client, GET("/later") GET("/small"));
    wait_until(&fixture, &fixture.application.handled, 1);
    for (int turn = 0; turn < 5; turn++)
        client_turn(&fixture.client);
    assert_int_equal(fixture.application.handled, 1);
    http_respond_json(fixture.application.held, 202, mem_copy_string("[]"), 2);
    assert_int_equal(client_take_answer(&fixture.client, NULL), 202);
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    assert_int_equal(fixture.application.aborted, 0);
    tear_down(&fixture);
}

static void test_http_server__a_handler_learns_that_its_client_has_gone(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_say(&fixture.client, GET("/later"));
    wait_until(&fixture, &fixture.application.handled, 1);
    close(fixture.client.fd);
    client_connect(&fixture.client, &fixture.loopback);
    wait_until(&fixture, &fixture.application.aborted, 1);
    assert_int_equal(fixture.application.access_status, 499);
    assert_int_equal(stats_of(&fixture)->aborted, 1);
    /* The handle is still valid, the answer goes nowhere. */
    assert_string_equal(http_request_path(fixture.application.held), "/later");
    http_respond_json(fixture.application.held, 200, mem_copy_string("{}"), 2);
    client_say(&fixture.client, GET("/small"));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    tear_down(&fixture);
}

static void test_http_server__a_request_outlives_its_server(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_say(&fixture.client, GET("/later"));
    wait_until(&fixture, &fixture.application.handled, 1);
    http_server_free(fixture.loopback.server);
    fixture.loopback.server = NULL;
    assert_int_equal(fixture.application.aborted, 1);
    http_respond_json(fixture.application.held, 200, mem_copy_string("{}"), 2);
    tear_down(&fixture);
}

static void test_http_server__a_dropped_request_closes_the_connection(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_say(&fixture.client, GET("/later"));
    wait_until(&fixture, &fixture.application.handled, 1);
    http_request_drop(fixture.application.held);
    assert_true(client_wait_for_end(&fixture.client));
    assert_int_equal(fixture.client.received.length, 0);
    assert_int_equal(fixture.application.aborted, 0);
    tear_down(&fixture);
}

/* --- bodies --- */

static void test_http_server__a_sink_gets_every_byte(void **state)
{
    struct fixture fixture;
    char head[128];
    (void)state;
    set_up(&fixture);
    start(&fixture);
    snprintf(head, sizeof head,
             "PUT /sink HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", LARGE_BYTES);
    client_say(&fixture.client, head);
    assert_true(client_send(&fixture.client, large_body, LARGE_BYTES));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 204);
    assert_int_equal(fixture.application.poured, LARGE_BYTES);
    client_say(&fixture.client, "PUT /sink HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Length: 3\r\n\r\nabc" GET("/small"));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 204);
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    client_say(&fixture.client,
               "PUT /sink HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(client_take_answer(&fixture.client, NULL), 204);
    assert_int_equal(fixture.application.sink_ends, 3);
    assert_int_equal(fixture.application.poured, LARGE_BYTES + 3);
    tear_down(&fixture);
}

static void test_http_server__a_sink_may_start_later(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_say(&fixture.client, "PUT /later HTTP/1.1\r\nHost: localhost\r\n"
                                "Expect: 100-continue\r\nContent-Length: 4\r\n\r\nab");
    wait_until(&fixture, &fixture.application.handled, 1);
    client_turn(&fixture.client);
    assert_int_equal(fixture.client.received.length, 0);
    http_request_take_body(fixture.application.held, &SINK, &fixture.application);
    client_say(&fixture.client, "cd");
    assert_int_equal(client_take_answer(&fixture.client, NULL), 100);
    assert_int_equal(client_take_answer(&fixture.client, NULL), 204);
    assert_int_equal(fixture.application.poured, 4);
    tear_down(&fixture);
}

static void test_http_server__a_sink_learns_that_its_client_has_gone(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_say(&fixture.client,
               "PUT /sink HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
    client_turn(&fixture.client);
    close(fixture.client.fd);
    client_connect(&fixture.client, &fixture.loopback);
    wait_until(&fixture, &fixture.application.sink_aborts, 1);
    assert_int_equal(fixture.application.sink_ends, 0);
    tear_down(&fixture);
}

/* A client that sends its whole body before it reads must still see why it was refused: without
 * lingering it would see a reset. */
static void refuse_large_body(const char *path, bool is_refusing, int status)
{
    struct fixture fixture;
    char head[128];
    set_up(&fixture);
    fixture.application.is_refusing = is_refusing;
    start(&fixture);
    snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
             path, LARGE_BYTES);
    client_say(&fixture.client, head);
    assert_true(client_send(&fixture.client, large_body, LARGE_BYTES));
    assert_int_equal(client_take_answer(&fixture.client, NULL), status);
    assert_true(client_wait_for_end(&fixture.client));
    assert_false(fixture.client.is_reset);
    tear_down(&fixture);
}

static void test_http_server__an_early_refusal_reaches_a_client_that_is_still_sending(void **state)
{
    (void)state;
    refuse_large_body("/refused", false, 403);
    refuse_large_body("/sink", true, 507);
    refuse_large_body("/nothing-here", false, 404);
}

static void test_http_server__lingering_ends_after_its_bytes(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.linger_bytes = 1024 * 1024;
    start(&fixture);
    client_say(&fixture.client,
               "PUT /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n");
    (void)client_send(&fixture.client, large_body, LARGE_BYTES);
    assert_true(client_wait_for_end(&fixture.client));
    assert_int_equal(stats_of(&fixture)->connections, 0);
    tear_down(&fixture);
}

/* --- deadlines --- */

static void test_http_server__a_trickled_head_ends_after_the_total_time(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.header_ms = 60;
    fixture.limits.linger_ms = 20;
    uint64_t start_us = clock_now_us();
    start(&fixture);
    /* A byte at a time: each would start a time-out per read anew. */
    for (int i = 0; i < 100000 && !client_is_over(&fixture.client); i++) {
        (void)client_say(&fixture.client, i == 0 ? "GET /small HTTP/1.1\r\nX: " : "a");
        client_wait(&fixture.client);
        if (fixture.client.received.length > 0)
            break;
    }
    assert_int_equal(client_take_answer(&fixture.client, NULL), 408);
    assert_true(clock_now_us() - start_us >= 55000);
    assert_int_equal(stats_of(&fixture)->timeouts, 1);
    tear_down(&fixture);
}

static void test_http_server__a_silent_connection_is_closed_without_a_word(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.header_ms = 20;
    start(&fixture);
    assert_true(client_wait_for_end(&fixture.client));
    assert_int_equal(fixture.client.received.length, 0);
    tear_down(&fixture);
}

static void test_http_server__an_idle_connection_is_closed_after_its_time(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.idle_ms = 30;
    start(&fixture);
    client_say(&fixture.client, GET("/small"));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    assert_true(client_wait_for_end(&fixture.client));
    assert_int_equal(fixture.client.received.length, 0);
    tear_down(&fixture);
}

static void expect_slow_body_refused(const char *head)
{
    struct fixture fixture;
    set_up(&fixture);
    fixture.limits.window_ms = 40;
    fixture.limits.min_bytes_per_s = 25000; /* 1,000 bytes a window */
    start(&fixture);
    client_say(&fixture.client, head);
    for (int i = 0; i < 100000 && fixture.client.received.length == 0; i++) {
        (void)client_say(&fixture.client, "a");
        client_wait(&fixture.client);
    }
    assert_int_equal(client_take_answer(&fixture.client, NULL), 408);
    assert_int_equal(stats_of(&fixture)->timeouts, 1);
    tear_down(&fixture);
}

static void test_http_server__a_body_must_come_at_a_minimum_rate(void **state)
{
    (void)state;
    expect_slow_body_refused("PUT /sink HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Length: 1000000\r\n\r\n");
    expect_slow_body_refused("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                             "application/json\r\nContent-Length: 60000\r\n\r\n");
}

static void test_http_server__a_steady_body_is_given_its_time(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.window_ms = 20;
    fixture.limits.min_bytes_per_s = 1000; /* 20 bytes a window */
    start(&fixture);
    client_say(&fixture.client,
               "PUT /sink HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n");
    uint64_t start_us = clock_now_us();
    size_t sent = 0;
    /* Longer than several windows in all. */
    while (sent < 100000) {
        size_t part = clock_now_us() - start_us > 100000 ? 100000 - sent : 100;
        assert_true(client_send(&fixture.client, large_body, part));
        sent += part;
        client_wait(&fixture.client);
    }
    assert_int_equal(client_take_answer(&fixture.client, NULL), 204);
    tear_down(&fixture);
}

static void test_http_server__an_answer_nobody_takes_is_given_up(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.window_ms = 30;
    start(&fixture);
    for (int i = 0; i < 3; i++)
        (void)send(fixture.client.fd, GET("/large"), strlen(GET("/large")), MSG_NOSIGNAL);
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    /* The client never reads. */
    while ((stats_of(&fixture)->accepted == 0 || stats_of(&fixture)->connections > 0) &&
           clock_now_us() < end_us)
        loopback_turn(&fixture.loopback);
    assert_int_equal(stats_of(&fixture)->connections, 0);
    tear_down(&fixture);
}

/* --- limits --- */

static void test_http_server__pipelining_waits_for_answers_to_be_taken(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    for (int i = 0; i < 50; i++)
        (void)send(fixture.client.fd, GET("/large"), strlen(GET("/large")), MSG_NOSIGNAL);
    for (int turn = 0; turn < 200; turn++)
        loopback_turn(&fixture.loopback);
    /* What the kernel's buffers take, and the one answer that waits: never all 50. */
    assert_true(fixture.application.handled >= 1 && fixture.application.handled < 10);
    size_t taken = 0;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
        taken++;
    }
    assert_int_equal(taken, 50);
    assert_int_equal(fixture.application.handled, 50);
    tear_down(&fixture);
}

static void test_http_server__too_many_connections_are_told_so(void **state)
{
    struct fixture fixture;
    struct client second;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    fixture.limits.connections = 1;
    start(&fixture);
    buf_init(&answer, 65536);
    client_connect(&second, &fixture.loopback);
    assert_int_equal(client_take_answer(&second, &answer), 503);
    assert_non_null(strstr(answer.data, "Retry-After: "));
    assert_true(client_wait_for_end(&second));
    client_say(&fixture.client, GET("/small"));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    assert_int_equal(stats_of(&fixture)->refused, 1);
    client_close(&second);
    buf_done(&answer);
    tear_down(&fixture);
}

static void test_http_server__one_address_gets_its_share_only(void **state)
{
    struct fixture fixture;
    struct client second;
    (void)state;
    set_up(&fixture);
    fixture.limits.address_connections = 1;
    start(&fixture);
    client_connect(&second, &fixture.loopback);
    assert_int_equal(client_take_answer(&second, NULL), 429);
    client_close(&second);
    /* A closed one makes room again. */
    client_close(&fixture.client);
    for (int turn = 0; turn < 50 && stats_of(&fixture)->connections > 0; turn++)
        loopback_turn(&fixture.loopback);
    client_connect(&fixture.client, &fixture.loopback);
    client_say(&fixture.client, GET("/small"));
    assert_int_equal(client_take_answer(&fixture.client, NULL), 200);
    tear_down(&fixture);
}

/* --- drain --- */

static void on_empty(void *context)
{
    struct application *application = context;
    application->is_empty_told = true;
}

static void test_http_server__a_drain_lets_requests_end_and_then_closes(void **state)
{
    struct fixture fixture;
    struct client idle;
    struct buf answer;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    buf_init(&answer, 65536);
    client_connect(&idle, &fixture.loopback);
    client_say(&idle, GET("/small"));
    assert_int_equal(client_take_answer(&idle, NULL), 200);
    client_say(&fixture.client, GET("/later"));
    wait_until(&fixture, &fixture.application.handled, 2);
    http_server_drain(fixture.loopback.server, on_empty, &fixture.application);
    assert_true(client_wait_for_end(&idle));
    assert_false(fixture.application.is_empty_told);
    http_respond_json(fixture.application.held, 200, mem_copy_string("{}"), 2);
    assert_int_equal(client_take_answer(&fixture.client, &answer), 200);
    assert_non_null(strstr(answer.data, "Connection: close\r\n"));
    assert_true(client_wait_for_end(&fixture.client));
    client_close(&fixture.client);
    client_close(&idle);
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    while (!fixture.application.is_empty_told && clock_now_us() < end_us)
        loopback_turn(&fixture.loopback);
    assert_true(fixture.application.is_empty_told);
    buf_done(&answer);
    loopback_stop(&fixture.loopback);
}

static void test_http_server__a_drain_of_nothing_ends_at_once(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_close(&fixture.client);
    while (stats_of(&fixture)->connections > 0)
        loopback_turn(&fixture.loopback);
    http_server_drain(fixture.loopback.server, on_empty, &fixture.application);
    assert_false(fixture.application.is_empty_told);
    loopback_turn(&fixture.loopback);
    assert_true(fixture.application.is_empty_told);
    loopback_stop(&fixture.loopback);
}

static void test_http_server__listening_names_what_is_wrong(void **state)
{
    struct fixture fixture;
    struct err err;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    uint16_t port = http_server_port(fixture.loopback.server);
    assert_false(http_server_listen(fixture.loopback.server, "127.0.0.1", port, false, &err));
    assert_int_equal(err.kind, ERR_RETRY);
    assert_false(http_server_listen(fixture.loopback.server, "localhost", port, false, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    tear_down(&fixture);
}

int main(void)
{
    memset(large_body, 'x', sizeof large_body);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_server__a_handler_sees_the_request_decoded),
        cmocka_unit_test(test_http_server__an_insane_request_id_is_replaced),
        cmocka_unit_test(test_http_server__head_has_the_length_but_no_body),
        cmocka_unit_test(test_http_server__a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(test_http_server__only_listed_origins_may_read_answers),
        cmocka_unit_test(test_http_server__admission_comes_before_any_body),
        cmocka_unit_test(test_http_server__an_answer_may_come_later),
        cmocka_unit_test(test_http_server__a_handler_learns_that_its_client_has_gone),
        cmocka_unit_test(test_http_server__a_request_outlives_its_server),
        cmocka_unit_test(test_http_server__a_dropped_request_closes_the_connection),
        cmocka_unit_test(test_http_server__a_sink_gets_every_byte),
        cmocka_unit_test(test_http_server__a_sink_may_start_later),
        cmocka_unit_test(test_http_server__a_sink_learns_that_its_client_has_gone),
        cmocka_unit_test(test_http_server__an_early_refusal_reaches_a_client_that_is_still_sending),
        cmocka_unit_test(test_http_server__lingering_ends_after_its_bytes),
        cmocka_unit_test(test_http_server__a_trickled_head_ends_after_the_total_time),
        cmocka_unit_test(test_http_server__a_silent_connection_is_closed_without_a_word),
        cmocka_unit_test(test_http_server__an_idle_connection_is_closed_after_its_time),
        cmocka_unit_test(test_http_server__a_body_must_come_at_a_minimum_rate),
        cmocka_unit_test(test_http_server__a_steady_body_is_given_its_time),
        cmocka_unit_test(test_http_server__an_answer_nobody_takes_is_given_up),
        cmocka_unit_test(test_http_server__pipelining_waits_for_answers_to_be_taken),
        cmocka_unit_test(test_http_server__too_many_connections_are_told_so),
        cmocka_unit_test(test_http_server__one_address_gets_its_share_only),
        cmocka_unit_test(test_http_server__a_drain_lets_requests_end_and_then_closes),
        cmocka_unit_test(test_http_server__a_drain_of_nothing_ends_at_once),
        cmocka_unit_test(test_http_server__listening_names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
