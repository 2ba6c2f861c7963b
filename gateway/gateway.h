/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

/*
 * One gateway: everything it stands on, and its handlers' context. It keeps no state of jobs, so
 * that any gateway can serve any request after any restart. Loop thread only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/loop.h"
#include "gateway/gateway_options.h"

struct blob_file;
struct http_server;
struct idempotency_sweep;
struct kafka_producer;
struct metrics;
struct pg;
struct pool;
struct rate_limit;
struct relay_feed;
struct route;
struct sign_keys;
struct sse_hub;
struct sse_streams;
struct static_files;
struct store_room;
struct upload_put;
struct upload_reaper;
struct webhook_keys;

struct gateway {
    const struct gateway_options *options; /* borrowed */
    struct listen_address listen;
    struct loop *loop; /* borrowed; all below are owned */
    const char **allowed_hosts;
    const char **allowed_origins;
    struct metrics *metrics;
    struct sign_keys *keys;
    struct webhook_keys *webhook_keys; /* NULL: no webhooks */
    struct static_files *files;        /* NULL: no page */
    struct blob_file *blobs;
    struct pool *pool;
    struct store_room *room;
    struct upload_put *uploads;
    struct upload_reaper *reaper;
    struct pg *pg;
    struct idempotency_sweep *sweep;
    struct kafka_producer *producer;
    struct sse_streams *streams;
    struct sse_hub *hub;
    struct relay_feed *feed;
    struct rate_limit *rates; /* NULL: no limit */
    struct route *routes;
    struct http_server *server;
    int64_t downloads; /* transcripts and recordings that are being sent */
};

void gateway_free(struct gateway *gateway);
/* Loads what can be wrong, and connects to the rest in the background. `options` must outlive the
 * gateway and have passed gateway_options_check(). */
bool gateway_start(struct loop *loop, const struct gateway_options *options,
                   const struct listen_address *listen, struct gateway **ret_gateway,
                   struct err *err) MUST_CHECK;
/* Takes nothing new, closes the streams, answers what was asked; then calls on_empty. */
void gateway_drain(struct gateway *gateway, void (*on_empty)(void *context), void *context);

#endif
