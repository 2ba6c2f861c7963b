/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WATERMARK_H
#define WORKER_WATERMARK_H

/*
 * How far one partition of chunks.uploaded is finished. Records finish in any order, but Kafka
 * keeps one number for each partition: everything below it is done. So the number to store is the
 * lowest offset that is still open, and a crash repeats whatever had finished above it. That is
 * bounded: while WATERMARK_FINISHED_MAX offsets above the lowest open one are finished, only the
 * lowest open one may start.
 *
 * What is known outlives a revocation, because the partition may come back: a record delivered
 * again is then recognised as open (its task still runs) or finished (nothing to do). Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define WATERMARK_FINISHED_MAX 256

enum watermark_delivery {
    WATERMARK_NEW,     /* never seen, or dropped before it started */
    WATERMARK_OPEN,    /* delivered before, not finished */
    WATERMARK_FINISHED /* delivered before and finished */
};

struct watermark;

void watermark_free(struct watermark *watermark);
struct watermark *watermark_new(void) FREED_BY(watermark_free);

/* The partition was assigned; the next delivery says from where. */
void watermark_assigned(struct watermark *watermark);
enum watermark_delivery watermark_deliver(struct watermark *watermark, int64_t offset);
/* Every other call ignores offsets that are not known. */
void watermark_finish(struct watermark *watermark, int64_t offset);
/* The record was given up before it started: its partition is revoked. */
void watermark_drop(struct watermark *watermark, int64_t offset);

bool watermark_may_start(const struct watermark *watermark, int64_t offset);
/* The offset that everything below is finished of. False until the first delivery since the
 * assignment: until then another member's progress is not known, and must not be undone. */
bool watermark_next(const struct watermark *watermark, int64_t *ret_offset) MUST_CHECK;

#endif
