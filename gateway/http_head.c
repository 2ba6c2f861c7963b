/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_head.h"

#include <string.h>
#include <strings.h>

#include "common/attrs.h"
#include "common/mem.h"
#include "gateway/http_text.h"

/* Each of these decides something; a second one would let two readers decide differently. */
static const char *const SINGLE_FIELDS[] = {
    "Host",
    "Transfer-Encoding",
    "Expect",
    "Content-Type",
    "Content-Encoding",
    "Authorization",
    "Origin",
    "Last-Event-ID",
    "Content-MD5",
    "x-amz-checksum-sha256",
    "Idempotency-Key",
};

void http_head_init(struct http_head *head, size_t limit_bytes)
{
    *head = (struct http_head){0};
    buf_init(&head->text, limit_bytes);
}

void http_head_done(struct http_head *head)
{
    buf_done(&head->text);
    free(head->fields);
    *head = (struct http_head){.text = {.limit_bytes = head->text.limit_bytes}};
}

void http_head_add_field(struct http_head *head, uint32_t name, uint32_t value)
{
    if (head->field_count == head->field_capacity) {
        head->field_capacity = head->field_capacity == 0 ? 16 : head->field_capacity * 2;
        head->fields = mem_resize(head->fields, head->field_capacity, sizeof *head->fields);
    }
    head->fields[head->field_count++] = (struct http_field){.name = name, .value = value};
}

static const char *text_at(const struct http_head *head, uint32_t offset)
{
    return head->text.data + offset;
}

const char *http_head_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (strcasecmp(text_at(head, head->fields[i].name), name) == 0)
            return text_at(head, head->fields[i].value);
    }
    return NULL;
}

bool http_head_has_body(const struct http_head *head)
{
    return head->is_chunked || (head->has_length && head->length > 0);
}

static bool refuse(struct http_refusal *refusal, enum problem_type type, const char *detail)
{
    *refusal = (struct http_refusal){.type = type, .detail = detail};
    return false;
}

static size_t count_fields(const struct http_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->field_count; i++)
        count += strcasecmp(text_at(head, head->fields[i].name), name) == 0;
    return count;
}

static bool check_single_fields(const struct http_head *head, struct http_refusal *refusal)
{
    for (size_t i = 0; i < ARRAY_LEN(SINGLE_FIELDS); i++) {
        if (count_fields(head, SINGLE_FIELDS[i]) > 1)
            return refuse(refusal, PROBLEM_MALFORMED_REQUEST,
                          "a header that may be sent once only was sent twice");
    }
    return true;
}

static bool check_host(const struct http_head *head, struct http_refusal *refusal)
{
    const char *host = http_head_find(head, "Host");
    if (host == NULL && !head->is_http_1_0)
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST, "the Host header is missing");
    if (host != NULL && !http_text_is_host(host))
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST, "the Host header is not valid");
    return true;
}

static bool check_framing(struct http_head *head, struct http_refusal *refusal)
{
    const char *coding = http_head_find(head, "Transfer-Encoding");
    if (coding == NULL)
        return true;
    if (head->has_length)
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST,
                      "Content-Length and Transfer-Encoding were both sent");
    if (head->is_http_1_0 || strcasecmp(coding, "chunked") != 0)
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST,
                      "Transfer-Encoding may only be \"chunked\", and only in HTTP/1.1");
    head->is_chunked = true;
    return true;
}

/* HTTP/1.0 has no expectations: one that is sent all the same is ignored (RFC 9110, 10.1.1). */
static bool check_expectation(struct http_head *head, struct http_refusal *refusal)
{
    const char *expectation = http_head_find(head, "Expect");
    if (expectation == NULL || head->is_http_1_0)
        return true;
    if (strcasecmp(expectation, "100-continue") != 0)
        return refuse(refusal, PROBLEM_EXPECTATION_FAILED, NULL);
    head->expects_continue = true;
    return true;
}

/* "http://authority/path": the authority must be the one in Host. Moves head->path on. */
static bool strip_authority(struct http_head *head, struct http_refusal *refusal)
{
    static const char SCHEME[] = "http://";
    const char *target = text_at(head, head->path);
    if (strncasecmp(target, SCHEME, sizeof SCHEME - 1) != 0)
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST, "the request target is not a path");
    const char *authority = target + sizeof SCHEME - 1;
    size_t length = strcspn(authority, "/?");
    const char *host = http_head_find(head, "Host");
    if (host == NULL || strlen(host) != length || strncasecmp(host, authority, length) != 0)
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST,
                      "the request target names another host than the Host header");
    if (authority[length] != '/')
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST, "the request target has no path");
    head->path += (uint32_t)(authority + length - target);
    return true;
}

static bool is_visible_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~' || *text == '#')
            return false;
    }
    return true;
}

/* Splits the target, a NUL taking the place of '?'. */
static bool check_target(struct http_head *head, struct http_refusal *refusal)
{
    char *target = head->text.data + head->path;
    if (!is_visible_ascii(target))
        return refuse(refusal, PROBLEM_MALFORMED_REQUEST,
                      "the request target has a byte that must be escaped");
    bool is_asterisk = strcmp(target, "*") == 0 && head->method == HTTP_METHOD_OPTIONS;
    if (target[0] != '/' && !is_asterisk && !strip_authority(head, refusal))
        return false;
    char *path = head->text.data + head->path;
    size_t length = strcspn(path, "?");
    head->query = head->path + (uint32_t)length + (path[length] == '?');
    path[length] = '\0';
    char *decoded = http_text_decode(path, length, false);
    bool is_decodable = decoded != NULL;
    free(decoded);
    return is_decodable || refuse(refusal, PROBLEM_MALFORMED_REQUEST,
                                  "the path has a broken or forbidden percent escape");
}

bool http_head_check(struct http_head *head, struct http_refusal *ret_refusal)
{
    return check_single_fields(head, ret_refusal) && check_host(head, ret_refusal) &&
           check_framing(head, ret_refusal) && check_expectation(head, ret_refusal) &&
           check_target(head, ret_refusal);
}
