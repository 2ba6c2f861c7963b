/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sse_conn.h"
#include "tests/unit/gateway/http_loopback.h"

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* More than the kernel takes on both sides while nobody reads. */
#define LARGE_BYTES ((size_t)2 * 1024 * 1024)

struct application {
    struct sse_streams *streams;
    struct sse_conn *conn; /* the newest */
    unsigned started;
    unsigned closed;
    unsigned drained;
    unsigned replay_left; /* sent one by one as the stream is drained */
    enum sse_close_reason reason;
};

static struct sse_event *new_event(uint64_t seq, size_t bytes, uint64_t view)
{
    char *data = mem_array(bytes + 1, 1);
    memset(data, 'd', bytes);
    struct sse_event *event = sse_event_new(seq, view != 0 ? "view" : "fact", data, bytes, view);
    free(data);
    return event;
}

static void send_event(struct sse_conn *conn, uint64_t seq, size_t bytes, uint64_t view)
{
    struct sse_event *event = new_event(seq, bytes, view);
    sse_conn_send(conn, event);
    sse_event_unref(event);
}

static void on_close(struct sse_conn *conn, enum sse_close_reason reason, void *context)
{
    struct application *application = context;
    application->closed++;
    application->reason = reason;
    if (application->conn == conn)
        application->conn = NULL;
}

static void on_drained(struct sse_conn *conn, void *context)
{
    struct application *application = context;
    application->drained++;
    if (application->replay_left > 0)
        send_event(conn, application->replay_left--, 100000, 0);
}

static const struct sse_callbacks CALLBACKS = {on_close, on_drained};

static void handle_stream(struct http_request *request, void *context)
{
    struct application *application = context;
    application->conn =
        sse_conn_start(application->streams, request, 2500, &CALLBACKS, application);
    application->started++;
}

static const struct route ROUTES[] = {
    {HTTP_METHOD_GET, "/stream", ROUTE_BODY_NONE, 0, handle_stream, 0, 0},
};

struct fixture {
    struct application application;
    struct sse_limits limits;
    struct loopback loopback;
    struct client client;
};

static void set_up(struct fixture *fixture)
{
    *fixture = (struct fixture){.limits = sse_limits_default};
}

static void start(struct fixture *fixture)
{
    const struct http_server_settings settings = {
        .routes = ROUTES,
        .route_count = ARRAY_LEN(ROUTES),
        .context = &fixture->application,
        .limits = http_limits_default,
    };
    loopback_start(&fixture->loopback, &settings);
    fixture->application.streams = sse_streams_new(fixture->loopback.loop, &fixture->limits);
}

static void open_stream(struct fixture *fixture, struct client *client)
{
    unsigned before = fixture->application.started;
    client_connect(client, &fixture->loopback);
    client_say(client, GET_STREAM);
    while (fixture->application.started == before)
        loopback_turn(&fixture->loopback);
}

static void tear_down(struct fixture *fixture)
{
    sse_streams_close_all(fixture->application.streams);
    sse_streams_free(fixture->application.streams);
    loopback_stop(&fixture->loopback);
}

static const struct sse_stats *stats_of(const struct fixture *fixture)
{
    return sse_streams_stats(fixture->application.streams);
}

/* Turns the loop, the client not reading, until it was closed. */
static void wait_for_close(struct fixture *fixture, enum sse_close_reason reason)
{
    uint64_t end_us = clock_now_us() + LOOPBACK_PATIENCE_US;
    while (fixture->application.closed == 0 && clock_now_us() < end_us)
        loopback_turn(&fixture->loopback);
    assert_int_equal(fixture->application.closed, 1);
    assert_int_equal(fixture->application.reason, reason);
    assert_int_equal(stats_of(fixture)->open, 0);
    assert_int_equal(http_server_stats(fixture->loopback.server)->connections, 0);
}

