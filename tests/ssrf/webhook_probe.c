/* SPDX-License-Identifier: Apache-2.0 */

/*
 * webhook-probe KEY_FILE URL [private]: delivers one webhook as a worker would, and prints how it
 * ended: "delivered", or the failure's type and message. `private`: private targets are allowed.
 */

#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "worker/webhook_deliver.h"

struct probe {
    struct loop *loop;
    int status;
};

static void on_end(void *context, struct job_task_end take_end)
{
    struct probe *probe = context;

    if (take_end.is_done)
        (void)printf("delivered\n");
    else
        (void)printf("%s %s\n", take_end.failed.type, take_end.failed.message);
    free(take_end.result);
    free(take_end.failed.message);
    loop_stop(probe->loop);
}

static struct event task_of(const char *url)
{
    struct event task = {.type = EVENT_TASK_WORK, .chunk_index = -1, .attempt = 1};

    task.job = id_random();
    task.task.payload = mem_format("{\"delivery_id\":\"11111111-2222-5333-8444-555555555555\","
                                   "\"url\":\"%s\",\"body\":\"{}\"}",
                                   url);
    return task;
}

static void deliver(struct probe *probe, struct webhook_service *webhooks, const char *url)
{
    struct job_task_services services = {.loop = probe->loop, .webhooks = webhooks};
    struct event task = task_of(url);

    services.pool = pool_new(probe->loop, 1);
    webhooks->fetch = http_fetch_new(probe->loop, 1);
    void *work = WEBHOOK_DELIVER_HANDLER.start(
        &services, &task, (struct job_task_ending){.on_end = on_end, .context = probe});
    loop_run(probe->loop);
    WEBHOOK_DELIVER_HANDLER.stop(work);
    pool_free(services.pool);
    http_fetch_free(webhooks->fetch);
    free(task.task.payload);
}

int main(int argc, char **argv)
{
    struct webhook_service webhooks = {.policy.http = true, .timeout_us = 5000000};
    struct probe probe = {.loop = NULL};
    struct err err;

    if (argc < 3 || !webhook_keys_load(argv[1], &webhooks.keys, &err))
        return 2;
    webhooks.policy.private_targets = argc > 3 && strcmp(argv[3], "private") == 0;
    probe.loop = loop_new();
    deliver(&probe, &webhooks, argv[2]);
    loop_free(probe.loop);
    webhook_keys_free(webhooks.keys);
    return 0;
}
