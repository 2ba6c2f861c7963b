/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PROCESS_METRICS_H
#define COMMON_PROCESS_METRICS_H

/* The process_* metrics that every Prometheus client shows, read from /proc/self. */

#include "common/buf.h"

/* Appends resident and virtual memory, CPU time, open files and their limit, and the start time.
 * What cannot be read is left out. */
void process_metrics_format(struct buf *out);

#endif
