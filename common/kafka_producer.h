/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_PRODUCER_H
#define COMMON_KAFKA_PRODUCER_H

/*
 * An idempotent producer (acks=all) on the event loop, or driven by kafka_producer_poll() in a
 * process without one. Every record gets exactly one report. A producer that fails fatally is
 * replaced inside, and records that were not acknowledged are sent again by whoever owns them: they
 * are reported as ERR_RETRY.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/kafka_conf.h"
#include "common/kafka_record.h"
#include "common/loop.h"

/* `err` NULL: acknowledged at `position`. ERR_RETRY: the record may have been written all the same.
 * May send further records, must not free the producer. */
typedef void (*kafka_on_report)(void *context, struct kafka_position position,
                                const struct err *err);

struct kafka_producer_options {
    struct kafka_settings settings;
    const char *const *topics; /* NULL-terminated, without prefix: warmed up at start */
    int64_t linger_us;         /* 0 for events, a few ms for bulk */
    int64_t delivery_timeout_us;
    int64_t queue_limit_bytes; /* past it kafka_producer_send() fails with ERR_RETRY */
};

struct kafka_producer;

/* What has no report yet is reported as ERR_CANCELLED: free the contexts of records afterwards. */
void kafka_producer_free(struct kafka_producer *producer);
/* `loop` NULL: reports come from kafka_producer_poll(). Returns without waiting for a broker. */
bool kafka_producer_start(struct loop *loop, const struct kafka_producer_options *options,
                          struct kafka_producer **ret_producer, struct err *err) MUST_CHECK;
/* False: not queued, and on_report will not be called. */
bool kafka_producer_send(struct kafka_producer *producer, const struct kafka_record *record,
                         kafka_on_report on_report, void *context, struct err *err) MUST_CHECK;
/* Serves reports, waiting up to `timeout_us` for the first. */
void kafka_producer_poll(struct kafka_producer *producer, uint64_t timeout_us);
/* Records without a report yet. */
size_t kafka_producer_in_flight(const struct kafka_producer *producer);
/* A broker is connected, as of the last few seconds. */
bool kafka_producer_is_up(const struct kafka_producer *producer);

#endif
