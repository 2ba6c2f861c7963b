/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_OPS_HTTP_H
#define COMMON_OPS_HTTP_H

/*
 * /healthz, /readyz and /metrics of a worker or an assembler: a few GET requests a minute from an
 * operator's own network, so libevent's evhttp serves them. The gateway has its own server. Runs on
 * the given base, or on a thread of its own.
 */

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/metrics.h"

struct ops_http;

struct ops_http_sources {
    const struct metrics *metrics;
    /* Says whether the process can do its work; appends a JSON object's members ("\"kafka\":true")
     * that explain. Called on the serving thread. */
    bool (*is_ready)(void *context, struct buf *ret_members);
    void *context;
};

/* `base` NULL: a thread of its own. `listen` is "host:port"; port 0 takes a free one. */
void ops_http_free(struct ops_http *ops);
bool ops_http_start(struct event_base *base, const char *listen, struct ops_http_sources sources,
                    struct ops_http **ret_ops, struct err *err) MUST_CHECK;
/* The port in use, for a `listen` that left the choice open. */
uint16_t ops_http_port(const struct ops_http *ops);

#endif
