/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/job_event.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/json_text.h"
#include "common/mem.h"

/* What one delta holds once escaped: the rest of its event stays far below the difference. */
#define DELTA_TEXT_MAX ((size_t)96 * 1024)
#define ERROR_MESSAGE_MAX 1024

struct json {
    struct buf buf;
    bool has_member;
};

static struct json json_begin(const struct job *job)
{
    struct json json;

    buf_init(&json.buf, JOB_EVENT_BYTES_MAX);
    buf_append_format(&json.buf, "{\"parent_job_id\":\"%s\"", job->id.text);
    return json;
}

static char *json_end(struct json *json)
{
    buf_append_string(&json->buf, "}");
    assert(!buf_is_over(&json->buf));
    return buf_take(&json->buf);
}

static void add_int(struct json *json, const char *name, int64_t value)
{
    buf_append_format(&json->buf, ",\"%s\":%" PRId64, name, value);
}

static void add_null(struct json *json, const char *name)
{
    buf_append_format(&json->buf, ",\"%s\":null", name);
}

/* One decimal: what a person can see. */
static void add_percent(struct json *json, const char *name, double value)
{
    buf_append_format(&json->buf, ",\"%s\":%.10g", name, (double)(int32_t)(value * 10.0) / 10.0);
}

static void add_text(struct json *json, const char *name, const char *text, size_t length)
{
    buf_append_format(&json->buf, ",\"%s\":", name);
    json_text_append(&json->buf, text, length);
}

static void add_string(struct json *json, const char *name, const char *text)
{
    add_text(json, name, text, strlen(text));
}

static double percent(int32_t part, int32_t whole)
{
    return whole == 0 ? 0.0 : 100.0 * part / whole;
}

static double success_rate(const struct job *job)
{
    return percent(job->completed_chunks, job->completed_chunks + job->failed_chunks);
}

static void add_sub_job(struct json *json, const struct job *job, int32_t chunk_index)
{
    struct id sub_job = id_of_sub_job(job->id.text, chunk_index);

    add_string(json, "job_id", sub_job.text);
    add_int(json, "chunk_index", chunk_index);
}

/* chunk_complete */

static void add_start(struct json *json, const struct job *job, const struct chunk *chunk)
{
    const struct event_audio *audio = &chunk->audio;

    if (audio->has_absolute_start)
        add_int(json, "start_ms", job_ms(audio->absolute_start, audio->sample_rate));
    else if (chunk->index == 0)
        add_int(json, "start_ms", 0);
    else if (chunk->is_placed)
        add_int(json, "start_ms", job_ms(chunk->start_sample, job->sample_rate));
    else
        add_null(json, "start_ms");
}

/* Text before provisional_to and after provisional_from may still change. */
static void add_provisional(struct json *json, const struct job *job, const struct chunk *chunk,
                            int64_t hold_back_ms)
{
    int64_t duration_ms = job_ms(chunk->audio.samples, chunk->audio.sample_rate);
    int64_t tail_ms = duration_ms > hold_back_ms ? duration_ms - hold_back_ms : 0;

    if (chunk->index > job->frontier)
        add_int(json, "provisional_to", hold_back_ms < duration_ms ? hold_back_ms : duration_ms);
    if (chunk->index < job->layout.total_chunks - 1)
        add_int(json, "provisional_from", tail_ms);
}

/* Whole milliseconds that add up to the duration: rounding is the text's. */
static void add_coverage(struct json *json, const struct coverage_sums *sums, int32_t sample_rate)
{
    int64_t silence_ms = job_ms(sums->samples[COVERAGE_SILENCE], sample_rate);
    int64_t filtered_ms = job_ms(sums->samples[COVERAGE_FILTERED], sample_rate);
    int64_t failed_ms = job_ms(sums->samples[COVERAGE_FAILED], sample_rate);
    int64_t duration_ms = job_ms(coverage_total(sums), sample_rate);

    buf_append_format(&json->buf,
                      ",\"coverage\":{\"text_ms\":%" PRId64 ",\"silence_ms\":%" PRId64
                      ",\"filtered_ms\":%" PRId64 ",\"failed_ms\":%" PRId64
                      ",\"duration_ms\":%" PRId64 "}",
                      duration_ms - silence_ms - filtered_ms - failed_ms, silence_ms, filtered_ms,
                      failed_ms, duration_ms);
}

