/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_WORKER_LOOPBACK_HTTP_H
#define TESTS_UNIT_WORKER_LOOPBACK_HTTP_H

/* A service's HTTP server on the test's own loop. The including test includes cmocka. */

#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/loop.h"

struct loopback_http {
    struct evhttp *server;
    char url[64]; /* ends with "/v1/" */
};

static inline struct loopback_http
loopback_http_start(struct loop *loop, void (*on_request)(struct evhttp_request *, void *),
                    void *context)
{
    struct loopback_http http = {.server = evhttp_new(loop_base(loop))};
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http.server, "127.0.0.1", 0);

    assert_non_null(bound);
    assert_int_equal(
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length), 0);
    (void)snprintf(http.url, sizeof http.url, "http://127.0.0.1:%d/v1/", ntohs(address.sin_port));
    evhttp_set_gencb(http.server, on_request, context);
    evhttp_set_max_body_size(http.server, 1 << 20);
    return http;
}

/* `retry_after` may be NULL. */
static inline void loopback_http_answer(struct evhttp_request *request, int status,
                                        const char *retry_after, const char *body)
{
    struct evbuffer *buffer = evbuffer_new();

    if (retry_after != NULL)
        (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After",
                                retry_after);
    (void)evbuffer_add(buffer, body, strlen(body));
    evhttp_send_reply(request, status, "", buffer);
    evbuffer_free(buffer);
}

#endif
