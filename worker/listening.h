/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LISTENING_H
#define WORKER_LISTENING_H

/*
 * Hears one chunk: the decoder and the reading of its windows, at the same time. The decoder is
 * paused while as many windows as allowed are being read, which bounds what a chunk holds in
 * memory. Thread: the loop's.
 */

#include "common/attrs.h"
#include "common/err.h"
#include "common/event.h"
#include "worker/fetch.h"
#include "worker/media_report.h"
#include "worker/task_services.h"
#include "worker/transcription.h"

struct listening;

/* None is called from within listening_start(); nothing follows a failure. */
struct listening_handlers {
    /* A window has been read; `reading` is placed and borrowed. */
    void (*on_window)(void *context, int32_t window_index, const struct reading *reading);
    void (*on_audio_ended)(void *context);
    /* The audio has ended and every window has been read. */
    void (*on_all_read)(void *context);
    void (*on_failed)(void *context, const struct err *err);
    void (*on_speech_failed)(void *context, const struct speech_result *result);
    void *context;
};

/* Not from within its handlers. */
void listening_free(struct listening *listening);
/* `files` may be closed afterwards; `work` is borrowed for life. NULL and err if it could not
 * begin. */
struct listening *listening_start(const struct task_services *services, const struct event *work,
                                  const struct fetch_files *files,
                                  struct listening_handlers handlers, struct err *err) MUST_CHECK;
/* No handler is called any more. */
void listening_stop(struct listening *listening);

/* From the first window on; borrowed. */
const struct media_report *listening_report(const struct listening *listening);
const struct transcription *listening_transcription(const struct listening *listening);

#endif