struct named_text {
    const char *name;
    const char *text;
};

static void add_texts(struct json *json, const struct named_text texts[3])
{
    bool is_truncated = false;

    for (int i = 0; i < 3; i++) {
        size_t length = strlen(texts[i].text);
        size_t shown = length > 0 ? json_text_fit(texts[i].text, length, JOB_EVENT_TEXT_MAX) : 0;

        add_text(json, texts[i].name, texts[i].text, shown);
        is_truncated |= shown < length;
    }
    buf_append_string(&json->buf, is_truncated ? ",\"truncated\":true" : "");
}

/* Said only where something was. */
static void add_rejected(struct json *json, const char *reason, int32_t rejected, int32_t pieces)
{
    if (rejected > 0)
        buf_append_format(&json->buf,
                          ",\"correction_rejected\":{\"reason\":\"%s\",\"rejected\":%" PRId32
                          ",\"pieces\":%" PRId32 "}",
                          reason, rejected, pieces);
}

void job_event_add_chunk_complete(struct job *job, const struct chunk *chunk, int64_t hold_back_ms)
{
    const struct event_correction *correction = chunk->correction;
    struct chunk_words words = assembly_own_words(job, chunk);
    size_t first = (size_t)words.first;
    size_t last = (size_t)words.last;
    CLEANUP(mem_free_at) char *raw = reading_text(chunk->reading, first, last);
    CLEANUP(mem_free_at) char *corrected = reading_corrected_text(chunk->reading, first, last);
    const struct named_text texts[] = {
        {"text", corrected}, {"raw_text", raw}, {"corrected_text", corrected}};
    struct json json = json_begin(job);

    add_sub_job(&json, job, chunk->index);
    add_texts(&json, texts);
    if (correction != NULL)
        add_rejected(&json, correction->reason, correction->rejected, correction->pieces);
    add_int(&json, "processing_time", chunk->processing_time_ms);
    add_start(&json, job, chunk);
    add_int(&json, "duration_ms", job_ms(chunk->audio.samples, chunk->audio.sample_rate));
    add_coverage(&json, &chunk->covered, chunk->audio.sample_rate);
    if (chunk->hearing != NULL && chunk->hearing->is_told)
        add_string(&json, "content", chunk->hearing->content);
    else
        add_null(&json, "content");
    add_string(&json, "language", chunk->language);
    add_int(&json, "attempt", chunk->attempt);
    add_provisional(&json, job, chunk, hold_back_ms);
    job_add_event(job, "chunk_complete", json_end(&json));
}

/* Failures */

char *job_event_error(const struct event_failed *failed)
{
    size_t length = strlen(failed->message);
    struct buf out;

    buf_init(&out, JOB_EVENT_BYTES_MAX);
    buf_append_string(&out, "{\"type\":");
    json_text_append(&out, failed->type, strlen(failed->type));
    buf_append_string(&out, ",\"message\":");
    json_text_append(&out, failed->message,
                     length > 0 ? json_text_fit(failed->message, length, ERROR_MESSAGE_MAX) : 0);
    buf_append_format(&out, ",\"permanent\":%s}", failed->permanent ? "true" : "false");
    return buf_take(&out);
}

static void add_error(struct json *json, const struct chunk *chunk)
{
    buf_append_format(&json->buf, ",\"error\":%s", chunk->error == NULL ? "null" : chunk->error);
}

void job_event_add_chunk_failed(struct job *job, const struct chunk *chunk)
{
    struct json json = json_begin(job);

    add_sub_job(&json, job, chunk->index);
    add_error(&json, chunk);
    add_int(&json, "attempt", chunk->attempt);
    add_int(&json, "retry_count", chunk->retry_count);
    add_int(&json, "max_retries", job->max_retries);
    job_add_event(job, "chunk_failed", json_end(&json));
}

