/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_INIT_REQUEST_H
#define GATEWAY_INIT_REQUEST_H

/* The body of POST /chunked-upload-stream, judged and turned into a plan. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/chunk_layout.h"
#include "common/event.h"
#include "common/webhook_url.h"
#include "gateway/media_formats.h"
#include "gateway/refusal.h"

#define INIT_FILENAME_BYTES 255
#define INIT_PROMPT_BYTES 1024
#define INIT_TERMS_MAX 100
#define INIT_TERM_BYTES 100
#define INIT_CHUNK_MB_DEFAULT 5
#define INIT_CHUNK_MB_MIN 1
#define INIT_CHUNK_MB_MAX 100
#define INIT_MIB INT64_C(1048576)

struct init_request {
    char filename[INIT_FILENAME_BYTES + 1];
    char extension[MEDIA_EXTENSION_SIZE];
    struct chunk_layout layout; /* with a ramp if that was asked for */
    bool use_llm;
    char llm_mode[16];
    char webhook_url[WEBHOOK_URL_BYTES + 1]; /* "": none */
    char language[8];                        /* "": detected */
    char prompt[INIT_PROMPT_BYTES + 1];      /* "": none; with the terms */
    char content_type[EVENT_CONTENT_TYPE_SIZE];
    bool lock_language;
};

/* What this deployment can do. */
struct init_terms {
    int64_t max_total_size; /* bytes */
    bool has_llm;
    bool has_webhooks;
    struct webhook_url_policy webhook_policy;
};

bool init_request_parse(const char *body, size_t length, const struct init_terms *terms,
                        struct init_request *ret_request, struct refusal *refusal) MUST_CHECK;

/* The request as JSON with every default filled in and a fixed order of members, so that two
 * requests that ask for the same have the same bytes. */
void init_request_canonical(const struct init_request *request, struct buf *ret_json);

#endif
