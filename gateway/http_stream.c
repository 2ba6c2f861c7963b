/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_stream.h"

#include <event2/event.h>
#include <sys/socket.h>

#include "gateway/http_conn.h"
#include "gateway/http_request_own.h"

#define STREAM_HEAD_LIMIT_BYTES ((size_t)4096)

/* The answer to a HEAD request says what a GET would get. */
static void answer_head_only(struct http_request *take_request)
{
    http_respond(take_request,
                 &(struct http_reply){.status = 200, .content_type = "text/event-stream"});
}

struct http_conn *http_stream_start(struct http_request *take_request, int send_buffer_bytes,
                                    const struct http_stream_callbacks *callbacks, void *context)
{
    if (http_request_method(take_request) == HTTP_METHOD_HEAD) {
        answer_head_only(take_request);
        return NULL;
    }
    struct http_conn *conn = http_request_take_conn(take_request);
    bool is_started = false;
    if (conn != NULL) {
        const struct http_reply_setting setting = http_request_setting(take_request, true);
        struct buf head;
        buf_init(&head, STREAM_HEAD_LIMIT_BYTES);
        http_reply_format_stream_head(&setting, &head);
        /* The kernel's default lets a reader that stopped reading hold megabytes. */
        (void)setsockopt(conn->fd, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes,
                         sizeof send_buffer_bytes);
        http_request_finish(take_request, 200, 0);
        is_started = http_conn_become_stream(conn, &head, callbacks, context);
        buf_done(&head);
    }
    http_request_free(take_request);
    return is_started ? conn : NULL;
}

int http_stream_fd(const struct http_conn *conn)
{
    return conn->fd;
}

void http_stream_want_writable(struct http_conn *conn, bool wanted)
{
    if (wanted)
        event_add(conn->writable, NULL);
    else
        event_del(conn->writable);
}

void http_stream_close(struct http_conn *conn)
{
    conn->stream = NULL;
    http_conn_close(conn);
}
