/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/event_body.h"
#include "common/event_correction.h"
#include "common/jsonread.h"
#include "common/mem.h"
#include "common/utf8.h"

static void add(struct json_object *object, const char *name, struct json_object *take_value)
{
    json_object_object_add(object, name, take_value);
}

static void add_int(struct json_object *object, const char *name, int64_t value)
{
    add(object, name, json_object_new_int64(value));
}

/* NULL becomes null. */
static void add_text(struct json_object *object, const char *name, const char *text)
{
    if (text == NULL) {
        add(object, name, NULL);
        return;
    }
    CLEANUP(mem_free_at) char *clean = utf8_clean(text, strlen(text));
    add(object, name, json_object_new_string(clean));
}

static void add_position(struct json_object *object, const char *name,
                         struct kafka_position position)
{
    struct json_object *member = json_object_new_object();

    add_int(member, "partition", position.partition);
    add_int(member, "offset", position.offset);
    add(object, name, member);
}

static void encode_work(const struct event_work *work, struct json_object *object)
{
    struct json_object *layout = json_object_new_object();
    struct json_object *options = json_object_new_object();

    add_int(layout, "total_size", work->layout.total_size);
    add_int(layout, "chunk_size_bytes", work->layout.chunk_size_bytes);
    add_int(layout, "first_chunk_bytes", work->layout.first_chunk_bytes);
    add_int(layout, "total_chunks", work->layout.total_chunks);
    add(object, "layout", layout);
    add_text(object, "extension", work->extension);
    add_int(object, "resync_from", work->resync_from);
    if (work->stored_to > 0) {
        add_int(object, "stored_from", work->stored_from);
        add_int(object, "stored_to", work->stored_to);
    }
    add_text(options, "language", work->options.language);
    add_text(options, "prompt", work->options.prompt);
    add(options, "use_llm", json_object_new_boolean(work->options.use_llm));
    add_text(options, "content_type", work->options.content_type);
    add(object, "options", options);
}

static void encode_started(const struct event_started *started, struct json_object *object)
{
    add_text(object, "worker_id", started->worker_id);
    add_position(object, "work", started->work);
    add_int(object, "at_us", started->at_wall_us);
}

static void encode_partial(const struct event_partial *partial, struct json_object *object)
{
    add_int(object, "window_index", partial->window_index);
    add_int(object, "window_count", partial->window_count);
    add_text(object, "text", partial->text);
    add_int(object, "start_ms", partial->start_ms);
    add_int(object, "end_ms", partial->end_ms);
}

static struct json_object *encode_audio(const struct event_audio *audio)
{
    struct json_object *object = json_object_new_object();

    add_text(object, "codec", audio->codec);
    add_int(object, "sample_rate", audio->sample_rate);
    add_int(object, "channels", audio->channels);
    add_int(object, "samples", audio->samples);
    add_int(object, "first_byte", audio->first_byte);
    add_int(object, "next_byte", audio->next_byte);
    add(object, "absolute_start",
        audio->has_absolute_start ? json_object_new_int64(audio->absolute_start) : NULL);
    add(object, "tail_complete", json_object_new_boolean(audio->tail_complete));
    add(object, "border_byte",
        audio->border_byte < 0 ? NULL : json_object_new_int64(audio->border_byte));
    add_int(object, "border_samples", audio->border_samples);
    return object;
}

/* Four decimals: what the service means by its floating point numbers is coarser. */
static struct json_object *rounded(double value)
{
    char text[64];

    (void)snprintf(text, sizeof text, "%.4f", value);
    return json_object_new_double_s(value, text);
}

static struct json_object *encode_words(const struct reading *reading)
{
    struct json_object *words = json_object_new_array_ext((int)reading->word_count);

    for (size_t i = 0; i < reading->word_count; i++) {
        const struct reading_word *word = &reading->words[i];
        struct json_object *object = json_object_new_object();

        add_text(object, "text", word->text);
        add_int(object, "start", word->start);
        add_int(object, "end", word->end);
        add(object, "probability", rounded(word->probability));
        add_int(object, "segment", word->segment);
        if (word->corrected != NULL)
            add_text(object, "corrected", word->corrected);
        json_object_array_add(words, object);
    }
    return words;
}

