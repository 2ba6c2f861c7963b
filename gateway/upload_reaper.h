/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_UPLOAD_REAPER_H
#define GATEWAY_UPLOAD_REAPER_H

/*
 * Deletes the temporary files of uploads whose gateway died, once they are older than any upload
 * can be. Looks through the whole local blob store now and then, a bounded piece at a time in the
 * pool. Several gateways with one store each do so, which does no harm. Thread: the loop's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/loop.h"
#include "common/pool.h"

struct upload_reaper;

/* The pool must be stopped (its work done) before. */
void upload_reaper_free(struct upload_reaper *reaper);
/* Borrows loop and pool. `directory` holds a folder for each job; copied, and may be missing. The
 * first look is at once. */
struct upload_reaper *upload_reaper_new(struct loop *loop, struct pool *pool, const char *directory,
                                        uint64_t age_us) FREED_BY(upload_reaper_free);
/* Begins no further piece. */
void upload_reaper_stop(struct upload_reaper *reaper);
/* One look is over, and the next not due yet. */
bool upload_reaper_is_waiting(const struct upload_reaper *reaper);
/* Files deleted so far. */
uint64_t upload_reaper_count(const struct upload_reaper *reaper);

#endif
