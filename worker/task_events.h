/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_TASK_EVENTS_H
#define WORKER_TASK_EVENTS_H

/*
 * What an attempt tells of itself, as records. `work` is the record that asked for the attempt; the
 * events own their strings: event_done(). Pure.
 */

#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/event.h"
#include "worker/media_report.h"
#include "worker/speech_client.h"
#include "worker/transcription.h"

struct event task_event_alive(const struct event *work);
struct event task_event_waiting(const struct event *work, struct media_need missing);
/* The type of a failure follows from where its error comes from; it is permanent if ERR_REJECT. */
struct event task_event_failed(const struct event *work, const struct err *err);
/* SPEECH_FAILED or SPEECH_DEFERRED. */
struct event task_event_of_speech(const struct event *work, const struct speech_result *result,
                                  int64_t now_wall_us);

struct event_window {
    int32_t index;
    int32_t count; /* 0: not known yet */
    int64_t overlap;
    const struct reading *reading;
};
/* One window's words without those that its neighbours will tell: up to the middle of the overlaps,
 * and inside the chunk. `overlap` is in native samples. */
struct event task_event_partial(const struct event *work, const struct media_report *report,
                                const struct event_window *window);

/* Joins the windows. The time that it took is the caller's to add. */
struct event task_event_transcribed(const struct event *work, const struct media_report *report,
                                    const struct transcription *transcription,
                                    const struct speech_service *service);

#endif