static struct json_object *encode_segments(const struct reading *reading)
{
    struct json_object *segments = json_object_new_array_ext((int)reading->segment_count);

    for (size_t i = 0; i < reading->segment_count; i++) {
        const struct reading_segment *segment = &reading->segments[i];
        struct json_object *object = json_object_new_object();

        add(object, "avg_logprob", rounded(segment->avg_logprob));
        add(object, "no_speech_prob", rounded(segment->no_speech_prob));
        add(object, "compression_ratio", rounded(segment->compression_ratio));
        json_object_array_add(segments, object);
    }
    return segments;
}

static struct json_object *encode_reading(const struct reading *reading)
{
    struct json_object *object = json_object_new_object();

    add_int(object, "start", reading->start);
    add_int(object, "end", reading->end);
    add(object, "spans_previous", json_object_new_boolean(reading->spans_previous));
    add(object, "spans_next", json_object_new_boolean(reading->spans_next));
    add(object, "words", encode_words(reading));
    add(object, "segments", encode_segments(reading));
    return object;
}

void event_encode_reading(const struct reading *reading, struct buf *ret_json)
{
    CLEANUP(jsonread_put_at) struct json_object *object = encode_reading(reading);

    buf_append_string(ret_json,
                      json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE));
}

struct json_object *event_encode_correction(const struct event_correction *correction)
{
    struct json_object *object = json_object_new_object();

    add_text(object, "model", correction->model);
    add_int(object, "pieces", correction->pieces);
    add_int(object, "rejected", correction->rejected);
    add_text(object, "reason", correction->rejected > 0 ? correction->reason : NULL);
    add_int(object, "requests", correction->requests);
    add_int(object, "time_ms", correction->time_ms);
    return object;
}

static struct json_object *encode_part(const struct coverage_part *part)
{
    struct json_object *object = json_object_new_object();

    add_int(object, "from", part->from);
    add_int(object, "to", part->to);
    add_text(object, "kind", coverage_kind_name(part->kind));
    add_text(object, "reason", coverage_reason_name(part->reason));
    add_text(object, "text", part->text);
    return object;
}

static struct json_object *encode_coverage(const struct event_hearing *hearing)
{
    struct json_object *object = json_object_new_object();
    struct json_object *parts = json_object_new_array_ext((int)hearing->coverage.count);

    for (enum coverage_kind kind = 0; kind < COVERAGE_KIND_COUNT; kind++)
        add_int(object, coverage_kind_name(kind), hearing->sums.samples[kind]);
    for (size_t i = 0; i < hearing->coverage.count; i++)
        json_object_array_add(parts, encode_part(&hearing->coverage.parts[i]));
    add(object, "parts", parts);
    add_int(object, "unlisted", hearing->unlisted);
    return object;
}

static struct json_object *encode_models(const struct event_hearing *hearing)
{
    struct json_object *models = json_object_new_array_ext((int)hearing->model_count);

    for (size_t i = 0; i < hearing->model_count; i++)
        json_object_array_add(models, json_object_new_string(hearing->models[i]));
    return models;
}

static struct json_object *encode_hearing(const struct event_hearing *hearing)
{
    struct json_object *object = json_object_new_object();

    add_text(object, "content", hearing->content);
    add_int(object, "windows", hearing->windows);
    add_int(object, "asked_again", hearing->asked_again);
    add(object, "models", encode_models(hearing));
    add(object, "coverage", encode_coverage(hearing));
    return object;
}

