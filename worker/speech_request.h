/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SPEECH_REQUEST_H
#define WORKER_SPEECH_REQUEST_H

/*
 * One request to the speech service: the multipart form of OpenAI's POST /audio/transcriptions,
 * with the audio as a WAV file that is read from where it lies. The form lives as long as the
 * request, the audio is borrowed.
 */

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

struct speech_service {
    const char *url; /* up to the version, without a final slash needed */
    const char *key; /* NULL: none */
    const char *model;
    const char *music_model; /* for windows of music; "" or NULL: the same */
};

struct speech_audio {
    const int16_t *samples; /* mono, 16 kHz; at most 2^30 */
    size_t count;
    const char *language; /* NULL: to be detected */
    const char *prompt;   /* NULL: none */
    bool is_music;
};

/* The model that is asked. */
const char *speech_service_model(const struct speech_service *service, bool is_music);

struct speech_request;

/* After the easy handle that it gave. */
void speech_request_free(struct speech_request *request);
struct speech_request *speech_request_new(const struct speech_service *service,
                                          const struct speech_audio *audio)
    FREED_BY(speech_request_free);
/* The handle to start it with; whoever starts it owns it. Once. */
CURL *speech_request_take_easy(struct speech_request *request);

#endif
