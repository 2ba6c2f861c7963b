/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_receive.h"

/*
 * Bodies of known length that a handler streams never go through the parser: up to 256 KiB are read
 * at once into the server's one buffer and handed on from there, so an upload costs one copy in
 * user space less and no memory of its own.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "gateway/http_conn.h"
#include "gateway/http_dispatch.h"
#include "gateway/http_request_own.h"

/* For heads and small bodies: more would only wait in `unread`. */
#define HEAD_RECEIVE_BYTES ((size_t)16 * 1024)

/* --- from a head to its handler --- */

static void send_continue(struct http_conn *conn)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    static const struct http_output_body NO_BODY = {0};
    if (!http_output_send(&conn->output, CONTINUE, sizeof CONTINUE - 1, &NO_BODY))
        http_conn_close(conn);
}

static void run_handler(struct http_conn *conn)
{
    struct http_request *request = conn->request;
    http_conn_set_state(conn, HTTP_CONN_HANDLER);
    const struct http_server_settings *settings = &conn->env->settings;
    http_request_hand_over(request);
    if (settings->run != NULL)
        settings->run(request, settings->context);
    else
        http_request_route(request)->handle(request, settings->context);
}

static void run_route(struct http_conn *conn, const struct route *route)
{
    const struct http_server_settings *settings = &conn->env->settings;
    if (settings->admit != NULL && !settings->admit(conn->request, settings->context))
        return;
    if (route->body != ROUTE_BODY_JSON || !conn->is_body_pending) {
        run_handler(conn);
        return;
    }
    http_parser_read_body(&conn->parser, route->body_limit_bytes);
    http_conn_set_state(conn, HTTP_CONN_BODY);
    if (http_request_head(conn->request)->expects_continue)
        send_continue(conn);
}

/* A page's browser asks first whether it may: only listed origins are told so. */
static void answer_options(struct http_request *request, unsigned allowed)
{
    char allow[ROUTER_ALLOW_BYTES];
    router_format_allow(allowed, allow);
    const struct http_header headers[] = {
        {"Allow", allow},
        {"Access-Control-Allow-Methods", allow},
        {"Access-Control-Allow-Headers",
         "Authorization, Content-Type, Content-MD5, Idempotency-Key, If-None-Match, "
         "If-Range, Last-Event-ID, Range, traceparent, "
         "x-amz-checksum-sha256, X-Request-Id"},
        {"Access-Control-Max-Age", "600"},
    };
    bool is_cors = http_request_setting(request, false).cors_origin != NULL;
    http_respond(request, &(struct http_reply){
                              .status = 204, .headers = headers, .header_count = is_cors ? 4 : 1});
}

static void take_head(struct http_conn *conn)
{
    struct http_head head;
    http_parser_take_head(&conn->parser, &head);
    conn->is_body_pending = http_head_has_body(&head);
    struct http_request *request = http_request_new(conn, &head);
    conn->request = request;

    struct router_match match;
    struct problem problem;
    enum http_dispatch dispatch =
        http_dispatch_decide(&conn->env->settings, http_request_head(request), &match, &problem);
    http_request_set_match(request, &match);
    switch (dispatch) {
    case HTTP_DISPATCH_ROUTE:
        run_route(conn, match.route);
        break;
    case HTTP_DISPATCH_OPTIONS:
        answer_options(request, match.allowed);
        break;
    case HTTP_DISPATCH_PROBLEM:
        http_respond_problem(request, &problem);
        break;
    }
    /* A body that is not collected is none of the parser's business. */
    if (conn->state != HTTP_CONN_BODY)
        http_parser_next(&conn->parser);
}

static void take_collected_body(struct http_conn *conn)
{
    conn->is_body_pending = false;
    http_request_set_body(conn->request, &conn->parser.body);
    http_parser_next(&conn->parser);
    run_handler(conn);
}

static void refuse(struct http_conn *conn)
{
    const struct problem problem = {.type = conn->parser.refusal.type,
                                    .detail = conn->parser.refusal.detail};
    conn->env->stats.malformed++;
    if (conn->request != NULL)
        http_respond_problem(conn->request, &problem);
    else
        http_conn_answer_problem(conn, &problem);
}

/* --- bytes --- */

