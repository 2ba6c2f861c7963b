/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_reply.h"

#include <llhttp.h>
#include <strings.h>
#include <time.h>

static const struct {
    int status;
    const char *reason;
} REASONS[] = {
#define ROW(number, name, text) {number, #text},
    HTTP_STATUS_MAP(ROW)
#undef ROW
};

bool http_reply_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

static const char *reason_of(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (REASONS[i].status == status)
            return REASONS[i].reason;
    }
    return "Unknown";
}

static void append_date(struct buf *head)
{
    char text[64];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    buf_append_format(head, "Date: %s\r\n", text);
}

static void append_setting(const struct http_reply_setting *setting, struct buf *head)
{
    append_date(head);
    if (setting->closes)
        buf_append_string(head, "Connection: close\r\n");
    else if (setting->keeps_1_0)
        buf_append_string(head, "Connection: keep-alive\r\n");
    if (setting->request_id != NULL)
        buf_append_format(head, "X-Request-Id: %s\r\n", setting->request_id);
    if (setting->cors_origin != NULL)
        buf_append_format(head,
                          "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
                          "Access-Control-Expose-Headers: Content-Disposition, Content-Range, "
                          "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, "
                          "Retry-After, X-Request-Id, X-Transcript-Complete\r\n",
                          setting->cors_origin);
    buf_append_string(head, "X-Content-Type-Options: nosniff\r\n");
    for (size_t i = 0; i < setting->header_count; i++)
        buf_append_format(head, "%s: %s\r\n", setting->headers[i].name, setting->headers[i].value);
}

static bool has_header(const struct http_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcasecmp(reply->headers[i].name, name) == 0)
            return true;
    }
    return false;
}

void http_reply_format_head(const struct http_reply *reply,
                            const struct http_reply_setting *setting, struct buf *ret_head)
{
    buf_append_format(ret_head, "HTTP/1.1 %d %s\r\n", reply->status, reason_of(reply->status));
    append_setting(setting, ret_head);
    if (http_reply_has_body(reply->status)) {
        if (reply->content_type != NULL)
            buf_append_format(ret_head, "Content-Type: %s\r\n", reply->content_type);
        if (!reply->is_chunked)
            buf_append_format(ret_head, "Content-Length: %zu\r\n", reply->body_length);
        else if (!setting->keeps_1_0)
            buf_append_string(ret_head, "Transfer-Encoding: chunked\r\n");
    }
    if (!has_header(reply, "Cache-Control"))
        buf_append_string(ret_head, "Cache-Control: no-store\r\n");
    for (size_t i = 0; i < reply->header_count; i++)
        buf_append_format(ret_head, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    buf_append_string(ret_head, "\r\n");
}

/* no-transform and X-Accel-Buffering keep proxies from holding events back. */
void http_reply_format_stream_head(const struct http_reply_setting *setting, struct buf *ret_head)
{
    buf_append_string(ret_head, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                "Cache-Control: no-store, no-transform\r\n"
                                "X-Accel-Buffering: no\r\n");
    append_setting(setting, ret_head);
    buf_append_string(ret_head, "\r\n");
}
