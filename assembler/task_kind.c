/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/task_kind.h"

#include <assert.h>
#include <string.h>

#include "assembler/blob_deletion.h"
#include "assembler/post_process.h"
#include "assembler/webhook_delivery.h"

#define SECONDS UINT64_C(1000000)

static const struct task_kind KINDS[] = {
    [JOB_TASK_WORK] = {.name = "chunk.work", .record = EVENT_CHUNK_WORK},
    [JOB_TASK_SKIP] = {.name = "chunk.skip", .record = EVENT_CONTROL_SKIP},
    [JOB_TASK_SKIP_TASK] = {.name = "task.skip", .record = EVENT_CONTROL_SKIP_TASK},
    [JOB_TASK_CANCEL] = {.name = "job.cancel", .record = EVENT_CONTROL_CANCEL},
    [JOB_TASK_DEAD_LETTER] = {.name = "dead.letter", .record = EVENT_CHUNK_WORK},
    /* A store that is away is waited for: about a week. */
    [JOB_TASK_BLOB_DELETE] = {.name = "blob.delete",
                              .record = EVENT_TASK_WORK,
                              .max_attempts = 350,
                              .backoff = {.base_us = SECONDS, .ceiling_us = 3600 * SECONDS},
                              .on_done = blob_deletion_on_done,
                              .on_failed = blob_deletion_on_failed},
    [JOB_TASK_POST_PROCESS] = {.name = "llm.post_process",
                               .record = EVENT_TASK_WORK,
                               .max_attempts = POST_PROCESS_ATTEMPTS,
                               .backoff = {.base_us = SECONDS, .ceiling_us = 60 * SECONDS},
                               .on_done = post_process_on_done,
                               .on_failed = post_process_on_failed},
    [JOB_TASK_WEBHOOK_DELIVER] = {.name = "webhook.deliver",
                                  .record = EVENT_TASK_WORK,
                                  .max_attempts = WEBHOOK_DELIVERY_ATTEMPTS,
                                  .delay_us = webhook_delivery_delay_us,
                                  .on_done = webhook_delivery_on_done,
                                  .on_retried = webhook_delivery_on_retried,
                                  .on_failed = webhook_delivery_on_failed},
};
static_assert(ARRAY_LEN(KINDS) == JOB_TASK_KIND_COUNT, "a row for each kind");

const struct task_kind *task_kind(enum job_task_kind kind)
{
    assert(kind < JOB_TASK_KIND_COUNT);
    return &KINDS[kind];
}

bool task_kind_is_answered(enum job_task_kind kind)
{
    return task_kind(kind)->record == EVENT_TASK_WORK;
}

bool task_kind_parse(const char *name, enum job_task_kind *ret_kind)
{
    for (enum job_task_kind kind = 0; kind < JOB_TASK_KIND_COUNT; kind++) {
        if (strcmp(name, KINDS[kind].name) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}