static size_t parse(struct http_conn *conn, const char *data, size_t length)
{
    size_t used;
    enum http_parse result = http_parser_feed(&conn->parser, data, length, &used);
    if (conn->state == HTTP_CONN_BODY)
        conn->progress_bytes += used;
    if (conn->state == HTTP_CONN_IDLE && http_parser_is_started(&conn->parser))
        http_conn_set_state(conn, HTTP_CONN_HEAD);
    switch (result) {
    case HTTP_PARSE_MORE:
        break;
    case HTTP_PARSE_HEAD:
        take_head(conn);
        break;
    case HTTP_PARSE_END:
        take_collected_body(conn);
        break;
    case HTTP_PARSE_REFUSED:
        refuse(conn);
        break;
    }
    return used;
}

static void end_sink(struct http_conn *conn)
{
    conn->is_body_pending = false;
    http_conn_set_state(conn, HTTP_CONN_HANDLER);
    conn->sink->on_end(conn->sink_context);
}

static size_t pour(struct http_conn *conn, const char *data, size_t length)
{
    size_t part = length < conn->body_left ? length : (size_t)conn->body_left;
    conn->body_left -= part;
    conn->progress_bytes += part;
    http_request_add_body_bytes(conn->request, part);
    if (conn->sink->on_data(conn->sink_context, data, part) && conn->body_left == 0)
        end_sink(conn);
    return part;
}

static bool is_taking(const struct http_conn *conn)
{
    return conn->state == HTTP_CONN_HEAD || conn->state == HTTP_CONN_IDLE ||
           conn->state == HTTP_CONN_BODY || conn->state == HTTP_CONN_SINK;
}

static bool is_answering(const struct http_conn *conn)
{
    return conn->state == HTTP_CONN_HANDLER || conn->state == HTTP_CONN_FLUSH ||
           conn->state == HTTP_CONN_FEED || conn->state == HTTP_CONN_FEED_FLUSH;
}

/* Consumes what it can; what must wait for the answer to the present request is kept. */
static void process(struct http_conn *conn, const char *data, size_t length)
{
    conn->is_processing = true;
    while (length > 0 && is_taking(conn)) {
        size_t used =
            conn->state == HTTP_CONN_SINK ? pour(conn, data, length) : parse(conn, data, length);
        data += used;
        length -= used;
    }
    conn->is_processing = false;
    if (is_answering(conn))
        buf_append(&conn->unread, data, length);
}

static void process_unread(struct http_conn *conn)
{
    size_t length = conn->unread.length;
    char *data = buf_take(&conn->unread);
    process(conn, data, length);
    free(data);
}

/* MSG_TRUNC on a TCP socket throws the bytes away inside the kernel. */
static void discard(struct http_conn *conn)
{
    ssize_t received = recv(conn->fd, NULL, HTTP_RECEIVE_BYTES, MSG_DONTWAIT | MSG_TRUNC);
    bool is_nothing_yet = received < 0 && (errno == EAGAIN || errno == EINTR);
    if (is_nothing_yet)
        return;
    if (received <= 0 || (uint64_t)received > conn->linger_left)
        http_conn_close(conn);
    else
        conn->linger_left -= (uint64_t)received;
}

static size_t receive_size(const struct http_conn *conn)
{
    if (conn->state != HTTP_CONN_SINK)
        return HEAD_RECEIVE_BYTES;
    return conn->body_left < HTTP_RECEIVE_BYTES ? (size_t)conn->body_left : HTTP_RECEIVE_BYTES;
}

void http_receive(struct http_conn *conn)
{
    if (conn->state == HTTP_CONN_LINGER) {
        discard(conn);
        return;
    }
    if (conn->unread.length > 0) {
        process_unread(conn);
        return;
    }
    if (!is_taking(conn))
        return;
    char *buffer = conn->env->receive_buffer;
    ssize_t received = recv(conn->fd, buffer, receive_size(conn), MSG_DONTWAIT);
    if (received > 0)
        process(conn, buffer, (size_t)received);
    else if (received == 0 || (errno != EAGAIN && errno != EINTR))
        http_conn_close(conn);
}

void http_receive_body(struct http_conn *conn, uint64_t length, const struct http_sink *sink,
                       void *context)
{
    assert(conn->state == HTTP_CONN_HANDLER && "only the handler takes the body");
    conn->sink = sink;
    conn->sink_context = context;
    conn->body_left = length;
    if (length == 0) {
        sink->on_end(context);
        return;
    }
    http_conn_set_state(conn, HTTP_CONN_SINK);
    if (http_request_head(conn->request)->expects_continue)
        send_continue(conn);
    http_conn_settle(conn);
}
