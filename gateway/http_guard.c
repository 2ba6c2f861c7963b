/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_guard.h"

#include <string.h>
#include <strings.h>

#include "common/attrs.h"

static const char *const OWN_HOSTS[] = {"localhost", "127.0.0.1", "[::1]", NULL};

/* The length without ":port"; the colons inside [::1] are none. */
static size_t name_length(const char *host)
{
    const char *bracket = strchr(host, ']');
    const char *colon = strchr(bracket != NULL ? bracket : host, ':');
    return colon != NULL ? (size_t)(colon - host) : strlen(host);
}

static bool is_listed(const char *const *list, const char *text, size_t length)
{
    for (; list != NULL && *list != NULL; list++) {
        if (strlen(*list) == length && strncasecmp(*list, text, length) == 0)
            return true;
    }
    return false;
}

bool http_guard_is_host_allowed(const struct http_guard *guard, const char *host)
{
    if (guard->any_host)
        return true;
    if (host == NULL)
        return false;
    size_t length = name_length(host);
    return is_listed(OWN_HOSTS, host, length) || is_listed(guard->allowed_hosts, host, length);
}

bool http_guard_is_origin_listed(const struct http_guard *guard, const char *origin)
{
    return is_listed(guard->allowed_origins, origin, strlen(origin));
}

/* Browsers leave a default port out of both, and a proxy in front may have ended TLS, so the scheme
 * itself says nothing here. */
bool http_guard_is_origin_allowed(const struct http_guard *guard, const char *host,
                                  const char *origin)
{
    if (origin == NULL || http_guard_is_origin_listed(guard, origin))
        return true;
    static const char *const SCHEMES[] = {"http://", "https://"};
    for (size_t i = 0; host != NULL && i < ARRAY_LEN(SCHEMES); i++) {
        size_t length = strlen(SCHEMES[i]);
        if (strncasecmp(origin, SCHEMES[i], length) == 0 && strcasecmp(origin + length, host) == 0)
            return true;
    }
    return false;
}

bool http_guard_is_json(const char *content_type)
{
    static const char JSON[] = "application/json";
    if (content_type == NULL || strncasecmp(content_type, JSON, sizeof JSON - 1) != 0)
        return false;
    const char *rest = content_type + sizeof JSON - 1;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}
