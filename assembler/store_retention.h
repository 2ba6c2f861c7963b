/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_STORE_RETENTION_H
#define ASSEMBLER_STORE_RETENTION_H

/* Jobs that nobody uploads to any more, and what is deleted after its retention. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "assembler/job.h"
#include "assembler/store.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/ids.h"

struct store_idle_job {
    struct id id;
    int32_t home_partition; /* -1: no record of it has come yet */
};

/* Jobs at home in these partitions, or nowhere yet, to which nothing was uploaded for `after_us`;
 * an array owned by the caller. */
bool store_find_idle(struct store *store, struct sql_rows *home_partitions, int64_t after_us,
                     struct store_idle_job **ret_jobs, size_t *ret_count,
                     struct err *err) MUST_CHECK;

/* Queues, inside a transaction: the deletion of blobs that jobs no longer want deleted, because
 * they have been reopened, and the row of a job that is purged. After all else of the job. */
void store_send_kept_blobs(struct store *store, const struct job *jobs);
void store_send_purges(struct store *store, const struct job *jobs);

struct store_purged {
    bool was_any; /* there was a purged job */
    bool is_over; /* nothing is left of it */
    struct id job;
};

/* Deletes some of the rows that are left of one purged job at home in these partitions. */
bool store_purge_some(struct store *store, struct sql_rows *home_partitions,
                      struct store_purged *ret_purged, struct err *err) MUST_CHECK;

#endif
