/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WORK_ITEM_H
#define WORKER_WORK_ITEM_H

/* One record of chunks.uploaded, from its arrival until its task has taken it over. */

#include <stdint.h>

#include "common/event.h"

#define WORK_TRACEPARENT_SIZE 56 /* W3C: 55 characters and the NUL */

struct work_item {
    struct work_item *prev, *next; /* in its job's lane of the fair queue */
    struct kafka_position place;
    struct event event; /* owned; EVENT_CHUNK_WORK */
    char traceparent[WORK_TRACEPARENT_SIZE];
};

void work_item_free(struct work_item *item);

#endif
