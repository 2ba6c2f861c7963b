/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_LINK_H
#define WORKER_DECODER_LINK_H

/*
 * The worker's hold on the decoder parent: starts the process, sends it orders, hears how children
 * ended and that the process itself is gone. Thread: the loop's.
 */

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/decoder_protocol.h"

struct decoder_link;

struct decoder_link_callbacks {
    void (*on_exit)(void *context, const struct decoder_exit *message);
    /* The process has ended and is waited for; decoder_link_start() starts another. */
    void (*on_lost)(void *context);
};

/* Ends the process and waits for it. */
void decoder_link_free(struct decoder_link *link);
/* `executable`: NULL is this very program. Copied. */
struct decoder_link *decoder_link_new(struct event_base *base, const char *executable,
                                      const struct decoder_link_callbacks *callbacks, void *context)
    FREED_BY(decoder_link_free);

/* Starts the process, unless it runs. */
bool decoder_link_start(struct decoder_link *link, struct err *err) MUST_CHECK;
/* The process runs. */
bool decoder_link_send(struct decoder_link *link, const struct decoder_order *order, const int *fds,
                       size_t fd_count, struct err *err) MUST_CHECK;
/* Does nothing if the process is gone: so is the child. A process that takes no orders is stuck,
 * and its end the way out. */
void decoder_link_kill_child(struct decoder_link *link, uint64_t job_id);

#endif
