/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/mem.h"
#include "gateway/http_conn.h"
#include "gateway/http_receive.h"
#include "gateway/http_request_own.h"
#include "gateway/http_text.h"
#include "gateway/problem.h"

#define REQUEST_ID_BYTES 65
#define HEADERS_MAX 4
#define HOOKS_MAX 2
#define PROBLEM_HEADERS 4
#define PROBLEM_LIMIT_BYTES ((size_t)16 * 1024)

/* The status under which a request is logged whose client did not wait for the answer. */
#define STATUS_CLIENT_GONE 499

/* A query parameter that was asked for, decoded. */
struct parameter {
    char *name;
    char *value;
    struct parameter *next;
};

struct respond_hook {
    void (*on_respond)(struct http_request *take_request, const struct http_reply *reply,
                       void *context);
    void *context;
};

struct http_request {
    struct http_conn *conn; /* NULL once the client is gone */
    struct http_env *env;   /* of the connection; used only while conn is there */
    struct http_head head;
    struct buf body;
    struct router_match match;
    char *capture;                /* owned, decoded; NULL if none */
    struct parameter *parameters; /* owned */
    bool is_handed_over;
    const struct http_sink *sink; /* borrowed; NULL until the body is taken */
    void *sink_context;
    void (*on_abort)(struct http_request *request, void *context);
    void *on_abort_context;
    struct respond_hook hooks[HOOKS_MAX];
    size_t hook_count;
    struct http_header headers[HEADERS_MAX]; /* of the answer */
    char *header_values[HEADERS_MAX];        /* owned */
    size_t header_count;
    uint64_t started_us;
    uint64_t body_bytes;
    const char *cors_origin; /* into head */
    char id[REQUEST_ID_BYTES];
    char address[INET6_ADDRSTRLEN];
};

/* --- the connection's side --- */

static void choose_id(struct http_request *request)
{
    const char *given = http_head_find(&request->head, "X-Request-Id");
    if (given != NULL && http_text_is_request_id(given))
        snprintf(request->id, sizeof request->id, "%s", given);
    else
        snprintf(request->id, sizeof request->id, "%s", id_random().text);
}

struct http_request *http_request_new(struct http_conn *conn, struct http_head *take_head)
{
    struct http_request *request = mem_new(sizeof *request);
    request->conn = conn;
    request->env = conn->env;
    request->head = *take_head;
    request->started_us = clock_now_us();
    memcpy(request->address, conn->address, sizeof request->address);
    buf_init(&request->body, 0);
    choose_id(request);
    const char *origin = http_head_find(&request->head, "Origin");
    if (origin != NULL && http_guard_is_origin_listed(&conn->env->settings.guard, origin))
        request->cors_origin = origin;
    return request;
}

static void free_parameters(struct parameter *parameter)
{
    while (parameter != NULL) {
        struct parameter *next = parameter->next;
        free(parameter->name);
        free(parameter->value);
        free(parameter);
        parameter = next;
    }
}

void http_request_free(struct http_request *request)
{
    free_parameters(request->parameters);
    for (size_t i = 0; i < request->header_count; i++)
        free(request->header_values[i]);
    free(request->capture);
    buf_done(&request->body);
    http_head_done(&request->head);
    free(request);
}

const struct http_head *http_request_head(const struct http_request *request)
{
    return &request->head;
}

void http_request_set_match(struct http_request *request, const struct router_match *match)
{
    request->match = *match;
    if (match->capture != NULL)
        request->capture = http_text_decode(match->capture, match->capture_length, false);
}

void http_request_set_body(struct http_request *request, struct buf *take_body)
{
    buf_done(&request->body);
    request->body = *take_body;
    request->body_bytes = take_body->length;
    buf_init(take_body, 0);
}

void http_request_add_body_bytes(struct http_request *request, size_t length)
{
    request->body_bytes += length;
}

