/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of every record: schema, event_id, occurred_at, job_id, chunk_index, attempt. What
 * each type adds is in event_encode.c and event_decode.c.
 */
#include "common/event.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/event_body.h"
#include "common/jsonread.h"
#include "common/mem.h"

static const struct {
    const char *name;
    const char *topic;
    bool is_of_job;
} TYPES[] = {
    [EVENT_CHUNK_WORK] = {.name = "chunk.work", .topic = "chunks.uploaded"},
    [EVENT_CHUNK_UPLOADED] = {.name = "chunk.uploaded", .topic = "jobs.commands"},
    [EVENT_CHUNK_STARTED] = {.name = "chunk.started", .topic = "chunks.results"},
    [EVENT_CHUNK_RELEASED] = {.name = "chunk.released", .topic = "chunks.results"},
    [EVENT_CHUNK_ALIVE] = {.name = "chunk.alive", .topic = "chunks.results"},
    [EVENT_CHUNK_PARTIAL] = {.name = "chunk.partial", .topic = "chunks.results"},
    [EVENT_CHUNK_WAITING] = {.name = "chunk.waiting", .topic = "chunks.results"},
    [EVENT_CHUNK_DEFERRED] = {.name = "chunk.deferred", .topic = "chunks.results"},
    [EVENT_CHUNK_TRANSCRIBED] = {.name = "chunk.transcribed", .topic = "chunks.results"},
    [EVENT_CHUNK_FAILED] = {.name = "chunk.failed", .topic = "chunks.results"},
    [EVENT_JOB_CANCEL] = {.name = "job.cancel", .topic = "jobs.commands", .is_of_job = true},
    [EVENT_JOB_RETRY] = {.name = "job.retry", .topic = "jobs.commands", .is_of_job = true},
    [EVENT_WEBHOOK_REPLAY] = {"webhook.replay", "jobs.commands", .is_of_job = true},
    [EVENT_CONTROL_CANCEL] = {.name = "control.cancel", .topic = "jobs.control", .is_of_job = true},
    [EVENT_CONTROL_SKIP] = {.name = "control.skip", .topic = "jobs.control"},
    [EVENT_TASK_WORK] = {.name = "task.work", .topic = "jobs.tasks", .is_of_job = true},
    [EVENT_CONTROL_SKIP_TASK] = {"control.skip_task", "jobs.control", .is_of_job = true},
    [EVENT_TASK_STARTED] = {.name = "task.started", .topic = "chunks.results", .is_of_job = true},
    [EVENT_TASK_RELEASED] = {.name = "task.released", .topic = "chunks.results", .is_of_job = true},
    [EVENT_TASK_DONE] = {.name = "task.done", .topic = "chunks.results", .is_of_job = true},
    [EVENT_TASK_FAILED] = {.name = "task.failed", .topic = "chunks.results", .is_of_job = true},
};
static_assert(ARRAY_LEN(TYPES) == EVENT_TYPE_COUNT, "a name and a topic for each type");

const char *event_type_name(enum event_type type)
{
    assert(type < EVENT_TYPE_COUNT);
    return TYPES[type].name;
}

const char *event_topic(enum event_type type)
{
    assert(type < EVENT_TYPE_COUNT);
    return TYPES[type].topic;
}

bool event_is_of_task(enum event_type type)
{
    return type == EVENT_TASK_WORK || type == EVENT_TASK_STARTED || type == EVENT_TASK_RELEASED ||
           type == EVENT_TASK_DONE || type == EVENT_TASK_FAILED || type == EVENT_CONTROL_SKIP_TASK;
}

bool event_is_of_job(enum event_type type)
{
    assert(type < EVENT_TYPE_COUNT);
    return TYPES[type].is_of_job;
}

char *event_key(const struct event *event)
{
    if (event->type == EVENT_CHUNK_WORK || event->type == EVENT_CONTROL_SKIP)
        return mem_format("%s:%" PRId32, event->job.text, event->chunk_index);
    if (event->type == EVENT_CONTROL_SKIP_TASK)
        return mem_format("%s:task:%" PRId64, event->job.text, event->task.id);
    return mem_copy_string(event->job.text);
}

static void hearing_done(struct event_hearing *hearing)
{
    for (size_t i = 0; i < hearing->model_count; i++)
        free(hearing->models[i]);
    coverage_done(&hearing->coverage);
}

void event_done(struct event *event)
{
    switch (event->type) {
    case EVENT_CHUNK_WORK:
        free(event->work.options.language);
        free(event->work.options.prompt);
        break;
    case EVENT_CHUNK_STARTED:
    case EVENT_CHUNK_RELEASED:
        free(event->started.worker_id);
        break;
    case EVENT_CHUNK_PARTIAL:
        free(event->partial.text);
        break;
    case EVENT_CHUNK_DEFERRED:
        free(event->deferred.reason);
        break;
    case EVENT_CHUNK_TRANSCRIBED:
        reading_done(&event->transcribed.reading);
        hearing_done(&event->transcribed.hearing);
        free(event->transcribed.model);
        free(event->transcribed.correction.model);
        break;
    case EVENT_CHUNK_FAILED:
        free(event->failed.message);
        break;
    case EVENT_JOB_RETRY:
        free(event->retry.chunks);
        break;
    case EVENT_TASK_WORK:
    case EVENT_TASK_STARTED:
    case EVENT_TASK_RELEASED:
    case EVENT_TASK_DONE:
    case EVENT_TASK_FAILED:
    case EVENT_CONTROL_SKIP_TASK:
        free(event->task.started.worker_id);
        free(event->task.payload);
        free(event->task.result);
        free(event->task.failed.message);
        break;
    case EVENT_CHUNK_UPLOADED:
    case EVENT_CHUNK_ALIVE:
    case EVENT_CHUNK_WAITING:
    case EVENT_WEBHOOK_REPLAY:
    case EVENT_JOB_CANCEL:
    case EVENT_CONTROL_CANCEL:
    case EVENT_CONTROL_SKIP:
    case EVENT_TYPE_COUNT:
        break;
    }
    memset(event, 0, sizeof *event);
}

