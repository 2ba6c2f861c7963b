/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_FAIR_QUEUE_H
#define WORKER_FAIR_QUEUE_H

/*
 * The records read ahead, taken round robin over their jobs: a recording of a thousand chunks
 * delays another client's single chunk by one chunk, not by a thousand. Fairness reaches as far as
 * what is read ahead. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/work_item.h"

struct fair_queue;

void fair_queue_free(struct fair_queue *queue);
struct fair_queue *fair_queue_new(void) FREED_BY(fair_queue_free);

void fair_queue_push(struct fair_queue *queue, struct work_item *take_item);
/* The next job's oldest record that `may_start` allows; NULL when there is none. The caller owns
 * it. */
struct work_item *fair_queue_take(struct fair_queue *queue,
                                  bool (*may_start)(void *context, const struct work_item *item),
                                  void *context);
/* Any record of that partition, owned by the caller; NULL when none is left. */
struct work_item *fair_queue_remove_of_partition(struct fair_queue *queue, int32_t partition);
size_t fair_queue_count(const struct fair_queue *queue);

#endif
