/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_TRANSCRIPT_REQUEST_H
#define GATEWAY_TRANSCRIPT_REQUEST_H

/* What GET /chunked-transcript is asked for. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "gateway/caption.h"
#include "gateway/refusal.h"

enum transcript_format {
    TRANSCRIPT_TXT,
    TRANSCRIPT_JSON,
    TRANSCRIPT_VERBOSE_JSON,
    TRANSCRIPT_SRT,
    TRANSCRIPT_VTT,
    TRANSCRIPT_FORMAT_COUNT
};

struct transcript_request {
    enum transcript_format format;
    bool is_raw;                /* as it was heard, not as a language model corrected it */
    int64_t paragraph_pause_ms; /* a pause that begins a paragraph; 0: the text has none */
    struct caption_rules rules;
};

/* The parameters that the route knows, also those that are not read here; NULL-terminated. */
extern const char *const transcript_request_known[];

/* `find` gives a query parameter, NULL if it is absent. False: `refusal` says what is wrong. */
bool transcript_request_parse(const char *(*find)(void *context, const char *name), void *context,
                              struct transcript_request *ret_request,
                              struct refusal *refusal) MUST_CHECK;

/* Everything that the text depends on besides the job: for an ETag. */
void transcript_request_append_tag(const struct transcript_request *request, struct buf *out);

const char *transcript_format_extension(enum transcript_format format); /* "srt" */
const char *transcript_format_content_type(enum transcript_format format);

#endif
