/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/event_body.h"
#include "common/event_correction.h"
#include "common/jsonread.h"
#include "common/mem.h"

#define TEXT_MAX ((size_t)256 * 1024)
#define SHORT_TEXT_MAX 1024
#define CORRECTED_MAX ((size_t)16 * 1024) /* of a word, with all that was added behind it */
#define PROMPT_MAX 4096
#define WORDS_MAX 200000
#define SAMPLES_MAX (INT64_C(1) << 53) /* what a JSON number holds exactly */
#define OFFSET_MAX (INT64_C(1) << 62)
#define WINDOWS_MAX 100000

static bool get_int32(const struct json_object *object, const char *name, int32_t minimum,
                      int32_t maximum, int32_t *ret_value, struct err *err)
{
    int64_t value;

    if (!jsonread_int(object, name, minimum, maximum, &value, err))
        return false;
    *ret_value = (int32_t)value;
    return true;
}

static bool decode_position(const struct json_object *object, struct kafka_position *ret_position,
                            struct err *err)
{
    struct json_object *member;

    return jsonread_object(object, "work", &member, err) &&
           get_int32(member, "partition", 0, INT32_MAX, &ret_position->partition, err) &&
           jsonread_int(member, "offset", 0, OFFSET_MAX, &ret_position->offset, err);
}

/* Older records have no ramp. */
static bool decode_first_chunk(const struct json_object *layout, int64_t chunk_size,
                               int64_t *ret_bytes, struct err *err)
{
    *ret_bytes = chunk_size;
    return jsonread_member(layout, "first_chunk_bytes") == NULL ||
           jsonread_int(layout, "first_chunk_bytes", 1, chunk_size, ret_bytes, err);
}

static bool decode_started(const struct json_object *object, struct event_started *started,
                           struct err *err)
{
    return decode_position(object, &started->work, err) &&
           jsonread_int(object, "at_us", 0, INT64_MAX, &started->at_wall_us, err) &&
           jsonread_string(object, "worker_id", SHORT_TEXT_MAX, &started->worker_id, err);
}

static bool decode_layout(const struct json_object *object, struct chunk_layout *ret_layout,
                          struct err *err)
{
    struct json_object *member;
    int64_t total_size;
    int64_t chunk_size;
    int64_t first_chunk;
    int32_t total_chunks;

    if (!jsonread_object(object, "layout", &member, err) ||
        !jsonread_int(member, "total_size", 1, SAMPLES_MAX, &total_size, err) ||
        !jsonread_int(member, "chunk_size_bytes", 1, SAMPLES_MAX, &chunk_size, err) ||
        !decode_first_chunk(member, chunk_size, &first_chunk, err) ||
        !get_int32(member, "total_chunks", 1, CHUNK_COUNT_MAX, &total_chunks, err))
        return false;
    if (chunk_layout_count(total_size, chunk_size, first_chunk) != total_chunks)
        return err_set(err, ERR_REJECT, "event", 0,
                       "layout: total_chunks does not follow from the sizes");
    *ret_layout = chunk_layout_of(total_size, chunk_size, first_chunk);
    return true;
}

/* Older records have none. */
static bool decode_content_type(const struct json_object *options,
                                char ret_type[static EVENT_CONTENT_TYPE_SIZE], struct err *err)
{
    memcpy(ret_type, "auto", sizeof "auto");
    return jsonread_member(options, "content_type") == NULL ||
           jsonread_text(options, "content_type", ret_type, EVENT_CONTENT_TYPE_SIZE, err);
}

/* Only those at the end of a wait have it. */
static bool decode_stored(const struct json_object *object, struct event_work *work,
                          struct err *err)
{
    bool is_told = jsonread_member(object, "stored_from") != NULL ||
                   jsonread_member(object, "stored_to") != NULL;

    return !is_told ||
           (jsonread_int(object, "stored_from", 0, SAMPLES_MAX, &work->stored_from, err) &&
            jsonread_int(object, "stored_to", work->stored_from + 1, SAMPLES_MAX, &work->stored_to,
                         err));
}

static bool decode_work(const struct json_object *object, struct event *event, struct err *err)
{
    struct event_work *work = &event->work;
    struct json_object *options;

    if (!decode_layout(object, &work->layout, err) ||
        !jsonread_text(object, "extension", work->extension, sizeof work->extension, err) ||
        !jsonread_int(object, "resync_from", 0, SAMPLES_MAX, &work->resync_from, err) ||
        !decode_stored(object, work, err) || !jsonread_object(object, "options", &options, err) ||
        !jsonread_optional_string(options, "language", SHORT_TEXT_MAX, &work->options.language,
                                  err) ||
        !jsonread_optional_string(options, "prompt", PROMPT_MAX, &work->options.prompt, err) ||
        !decode_content_type(options, work->options.content_type, err) ||
        (jsonread_member(options, "use_llm") != NULL &&
         !jsonread_bool(options, "use_llm", &work->options.use_llm, err)))
        return false;
    if (event->chunk_index >= work->layout.total_chunks)
        return err_set(err, ERR_REJECT, "event", 0, "chunk_index: the job has %d chunks",
                       work->layout.total_chunks);
    return true;
}

