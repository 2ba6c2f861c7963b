/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_RELAY_FEED_H
#define GATEWAY_RELAY_FEED_H

/*
 * Live events: every record of jobs.events from now on. What no stream here follows is dropped by
 * its key; values are passed on unparsed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"
#include "common/loop.h"

struct relay_feed;
struct sse_hub;

struct relay_feed_stats {
    uint64_t records;
    uint64_t dropped; /* nobody follows the job */
    uint64_t odd;     /* without a value or proper headers: not ours */
};

void relay_feed_free(struct relay_feed *feed);
/* `hub` is borrowed. */
bool relay_feed_start(struct loop *loop, const struct kafka_settings *settings, struct sse_hub *hub,
                      struct relay_feed **ret_feed, struct err *err) MUST_CHECK;
/* A broker is connected and every partition is read from its end. */
bool relay_feed_is_up(const struct relay_feed *feed);
const struct relay_feed_stats *relay_feed_stats(const struct relay_feed *feed);

#endif
