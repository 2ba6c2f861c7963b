/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_URL_GUARD_H
#define WORKER_URL_GUARD_H

/*
 * Keeps requests to addresses that strangers have given us away from what is ours (server-side
 * request forgery). A name is resolved once, all of its addresses must be public, the connection is
 * made to one of these and to nothing else, and what curl is about to connect to is judged once
 * more at the socket, so that no resolver, cache or proxy can come in between.
 */

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/webhook_url.h"

/* The one that is connected to, in words. */
struct url_guard_address {
    char text[INET6_ADDRSTRLEN];
    bool is_v6;
};

/* Blocks: on a thread of a pool. ERR_RETRY: the name cannot be resolved now, or leads to an address
 * that is not public, which its owner may put right. */
bool url_guard_resolve(const struct webhook_url *url, bool allow_private,
                       struct url_guard_address *ret_address, struct err *err) MUST_CHECK;
/* The handle connects to that address alone, over a connection of its own. */
void url_guard_pin(CURL *easy, const struct url_guard_address *address, bool allow_private,
                   struct curl_slist **ret_connect_to);

#endif
