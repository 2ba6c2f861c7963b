/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_dispatch.h"

#include <string.h>
#include <strings.h>

static bool refuse(struct problem *problem, enum problem_type type, const char *detail)
{
    *problem = (struct problem){.type = type, .detail = detail};
    return false;
}

static bool check_access(const struct http_guard *guard, const struct http_head *head,
                         struct problem *problem)
{
    const char *host = http_head_find(head, "Host");
    if (!http_guard_is_host_allowed(guard, host))
        return refuse(problem, PROBLEM_HOST_NOT_ALLOWED,
                      "without API keys only this machine's own names are served; "
                      "others have to be allowed by an option");
    if (!http_guard_is_origin_allowed(guard, host, http_head_find(head, "Origin")))
        return refuse(problem, PROBLEM_ORIGIN_NOT_ALLOWED,
                      "the Origin header names neither this host nor an allowed origin");
    return true;
}

static bool find_route(const struct http_server_settings *settings, const struct http_head *head,
                       struct router_match *match, struct problem *problem)
{
    switch (router_match(settings->routes, settings->route_count, head->method,
                         head->text.data + head->path, match)) {
    case ROUTER_FOUND:
        return true;
    case ROUTER_NO_METHOD:
        return refuse(problem, PROBLEM_METHOD_NOT_ALLOWED, NULL);
    case ROUTER_NO_PATH:
        break;
    }
    return refuse(problem, PROBLEM_NOT_FOUND, NULL);
}

static bool check_coding(const struct http_head *head, struct problem *problem)
{
    const char *coding = http_head_find(head, "Content-Encoding");
    if (coding == NULL || strcasecmp(coding, "identity") == 0)
        return true;
    return refuse(problem, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "bodies must not be compressed");
}

static bool check_json(const struct route *route, const struct http_head *head,
                       struct problem *problem)
{
    if (!http_guard_is_json(http_head_find(head, "Content-Type")))
        return refuse(problem, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
                      "Content-Type must be application/json");
    if (!head->has_length || head->length <= route->body_limit_bytes)
        return check_coding(head, problem);
    (void)refuse(problem, PROBLEM_BODY_TOO_LARGE, "Content-Length is over the limit");
    problem->has_range = true;
    problem->maximum = (int64_t)route->body_limit_bytes;
    return false;
}

static bool check_body(const struct route *route, const struct http_head *head,
                       struct problem *problem)
{
    switch (route->body) {
    case ROUTE_BODY_NONE:
        return !http_head_has_body(head) || refuse(problem, PROBLEM_BODY_NOT_ALLOWED, NULL);
    case ROUTE_BODY_JSON:
        return check_json(route, head, problem);
    case ROUTE_BODY_SINK:
        break;
    }
    if (!head->has_length)
        return refuse(problem, PROBLEM_LENGTH_REQUIRED, "chunked bodies are not taken here");
    return check_coding(head, problem);
}

/* "OPTIONS *" asks about the server as a whole. */
static bool is_options(const struct http_head *head, const struct router_match *match)
{
    return head->method == HTTP_METHOD_OPTIONS && !http_head_has_body(head) &&
           (match->allowed != 0 || strcmp(head->text.data + head->path, "*") == 0);
}

enum http_dispatch http_dispatch_decide(const struct http_server_settings *settings,
                                        const struct http_head *head,
                                        struct router_match *ret_match, struct problem *ret_problem)
{
    *ret_match = (struct router_match){0};
    if (!check_access(&settings->guard, head, ret_problem))
        return HTTP_DISPATCH_PROBLEM;
    bool is_found = find_route(settings, head, ret_match, ret_problem);
    if (is_options(head, ret_match))
        return HTTP_DISPATCH_OPTIONS;
    if (!is_found || !check_body(ret_match->route, head, ret_problem))
        return HTTP_DISPATCH_PROBLEM;
    return HTTP_DISPATCH_ROUTE;
}
