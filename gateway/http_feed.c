/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_feed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/http_conn.h"
#include "gateway/http_request_own.h"

#define HEAD_LIMIT_BYTES ((size_t)64 * 1024)
#define FRAME_SIZE 32

static const struct http_output_body NO_BODY = {0};

/* An HTTP/1.0 client knows no chunks: for it the body ends with the connection. */
static bool closes_after(const struct http_request *request, const struct http_reply *reply,
                         const struct http_conn *conn)
{
    const struct http_head *head = http_request_head(request);

    return !head->keep_alive || conn->env->is_draining || (reply->is_chunked && head->is_http_1_0);
}

static bool send_head(struct http_conn *conn, const struct http_request *request,
                      const struct http_reply *reply)
{
    const struct http_reply_setting setting = http_request_setting(request, conn->feed.closes);
    struct buf head;

    buf_init(&head, HEAD_LIMIT_BYTES);
    http_reply_format_head(reply, &setting, &head);
    bool is_sent = http_output_send(&conn->output, head.data, head.length, &NO_BODY);
    buf_done(&head);
    return is_sent;
}

bool http_feed_start(struct http_request *request, const struct http_reply *reply,
                     void (*on_room)(void *context), void *context)
{
    struct http_conn *conn = http_request_conn(request);

    if (conn == NULL || http_request_method(request) == HTTP_METHOD_HEAD) {
        http_respond(request, reply);
        return false;
    }
    conn->feed = (struct http_feed){
        .on_room = on_room,
        .context = context,
        .status = reply->status,
        .is_chunked = reply->is_chunked && !http_request_head(request)->is_http_1_0,
        .closes = closes_after(request, reply, conn),
    };
    if (!send_head(conn, request, reply)) {
        http_request_drop(request);
        return false;
    }
    http_conn_set_state(conn, HTTP_CONN_FEED_FLUSH);
    http_conn_settle(conn);
    return true;
}

/* A chunk's size stands between the line end of the chunk before it and its own. */
static size_t format_frame(const struct http_feed *feed, size_t length,
                           char ret_frame[static FRAME_SIZE])
{
    if (!feed->is_chunked)
        return 0;
    int used =
        snprintf(ret_frame, FRAME_SIZE, "%s%zx\r\n", feed->sent_bytes > 0 ? "\r\n" : "", length);
    return (size_t)used;
}

void http_feed_send(struct http_request *request, void *take_data, size_t length)
{
    struct http_conn *conn = http_request_conn(request);
    const struct http_output_body body = {.data = take_data, .length = length, .take = take_data};
    char frame[FRAME_SIZE];

    if (conn == NULL) {
        free(take_data);
        return;
    }
    assert(conn->state == HTTP_CONN_FEED && length > 0);
    size_t frame_length = format_frame(&conn->feed, length, frame);
    conn->feed.sent_bytes += length;
    if (!http_output_send(&conn->output, frame, frame_length, &body)) {
        http_conn_close(conn);
        return;
    }
    http_conn_set_state(conn, HTTP_CONN_FEED_FLUSH);
    http_conn_settle(conn);
}

static bool send_end(struct http_conn *conn)
{
    char frame[FRAME_SIZE + 2];
    size_t length = format_frame(&conn->feed, 0, frame);

    if (length == 0)
        return true;
    frame[length++] = '\r';
    frame[length++] = '\n';
    return http_output_send(&conn->output, frame, length, &NO_BODY);
}

void http_feed_end(struct http_request *take_request)
{
    struct http_conn *conn = http_request_take_conn(take_request);

    if (conn != NULL) {
        assert(conn->state == HTTP_CONN_FEED);
        http_request_finish(take_request, conn->feed.status, conn->feed.sent_bytes);
        if (send_end(conn))
            http_conn_end_answer(conn, conn->feed.closes || conn->env->is_draining);
        else
            http_conn_close(conn);
    }
    http_request_free(take_request);
}