static bool decode_partial(const struct json_object *object, struct event_partial *partial,
                           struct err *err)
{
    return get_int32(object, "window_index", 0, WINDOWS_MAX, &partial->window_index, err) &&
           get_int32(object, "window_count", 0, WINDOWS_MAX, &partial->window_count, err) &&
           jsonread_int(object, "start_ms", -SAMPLES_MAX, SAMPLES_MAX, &partial->start_ms, err) &&
           jsonread_int(object, "end_ms", -SAMPLES_MAX, SAMPLES_MAX, &partial->end_ms, err) &&
           jsonread_string(object, "text", TEXT_MAX, &partial->text, err);
}

static bool decode_audio(const struct json_object *parent, struct event_audio *audio,
                         struct err *err)
{
    struct json_object *object;

    if (!jsonread_object(parent, "audio", &object, err) ||
        !jsonread_text(object, "codec", audio->codec, sizeof audio->codec, err) ||
        !get_int32(object, "sample_rate", 0, 1000000, &audio->sample_rate, err) ||
        !get_int32(object, "channels", 0, 256, &audio->channels, err) ||
        !jsonread_int(object, "samples", 0, SAMPLES_MAX, &audio->samples, err) ||
        !jsonread_int(object, "first_byte", 0, SAMPLES_MAX, &audio->first_byte, err) ||
        !jsonread_int(object, "next_byte", 0, SAMPLES_MAX, &audio->next_byte, err) ||
        !jsonread_bool(object, "tail_complete", &audio->tail_complete, err) ||
        !jsonread_int(object, "border_samples", 0, SAMPLES_MAX, &audio->border_samples, err))
        return false;
    audio->has_absolute_start = jsonread_member(object, "absolute_start") != NULL;
    if (audio->samples > 0 && audio->sample_rate == 0)
        return err_set(err, ERR_REJECT, "event", 0, "sample_rate: 0 with samples");
    if (audio->has_absolute_start && !jsonread_int(object, "absolute_start", -SAMPLES_MAX,
                                                   SAMPLES_MAX, &audio->absolute_start, err))
        return false;
    audio->border_byte = -1;
    return jsonread_member(object, "border_byte") == NULL ||
           jsonread_int(object, "border_byte", 0, SAMPLES_MAX, &audio->border_byte, err);
}

static void word_done(struct reading_word *word)
{
    free(word->text);
    free(word->corrected);
}

static bool decode_word(struct json_object *object, struct reading *reading, struct err *err)
{
    CLEANUP(word_done) struct reading_word word = {0};

    if (!json_object_is_type(object, json_type_object))
        return err_set(err, ERR_REJECT, "event", 0, "words: an object is expected");
    if (!jsonread_int(object, "start", -SAMPLES_MAX, SAMPLES_MAX, &word.start, err) ||
        !jsonread_int(object, "end", word.start, SAMPLES_MAX, &word.end, err) ||
        !jsonread_double(object, "probability", &word.probability, err) ||
        !get_int32(object, "segment", -1, (int32_t)reading->segment_count - 1, &word.segment,
                   err) ||
        !jsonread_string(object, "text", SHORT_TEXT_MAX, &word.text, err) ||
        !jsonread_optional_string(object, "corrected", CORRECTED_MAX, &word.corrected, err))
        return false;
    reading_add_word(reading, &word);
    return true;
}

static bool decode_segment(struct json_object *object, struct reading *reading, struct err *err)
{
    struct reading_segment segment;

    if (!json_object_is_type(object, json_type_object))
        return err_set(err, ERR_REJECT, "event", 0, "segments: an object is expected");
    if (!jsonread_double(object, "avg_logprob", &segment.avg_logprob, err) ||
        !jsonread_double(object, "no_speech_prob", &segment.no_speech_prob, err) ||
        !jsonread_double(object, "compression_ratio", &segment.compression_ratio, err))
        return false;
    reading_add_segment(reading, &segment);
    return true;
}

