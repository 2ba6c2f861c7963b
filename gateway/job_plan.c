/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/job_plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

#define MIB 1048576.0
#define ANSWER_BYTES 1024
#define UPLOAD_BYTES 640

/* Rounded to what a person would say: the range is a tenth to either side, at least one unit. */
static void format_range(double amount, const char *unit, char *ret_text)
{
    double step = amount >= 15 ? 5 : 1;
    double low = floor(amount * 0.9 / step) * step;
    double high = ceil(amount * 1.1 / step) * step;

    low = low < 1 ? 1 : low;
    high = high <= low ? low + step : high;
    (void)snprintf(ret_text, JOB_PLAN_ESTIMATE_SIZE, "%.0f-%.0f %s", low, high, unit);
}

void job_plan_format_estimate(double seconds, char ret_text[static JOB_PLAN_ESTIMATE_SIZE])
{
    if (seconds < 55)
        (void)snprintf(ret_text, JOB_PLAN_ESTIMATE_SIZE, "less than a minute");
    else if (seconds < 90 * 60)
        format_range(seconds / 60, "minutes", ret_text);
    else
        format_range(fmin(seconds / 3600, 1e6), "hours", ret_text);
}

size_t job_plan_bytes_max(int32_t total_chunks, const char *public_url)
{
    return ANSWER_BYTES + (size_t)(total_chunks + 1) * (UPLOAD_BYTES + strlen(public_url));
}

/* Keys, ids and signatures hold no character that JSON escapes, and the public URL was checked at
 * the start. */
void job_plan_append_upload(const struct job_plan *plan, const struct job_plan_terms *terms,
                            int32_t chunk_index, bool *is_first, struct buf *json)
{
    char key[CHUNK_KEY_SIZE];
    struct chunk_range range = chunk_layout_range(&plan->layout, chunk_index);
    int64_t size_bytes = range.end - range.start;

    chunk_object_key(plan->job.text, chunk_index, plan->extension, key);
    CLEANUP(mem_free_at)
    char *query = sign_upload_query(terms->keys, &(struct sign_upload){
                                                     .method = "PUT",
                                                     .object_key = key,
                                                     .size_bytes = size_bytes,
                                                     .expires_wall_s = terms->expires_wall_s,
                                                 });
    buf_append_format(json,
                      "%s{\"chunk_index\":%" PRId32 ",\"upload_url\":\"%s/%s?%s\",\"key\":\"%s\","
                      "\"chunk_range\":[%" PRId64 ",%" PRId64 "],\"expected_size\":%" PRId64 "}",
                      *is_first ? "" : ",", chunk_index, terms->public_url, key, query, key,
                      range.start, range.end, size_bytes);
    *is_first = false;
}

void job_plan_append_chunk_info(const struct job_plan *plan, const struct job_plan_terms *terms,
                                struct buf *json)
{
    char estimate[JOB_PLAN_ESTIMATE_SIZE];

    buf_append_format(json,
                      "\"chunk_info\":{\"total_chunks\":%" PRId32 ",\"chunk_size_bytes\":%" PRId64
                      ",\"chunk_size_mb\":%.10g,\"first_chunk_bytes\":%" PRId64
                      ",\"max_concurrent_uploads\":%" PRId64 ",\"estimated_processing_time\":",
                      plan->layout.total_chunks, plan->layout.chunk_size_bytes,
                      (double)plan->layout.chunk_size_bytes / MIB, plan->layout.first_chunk_bytes,
                      terms->max_concurrent_uploads);
    if (plan->estimated_seconds < 0) {
        buf_append_string(json, "null}");
        return;
    }
    job_plan_format_estimate(plan->estimated_seconds, estimate);
    buf_append_format(json, "\"%s\"}", estimate);
}

/* The header comes first: without it no other chunk can be decoded. MP4 may have it at the end. */
static void append_upload_order(const struct job_plan *plan, struct buf *json)
{
    int32_t count = plan->layout.total_chunks;
    bool is_last_early = count > 2 && media_formats_may_end_with_header(plan->extension);

    buf_append_string(json, "\"upload_order\":[0");
    if (is_last_early)
        buf_append_format(json, ",%" PRId32, count - 1);
    for (int32_t k = 1; k < (is_last_early ? count - 1 : count); k++)
        buf_append_format(json, ",%" PRId32, k);
    buf_append_string(json, "],");
}

void job_plan_format(const struct job_plan *plan, const struct job_plan_terms *terms,
                     struct buf *ret_json)
{
    bool is_first = true;

    buf_append_format(ret_json,
                      "{\"parent_job_id\":\"%s\",\"stream_url\":\"%s/chunked-stream/%s\","
                      "\"upload_urls\":[",
                      plan->job.text, terms->public_url, plan->job.text);
    for (int32_t k = 0; k < plan->layout.total_chunks; k++)
        job_plan_append_upload(plan, terms, k, &is_first, ret_json);
    buf_append_string(ret_json, "],");
    append_upload_order(plan, ret_json);
    job_plan_append_chunk_info(plan, terms, ret_json);
    if (terms->webhook_secret != NULL)
        buf_append_format(ret_json, ",\"webhook_secret\":\"%s\"", terms->webhook_secret);
    buf_append_string(ret_json, "}");
}
