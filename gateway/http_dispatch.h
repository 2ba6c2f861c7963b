/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_DISPATCH_H
#define GATEWAY_HTTP_DISPATCH_H

/* From a request's head to what is done with it, before any of its body is read: pure. */

#include "gateway/http_head.h"
#include "gateway/http_server.h"
#include "gateway/problem.h"
#include "gateway/router.h"

enum http_dispatch {
    HTTP_DISPATCH_ROUTE,   /* *ret_match has the route */
    HTTP_DISPATCH_OPTIONS, /* answered from ret_match->allowed */
    HTTP_DISPATCH_PROBLEM, /* *ret_problem */
};

enum http_dispatch http_dispatch_decide(const struct http_server_settings *settings,
                                        const struct http_head *head,
                                        struct router_match *ret_match,
                                        struct problem *ret_problem);

#endif