static bool decode_each(const struct json_object *array, struct reading *reading,
                        bool (*decode_one)(struct json_object *, struct reading *, struct err *),
                        struct err *err)
{
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        if (!decode_one(json_object_array_get_idx(array, i), reading, err))
            return false;
    }
    return true;
}

static bool decode_reading(const struct json_object *object, struct reading *reading,
                           struct err *err)
{
    struct json_object *words;
    struct json_object *segments;

    return jsonread_int(object, "start", -SAMPLES_MAX, SAMPLES_MAX, &reading->start, err) &&
           jsonread_int(object, "end", reading->start, SAMPLES_MAX, &reading->end, err) &&
           jsonread_bool(object, "spans_previous", &reading->spans_previous, err) &&
           jsonread_bool(object, "spans_next", &reading->spans_next, err) &&
           jsonread_array(object, "segments", WORDS_MAX, &segments, err) &&
           jsonread_array(object, "words", WORDS_MAX, &words, err) &&
           decode_each(segments, reading, decode_segment, err) &&
           decode_each(words, reading, decode_word, err);
}

bool event_decode_reading(const char *json, size_t length, struct reading *ret_reading,
                          struct err *err)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct reading reading = {0};

    if (!jsonread_parse(json, length, &object, err))
        return false;
    if (!decode_reading(object, &reading, err)) {
        reading_done(&reading);
        return false;
    }
    *ret_reading = reading;
    return true;
}

bool event_is_correction_reason(const char *word)
{
    size_t length = strlen(word);

    return length > 0 && length < sizeof((struct event_correction *)NULL)->reason &&
           strspn(word, "abcdefghijklmnopqrstuvwxyz_") == length;
}

static bool decode_reason(const struct json_object *object, struct event_correction *correction,
                          struct err *err)
{
    if (correction->rejected == 0)
        return true;
    if (!jsonread_text(object, "reason", correction->reason, sizeof correction->reason, err))
        return false;
    if (event_is_correction_reason(correction->reason))
        return true;
    return err_set(err, ERR_REJECT, "event", 0, "reason: a word of a-z and _ is expected");
}

bool event_decode_correction(const struct json_object *parent, struct event_correction *correction,
                             struct err *err)
{
    struct json_object *object;

    *correction = (struct event_correction){0};
    correction->is_there = jsonread_member(parent, "correction") != NULL;
    if (!correction->is_there)
        return true;
    return jsonread_object(parent, "correction", &object, err) &&
           get_int32(object, "pieces", 0, WORDS_MAX, &correction->pieces, err) &&
           get_int32(object, "rejected", 0, correction->pieces, &correction->rejected, err) &&
           decode_reason(object, correction, err) &&
           get_int32(object, "requests", 0, INT32_MAX, &correction->requests, err) &&
           jsonread_int(object, "time_ms", 0, SAMPLES_MAX, &correction->time_ms, err) &&
           jsonread_string(object, "model", SHORT_TEXT_MAX, &correction->model, err);
}

/* A reason of a newer writer is none to us. */
static bool decode_part(const struct json_object *object, int64_t after, struct coverage_part *part,
                        struct err *err)
{
    CLEANUP(mem_free_at) char *reason = NULL;
    CLEANUP(mem_free_at) char *text = NULL;
    char kind[16];

    if (!json_object_is_type(object, json_type_object))
        return err_set(err, ERR_REJECT, "event", 0, "parts: an object is expected");
    if (!jsonread_int(object, "from", after, SAMPLES_MAX, &part->from, err) ||
        !jsonread_int(object, "to", part->from, SAMPLES_MAX, &part->to, err) ||
        !jsonread_text(object, "kind", kind, sizeof kind, err) ||
        !jsonread_optional_string(object, "reason", SHORT_TEXT_MAX, &reason, err) ||
        !jsonread_string(object, "text", SHORT_TEXT_MAX, &text, err))
        return false;
    if (!coverage_kind_parse(kind, &part->kind))
        return err_set(err, ERR_REJECT, "event", 0, "parts: unknown kind \"%s\"", kind);
    if (reason == NULL || !coverage_reason_parse(reason, &part->reason))
        part->reason = COVERAGE_NO_REASON;
    coverage_set_text(part, text);
    return true;
}

static bool decode_parts(const struct json_object *array, struct coverage *coverage,
                         struct err *err)
{
    size_t count = json_object_array_length(array);
    int64_t after = 0;

    coverage->parts = mem_array(count, sizeof *coverage->parts);
    for (coverage->count = 0; coverage->count < count; coverage->count++) {
        struct coverage_part *part = &coverage->parts[coverage->count];
        if (!decode_part(json_object_array_get_idx(array, coverage->count), after, part, err))
            return false;
        after = part->to;
    }
    return true;
}