/* FNV-1a over what names the attempts. */
static int64_t digest_retry(const struct event_retry *retry)
{
    uint64_t digest = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < retry->count; i++) {
        digest = (digest ^ (uint64_t)retry->chunks[i].chunk_index) * UINT64_C(1099511628211);
        digest = (digest ^ (uint64_t)retry->chunks[i].attempt) * UINT64_C(1099511628211);
    }
    return (int64_t)digest;
}

/* What tells two records of one type and attempt apart that are not the same fact. */
static int64_t distinction(const struct event *event, int64_t wall_us)
{
    if (event->type == EVENT_CHUNK_PARTIAL)
        return event->partial.window_index;
    if (event->type == EVENT_CHUNK_STARTED || event->type == EVENT_CHUNK_RELEASED)
        return event->started.at_wall_us;
    if (event->type == EVENT_CHUNK_ALIVE)
        return wall_us;
    if (event->type == EVENT_JOB_RETRY)
        return digest_retry(&event->retry);
    if (event_is_of_task(event->type))
        return event->task.id;
    return 0;
}

/* The task's id alone does not tell its starts apart. */
static const char *time_of_start(const struct event *event, char ret_text[static 24])
{
    ret_text[0] = '\0';
    if (event->type == EVENT_TASK_STARTED || event->type == EVENT_TASK_RELEASED)
        (void)snprintf(ret_text, 24, "/%" PRId64, event->task.started.at_wall_us);
    return ret_text;
}

static void add_string(struct json_object *object, const char *name, const char *value)
{
    json_object_object_add(object, name, json_object_new_string(value));
}

void event_encode(const struct event *event, int64_t wall_us, struct buf *ret_json)
{
    CLEANUP(jsonread_put_at) struct json_object *object = json_object_new_object();
    const char *name = event_type_name(event->type);
    char text[CLOCK_RFC3339_SIZE + 16];
    char start[24];

    (void)snprintf(text, sizeof text, "%s/1", name);
    add_string(object, "schema", text);
    struct id id = id_from_name("%s/%s/%" PRId32 "/%" PRId32 "/%" PRId64 "%s", name,
                                event->job.text, event->chunk_index, event->attempt,
                                distinction(event, wall_us), time_of_start(event, start));
    add_string(object, "event_id", id.text);
    clock_format_rfc3339(wall_us, text);
    add_string(object, "occurred_at", text);
    add_string(object, "job_id", event->job.text);
    if (!event_is_of_job(event->type)) {
        json_object_object_add(object, "chunk_index", json_object_new_int(event->chunk_index));
        json_object_object_add(object, "attempt", json_object_new_int(event->attempt));
    }
    event_body_encode(event, object);
    buf_append_string(ret_json,
                      json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE));
}

static bool decode_type(const struct json_object *object, enum event_type *ret_type,
                        struct err *err)
{
    char schema[48];

    if (!jsonread_text(object, "schema", schema, sizeof schema, err))
        return false;
    for (enum event_type type = 0; type < EVENT_TYPE_COUNT; type++) {
        size_t length = strlen(TYPES[type].name);

        if (strncmp(schema, TYPES[type].name, length) != 0 || schema[length] != '/')
            continue;
        if (strcmp(schema + length, "/1") != 0)
            break;
        *ret_type = type;
        return true;
    }
    return err_set(err, ERR_REJECT, "event", 0, "unknown schema or version \"%s\"", schema);
}

static bool decode_envelope(const struct json_object *object, struct event *event, struct err *err)
{
    char job[ID_SIZE];
    int64_t chunk_index = -1;
    int64_t attempt = 0;

    if (!jsonread_text(object, "job_id", job, sizeof job, err))
        return false;
    if (!id_parse(job, &event->job))
        return err_set(err, ERR_REJECT, "event", 0, "job_id: a UUID is expected");
    if (!event_is_of_job(event->type) &&
        (!jsonread_int(object, "chunk_index", 0, CHUNK_COUNT_MAX - 1, &chunk_index, err) ||
         !jsonread_int(object, "attempt", 1, EVENT_ATTEMPT_MAX, &attempt, err)))
        return false;
    event->chunk_index = (int32_t)chunk_index;
    event->attempt = (int32_t)attempt;
    return true;
}

bool event_decode(const char *json, size_t length, struct event *ret_event, struct err *err)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct event event = {0};

    if (!jsonread_parse(json, length, &object, err) || !decode_type(object, &event.type, err) ||
        !decode_envelope(object, &event, err))
        return false;
    if (!event_body_decode(object, &event, err)) {
        event_done(&event);
        return false;
    }
    *ret_event = event;
    return true;
}
