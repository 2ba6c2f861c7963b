/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_TASK_SERVICES_H
#define WORKER_TASK_SERVICES_H

/* What all tasks of the process share: services and settings, all of them borrowed. */

#include <stddef.h>

#include "common/loop.h"
#include "common/metrics.h"
#include "worker/correction.h"
#include "worker/decoder_client.h"
#include "worker/emit.h"
#include "worker/fetch.h"
#include "worker/speech_client.h"

struct task_services {
    struct loop *loop;
    struct metrics *metrics;
    struct emit *emit;
    struct speech_client *speech;
    struct decoder_client *decoder;
    struct fetch_source fetch;
    struct decoder_limits decoder_limits;
    struct correction_service correction;
    const char *worker_id;
    struct speech_service speech_service; /* whose models are told in results */
    size_t window_samples;
    size_t overlap_samples;
    size_t max_windows; /* of one chunk, being read at the same time */
    /* Kafka refuses a record that it must take: the process cannot go on. */
    void (*on_fatal)(void *context);
    void *context;
};

#endif