void event_encode_hearing(const struct event_hearing *hearing, struct buf *ret_json)
{
    CLEANUP(jsonread_put_at) struct json_object *object = encode_hearing(hearing);

    buf_append_string(ret_json,
                      json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void encode_transcribed(const struct event_transcribed *transcribed,
                               struct json_object *object)
{
    add(object, "audio", encode_audio(&transcribed->audio));
    add(object, "reading", encode_reading(&transcribed->reading));
    if (transcribed->hearing.is_told)
        add(object, "hearing", encode_hearing(&transcribed->hearing));
    add_text(object, "language", transcribed->language);
    add_text(object, "model", transcribed->model);
    add_int(object, "requests", transcribed->requests);
    add_int(object, "processing_time_ms", transcribed->processing_time_ms);
    add_int(object, "speech_time_ms", transcribed->speech_time_ms);
    if (transcribed->correction.is_there)
        add(object, "correction", event_encode_correction(&transcribed->correction));
}

static void encode_failed(const struct event_failed *failed, struct json_object *object)
{
    struct json_object *error = json_object_new_object();

    add_text(error, "type", failed->type);
    add_text(error, "message", failed->message);
    add(error, "permanent", json_object_new_boolean(failed->permanent));
    add(error, "retry_after_ms",
        failed->retry_after_ms < 0 ? NULL : json_object_new_int64(failed->retry_after_ms));
    add(object, "error", error);
}

static void encode_retry(const struct event_retry *retry, struct json_object *object)
{
    struct json_object *chunks = json_object_new_array_ext((int)retry->count);

    for (size_t i = 0; i < retry->count; i++) {
        const struct event_retry_chunk *chunk = &retry->chunks[i];
        struct json_object *member = json_object_new_object();

        add_int(member, "chunk_index", chunk->chunk_index);
        add_int(member, "attempt", chunk->attempt);
        add(member, "needs_upload", json_object_new_boolean(chunk->needs_upload));
        json_object_array_add(chunks, member);
    }
    add(object, "chunks", chunks);
}

/* Text that is JSON already; NULL becomes null. */
static void add_json(struct json_object *object, const char *name, const char *json)
{
    add(object, name, json == NULL ? NULL : json_tokener_parse(json));
}

static void encode_task(const struct event *event, struct json_object *object)
{
    const struct event_task *task = &event->task;

    add_int(object, "task_id", task->id);
    add_text(object, "kind", task->kind);
    add_int(object, "attempt", event->attempt);
    if (event->type == EVENT_TASK_WORK)
        add_json(object, "payload", task->payload);
    else if (event->type == EVENT_TASK_DONE)
        add_json(object, "result", task->result);
    else if (event->type == EVENT_TASK_FAILED)
        encode_failed(&task->failed, object);
    else if (event->type != EVENT_CONTROL_SKIP_TASK)
        encode_started(&task->started, object);
}

void event_body_encode(const struct event *event, struct json_object *object)
{
    char until[CLOCK_RFC3339_SIZE];

    switch (event->type) {
    case EVENT_CHUNK_WORK:
        encode_work(&event->work, object);
        break;
    case EVENT_CHUNK_UPLOADED:
        add_int(object, "size_bytes", event->uploaded.size_bytes);
        add_position(object, "work", event->uploaded.work);
        break;
    case EVENT_CHUNK_STARTED:
        add_int(object, "size_bytes", event->started.size_bytes);
        encode_started(&event->started, object);
        break;
    case EVENT_CHUNK_RELEASED:
        encode_started(&event->started, object);
        break;
    case EVENT_CHUNK_PARTIAL:
        encode_partial(&event->partial, object);
        break;
    case EVENT_CHUNK_WAITING:
        add_int(object, "needs_from", event->waiting.from);
        add_int(object, "needs_to", event->waiting.to);
        break;
    case EVENT_CHUNK_DEFERRED:
        clock_format_rfc3339(event->deferred.until_wall_us, until);
        add_text(object, "until", until);
        add_int(object, "until_us", event->deferred.until_wall_us);
        add_text(object, "reason", event->deferred.reason);
        break;
    case EVENT_CHUNK_TRANSCRIBED:
        encode_transcribed(&event->transcribed, object);
        break;
    case EVENT_CHUNK_FAILED:
        encode_failed(&event->failed, object);
        break;
    case EVENT_JOB_RETRY:
        encode_retry(&event->retry, object);
        break;
    case EVENT_TASK_WORK:
    case EVENT_TASK_STARTED:
    case EVENT_TASK_RELEASED:
    case EVENT_CONTROL_SKIP_TASK:
    case EVENT_TASK_DONE:
    case EVENT_TASK_FAILED:
        encode_task(event, object);
        break;
    case EVENT_WEBHOOK_REPLAY:
        add_text(object, "delivery_id", event->replay.delivery.text);
        break;
    case EVENT_CHUNK_ALIVE:
    case EVENT_JOB_CANCEL:
    case EVENT_CONTROL_CANCEL:
    case EVENT_CONTROL_SKIP:
    case EVENT_TYPE_COUNT:
        break;
    }
}
