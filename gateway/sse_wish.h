/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_SSE_WISH_H
#define GATEWAY_SSE_WISH_H

/* What a reader of a job's stream asks for. */

#include <stdint.h>

#include "common/ids.h"

/* How it wants the growing transcript. */
enum sse_partial {
    SSE_PARTIAL_TEXT,  /* the whole text, as views, when it has grown */
    SSE_PARTIAL_DELTA, /* the durable deltas */
};

struct sse_wish {
    struct id job;
    uint64_t last_id; /* 0: from the beginning; one that the stream cannot have given, too */
    enum sse_partial partial;
};

#endif
