/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_CHILD_H
#define WORKER_DECODER_CHILD_H

/*
 * The life of a decoder child: it gives up what it may do, decodes one chunk, and ends.
 */

#include "common/attrs.h"
#include "worker/decoder_protocol.h"

/* Called in a freshly forked process that holds open what it needs: the pipe and the order's files.
 * Writes the outcome to the pipe. */
NO_RETURN void decoder_child_run(const struct decoder_order *order, int pipe);

#endif
