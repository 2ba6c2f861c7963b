/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/ops_http.h"

static const struct metric_definition METRICS[] = {
    {"test_things_total", METRIC_COUNTER, "Things.", NULL, {NULL}},
};

struct fixture {
    struct metrics *metrics;
    struct ops_http *ops;
    atomic_bool is_ready;
};

static bool is_ready(void *context, struct buf *ret_members)
{
    struct fixture *fixture = context;

    buf_append_string(ret_members, "\"kafka\":true");
    return fixture->is_ready;
}

static void start(struct fixture *fixture)
{
    struct err err;

    log_init("test", LOG_LEVEL_ERROR, false);
    fixture->metrics = metrics_new(METRICS, 1);
    struct ops_http_sources sources = {fixture->metrics, is_ready, fixture};
    assert_true(ops_http_start(NULL, "127.0.0.1:0", sources, &fixture->ops, &err));
}

static void finish(struct fixture *fixture)
{
    ops_http_free(fixture->ops);
    metrics_free(fixture->metrics);
}

/* The whole answer to one request, until the server closes; owned by the caller. */
static char *ask(const struct fixture *fixture, const char *request_line)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(ops_http_port(fixture->ops)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CLEANUP(mem_free_at)
    char *request =
        mem_format("%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", request_line);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct buf answer;
    char bytes[4096];
    ssize_t length;

    buf_init(&answer, 1 << 20);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    while ((length = read(fd, bytes, sizeof bytes)) > 0)
        buf_append(&answer, bytes, (size_t)length);
    assert_int_equal(close(fd), 0);
    return buf_take(&answer);
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

static void assert_status(const char *answer, int status)
{
    CLEANUP(mem_free_at) char *start_line = mem_format("HTTP/1.1 %d ", status);

    assert_memory_equal(answer, start_line, strlen(start_line));
}

static void test_ops_http__healthz(void **state UNUSED)
{
    struct fixture fixture = {.is_ready = false};

    start(&fixture);
    CLEANUP(mem_free_at) char *answer = ask(&fixture, "GET /healthz");
    assert_status(answer, 200);
    assert_string_equal(body_of(answer), "ok\n");
    finish(&fixture);
}

static void test_ops_http__readyz_follows_the_process(void **state UNUSED)
{
    struct fixture fixture = {.is_ready = false};

    start(&fixture);
    CLEANUP(mem_free_at) char *before = ask(&fixture, "GET /readyz");
    assert_status(before, 503);
    assert_string_equal(body_of(before), "{\"ready\":false,\"kafka\":true}\n");
    fixture.is_ready = true;
    CLEANUP(mem_free_at) char *after = ask(&fixture, "GET /readyz?verbose");
    assert_status(after, 200);
    assert_string_equal(body_of(after), "{\"ready\":true,\"kafka\":true}\n");
    finish(&fixture);
}

static void test_ops_http__metrics(void **state UNUSED)
{
    struct fixture fixture = {.is_ready = true};

    start(&fixture);
    metrics_add(fixture.metrics, 0, 0, 3);
    CLEANUP(mem_free_at) char *answer = ask(&fixture, "GET /metrics");
    assert_status(answer, 200);
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "\ntest_things_total 3\n"));
    finish(&fixture);
}

static void test_ops_http__nothing_else(void **state UNUSED)
{
    struct fixture fixture = {.is_ready = true};

    start(&fixture);
    CLEANUP(mem_free_at) char *missing = ask(&fixture, "GET /etc/passwd");
    assert_status(missing, 404);
    CLEANUP(mem_free_at) char *wrong = ask(&fixture, "DELETE /metrics");
    assert_status(wrong, 501);
    CLEANUP(mem_free_at) char *head = ask(&fixture, "HEAD /healthz");
    assert_status(head, 501);
    finish(&fixture);
}

static void test_ops_http__bad_addresses(void **state UNUSED)
{
    static const char *const BAD[] = {"",
                                      "localhost",
                                      ":8080",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "203.0.113.1:0" /* not of this host */};
    struct fixture fixture = {.is_ready = true, .metrics = metrics_new(METRICS, 1)};

    log_init("test", LOG_LEVEL_ERROR, false);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        struct ops_http_sources sources = {fixture.metrics, is_ready, &fixture};
        struct err err;
        assert_false(ops_http_start(NULL, BAD[i], sources, &fixture.ops, &err));
        assert_non_null(strstr(err.message, BAD[i]));
    }
    metrics_free(fixture.metrics);
}

static void test_ops_http__port_in_use(void **state UNUSED)
{
    struct fixture fixture = {.is_ready = true};
    struct ops_http *second = NULL;
    struct err err;

    start(&fixture);
    CLEANUP(mem_free_at) char *listen = mem_format("127.0.0.1:%u", ops_http_port(fixture.ops));
    struct ops_http_sources sources = {fixture.metrics, is_ready, &fixture};
    assert_false(ops_http_start(NULL, listen, sources, &second, &err));
    assert_non_null(strstr(err.message, "Address already in use"));
    finish(&fixture);
}

static void test_ops_http__starts_and_stops_many_times(void **state UNUSED)
{
    for (int i = 0; i < 100; i++) {
        struct fixture fixture = {.is_ready = true};
        start(&fixture);
        finish(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ops_http__healthz),
        cmocka_unit_test(test_ops_http__readyz_follows_the_process),
        cmocka_unit_test(test_ops_http__metrics),
        cmocka_unit_test(test_ops_http__nothing_else),
        cmocka_unit_test(test_ops_http__bad_addresses),
        cmocka_unit_test(test_ops_http__port_in_use),
        cmocka_unit_test(test_ops_http__starts_and_stops_many_times),
    };
    return cmocka_run_group_tests_name("ops_http", tests, NULL, NULL);
}