void http_request_hand_over(struct http_request *request)
{
    request->is_handed_over = true;
}

void http_request_leave(struct http_request *request, int status)
{
    http_request_finish(request, status, 0);
    request->conn = NULL;
    if (!request->is_handed_over)
        http_request_free(request);
    else if (request->sink != NULL)
        request->sink->on_abort(request->sink_context);
    else if (request->on_abort != NULL)
        request->on_abort(request, request->on_abort_context);
}

struct http_reply_setting http_request_setting(const struct http_request *request, bool closes)
{
    return (struct http_reply_setting){
        .closes = closes,
        .keeps_1_0 = request->head.is_http_1_0,
        .request_id = request->id,
        .cors_origin = request->cors_origin,
        .headers = request->headers,
        .header_count = request->header_count,
    };
}

void http_request_finish(const struct http_request *request, int status, uint64_t sent_bytes)
{
    struct http_env *env = request->env;
    env->stats.requests++;
    env->stats.body_bytes += request->body_bytes;
    if (env->settings.on_access == NULL)
        return;
    const struct http_access access = {
        .request_id = request->id,
        .address = request->address,
        .method = http_method_name(request->head.method),
        .path = http_request_path(request),
        .pattern = request->match.route != NULL ? request->match.route->pattern : "-",
        .status = status,
        .body_bytes = request->body_bytes,
        .sent_bytes = sent_bytes,
        .duration_us = clock_now_us() - request->started_us,
    };
    env->settings.on_access(&access, env->settings.context);
}

struct http_conn *http_request_conn(const struct http_request *request)
{
    return request->conn;
}

struct http_conn *http_request_take_conn(struct http_request *request)
{
    struct http_conn *conn = request->conn;
    request->conn = NULL;
    if (conn != NULL)
        conn->request = NULL;
    return conn;
}

/* --- what a handler can ask --- */

enum http_method http_request_method(const struct http_request *request)
{
    return request->head.method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->head.text.data + request->head.path;
}

const char *http_request_capture(const struct http_request *request)
{
    return request->capture;
}

const char *http_request_raw_query(const struct http_request *request)
{
    return request->head.text.data + request->head.query;
}

static struct parameter *decode_parameter(struct http_request *request, const char *name)
{
    const char *value;
    size_t length;
    if (!http_text_find_parameter(http_request_raw_query(request), name, &value, &length))
        return NULL;
    char *decoded = http_text_decode(value, length, true);
    if (decoded == NULL)
        return NULL;
    struct parameter *parameter = mem_new(sizeof *parameter);
    *parameter = (struct parameter){mem_copy_string(name), decoded, request->parameters};
    request->parameters = parameter;
    return parameter;
}

const char *http_request_query(struct http_request *request, const char *name)
{
    struct parameter *known = request->parameters;
    while (known != NULL && strcmp(known->name, name) != 0)
        known = known->next;
    if (known == NULL)
        known = decode_parameter(request, name);
    return known != NULL ? known->value : NULL;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return http_head_find(&request->head, name);
}

const char *http_request_body(const struct http_request *request, size_t *ret_length)
{
    *ret_length = request->body.length;
    return buf_string(&request->body);
}

bool http_request_content_length(const struct http_request *request, uint64_t *ret_length)
{
    if (request->head.has_length)
        *ret_length = request->head.length;
    return request->head.has_length;
}

const struct route *http_request_route(const struct http_request *request)
{
    return request->match.route;
}

const char *http_request_address(const struct http_request *request)
{
    return request->address;
}

const char *http_request_id(const struct http_request *request)
{
    return request->id;
}

const char *http_request_traceparent(const struct http_request *request)
{
    const char *value = http_head_find(&request->head, "traceparent");
    return value != NULL && http_text_is_traceparent(value) ? value : NULL;
}

bool http_request_is_alive(const struct http_request *request)
{
    return request->conn != NULL;
}

