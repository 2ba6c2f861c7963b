/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SPEECH_REPLY_H
#define WORKER_SPEECH_REPLY_H

/*
 * Reads the speech service's verbose_json. Nothing in it is trusted: its depth, its sizes, its
 * times and its text are checked or brought into bounds. Pure.
 *
 * `text` is the truth about what was said; `words` give it times (OpenAI's lack punctuation, and
 * are found in the text); services without words get their segments' times, spread over the
 * segment's text.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "common/reading.h"
#include "worker/language.h"

#define SPEECH_REPLY_BYTES_MAX ((size_t)8 * 1024 * 1024)

struct speech_reply {
    struct reading reading; /* owned; in samples of 16 kHz from the beginning of what was sent */
    char language[LANGUAGE_SIZE]; /* "" when it is not told */
};

void speech_reply_done(struct speech_reply *reply);
/* `sample_count` is the length of what was sent: times beyond are cut. ERR_RETRY: not a
 * transcription (services answer 200 with an error page); nothing to free then. */
bool speech_reply_parse(const char *body, size_t length, int64_t sample_count,
                        struct speech_reply *ret_reply, struct err *err) MUST_CHECK;

/* What a refusal says of itself (OpenAI's {"error": {"message"}}), for people; "" if nothing. Owned
 * by the caller. */
char *speech_reply_complaint(const char *body, size_t length);

#endif
