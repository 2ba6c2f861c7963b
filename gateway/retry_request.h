/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_RETRY_REQUEST_H
#define GATEWAY_RETRY_REQUEST_H

/* The body of POST /chunked-upload-retry. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/chunk_layout.h"
#include "common/ids.h"
#include "gateway/refusal.h"

struct retry_request {
    struct id job;
    int32_t *indices; /* owned; NULL: every chunk that failed */
    size_t count;
};

void retry_request_done(struct retry_request *request);
/* False: `refusal` says what is wrong. */
bool retry_request_parse(const char *body, size_t length, struct retry_request *ret_request,
                         struct refusal *refusal) MUST_CHECK;
/* Every index is one of the job's. */
bool retry_request_fits(const struct retry_request *request, const struct chunk_layout *layout,
                        struct refusal *refusal) MUST_CHECK;
bool retry_request_wants(const struct retry_request *request, int32_t chunk_index);

#endif