void job_event_add_chunk_retrying(struct job *job, const struct chunk *chunk, int64_t due_in_us)
{
    struct json json = json_begin(job);

    add_sub_job(&json, job, chunk->index);
    add_int(&json, "attempt", chunk->attempt);
    add_int(&json, "retry_in_ms", due_in_us / 1000);
    add_error(&json, chunk);
    job_add_event(job, "chunk_retrying", json_end(&json));
}

/* The ordered text */

static void add_placed(struct json *json, const struct assembly_step *step)
{
    buf_append_string(&json->buf, ",\"placed\":[");
    for (size_t i = 0; i < step->placed_count; i++)
        buf_append_format(&json->buf, "%s{\"chunk_index\":%d,\"start_ms\":%" PRId64 "}",
                          i == 0 ? "" : ",", step->placed[i].chunk_index, step->placed[i].start_ms);
    buf_append_string(&json->buf, "]");
}

static void add_reach(struct json *json, const struct job *job, int32_t from_chunk,
                      int32_t to_chunk)
{
    add_int(json, "from_chunk", from_chunk);
    add_int(json, "to_chunk", to_chunk);
    add_int(json, "available_chunks", job->available_chunks);
    add_int(json, "last_assembled_index", job->frontier - 1);
    add_int(json, "total_chunks", job->layout.total_chunks);
}

static void add_delta(struct job *job, const struct assembly_step *step, const char *text,
                      size_t length, bool is_first)
{
    struct json json = json_begin(job);

    add_text(&json, "delta", text, length);
    add_reach(&json, job, step->from_chunk, step->to_chunk);
    if (is_first)
        add_placed(&json, step);
    else
        buf_append_string(&json.buf, ",\"placed\":[]");
    job_add_event(job, "partial_transcript", json_end(&json));
}

void job_event_add_partial_transcript(struct job *job, const struct assembly_step *step)
{
    const char *text = buf_string(&step->delta);
    size_t left = step->delta.length;

    if (step->from_chunk > step->to_chunk)
        return;
    for (bool is_first = true; is_first || left > 0; is_first = false) {
        size_t length = left > 0 ? json_text_fit(text, left, DELTA_TEXT_MAX) : 0;

        add_delta(job, step, text, length, is_first);
        text += length;
        left -= length;
    }
}

/* From the beginning, because what was sent before cannot be taken apart between two chunks. */
void job_event_add_replacement(struct job *job, const char *text)
{
    int32_t last = job->frontier > 0 ? job->frontier - 1 : 0;
    size_t left = strlen(text);

    for (bool is_first = true; is_first || left > 0; is_first = false) {
        size_t length = left > 0 ? json_text_fit(text, left, DELTA_TEXT_MAX) : 0;
        struct json json = json_begin(job);

        add_text(&json, "delta", text, length);
        if (is_first)
            add_int(&json, "replaces_from_chunk", 0);
        add_reach(&json, job, 0, last);
        buf_append_string(&json.buf, ",\"placed\":[]");
        job_add_event(job, "partial_transcript", json_end(&json));
        text += length;
        left -= length;
    }
}

/* The whole job */

static void add_counters(struct json *json, const struct job *job)
{
    add_percent(json, "success_rate", success_rate(job));
    add_int(json, "total_chunks", job->layout.total_chunks);
    add_int(json, "completed_chunks", job->completed_chunks);
    add_int(json, "failed_chunks", job->failed_chunks);
}

static void add_processing_stats(struct json *json, const struct job *job)
{
    int64_t audio_ms = job_ms(job->frontier_sample, job->sample_rate);

    buf_append_format(&json->buf,
                      ",\"processing_stats\":{\"audio_duration_ms\":%" PRId64
                      ",\"wall_time_ms\":%" PRId64 ",\"processing_time_ms\":%" PRId64
                      ",\"speech_time_ms\":%" PRId64 ",\"speech_requests\":%" PRId64
                      ",\"total_segments\":%d,\"real_time_factor\":",
                      audio_ms, job->age_ms, job->processing_time_ms, job->speech_time_ms,
                      job->speech_requests, job->total_segments);
    if (audio_ms > 0)
        buf_append_format(&json->buf, "%.4f}", (double)job->age_ms / (double)audio_ms);
    else
        buf_append_string(&json->buf, "null}");
}

