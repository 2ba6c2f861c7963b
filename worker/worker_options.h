/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_WORKER_OPTIONS_H
#define WORKER_WORKER_OPTIONS_H

/* The worker's options; worker_options.c has their table. */

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"

struct worker_options {
    struct config_common common; /* first: see config.h */
    char *worker_id;
    char *blob_store;
    char *speech_url;
    char *speech_key;
    char *speech_model;
    char *speech_model_music;
    int64_t speech_connect_timeout_us;
    int64_t speech_timeout_us;
    char *llm_url;
    char *llm_key;
    char *llm_model;
    int64_t llm_connect_timeout_us;
    int64_t llm_timeout_us;
    int64_t llm_deadline_us;
    int64_t llm_answer_limit_bytes;
    int64_t llm_piece_words;
    int64_t max_llm_requests;
    char *webhook_key_file;
    bool webhook_allow_http;
    bool webhook_allow_private;
    int64_t webhook_timeout_us;
    int64_t max_in_flight;
    int64_t max_tasks_in_flight;
    int64_t max_speech_requests;
    int64_t window_us;
    int64_t overlap_us;
    int64_t max_chunk_seconds;
    int64_t decoder_memory_bytes;
};

extern const struct config_option WORKER_OPTIONS[];

#endif
