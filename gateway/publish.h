/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_PUBLISH_H
#define GATEWAY_PUBLISH_H

/*
 * Tells the fleet that a chunk has arrived: first the work, to the workers; after its ack the fact,
 * with the work's position, to the assembler. Each alone is enough to finish the chunk, so that
 * nothing is lost if this process ends in between. Commands about a job go to the assembler alone.
 */

#include "common/attrs.h"
#include "common/err.h"
#include "common/event.h"
#include "common/kafka_producer.h"

/* The topics that the producer must have been started with; NULL-terminated. */
extern const char *const PUBLISH_TOPICS[];

/* `err` NULL: the records are acknowledged. Otherwise the outcome is unknown and the call should be
 * repeated: they mean the same when they come twice. */
typedef void (*publish_on_done)(void *context, const struct err *err);

/* `work` is an EVENT_CHUNK_WORK, borrowed; `traceparent` may be NULL. Calls back exactly once,
 * perhaps before it returns, in at most twice the producer's delivery timeout. */
void publish_chunk(struct kafka_producer *producer, const struct event *work,
                   const char *traceparent, publish_on_done on_done, void *context);
/* One record for jobs.commands; the rest as above. */
void publish_command(struct kafka_producer *producer, const struct event *command,
                     const char *traceparent, publish_on_done on_done, void *context);

#endif
