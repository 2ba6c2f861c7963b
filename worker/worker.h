/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

/*
 * The worker process: its parts, in the order in which they need each other. Started by main(),
 * stopped by SIGTERM.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/service.h"
#include "worker/worker_options.h"

struct worker;

void worker_free(struct worker *worker);
/* No I/O. `options` is borrowed for life. */
struct worker *worker_new(const struct worker_options *options) FREED_BY(worker_free);
/* The decoder's process first, while there is only one thread; then everything else. */
bool worker_start(struct worker *worker, struct err *err) MUST_CHECK;
enum exit_code worker_run(struct worker *worker) MUST_CHECK;

#endif
