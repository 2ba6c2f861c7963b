/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_ASSEMBLER_METRICS_H
#define ASSEMBLER_ASSEMBLER_METRICS_H

#include "common/metrics.h"

enum assembler_metric {
    METRIC_RECORDS,     /* by type */
    METRIC_SUPERSEDED,  /* records that counted for nothing */
    METRIC_UNKNOWN_JOB, /* records of jobs that are not there (any more) */
    METRIC_BATCHES,
    METRIC_TRANSACTION, /* duration */
    METRIC_STALE,
    METRIC_DATABASE_ERRORS,
    METRIC_EVENTS,
    METRIC_RELAYED,
    METRIC_RELAY_BEHIND,
    METRIC_CHUNKS_DONE,
    METRIC_CHUNKS_FAILED,
    METRIC_RETRIES,
    METRIC_CRASHED,
    METRIC_RESYNCS,
    METRIC_HARD_CUTS,
    METRIC_MISMATCHES,
    METRIC_JOBS_ENDED, /* by status */
    METRIC_TASKS_PUBLISHED,
    METRIC_TASKS_ANSWERED, /* by what became of them */
    METRIC_LOST_WORK,
    METRIC_SILENT,
    METRIC_DEAD_LETTERS,
    METRIC_PARTITIONS,
    METRIC_COUNT
};

struct metrics *assembler_metrics_new(void) FREED_BY(metrics_free);

#endif
