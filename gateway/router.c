/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/router.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/attrs.h"

/* "", "." and "..", also percent-encoded, would let a capture mean another place than it names. */
static bool is_plain_segment(const char *segment, size_t length)
{
    size_t dots = 0;
    for (size_t at = 0; at < length; dots++) {
        if (segment[at] == '.')
            at += 1;
        else if (length - at >= 3 && strncasecmp(segment + at, "%2e", 3) == 0)
            at += 3;
        else
            return true;
    }
    return dots > 2;
}

static bool are_plain_segments(const char *path, size_t length)
{
    for (size_t at = 0; at <= length;) {
        size_t segment = strcspn(path + at, "/");
        if (!is_plain_segment(path + at, segment))
            return false;
        at += segment + 1;
    }
    return true;
}

/* Matches what follows a capture's '{' in the pattern; `path` stands where the capture begins. */
static bool match_capture(const char *pattern, const char *path, struct router_match *match)
{
    const char *end = strchr(pattern, '}');
    assert(end != NULL && "a capture ends with }");
    bool is_rest = end[-1] == '*';
    size_t length = is_rest ? strlen(path) : strcspn(path, "/");
    if (!are_plain_segments(path, length) || strcmp(path + length, end + 1) != 0)
        return false;
    match->capture = path;
    match->capture_length = length;
    return true;
}

static bool match_pattern(const char *pattern, const char *path, struct router_match *match)
{
    size_t literal = strcspn(pattern, "{");
    if (strncmp(pattern, path, literal) != 0)
        return false;
    if (pattern[literal] == '{')
        return match_capture(pattern + literal, path + literal, match);
    match->capture = NULL;
    match->capture_length = 0;
    return path[literal] == '\0';
}

static unsigned methods_of(enum http_method method)
{
    unsigned bits = 1U << method | 1U << HTTP_METHOD_OPTIONS;
    return method == HTTP_METHOD_GET ? bits | 1U << HTTP_METHOD_HEAD : bits;
}

static bool has_literal(const struct route *routes, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(routes[i].pattern, path) == 0)
            return true;
    }
    return false;
}

enum router_verdict router_match(const struct route *routes, size_t count, enum http_method method,
                                 const char *path, struct router_match *ret_match)
{
    struct router_match found = {0};
    bool is_literal = has_literal(routes, count, path);
    for (size_t i = 0; i < count; i++) {
        struct router_match match = {.route = &routes[i]};
        if (!match_pattern(routes[i].pattern, path, &match) ||
            (is_literal && match.capture != NULL))
            continue;
        unsigned methods = methods_of(routes[i].method);
        found.allowed |= methods;
        if (found.route == NULL && method != HTTP_METHOD_OPTIONS && (methods & 1U << method)) {
            match.allowed = found.allowed;
            found = match;
        }
    }
    *ret_match = found;
    if (found.allowed == 0)
        return ROUTER_NO_PATH;
    return found.route != NULL ? ROUTER_FOUND : ROUTER_NO_METHOD;
}

void router_format_allow(unsigned allowed, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    for (enum http_method method = HTTP_METHOD_GET; method < HTTP_METHOD_COUNT; method++) {
        if (allowed & 1U << method)
            used += (size_t)snprintf(text + used, ROUTER_ALLOW_BYTES - used, "%s%s",
                                     used > 0 ? ", " : "", http_method_name(method));
    }
}
