/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_parser.h"

#include <assert.h>
#include <string.h>

#include "common/attrs.h"

/* A head's text holds each name and value with its NUL in place of ": " and CR LF, so what fits the
 * limit on the wire fits here. */
#define TEXT_SLACK_BYTES 16

/* Chunk framing: a sender of a few bytes a chunk pays for it with a refusal. */
#define FRAMING_SLACK_BYTES 4096

static const llhttp_settings_t *parser_settings(void);

static const struct {
    llhttp_method_t theirs;
    enum http_method ours;
} METHODS[] = {
    {HTTP_GET, HTTP_METHOD_GET},       {HTTP_HEAD, HTTP_METHOD_HEAD},
    {HTTP_POST, HTTP_METHOD_POST},     {HTTP_PUT, HTTP_METHOD_PUT},
    {HTTP_DELETE, HTTP_METHOD_DELETE}, {HTTP_OPTIONS, HTTP_METHOD_OPTIONS},
    {HTTP_PATCH, HTTP_METHOD_PATCH},   {HTTP_TRACE, HTTP_METHOD_TRACE},
    {HTTP_QUERY, HTTP_METHOD_QUERY},
};

void http_parser_init(struct http_parser *parser, size_t header_bytes, unsigned header_count)
{
    *parser = (struct http_parser){
        .header_limit_bytes = header_bytes,
        .header_limit_count = header_count,
        .taken_limit_bytes = header_bytes,
    };
    http_head_init(&parser->head, header_bytes + TEXT_SLACK_BYTES);
    buf_init(&parser->body, 0);
    llhttp_init(&parser->llhttp, HTTP_REQUEST, parser_settings());
    parser->llhttp.data = parser;
}

void http_parser_done(struct http_parser *parser)
{
    http_head_done(&parser->head);
    buf_done(&parser->body);
}

void http_parser_next(struct http_parser *parser)
{
    http_parser_done(parser);
    http_parser_init(parser, parser->header_limit_bytes, parser->header_limit_count);
}

bool http_parser_is_started(const struct http_parser *parser)
{
    return parser->taken_bytes > 0;
}

void http_parser_take_head(struct http_parser *parser, struct http_head *ret_head)
{
    *ret_head = parser->head;
    http_head_init(&parser->head, ret_head->text.limit_bytes);
}

void http_parser_read_body(struct http_parser *parser, size_t limit_bytes)
{
    assert(parser->is_in_body && "the head comes first");
    buf_init(&parser->body, limit_bytes);
    parser->taken_bytes = 0;
    parser->taken_limit_bytes = limit_bytes * 2 + FRAMING_SLACK_BYTES;
}

static int refuse(struct http_parser *parser, enum problem_type type, const char *detail)
{
    if (!parser->is_refused)
        parser->refusal = (struct http_refusal){.type = type, .detail = detail};
    parser->is_refused = true;
    return HPE_USER;
}

static enum http_parse refuse_over_limit(struct http_parser *parser)
{
    (void)refuse(parser, parser->is_in_body ? PROBLEM_BODY_TOO_LARGE : PROBLEM_HEADER_TOO_LARGE,
                 NULL);
    return HTTP_PARSE_REFUSED;
}

static enum http_parse refuse_error(struct http_parser *parser, llhttp_errno_t error)
{
    if (error == HPE_INVALID_VERSION && !parser->is_version_read)
        (void)refuse(parser, PROBLEM_VERSION_NOT_SUPPORTED, NULL);
    else
        (void)refuse(parser, PROBLEM_MALFORMED_REQUEST, "the request could not be parsed");
    return HTTP_PARSE_REFUSED;
}

enum http_parse http_parser_feed(struct http_parser *parser, const char *data, size_t length,
                                 size_t *ret_used)
{
    *ret_used = 0;
    if (parser->is_refused)
        return HTTP_PARSE_REFUSED;
    /* Never more than the limit allows, so that the verdict is the same for every cut. */
    size_t room = parser->taken_limit_bytes - parser->taken_bytes;
    size_t slice = length < room ? length : room;
    if (llhttp_get_errno(&parser->llhttp) == HPE_PAUSED)
        llhttp_resume(&parser->llhttp);
    parser->feed_start = data;
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, data, slice);
    bool is_paused = error == HPE_PAUSED;
    *ret_used = is_paused ? (size_t)(llhttp_get_error_pos(&parser->llhttp) - data) : slice;
    parser->taken_bytes += *ret_used;
    if (is_paused)
        return parser->is_complete ? HTTP_PARSE_END : HTTP_PARSE_HEAD;
    if (error != HPE_OK)
        return refuse_error(parser, error);
    return parser->taken_bytes == parser->taken_limit_bytes ? refuse_over_limit(parser)
                                                            : HTTP_PARSE_MORE;
}

