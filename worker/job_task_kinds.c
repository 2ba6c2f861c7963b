/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "worker/blob_delete.h"
#include "worker/job_task.h"
#include "worker/llm_post_process.h"
#include "worker/webhook_deliver.h"

static const struct job_task_handler *const HANDLERS[] = {
    &BLOB_DELETE_HANDLER,
    &LLM_POST_PROCESS_HANDLER,
    &WEBHOOK_DELIVER_HANDLER,
};

const struct job_task_handler *job_task_handler_of(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(HANDLERS); i++)
        if (strcmp(HANDLERS[i]->kind, kind) == 0)
            return HANDLERS[i];
    return NULL;
}

struct job_task_end job_task_failed(const char *type, const struct err *err)
{
    struct job_task_end end = {.failed = {.message = mem_copy_string(err->message),
                                          .permanent = err->kind == ERR_REJECT,
                                          .retry_after_ms = -1}};

    (void)snprintf(end.failed.type, sizeof end.failed.type, "%s", type);
    return end;
}
