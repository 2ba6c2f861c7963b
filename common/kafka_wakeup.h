/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_KAFKA_WAKEUP_H
#define COMMON_KAFKA_WAKEUP_H

/*
 * How librdkafka's queues wake the event loop: an eventfd that they write to when something comes
 * into an empty queue. Whoever is woken takes until the queues are empty, or asks to be woken again
 * when it has taken enough for one turn of the loop.
 */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/loop.h"

struct kafka_wakeup;

void kafka_wakeup_free(struct kafka_wakeup *wakeup);
/* on_wake also comes once a second without cause: librdkafka takes a consumer that does not poll
 * for a dead one, and replacements are due by time. `loop` NULL: kafka_wakeup_wait() instead. */
struct kafka_wakeup *kafka_wakeup_new(struct loop *loop, void (*on_wake)(void *context),
                                      void *context) FREED_BY(kafka_wakeup_free);
/* The queue must be unwatched, or destroyed, before the wakeup is freed. */
void kafka_wakeup_watch(struct kafka_wakeup *wakeup, rd_kafka_queue_t *queue);
void kafka_wakeup_unwatch(rd_kafka_queue_t *queue);
/* From any thread. */
void kafka_wakeup_signal(struct kafka_wakeup *wakeup);
/* Waits for a wake-up; without a loop only. */
void kafka_wakeup_wait(struct kafka_wakeup *wakeup, uint64_t timeout_us);

#endif
