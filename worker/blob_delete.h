/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_BLOB_DELETE_H
#define WORKER_BLOB_DELETE_H

/* The task blob.delete: deletes the blobs of some chunks of a job. Those that are not there are
 * fine. */

#include "worker/job_task.h"

extern const struct job_task_handler BLOB_DELETE_HANDLER;

#endif
