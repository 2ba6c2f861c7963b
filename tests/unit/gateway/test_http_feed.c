/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are made while they are sent. */
#include "gateway/http_feed.h"
#include "tests/unit/gateway/http_loopback.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define LARGE_PIECE_BYTES ((size_t)1024 * 1024)
#define LARGE_PIECES 64

/* What a route gives: `pieces` times the text, then the end, or the connection's. */
struct plan {
    const char *piece;
    size_t piece_bytes; /* of zeros, instead of the text */
    unsigned pieces;
    bool has_length;
    bool breaks_off;
};

struct feeding {
    struct http_request *request;
    const struct plan *plan;
    unsigned given;
    bool is_started;
    bool is_aborted;
};

static struct feeding feeding;

static size_t piece_length(const struct plan *plan)
{
    return plan->piece != NULL ? strlen(plan->piece) : plan->piece_bytes;
}

static void on_room(void *context UNUSED)
{
    const struct plan *plan = feeding.plan;

    if (feeding.given++ < plan->pieces) {
        char *piece =
            plan->piece != NULL ? mem_copy_string(plan->piece) : mem_array(plan->piece_bytes, 1);
        http_feed_send(feeding.request, piece, piece_length(plan));
    } else if (plan->breaks_off) {
        http_request_drop(feeding.request);
    } else {
        http_feed_end(feeding.request);
    }
}

static void on_abort(struct http_request *request, void *context UNUSED)
{
    feeding.is_aborted = true;
    http_request_drop(request);
}

static void start(struct http_request *request, const struct plan *plan)
{
    const struct http_reply reply = {.status = 200,
                                     .content_type = "text/plain",
                                     .is_chunked = !plan->has_length,
                                     .body_length = plan->pieces * piece_length(plan)};

    feeding = (struct feeding){.request = request, .plan = plan};
    http_request_on_abort(request, on_abort, NULL);
    feeding.is_started = http_feed_start(request, &reply, on_room, NULL);
}

static void handle_short(struct http_request *request, void *context UNUSED)
{
    static const struct plan PLAN = {.piece = "hello", .pieces = 3};
    start(request, &PLAN);
}

static void handle_empty(struct http_request *request, void *context UNUSED)
{
    static const struct plan PLAN = {.piece = "", .pieces = 0};
    start(request, &PLAN);
}

static void handle_sized(struct http_request *request, void *context UNUSED)
{
    static const struct plan PLAN = {.piece = "hello", .pieces = 3, .has_length = true};
    start(request, &PLAN);
}

static void handle_broken(struct http_request *request, void *context UNUSED)
{
    static const struct plan PLAN = {.piece = "hello", .pieces = 2, .breaks_off = true};
    start(request, &PLAN);
}

static void handle_large(struct http_request *request, void *context UNUSED)
{
    static const struct plan PLAN = {
        .piece_bytes = LARGE_PIECE_BYTES, .pieces = LARGE_PIECES, .has_length = true};
    start(request, &PLAN);
}

static const struct route ROUTES[] = {
    {HTTP_METHOD_GET, "/short", ROUTE_BODY_NONE, 0, handle_short, 0, 0},
    {HTTP_METHOD_GET, "/empty", ROUTE_BODY_NONE, 0, handle_empty, 0, 0},
    {HTTP_METHOD_GET, "/sized", ROUTE_BODY_NONE, 0, handle_sized, 0, 0},
    {HTTP_METHOD_GET, "/broken", ROUTE_BODY_NONE, 0, handle_broken, 0, 0},
    {HTTP_METHOD_GET, "/large", ROUTE_BODY_NONE, 0, handle_large, 0, 0},
};

static void begin(struct loopback *loopback, struct client *client)
{
    struct http_server_settings settings = {
        .routes = ROUTES, .route_count = ARRAY_LEN(ROUTES), .limits = http_limits_default};

    loopback_start(loopback, &settings);
    client_connect(client, loopback);
}

static void end(struct loopback *loopback, struct client *client)
{
    client_close(client);
    loopback_stop(loopback);
}

static void test_http_feed__pieces_without_a_length_are_chunks(void **state UNUSED)
{
    struct loopback loopback;
    struct client client;

    begin(&loopback, &client);
    assert_true(client_say(&client, GET("/short") GET("/sized")));
    assert_true(client_wait_for(&client, "Transfer-Encoding: chunked\r\n"));
    assert_true(client_wait_for(&client, "\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n5\r\nhello\r\n"
                                         "0\r\n\r\nHTTP/1.1 200"));
    assert_null(strstr(strstr(client.received.data, "hello"), "Transfer-Encoding"));
    assert_true(client_wait_for(&client, "Content-Length: 15\r\n"));
    assert_true(client_wait_for(&client, "\r\n\r\nhellohellohello"));
    end(&loopback, &client);
}