/* Older records have none. */
static bool decode_models(const struct json_object *object, struct event_hearing *hearing,
                          struct err *err)
{
    struct json_object *models;

    if (jsonread_member(object, "models") == NULL)
        return true;
    if (!jsonread_array(object, "models", EVENT_MODELS_MAX, &models, err))
        return false;
    for (size_t i = 0; i < json_object_array_length(models); i++) {
        struct json_object *model = json_object_array_get_idx(models, i);
        if (!json_object_is_type(model, json_type_string) ||
            json_object_get_string_len(model) > SHORT_TEXT_MAX)
            return err_set(err, ERR_REJECT, "event", 0, "models: a short text is expected");
        hearing->models[hearing->model_count++] = mem_copy_string(json_object_get_string(model));
    }
    return true;
}

static bool decode_hearing(const struct json_object *parent, struct event_hearing *hearing,
                           struct err *err)
{
    struct json_object *object;
    struct json_object *coverage;
    struct json_object *parts;

    hearing->is_told = jsonread_member(parent, "hearing") != NULL;
    if (!hearing->is_told)
        return true;
    if (!jsonread_object(parent, "hearing", &object, err) ||
        !jsonread_text(object, "content", hearing->content, sizeof hearing->content, err) ||
        !get_int32(object, "windows", 0, WINDOWS_MAX, &hearing->windows, err) ||
        !get_int32(object, "asked_again", 0, WINDOWS_MAX, &hearing->asked_again, err) ||
        !decode_models(object, hearing, err) ||
        !jsonread_object(object, "coverage", &coverage, err))
        return false;
    for (enum coverage_kind kind = 0; kind < COVERAGE_KIND_COUNT; kind++) {
        if (!jsonread_int(coverage, coverage_kind_name(kind), 0, SAMPLES_MAX,
                          &hearing->sums.samples[kind], err))
            return false;
    }
    return get_int32(coverage, "unlisted", 0, INT32_MAX, &hearing->unlisted, err) &&
           jsonread_array(coverage, "parts", EVENT_COVERAGE_PARTS_MAX, &parts, err) &&
           decode_parts(parts, &hearing->coverage, err);
}

static bool decode_transcribed(const struct json_object *object,
                               struct event_transcribed *transcribed, struct err *err)
{
    struct json_object *reading;

    return decode_audio(object, &transcribed->audio, err) &&
           jsonread_object(object, "reading", &reading, err) &&
           decode_reading(reading, &transcribed->reading, err) &&
           decode_hearing(object, &transcribed->hearing, err) &&
           jsonread_text(object, "language", transcribed->language, sizeof transcribed->language,
                         err) &&
           get_int32(object, "requests", 0, INT32_MAX, &transcribed->requests, err) &&
           jsonread_int(object, "processing_time_ms", 0, SAMPLES_MAX,
                        &transcribed->processing_time_ms, err) &&
           jsonread_int(object, "speech_time_ms", 0, SAMPLES_MAX, &transcribed->speech_time_ms,
                        err) &&
           jsonread_string(object, "model", SHORT_TEXT_MAX, &transcribed->model, err) &&
           event_decode_correction(object, &transcribed->correction, err);
}

static bool decode_failed(const struct json_object *parent, struct event_failed *failed,
                          struct err *err)
{
    struct json_object *object;

    if (!jsonread_object(parent, "error", &object, err) ||
        !jsonread_text(object, "type", failed->type, sizeof failed->type, err) ||
        !jsonread_bool(object, "permanent", &failed->permanent, err) ||
        !jsonread_string(object, "message", TEXT_MAX, &failed->message, err))
        return false;
    failed->retry_after_ms = -1;
    return jsonread_member(object, "retry_after_ms") == NULL ||
           jsonread_int(object, "retry_after_ms", 0, SAMPLES_MAX, &failed->retry_after_ms, err);
}

static bool decode_retry_chunk(const struct json_object *object, struct event_retry_chunk *chunk,
                               struct err *err)
{
    if (!json_object_is_type(object, json_type_object))
        return err_set(err, ERR_REJECT, "event", 0, "chunks: an object is expected");
    return get_int32(object, "chunk_index", 0, CHUNK_COUNT_MAX - 1, &chunk->chunk_index, err) &&
           get_int32(object, "attempt", 1, INT32_MAX, &chunk->attempt, err) &&
           jsonread_bool(object, "needs_upload", &chunk->needs_upload, err);
}

static bool decode_retry(const struct json_object *object, struct event_retry *retry,
                         struct err *err)
{
    struct json_object *chunks;

