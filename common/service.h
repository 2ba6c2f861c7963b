/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

/*
 * A process's life: RUNNING -> DRAINING (stop taking, finish what runs) -> DONE. SIGTERM or SIGINT
 * starts the drain; a second one, or the end of the grace time, ends it at once. SIGPIPE is
 * ignored.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/loop.h"

enum exit_code {
    EXIT_ASKED = 0,      /* asked politely and drained */
    EXIT_USAGE = 2,      /* bad flag or configuration */
    EXIT_DEPENDENCY = 3, /* something needed was unusable at start */
    EXIT_FATAL = 4,      /* cannot go on; the supervisor restarts it */
    EXIT_DRAIN_LATE = 5, /* the grace time ended with work still in flight */
};

struct service;

/* `on_drain` begins the drain; it calls service_drained() when nothing is left, at once or later.
 */
void service_free(struct service *service);
struct service *service_new(struct loop *loop, uint64_t grace_us, void (*on_drain)(void *context),
                            void *context) FREED_BY(service_free);
/* Runs the loop until the drain has ended; gives the exit code. */
enum exit_code service_run(struct service *service) MUST_CHECK;
bool service_is_draining(const struct service *service);
void service_drained(struct service *service);
/* Ends the process's run with EXIT_FATAL; the caller has logged why. */
void service_fail(struct service *service);

#endif
