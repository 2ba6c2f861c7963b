/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_EMIT_H
#define WORKER_EMIT_H

/*
 * Records on their way to Kafka. What must arrive (chunk.started, results, dead letters) is kept
 * and sent again until it is acknowledged; what may be lost (partials, signs of life) is sent once.
 * Thread: the loop's.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/event.h"
#include "common/kafka_consumer.h"
#include "common/kafka_producer.h"
#include "common/loop.h"
#include "common/metrics.h"

/* The topics that a producer for it must know. */
extern const char *const EMIT_TOPICS[];

struct emit;
struct emission; /* one record that must arrive */

/* `err` NULL: acknowledged; else ERR_REJECT: Kafka will never take it. The emission is gone. */
typedef void (*emit_on_settled)(void *context, const struct err *err);

/* Free the producer first: it reports what is in flight. */
void emit_free(struct emit *emit);
/* The producer is set once it is there. */
struct emit *emit_new(struct loop *loop, struct metrics *metrics) FREED_BY(emit_free);
void emit_set_producer(struct emit *emit, struct kafka_producer *producer);

/* Settles exactly once, never before it returns, unless cancelled. False (ERR_REJECT): the record
 * would be larger than EVENT_BYTES_MAX. `traceparent` may be empty. */
bool emit_event(struct emit *emit, const struct event *event, const char *traceparent,
                emit_on_settled on_settled, void *context, struct emission **ret_emission,
                struct err *err) MUST_CHECK;
void emit_event_once(struct emit *emit, const struct event *event, const char *traceparent);
/* A record that cannot be read, as it came, with where it came from and why. */
struct emission *emit_dead_letter(struct emit *emit, const struct kafka_message *message,
                                  const char *reason, emit_on_settled on_settled, void *context);
/* Nobody is told any more; what has been sent may arrive all the same. */
void emission_cancel(struct emission *emission);

#endif