    if (!jsonread_array(object, "chunks", CHUNK_COUNT_MAX, &chunks, err))
        return false;
    retry->count = json_object_array_length(chunks);
    retry->chunks = mem_array(retry->count, sizeof *retry->chunks);
    for (size_t i = 0; i < retry->count; i++)
        if (!decode_retry_chunk(json_object_array_get_idx(chunks, i), &retry->chunks[i], err))
            return false;
    return true;
}

/* An object, as text again; NULL where the member is absent or null. */
static bool decode_json(const struct json_object *object, const char *name, char **ret_json,
                        struct err *err)
{
    struct json_object *member;

    if (jsonread_member(object, name) == NULL)
        return true;
    if (!jsonread_object(object, name, &member, err))
        return false;
    *ret_json = mem_copy_string(json_object_to_json_string_ext(
        member, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    return true;
}

static bool decode_task(const struct json_object *object, struct event *event, struct err *err)
{
    struct event_task *task = &event->task;

    if (!jsonread_int(object, "task_id", 1, SAMPLES_MAX, &task->id, err) ||
        !jsonread_text(object, "kind", task->kind, sizeof task->kind, err) ||
        !get_int32(object, "attempt", 1, EVENT_ATTEMPT_MAX, &event->attempt, err))
        return false;
    if (event->type == EVENT_TASK_FAILED)
        return decode_failed(object, &task->failed, err);
    if (event->type == EVENT_TASK_DONE)
        return decode_json(object, "result", &task->result, err);
    if (event->type == EVENT_CONTROL_SKIP_TASK)
        return true;
    if (event->type != EVENT_TASK_WORK)
        return decode_started(object, &task->started, err);
    return decode_json(object, "payload", &task->payload, err) &&
           (task->payload != NULL ||
            err_set(err, ERR_REJECT, "event", 0, "payload: an object is expected"));
}

static bool decode_replay(const struct json_object *object, struct event_replay *replay,
                          struct err *err)
{
    char text[2 * ID_SIZE];

    if (!jsonread_text(object, "delivery_id", text, sizeof text, err))
        return false;
    return id_parse(text, &replay->delivery) ||
           err_set(err, ERR_REJECT, "event", 0, "delivery_id: a UUID is expected");
}

bool event_body_decode(const struct json_object *object, struct event *event, struct err *err)
{
    switch (event->type) {
    case EVENT_CHUNK_WORK:
        return decode_work(object, event, err);
    case EVENT_CHUNK_UPLOADED:
        return jsonread_int(object, "size_bytes", 0, SAMPLES_MAX, &event->uploaded.size_bytes,
                            err) &&
               decode_position(object, &event->uploaded.work, err);
    case EVENT_CHUNK_STARTED:
        return jsonread_int(object, "size_bytes", 0, SAMPLES_MAX, &event->started.size_bytes,
                            err) &&
               decode_started(object, &event->started, err);
    case EVENT_CHUNK_RELEASED:
        return decode_started(object, &event->started, err);
    case EVENT_CHUNK_PARTIAL:
        return decode_partial(object, &event->partial, err);
    case EVENT_CHUNK_WAITING:
        return jsonread_int(object, "needs_from", 0, SAMPLES_MAX, &event->waiting.from, err) &&
               jsonread_int(object, "needs_to", event->waiting.from + 1, SAMPLES_MAX,
                            &event->waiting.to, err);
    case EVENT_CHUNK_DEFERRED:
        return jsonread_int(object, "until_us", 0, INT64_MAX - 1, &event->deferred.until_wall_us,
                            err) &&
               jsonread_string(object, "reason", SHORT_TEXT_MAX, &event->deferred.reason, err);
    case EVENT_CHUNK_TRANSCRIBED:
        return decode_transcribed(object, &event->transcribed, err);
    case EVENT_CHUNK_FAILED:
        return decode_failed(object, &event->failed, err);
    case EVENT_JOB_RETRY:
        return decode_retry(object, &event->retry, err);
    case EVENT_TASK_WORK:
    case EVENT_TASK_STARTED:
    case EVENT_TASK_RELEASED:
    case EVENT_CONTROL_SKIP_TASK:
    case EVENT_TASK_DONE:
    case EVENT_TASK_FAILED:
        return decode_task(object, event, err);
    case EVENT_WEBHOOK_REPLAY:
        return decode_replay(object, &event->replay, err);
    case EVENT_CHUNK_ALIVE:
    case EVENT_JOB_CANCEL:
    case EVENT_CONTROL_CANCEL:
    case EVENT_CONTROL_SKIP:
    case EVENT_TYPE_COUNT:
        break;
    }
    return true;
}
