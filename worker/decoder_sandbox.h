/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_SANDBOX_H
#define WORKER_DECODER_SANDBOX_H

/*
 * What a decoder child may still do once it looks at its first byte of input: compute, allocate
 * within its limit, read what it already holds open and write to one pipe.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

/* The fd of the pipe to the worker: the only one that the filter lets the child write to. */
#define DECODER_PIPE_FD 1

/* What can be done before there is anything to do: the filter of this process, ready to be loaded.
 */
struct decoder_sandbox {
    void *filter; /* owned */
};

MUST_CHECK bool decoder_sandbox_prepare(struct decoder_sandbox *ret_sandbox, struct err *err);
/* For good, for this process and all that it could start; consumes what was prepared. */
MUST_CHECK bool decoder_sandbox_enter(struct decoder_sandbox *take_sandbox, int64_t memory_bytes,
                                      int32_t cpu_seconds, struct err *err);

#endif
