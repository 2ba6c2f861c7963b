/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_COMPLETE_REQUEST_H
#define GATEWAY_COMPLETE_REQUEST_H

/* The body of POST /chunk-upload-complete, and its judgement once the job is known. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/chunk_layout.h"
#include "common/ids.h"
#include "gateway/refusal.h"

struct complete_request {
    struct id job;
    int32_t chunk_index;
    int64_t actual_size;
};

bool complete_request_parse(const char *body, size_t length, struct complete_request *ret_request,
                            struct refusal *refusal) MUST_CHECK;

/* Whether the job has such a chunk of such a size. */
bool complete_request_fits(const struct complete_request *request,
                           const struct chunk_layout *layout, struct refusal *refusal) MUST_CHECK;

#endif
