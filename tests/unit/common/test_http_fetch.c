/* SPDX-License-Identifier: Apache-2.0 */

/* Against a server of one thread that plays one scripted answer on each connection. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/http_fetch.h"
#include "common/mem.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"

enum ending { CLOSE, RESET, HANG };

struct script {
    const char *answer; /* sent once the request's head has come; NULL: nothing */
    enum ending ending;
};

struct server {
    int fd;
    int port;
    int stop_fds[2]; /* a pipe: closed to end a hanging connection */
    pthread_t thread;
    struct script script;
    unsigned connections; /* how many to serve */
    char request[4096];   /* the last one's head */
};

static void read_head(int fd, struct server *server)
{
    size_t length = 0;

    while (length < sizeof server->request - 1) {
        ssize_t got = recv(fd, server->request + length, sizeof server->request - 1 - length, 0);

        if (got <= 0)
            break;
        length += (size_t)got;
        server->request[length] = '\0';
        if (strstr(server->request, "\r\n\r\n") != NULL)
            break;
    }
}

static void end_connection(int fd, struct server *server)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    char byte;

    if (server->script.ending == HANG)
        (void)!read(server->stop_fds[0], &byte, 1);
    if (server->script.ending == RESET)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    (void)close(fd);
}

static void *serve(void *context)
{
    struct server *server = context;

    for (unsigned i = 0; i < server->connections; i++) {
        int fd = accept(server->fd, NULL, NULL);

        if (fd < 0)
            break;
        read_head(fd, server);
        if (server->script.answer != NULL)
            (void)!send(fd, server->script.answer, strlen(server->script.answer), MSG_NOSIGNAL);
        end_connection(fd, server);
    }
    return NULL;
}

static void server_start(struct server *server, struct script script, unsigned connections)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    memset(server, 0, sizeof *server);
    server->script = script;
    server->connections = connections;
    assert_int_equal(pipe(server->stop_fds), 0);
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    (void)close(server->stop_fds[1]);
    (void)shutdown(server->fd, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->stop_fds[0]);
    (void)close(server->fd);
}

struct fixture {
    struct loop *loop;
    struct http_fetch *fetch;
    unsigned waiting; /* the loop stops when none is left */
    unsigned replies;
    struct http_fetch_reply last; /* its body is in `body` */
    char *body;
};

static const struct http_fetch_options OPTIONS = {
    .connect_timeout_us = 5000000, .total_timeout_us = 10000000, .body_limit_bytes = 1000};

static void on_reply(void *context, struct http_fetch_reply *reply)
{
    struct fixture *fixture = context;

    free(fixture->body);
    fixture->last = *reply;
    fixture->body = buf_take(&reply->body);
    fixture->replies++;
    if (--fixture->waiting == 0)
        loop_stop(fixture->loop);
}

static struct http_fetch_request *get(struct fixture *fixture, const char *url,
                                      const struct http_fetch_options *options)
{
    CURL *easy = curl_easy_init();

    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    fixture->waiting++;
    return http_fetch_start(fixture->fetch, easy, options, on_reply, fixture);
}

static struct http_fetch_request *get_from(struct fixture *fixture, const struct server *server,
                                           const struct http_fetch_options *options)
{
    CLEANUP(mem_free_at) char *url = mem_format("http://127.0.0.1:%d/x", server->port);

    return get(fixture, url, options);
}

/* One request, one answer. */
static void exchange(struct fixture *fixture, struct script script)
{
    struct server server;

    server_start(&server, script, 1);
    (void)get_from(fixture, &server, &OPTIONS);
    assert_int_equal(fixture->replies, 0); /* never before the loop runs */
    loop_run(fixture->loop);
    server_stop(&server);
    assert_int_equal(fixture->replies, 1);
}

static int set_up(void **state)
{
    struct fixture *fixture = mem_new(sizeof *fixture);

    fixture->loop = loop_new();
    fixture->fetch = http_fetch_new(fixture->loop, 8);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_fetch_free(fixture->fetch);
    loop_free(fixture->loop);
    free(fixture->body);
    free(fixture);
    return 0;
}

static void test_fetch__gives_status_type_and_body(void **state)
{
    struct fixture *fixture = *state;

    exchange(fixture, (struct script){OK_HEAD "Content-Type: application/json; charset=utf-8\r\n"
                                              "Content-Length: 7\r\n\r\n{\"a\":1}",
                                      CLOSE});
    assert_int_equal(fixture->last.status, 200);
    assert_string_equal(fixture->last.content_type, "application/json; charset=utf-8");
    assert_string_equal(fixture->body, "{\"a\":1}");
    assert_true(fixture->last.was_sent);
    assert_int_equal(fixture->last.retry_after_us, -1);
    assert_true(fixture->last.duration_us > 0);
}

