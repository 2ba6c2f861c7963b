/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_RATE_LIMIT_H
#define GATEWAY_RATE_LIMIT_H

/*
 * How many requests each client has left: a window of fixed length begins with a client's first
 * request and allows so many. A client is an address, or a network of 64 bits for IPv6, of which
 * one subscriber has all. Bounded: of more clients than are remembered the one whose window began
 * first is forgotten. Pure but for its memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

struct rate_limit;

struct rate_limit_settings {
    unsigned requests; /* of one client in a window; > 0 */
    uint64_t window_us;
    size_t clients_max;
};

/* Where a client stands after a request. */
struct rate_limit_verdict {
    bool is_allowed;
    unsigned remaining;
    unsigned reset_s; /* until the window ends, rounded up */
};

void rate_limit_free(struct rate_limit *limit);
struct rate_limit *rate_limit_new(const struct rate_limit_settings *settings)
    FREED_BY(rate_limit_free);
/* Counts one request from `address`, as text without a port. `now_us` never falls. */
struct rate_limit_verdict rate_limit_take(struct rate_limit *limit, const char *address,
                                          uint64_t now_us);

#endif
