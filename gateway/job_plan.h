/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_JOB_PLAN_H
#define GATEWAY_JOB_PLAN_H

/* What a client is told about a new job: where each chunk goes, and how long it may take. Pure, but
 * for the signing key. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/chunk_layout.h"
#include "common/sign.h"
#include "gateway/media_formats.h"

struct job_plan {
    struct id job;
    struct chunk_layout layout;
    char extension[MEDIA_EXTENSION_SIZE];
    double estimated_seconds; /* < 0: nothing was measured yet */
};

struct job_plan_terms {
    const struct sign_keys *keys;
    const char *public_url; /* put before each path; "" for none */
    int64_t expires_wall_s;
    int64_t max_concurrent_uploads;
    const char *webhook_secret; /* of this job alone; NULL: it has none */
};

/* The answer of POST /chunked-upload-stream. */
void job_plan_format(const struct job_plan *plan, const struct job_plan_terms *terms,
                     struct buf *ret_json);

/* One element of upload_urls, with a comma before it unless it is the first; that is false then. */
void job_plan_append_upload(const struct job_plan *plan, const struct job_plan_terms *terms,
                            int32_t chunk_index, bool *is_first, struct buf *json);

/* "chunk_info":{...} */
void job_plan_append_chunk_info(const struct job_plan *plan, const struct job_plan_terms *terms,
                                struct buf *json);

/* The most that an answer with this many upload URLs can need. */
size_t job_plan_bytes_max(int32_t total_chunks, const char *public_url);

#define JOB_PLAN_ESTIMATE_SIZE 32
/* "less than a minute", "2-3 minutes", "15-20 minutes", "3-4 hours". */
void job_plan_format_estimate(double seconds, char ret_text[static JOB_PLAN_ESTIMATE_SIZE]);

#endif