void job_event_add_final_result(struct job *job, const char *raw, const char *corrected)
{
    const struct named_text texts[] = {{"final_transcript", corrected},
                                       {"raw_transcript", raw},
                                       {"corrected_transcript", corrected}};
    struct json json = json_begin(job);

    add_string(&json, "status", job_status_name(job->status));
    add_texts(&json, texts);
    add_rejected(&json, job->llm_reason, job->llm_rejected, job->llm_pieces);
    add_counters(&json, job);
    add_coverage(&json, &job->covered, job->sample_rate);
    add_processing_stats(&json, job);
    add_int(&json, "progress", 100);
    job_add_event(job, "final_result", json_end(&json));
}

void job_event_add_job_failed(struct job *job)
{
    struct json json = json_begin(job);

    add_string(&json, "status", job_status_name(job->status));
    buf_append_string(&json.buf, ",\"error\":{\"type\":\"all_chunks_failed\",\"message\":"
                                 "\"No chunk of the recording could be transcribed.\"}");
    add_counters(&json, job);
    add_coverage(&json, &job->covered, job->sample_rate);
    add_processing_stats(&json, job);
    add_int(&json, "progress", 100);
    job_add_event(job, "job_failed", json_end(&json));
}

/* The whole text so far is what the reader has. */
void job_event_add_ended_early(struct job *job)
{
    struct json json = json_begin(job);

    add_string(&json, "status", job_status_name(job->status));
    add_counters(&json, job);
    add_int(&json, "progress", 100);
    job_add_event(job, job_status_name(job->status), json_end(&json));
}

void job_event_add_retry_started(struct job *job, const int32_t *chunks, size_t count)
{
    struct json json = json_begin(job);

    add_string(&json, "status", job_status_name(job->status));
    buf_append_string(&json.buf, ",\"chunk_indices\":[");
    for (size_t i = 0; i < count; i++)
        buf_append_format(&json.buf, "%s%" PRId32, i == 0 ? "" : ",", chunks[i]);
    buf_append_string(&json.buf, "]");
    add_counters(&json, job);
    job_add_event(job, "retry_started", json_end(&json));
}

/* Views */

/* 100 is for the terminal event alone. */
static double progress(const struct job *job, double upload, double processing)
{
    double mean = (upload + processing) / 2.0;

    if (job_is_terminal(job))
        return 100.0;
    return mean > 99.0 ? 99.0 : mean;
}

void job_event_add_progress_update(struct job *job)
{
    double upload = percent(job->uploaded_chunks, job->layout.total_chunks);
    double processing =
        percent(job->completed_chunks + job->failed_chunks, job->layout.total_chunks);
    struct json json = json_begin(job);

    add_string(&json, "status", job_status_name(job->status));
    add_percent(&json, "progress", progress(job, upload, processing));
    add_percent(&json, "upload_progress", upload);
    add_percent(&json, "processing_progress", processing);
    add_int(&json, "uploaded_chunks", job->uploaded_chunks);
    add_counters(&json, job);
    job_add_view(job, "progress_update", json_end(&json));
}

void job_event_add_chunk_partial(struct job *job, int32_t chunk_index, int32_t attempt,
                                 const struct event_partial *partial)
{
    size_t length = strlen(partial->text);
    struct json json = json_begin(job);

    add_sub_job(&json, job, chunk_index);
    add_int(&json, "attempt", attempt);
    add_int(&json, "window_index", partial->window_index);
    add_int(&json, "window_count", partial->window_count);
    add_text(&json, "text", partial->text,
             length > 0 ? json_text_fit(partial->text, length, JOB_EVENT_TEXT_MAX) : 0);
    add_int(&json, "start_ms", partial->start_ms);
    add_int(&json, "end_ms", partial->end_ms);
    job_add_view(job, "chunk_partial", json_end(&json));
}