static void test_fetch__reads_retry_after(void **state)
{
    static const struct {
        const char *header;
        int64_t low_us;
        int64_t high_us;
    } ROWS[] = {
        {"Retry-After: 7\r\n", 7000000, 7000000},
        {"Retry-After: 0\r\n", 0, 0},
        {"Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", 0, 0},
        {"Retry-After: Fri, 31 Dec 2100 00:00:00 GMT\r\n", 86400000000, INT64_MAX},
        {"", -1, -1},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        CLEANUP(mem_free_at)
        char *answer = mem_format("HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n%s"
                                  "Content-Length: 0\r\n\r\n",
                                  ROWS[i].header);

        fixture->replies = 0;
        exchange(fixture, (struct script){answer, CLOSE});
        assert_int_equal(fixture->last.status, 429);
        if (fixture->last.retry_after_us < ROWS[i].low_us ||
            fixture->last.retry_after_us > ROWS[i].high_us)
            fail_msg("%lld for %s", (long long)fixture->last.retry_after_us, ROWS[i].header);
    }
}

static void test_fetch__follows_no_redirect(void **state)
{
    struct fixture *fixture = *state;

    exchange(fixture, (struct script){"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                                      "Connection: close\r\nContent-Length: 0\r\n\r\n",
                                      CLOSE});
    assert_int_equal(fixture->last.status, 302);
}

static void test_fetch__broken_answers_are_retries_after_sending(void **state)
{
    static const struct script ROWS[] = {
        {NULL, CLOSE},
        {NULL, RESET},
        {OK_HEAD "Content-Length: 100\r\n\r\nhalf", CLOSE},
        {OK_HEAD "Content-Length: 100\r\n\r\nhalf", RESET},
        {"not HTTP at all\r\n\r\n", CLOSE},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        fixture->replies = 0;
        exchange(fixture, ROWS[i]);
        assert_int_equal(fixture->last.status, 0);
        assert_int_equal(fixture->last.err.kind, ERR_RETRY);
        assert_true(fixture->last.was_sent);
        assert_true(strlen(fixture->last.err.message) > 0);
    }
}

static void test_fetch__over_the_limit_is_cut_off(void **state)
{
    struct fixture *fixture = *state;
    char answer[1200];
    int head = snprintf(answer, sizeof answer, OK_HEAD "\r\n");

    memset(answer + head, 'x', 1001);
    answer[head + 1001] = '\0';
    exchange(fixture, (struct script){answer, CLOSE});
    assert_int_equal(fixture->last.status, 0);
    assert_string_equal(fixture->last.err.message, "the answer is over 1000 bytes");

    answer[head + 1000] = '\0';
    fixture->replies = 0;
    exchange(fixture, (struct script){answer, CLOSE});
    assert_int_equal(fixture->last.status, 200);
    assert_int_equal(strlen(fixture->body), 1000);
}

static void test_fetch__time_is_limited(void **state)
{
    struct fixture *fixture = *state;
    struct http_fetch_options options = OPTIONS;
    struct server server;

    options.total_timeout_us = 50000;
    server_start(&server, (struct script){OK_HEAD, HANG}, 1);
    (void)get_from(fixture, &server, &options);
    loop_run(fixture->loop);
    server_stop(&server);
    assert_int_equal(fixture->last.status, 0);
    assert_int_equal(fixture->last.err.kind, ERR_RETRY);
    assert_int_equal(fixture->last.err.code, CURLE_OPERATION_TIMEDOUT);
    assert_true(fixture->last.was_sent);
    assert_true(fixture->last.duration_us >= 50000);
}

static void test_fetch__nobody_there_means_not_sent(void **state)
{
    struct fixture *fixture = *state;
    struct server server;

    server_start(&server, (struct script){NULL, CLOSE}, 0);
    server_stop(&server); /* its port is free again */
    (void)get_from(fixture, &server, &OPTIONS);
    loop_run(fixture->loop);
    assert_int_equal(fixture->last.status, 0);
    assert_int_equal(fixture->last.err.kind, ERR_RETRY);
    assert_false(fixture->last.was_sent);
}

static void test_fetch__other_protocols_are_rejected(void **state)
{
    static const char *const URLS[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://",
                                       "gopher://127.0.0.1/"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(URLS); i++) {
        (void)get(fixture, URLS[i], &OPTIONS);
        loop_run(fixture->loop);
        assert_int_equal(fixture->last.status, 0);
        assert_int_equal(fixture->last.err.kind, ERR_REJECT);
        assert_false(fixture->last.was_sent);
    }
}

static void test_fetch__no_proxy_from_the_environment(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    exchange(fixture, (struct script){OK_HEAD "Content-Length: 0\r\n\r\n", CLOSE});
    (void)unsetenv("http_proxy");
    assert_int_equal(fixture->last.status, 200);
}