static void test_http_feed__an_empty_body_is_one_last_chunk(void **state UNUSED)
{
    struct loopback loopback;
    struct client client;

    begin(&loopback, &client);
    assert_true(client_say(&client, GET("/empty") GET("/empty")));
    assert_true(client_wait_for(&client, "\r\n\r\n0\r\n\r\nHTTP/1.1 200"));
    end(&loopback, &client);
}

static void test_http_feed__http_1_0_gets_it_plain_until_the_end(void **state UNUSED)
{
    struct loopback loopback;
    struct client client;

    begin(&loopback, &client);
    assert_true(client_say(&client, "GET /short HTTP/1.0\r\nHost: localhost\r\n"
                                    "Connection: keep-alive\r\n\r\n"));
    assert_true(client_wait_for_end(&client));
    assert_null(strstr(client.received.data, "Transfer-Encoding"));
    assert_non_null(strstr(client.received.data, "Connection: close\r\n"));
    assert_string_equal(strstr(client.received.data, "\r\n\r\n"), "\r\n\r\nhellohellohello");
    end(&loopback, &client);
}

static void test_http_feed__head_gets_no_body(void **state UNUSED)
{
    struct loopback loopback;
    struct client client;

    begin(&loopback, &client);
    assert_true(client_say(&client, "HEAD /sized HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                    "HEAD /short HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                    "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_true(client_wait_for(&client, "404"));
    assert_non_null(strstr(client.received.data, "Content-Length: 15\r\n"));
    assert_null(strstr(client.received.data, "hello"));
    assert_false(feeding.is_started);
    assert_int_equal(feeding.given, 0);
    end(&loopback, &client);
}

static void test_http_feed__one_broken_off_can_be_told_from_a_whole_one(void **state UNUSED)
{
    struct loopback loopback;
    struct client client;

    begin(&loopback, &client);
    assert_true(client_say(&client, GET("/broken")));
    assert_true(client_wait_for_end(&client));
    assert_non_null(strstr(client.received.data, "hello"));
    assert_null(strstr(client.received.data, "\r\n0\r\n"));
    end(&loopback, &client);
}

static void test_http_feed__nothing_is_made_that_the_client_does_not_take(void **state UNUSED)
{
    struct loopback loopback;
    struct client client;

    begin(&loopback, &client);
    assert_true(client_say(&client, GET("/large")));
    for (int i = 0; i < 200; i++)
        loopback_turn(&loopback); /* the client reads nothing */
    assert_in_range(feeding.given, 1, 10);
    close(client.fd);
    for (int i = 0; i < 200 && !feeding.is_aborted; i++)
        loopback_turn(&loopback);
    assert_true(feeding.is_aborted);
    buf_done(&client.received);
    loopback_stop(&loopback);
}

static void test_http_feed__a_large_one_arrives_whole(void **state UNUSED)
{
    struct loopback loopback;
    struct client client;

    begin(&loopback, &client);
    client.received.limit_bytes = 2 * LARGE_PIECES * LARGE_PIECE_BYTES;
    assert_true(client_say(&client, GET("/large")));
    assert_true(client_wait_for(&client, "\r\n\r\n"));
    size_t head = (size_t)(strstr(client.received.data, "\r\n\r\n") + 4 - client.received.data);
    while (client.received.length < head + LARGE_PIECES * LARGE_PIECE_BYTES) {
        assert_false(client_is_over(&client));
        client_wait(&client);
    }
    assert_int_equal(client.received.length, head + LARGE_PIECES * LARGE_PIECE_BYTES);
    while (feeding.given <= LARGE_PIECES)
        client_wait(&client);
    assert_int_equal(client.received.length, head + LARGE_PIECES * LARGE_PIECE_BYTES);
    end(&loopback, &client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_feed__pieces_without_a_length_are_chunks),
        cmocka_unit_test(test_http_feed__an_empty_body_is_one_last_chunk),
        cmocka_unit_test(test_http_feed__http_1_0_gets_it_plain_until_the_end),
        cmocka_unit_test(test_http_feed__head_gets_no_body),
        cmocka_unit_test(test_http_feed__one_broken_off_can_be_told_from_a_whole_one),
        cmocka_unit_test(test_http_feed__nothing_is_made_that_the_client_does_not_take),
        cmocka_unit_test(test_http_feed__a_large_one_arrives_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
