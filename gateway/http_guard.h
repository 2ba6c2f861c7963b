/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_GUARD_H
#define GATEWAY_HTTP_GUARD_H

/*
 * Who may talk to a gateway from where: pure checks of Host, Origin and Content-Type. Without API
 * keys a gateway serves its own machine only, and a web page of another site that points its name
 * at 127.0.0.1 (DNS rebinding) gives itself away by its Host or Origin.
 */

#include <stdbool.h>
#include <stddef.h>

struct http_guard {
    bool any_host;                      /* true when API keys protect the gateway */
    const char *const *allowed_hosts;   /* without port; NULL-terminated or NULL */
    const char *const *allowed_origins; /* "https://app.example"; NULL-terminated or NULL */
};

/* localhost, 127.0.0.1 and [::1] with any port, and the allowed hosts. NULL is no Host at all. */
bool http_guard_is_host_allowed(const struct http_guard *guard, const char *host);

/* NULL is no Origin, which is allowed; else it must have the Host's name and port, or be listed. */
bool http_guard_is_origin_allowed(const struct http_guard *guard, const char *host,
                                  const char *origin);

/* Whether `origin` is listed, so that its pages may read the answers. */
bool http_guard_is_origin_listed(const struct http_guard *guard, const char *origin);

/* "application/json", with or without parameters, in any case. */
bool http_guard_is_json(const char *content_type);

#endif
