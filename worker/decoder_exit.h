/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_EXIT_H
#define WORKER_DECODER_EXIT_H

/*
 * What it means that a child ended without a result. Pure.
 */

#include <stdint.h>

#include "common/err.h"
#include "worker/decoder_protocol.h"

/* ERR_REJECT: this audio does that to the decoder, and would again. ERR_RETRY: the machine's doing,
 * e.g. a kill for want of memory. */
void decoder_exit_describe(const struct decoder_exit *exit, int32_t cpu_seconds,
                           struct err *ret_err);

#endif
