/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_GATEWAY_METRICS_H
#define GATEWAY_GATEWAY_METRICS_H

/* The gateway's metrics: what the modules count themselves is collected when asked for. */

#include "common/attrs.h"
#include "common/metrics.h"

struct gateway;
struct http_access;

struct metrics *gateway_metrics_new(void) FREED_BY(metrics_free);
/* Brings the metrics up to date with what the modules have counted. */
void gateway_metrics_collect(struct gateway *gateway);
/* One answered request. */
void gateway_metrics_observe(struct metrics *metrics, const struct http_access *access);

#endif