void http_request_on_abort(struct http_request *request,
                           void (*on_abort)(struct http_request *request, void *context),
                           void *context)
{
    request->on_abort = on_abort;
    request->on_abort_context = context;
}

/* --- what a handler can do --- */

void http_request_take_body(struct http_request *request, const struct http_sink *sink,
                            void *context)
{
    assert(request->sink == NULL && "a body is taken once");
    request->sink = sink;
    request->sink_context = context;
    if (request->conn != NULL)
        http_receive_body(request->conn, request->head.length, sink, context);
    else
        sink->on_abort(context);
}

void http_request_add_header(struct http_request *request, const char *name, const char *value)
{
    size_t place = request->header_count++;
    assert(place < HEADERS_MAX);
    request->header_values[place] = mem_copy_string(value);
    request->headers[place] = (struct http_header){name, request->header_values[place]};
}

void http_request_on_respond(struct http_request *request,
                             void (*on_respond)(struct http_request *take_request,
                                                const struct http_reply *reply, void *context),
                             void *context)
{
    assert(request->hook_count < HOOKS_MAX);
    request->hooks[request->hook_count++] = (struct respond_hook){on_respond, context};
}

void http_respond(struct http_request *take_request, const struct http_reply *reply)
{
    if (take_request->hook_count > 0) {
        struct respond_hook hook = take_request->hooks[--take_request->hook_count];
        hook.on_respond(take_request, reply, hook.context);
        return;
    }
    struct http_conn *conn = take_request->conn;
    if (conn != NULL)
        http_conn_answer(conn, reply);
    else
        free(reply->take_body);
    http_request_free(take_request);
}

void http_respond_json(struct http_request *take_request, int status, char *take_json,
                       size_t length)
{
    http_respond(take_request, &(struct http_reply){.status = status,
                                                    .content_type = "application/json",
                                                    .take_body = take_json,
                                                    .body_length = length});
}

/* The headers that go with a problem. */
static size_t problem_headers(const struct http_request *request, const struct problem *problem,
                              char *allow, char *retry_after, struct http_header *headers)
{
    size_t count = 0;
    if (problem->type == PROBLEM_METHOD_NOT_ALLOWED) {
        router_format_allow(request->match.allowed, allow);
        headers[count++] = (struct http_header){"Allow", allow};
    }
    if (problem->type == PROBLEM_UNAUTHORIZED)
        headers[count++] = (struct http_header){"WWW-Authenticate", "Bearer"};
    if (problem->retry_after_s > 0) {
        snprintf(retry_after, ROUTER_ALLOW_BYTES, "%u", problem->retry_after_s);
        headers[count++] = (struct http_header){"Retry-After", retry_after};
    }
    if (problem->content_range != NULL)
        headers[count++] = (struct http_header){"Content-Range", problem->content_range};
    assert(count <= PROBLEM_HEADERS);
    return count;
}

void http_respond_problem(struct http_request *take_request, const struct problem *problem)
{
    char allow[ROUTER_ALLOW_BYTES], retry_after[ROUTER_ALLOW_BYTES];
    struct http_header headers[PROBLEM_HEADERS];
    struct buf json;
    buf_init(&json, PROBLEM_LIMIT_BYTES);
    problem_encode(problem, take_request->id, &json);
    size_t length = json.length;
    http_respond(take_request, &(struct http_reply){
                                   .status = problem_status(problem->type),
                                   .content_type = "application/problem+json",
                                   .take_body = buf_take(&json),
                                   .body_length = length,
                                   .headers = headers,
                                   .header_count = problem_headers(take_request, problem, allow,
                                                                   retry_after, headers),
                               });
}

void http_request_drop(struct http_request *take_request)
{
    struct http_conn *conn = http_request_take_conn(take_request);
    if (conn != NULL) {
        http_request_finish(take_request, STATUS_CLIENT_GONE, 0);
        http_conn_close(conn);
    }
    http_request_free(take_request);
}
