/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_DECODER_PARENT_H
#define WORKER_DECODER_PARENT_H

/*
 * The decoder parent: a single-threaded process with libav loaded and an empty environment, which
 * forks one sandboxed child for each chunk. main() hands over to it first thing:
 *
 *     if (decoder_parent_is_wanted(argc, argv))
 *         return decoder_parent_run();
 */

#include <stdbool.h>

#define DECODER_PARENT_ARGUMENT "--decoder-parent"
/* Where the parent finds its end of the worker's socket. */
#define DECODER_PARENT_FD 3

bool decoder_parent_is_wanted(int argc, char **argv);
/* Until the worker closes its end or dies; returns the exit code. */
int decoder_parent_run(void);

#endif
