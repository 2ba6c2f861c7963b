/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_CHILD_H
#define WORKER_DECODER_CHILD_H

/*
 * The life of a decoder child: it waits for its one order, gives up what it may do, decodes, and
 * ends.
 */

#include "common/attrs.h"
#include "worker/decoder_protocol.h"
#include "worker/media_resample.h"

/* Called in a freshly forked process that has nothing open but the standard streams and `socket`,
 * through which its order comes; when that is closed first, it just ends. Writes the outcome to the
 * order's pipe. */
NO_RETURN void decoder_child_run(int socket, struct media_resample_stock *resamplers);

#endif