/* --- llhttp's callbacks: on_x gives a piece of x, on_x_complete its end --- */

static struct http_parser *owner_of(llhttp_t *llhttp)
{
    return llhttp->data;
}

static int append_text(struct http_parser *parser, const char *text, size_t length)
{
    buf_append(&parser->head.text, text, length);
    return buf_is_over(&parser->head.text) ? refuse(parser, PROBLEM_HEADER_TOO_LARGE, NULL) : 0;
}

/* Where `at` stands, in bytes of this request. */
static size_t place_of(const struct http_parser *parser, const char *at)
{
    return parser->taken_bytes + (size_t)(at - parser->feed_start);
}

static int on_method(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = owner_of(llhttp);
    parser->method_end = place_of(parser, at) + length;
    return 0;
}

/* llhttp passes over any number of spaces before the target; others might not. */
static int on_url(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = owner_of(llhttp);
    if (parser->head.text.length == 0 && place_of(parser, at) != parser->method_end + 1)
        return refuse(parser, PROBLEM_MALFORMED_REQUEST,
                      "the request target must follow the method after one space");
    return append_text(parser, at, length);
}

static int on_url_complete(llhttp_t *llhttp)
{
    return append_text(owner_of(llhttp), "", 1);
}

static int on_version_complete(llhttp_t *llhttp)
{
    owner_of(llhttp)->is_version_read = true;
    return 0;
}

/* Trailers count against the body's limit and are otherwise passed over: none decides anything. */
static int on_header_field(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = owner_of(llhttp);
    if (parser->is_in_body)
        return 0;
    if (parser->field_start == 0)
        parser->field_start = (uint32_t)parser->head.text.length;
    return append_text(parser, at, length);
}

static int on_header_field_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = owner_of(llhttp);
    if (parser->is_in_body)
        return 0;
    int result = append_text(parser, "", 1);
    parser->value_start = (uint32_t)parser->head.text.length;
    return result;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = owner_of(llhttp);
    return parser->is_in_body ? 0 : append_text(parser, at, length);
}

static void trim_value(struct buf *text, uint32_t value_start)
{
    while (text->length > value_start &&
           (text->data[text->length - 1] == ' ' || text->data[text->length - 1] == '\t'))
        text->data[--text->length] = '\0';
}

static int on_header_value_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = owner_of(llhttp);
    if (parser->is_in_body)
        return 0;
    if (parser->head.field_count == parser->header_limit_count)
        return refuse(parser, PROBLEM_HEADER_TOO_LARGE, "too many headers");
    trim_value(&parser->head.text, parser->value_start);
    http_head_add_field(&parser->head, parser->field_start, parser->value_start);
    parser->field_start = 0;
    return append_text(parser, "", 1);
}

static bool find_method(llhttp_method_t theirs, enum http_method *ret_method)
{
    for (size_t i = 0; i < ARRAY_LEN(METHODS); i++) {
        if (METHODS[i].theirs == theirs) {
            *ret_method = METHODS[i].ours;
            return true;
        }
    }
    return false;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct http_parser *parser = owner_of(llhttp);
    struct http_head *head = &parser->head;
    if (llhttp->http_major != 1 || llhttp->http_minor > 1)
        return refuse(parser, PROBLEM_VERSION_NOT_SUPPORTED, NULL);
    if (!find_method((llhttp_method_t)llhttp->method, &head->method))
        return refuse(parser, PROBLEM_METHOD_NOT_IMPLEMENTED, NULL);
    head->is_http_1_0 = llhttp->http_minor == 0;
    head->has_length = (llhttp->flags & F_CONTENT_LENGTH) != 0;
    head->length = llhttp->content_length;
    if (!http_head_check(head, &parser->refusal)) {
        parser->is_refused = true;
        return HPE_USER;
    }
    head->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    /* No other protocol is spoken here, and one that is only offered may be ignored. */
    llhttp->upgrade = 0;
    parser->is_in_body = true;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length)
{
    struct http_parser *parser = owner_of(llhttp);
    buf_append(&parser->body, at, length);
    return buf_is_over(&parser->body) ? refuse(parser, PROBLEM_BODY_TOO_LARGE, NULL) : 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    owner_of(llhttp)->is_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t *parser_settings(void)
{
    static const llhttp_settings_t SETTINGS = {
        .on_method = on_method,
        .on_url = on_url,
        .on_url_complete = on_url_complete,
        .on_version_complete = on_version_complete,
        .on_header_field = on_header_field,
        .on_header_field_complete = on_header_field_complete,
        .on_header_value = on_header_value,
        .on_header_value_complete = on_header_value_complete,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    return &SETTINGS;
}