static void test_sse_conn__sends_head_retry_and_events(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    send_event(fixture.application.conn, 7, 3, 0);
    assert_true(client_wait_for(&fixture.client, "ddd\n\n"));
    const char *text = fixture.client.received.data;
    assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"));
    assert_null(strstr(text, "Content-Length"));
    assert_string_equal(strstr(text, "\r\n\r\n"),
                        "\r\n\r\nretry: 2500\n\nid: 7\nevent: fact\ndata: ddd\n\n");
    assert_int_equal(stats_of(&fixture)->events_sent, 2);
    client_close(&fixture.client);
    wait_for_close(&fixture, SSE_CLOSE_CLIENT);
    tear_down(&fixture);
}

static void test_sse_conn__what_comes_in_one_turn_leaves_together(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    assert_true(client_wait_for(&fixture.client, "retry"));
    unsigned before = fixture.application.drained;
    for (uint64_t seq = 1; seq <= 50; seq++)
        send_event(fixture.application.conn, seq, 100, 0);
    assert_int_equal(stats_of(&fixture)->events_sent, 1); /* only the retry line so far */
    assert_true(client_wait_for(&fixture.client, "id: 50\n"));
    assert_int_equal(fixture.application.drained - before, 1);
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__the_end_is_after_everything_queued(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    send_event(fixture.application.conn, 1, 200000, 0);
    sse_conn_finish(fixture.application.conn);
    send_event(fixture.application.conn, 2, 3, 0); /* too late */
    assert_true(client_wait_for_end(&fixture.client));
    assert_false(fixture.client.is_reset);
    assert_true(fixture.client.received.length > 200000);
    assert_null(strstr(fixture.client.received.data, "id: 2\n"));
    wait_for_close(&fixture, SSE_CLOSE_FINISHED);
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__a_quiet_stream_gets_heartbeats(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.heartbeat_ms = 10;
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    assert_true(client_wait_for(&fixture.client, "\n\n:\n\n:\n\n:\n\n"));
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__a_reader_that_takes_nothing_is_closed(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.stall_ms = 40;
    fixture.limits.heartbeat_ms = 20;
    fixture.limits.waiting_bytes = (size_t)64 * 1024 * 1024;
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    uint64_t start_us = clock_now_us();
    send_event(fixture.application.conn, 1, LARGE_BYTES, 0);
    wait_for_close(&fixture, SSE_CLOSE_SLOW);
    assert_true(clock_now_us() - start_us >= 35000);
    assert_int_equal(stats_of(&fixture)->slow_closed, 1);
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__a_reader_with_too_much_waiting_is_closed(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    /* Far more than the kernel's buffers of both sides and the limit; nothing is ever read. */
    for (uint64_t seq = 1; seq <= 200 && fixture.application.closed == 0; seq++) {
        send_event(fixture.application.conn, seq, 100000, 0);
        assert_true(sse_conn_waiting_bytes(fixture.application.conn) <=
                    fixture.limits.waiting_bytes + 2 * 101000);
        loopback_turn(&fixture.loopback);
    }
    wait_for_close(&fixture, SSE_CLOSE_SLOW);
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__the_event_being_sent_does_not_count_as_waiting(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.waiting_bytes = 1000;
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    send_event(fixture.application.conn, 1, LARGE_BYTES, 0);
    loopback_turn(&fixture.loopback);
    send_event(fixture.application.conn, 2, 500, 0);
    loopback_turn(&fixture.loopback);
    assert_int_equal(fixture.application.closed, 0);
    assert_true(client_wait_for(&fixture.client, "id: 2\n"));
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__views_give_way_before_the_reader_is_closed(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    fixture.limits.waiting_bytes = 300000;
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    send_event(fixture.application.conn, 1, LARGE_BYTES, 0);
    loopback_turn(&fixture.loopback);
    /* Different views add up, so the limit is met again and again. */
    for (uint64_t view = 1; view <= 50; view++)
        send_event(fixture.application.conn, 0, 100000, view);
    send_event(fixture.application.conn, 2, 100, 0);
    loopback_turn(&fixture.loopback);
    assert_int_equal(fixture.application.closed, 0);
    assert_true(stats_of(&fixture)->views_dropped >= 40);
    assert_true(client_wait_for(&fixture.client, "id: 2\n"));
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__a_long_replay_is_fed_as_it_drains(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    fixture.application.replay_left = 100; /* 10 MB: 40 times what may wait */
    open_stream(&fixture, &fixture.client);
    assert_true(client_wait_for(&fixture.client, "id: 1\n"));
    assert_int_equal(fixture.application.closed, 0);
    assert_int_equal(fixture.application.replay_left, 0);
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__a_stalled_reader_changes_nothing_for_the_others(void **state)
{
    struct fixture fixture;
    struct client healthy;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    struct sse_conn *stalled = fixture.application.conn;
    open_stream(&fixture, &healthy);
    struct sse_conn *reading = fixture.application.conn;
    for (uint64_t seq = 1; seq <= 300; seq++) {
        struct sse_event *event = new_event(seq, 60000, 0);
        if (fixture.application.closed == 0)
            sse_conn_send(stalled, event);
        sse_conn_send(reading, event);
        sse_event_unref(event);
        client_turn(&healthy);
    }
    assert_true(client_wait_for(&healthy, "id: 300\n"));
    assert_int_equal(fixture.application.closed, 1);
    assert_int_equal(fixture.application.reason, SSE_CLOSE_SLOW);
    client_close(&healthy);
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__a_draining_gateway_just_closes(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    assert_true(client_wait_for(&fixture.client, "retry"));
    sse_streams_close_all(fixture.application.streams);
    assert_int_equal(fixture.application.closed, 1);
    assert_int_equal(fixture.application.reason, SSE_CLOSE_ASKED);
    assert_true(client_wait_for_end(&fixture.client));
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__a_server_that_is_freed_closes_its_streams(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    open_stream(&fixture, &fixture.client);
    send_event(fixture.application.conn, 1, 10, 0);
    http_server_free(fixture.loopback.server);
    fixture.loopback.server = NULL;
    assert_int_equal(fixture.application.closed, 1);
    assert_int_equal(fixture.application.reason, SSE_CLOSE_CLIENT);
    client_close(&fixture.client);
    tear_down(&fixture);
}

static void test_sse_conn__nothing_is_started_for_head_or_a_client_that_has_gone(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture);
    start(&fixture);
    client_connect(&fixture.client, &fixture.loopback);
    client_say(&fixture.client, "HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(client_wait_for(&fixture.client, "text/event-stream\r\n"));
    assert_int_equal(fixture.application.started, 1);
    assert_null(fixture.application.conn);
    assert_int_equal(stats_of(&fixture)->opened, 0);
    client_close(&fixture.client);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_conn__sends_head_retry_and_events),
        cmocka_unit_test(test_sse_conn__what_comes_in_one_turn_leaves_together),
        cmocka_unit_test(test_sse_conn__the_end_is_after_everything_queued),
        cmocka_unit_test(test_sse_conn__a_quiet_stream_gets_heartbeats),
        cmocka_unit_test(test_sse_conn__a_reader_that_takes_nothing_is_closed),
        cmocka_unit_test(test_sse_conn__a_reader_with_too_much_waiting_is_closed),
        cmocka_unit_test(test_sse_conn__the_event_being_sent_does_not_count_as_waiting),
        cmocka_unit_test(test_sse_conn__views_give_way_before_the_reader_is_closed),
        cmocka_unit_test(test_sse_conn__a_long_replay_is_fed_as_it_drains),
        cmocka_unit_test(test_sse_conn__a_stalled_reader_changes_nothing_for_the_others),
        cmocka_unit_test(test_sse_conn__a_draining_gateway_just_closes),
        cmocka_unit_test(test_sse_conn__a_server_that_is_freed_closes_its_streams),
        cmocka_unit_test(test_sse_conn__nothing_is_started_for_head_or_a_client_that_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