static void test_fetch__many_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct server server;

    server_start(&server, (struct script){OK_HEAD "Content-Length: 2\r\n\r\nok", CLOSE}, 40);
    for (int i = 0; i < 40; i++)
        (void)get_from(fixture, &server, &OPTIONS);
    loop_run(fixture->loop);
    server_stop(&server);
    assert_int_equal(fixture->replies, 40);
}

struct canceller {
    struct fixture *fixture;
    struct http_fetch_request *victim;
};

static void on_reply_cancel(void *context, struct http_fetch_reply *reply)
{
    struct canceller *canceller = context;

    assert_int_equal(reply->status, 200);
    http_fetch_cancel(canceller->victim);
    loop_stop(canceller->fixture->loop);
}

static void test_fetch__cancelled_gets_no_reply(void **state)
{
    struct fixture *fixture = *state;
    struct canceller canceller = {.fixture = fixture};
    struct server hanging;
    struct server quick;

    server_start(&hanging, (struct script){OK_HEAD, HANG}, 1);
    server_start(&quick, (struct script){OK_HEAD "Content-Length: 0\r\n\r\n", CLOSE}, 1);
    CLEANUP(mem_free_at) char *url = mem_format("http://127.0.0.1:%d/", quick.port);
    CURL *easy = curl_easy_init();

    http_fetch_cancel(get_from(fixture, &hanging, &OPTIONS)); /* before it began */
    canceller.victim = get_from(fixture, &hanging, &OPTIONS);
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)http_fetch_start(fixture->fetch, easy, &OPTIONS, on_reply_cancel, &canceller);
    loop_run(fixture->loop);
    server_stop(&quick);
    server_stop(&hanging);
    assert_int_equal(fixture->replies, 0);
}

static void test_fetch__free_cancels_what_is_in_flight(void **state)
{
    struct fixture *fixture = *state;
    struct server server;

    server_start(&server, (struct script){OK_HEAD, HANG}, 1);
    (void)get_from(fixture, &server, &OPTIONS);
    (void)event_base_loop(loop_base(fixture->loop), EVLOOP_ONCE);
    http_fetch_free(fixture->fetch);
    fixture->fetch = NULL;
    server_stop(&server);
    assert_int_equal(fixture->replies, 0);
}

static void test_err__class_of_each_code(void **state)
{
    static const struct {
        CURLcode code;
        enum err_kind kind;
    } ROWS[] = {
        {CURLE_UNSUPPORTED_PROTOCOL, ERR_REJECT},
        {CURLE_URL_MALFORMAT, ERR_REJECT},
        {CURLE_BAD_FUNCTION_ARGUMENT, ERR_REJECT},
        {CURLE_ABORTED_BY_CALLBACK, ERR_REJECT},
        {CURLE_COULDNT_RESOLVE_HOST, ERR_RETRY},
        {CURLE_COULDNT_CONNECT, ERR_RETRY},
        {CURLE_OPERATION_TIMEDOUT, ERR_RETRY},
        {CURLE_SSL_CONNECT_ERROR, ERR_RETRY},
        {CURLE_PEER_FAILED_VERIFICATION, ERR_RETRY},
        {CURLE_GOT_NOTHING, ERR_RETRY},
        {CURLE_SEND_ERROR, ERR_RETRY},
        {CURLE_RECV_ERROR, ERR_RETRY},
        {CURLE_PARTIAL_FILE, ERR_RETRY},
        {CURLE_WRITE_ERROR, ERR_RETRY},
        {CURLE_HTTP2, ERR_RETRY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        struct err err;

        assert_false(http_fetch_err(&err, ROWS[i].code, "detail"));
        if (err.kind != ROWS[i].kind)
            fail_msg("%s is %s", curl_easy_strerror(ROWS[i].code), err_kind_name(err.kind));
        assert_int_equal(err.code, ROWS[i].code);
        assert_string_equal(err.domain, "curl");
    }
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(test_fetch__gives_status_type_and_body),
        WITH_LOOP(test_fetch__reads_retry_after),
        WITH_LOOP(test_fetch__follows_no_redirect),
        WITH_LOOP(test_fetch__broken_answers_are_retries_after_sending),
        WITH_LOOP(test_fetch__over_the_limit_is_cut_off),
        WITH_LOOP(test_fetch__time_is_limited),
        WITH_LOOP(test_fetch__nobody_there_means_not_sent),
        WITH_LOOP(test_fetch__other_protocols_are_rejected),
        WITH_LOOP(test_fetch__no_proxy_from_the_environment),
        WITH_LOOP(test_fetch__many_at_once),
        WITH_LOOP(test_fetch__cancelled_gets_no_reply),
        WITH_LOOP(test_fetch__free_cancels_what_is_in_flight),
        cmocka_unit_test(test_err__class_of_each_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
