/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

/*
 * A few threads for work that blocks (fsync, hashing). work() runs off the loop and touches only
 * its context; done() runs afterwards on the loop's thread. Work is taken in the order submitted.
 */

#include "common/attrs.h"
#include "common/loop.h"

struct pool;

/* pool_free() finishes what was submitted, calls every done(), then joins the threads. */
void pool_free(struct pool *pool);
struct pool *pool_new(struct loop *loop, unsigned thread_count) FREED_BY(pool_free);
void pool_submit(struct pool *pool, void (*work)(void *context), void (*done)(void *context),
                 void *context);

#endif
