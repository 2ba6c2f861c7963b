/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_WEBHOOK_DELIVERY_H
#define ASSEMBLER_WEBHOOK_DELIVERY_H

/*
 * The webhooks of a job: one delivery for each terminal event, with an id that stays the same over
 * all attempts and replays, tried over a day after Standard Webhooks 1.0. The task is
 * `webhook.deliver`; what became of a delivery is kept in webhook_deliveries. Pure.
 */

#include <stdint.h>

#include "assembler/job.h"

/* First attempt included. */
#define WEBHOOK_DELIVERY_ATTEMPTS 10

/* The job has just ended with the event job->last_seq: if it has an address, and the target has not
 * said that it wants no more, it is told. */
void webhook_delivery_begin(struct job *job, int64_t now_wall_us);
/* A person wants a delivery to be sent once more. False: the job has no address. */
bool webhook_delivery_replay(struct job *job, const struct id *delivery_id);

/* How long to wait after attempt `attempt` failed. */
int64_t webhook_delivery_delay_us(int32_t attempt, uint64_t random);

/* Of task_kind.h. */
void webhook_delivery_on_done(struct job *job, const struct job_open_task *task,
                              const char *result);
void webhook_delivery_on_retried(struct job *job, const struct job_open_task *task,
                                 const struct event_failed *failed);
void webhook_delivery_on_failed(struct job *job, const struct job_open_task *task,
                                const struct event_failed *failed);

#endif
