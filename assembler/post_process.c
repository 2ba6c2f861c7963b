/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/post_process.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/event_correction.h"
#include "common/jsonread.h"
#include "common/mem.h"

#define TEXT_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define WORDS_MAX 10000000

static const char *const NAMES[] = {
    [POST_PROCESS_NONE] = "none", [POST_PROCESS_RUNNING] = "running", [POST_PROCESS_OVER] = "over"};
static_assert(ARRAY_LEN(NAMES) == POST_PROCESS_STATE_COUNT, "a name for each state");

const char *post_process_name(enum post_process_state state)
{
    assert(state < POST_PROCESS_STATE_COUNT);
    return NAMES[state];
}

bool post_process_parse(const char *name, enum post_process_state *ret_state)
{
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            *ret_state = (enum post_process_state)i;
            return true;
        }
    }
    return false;
}

static void set_state(struct job *job, enum post_process_state state)
{
    job->post_process = state;
    job->is_changed = true;
}

/* Where the next task begins: at a word of a part, whose words before it are done and come along
 * corrected. */
struct place {
    int64_t from_chunk;
    int64_t from_word;
    const char *head;
};

static void add_task(struct job *job, const struct place *place)
{
    CLEANUP(jsonread_put_at) struct json_object *payload = json_object_new_object();

    json_object_object_add(payload, "run", json_object_new_int(job->post_process_run));
    json_object_object_add(payload, "from_chunk", json_object_new_int64(place->from_chunk));
    json_object_object_add(payload, "from_word", json_object_new_int64(place->from_word));
    json_object_object_add(payload, "head", json_object_new_string(place->head));
    job_add_task(job, &(struct job_task){.kind = JOB_TASK_POST_PROCESS,
                                         .chunk_index = -1,
                                         .attempt = 1,
                                         .payload = mem_copy_string(json_object_to_json_string_ext(
                                             payload, JSON_C_TO_STRING_PLAIN))});
}

bool post_process_holds(struct job *job)
{
    if (!job->wants_post_process || job->completed_chunks == 0)
        return false;
    if (job->post_process == POST_PROCESS_NONE) {
        set_state(job, POST_PROCESS_RUNNING);
        add_task(job, &(struct place){.head = ""});
    }
    /* What this transaction corrects is part of the text from the next one on, if that loads it. */
    return job->post_process == POST_PROCESS_RUNNING || job->now_post_processed ||
           job->stored_text == NULL;
}

bool post_process_has_more(const struct job *job)
{
    return job->status == JOB_ASSEMBLING && job->post_process == POST_PROCESS_OVER;
}

void post_process_reset(struct job *job)
{
    if (job->post_process == POST_PROCESS_NONE)
        return;
    job->post_process_run++;
    set_state(job, POST_PROCESS_NONE);
}

static void finish(struct job *job)
{
    set_state(job, POST_PROCESS_OVER);
    job->now_post_processed = true;
}

/* Answers */

static bool is_current(const struct job *job, const struct job_open_task *task)
{
    CLEANUP(jsonread_put_at) struct json_object *payload = NULL;
    int64_t run;
    struct err err;

    return !job_is_terminal(job) && job->post_process == POST_PROCESS_RUNNING &&
           jsonread_parse(task->payload, strlen(task->payload), &payload, &err) &&
           jsonread_int(payload, "run", 0, INT32_MAX, &run, &err) && run == job->post_process_run;
}

static bool take_part(struct job *job, const struct json_object *object, struct err *err)
{
    int64_t chunk_index;
    char *corrected;

    if (!json_object_is_type(object, json_type_object))
        return err_set(err, ERR_REJECT, "task", 0, "parts: an object is expected");
    if (!jsonread_int(object, "chunk_index", 0, job->layout.total_chunks - 1, &chunk_index, err) ||
        !jsonread_string(object, "corrected", TEXT_BYTES_MAX, &corrected, err))
        return false;
    job_add_corrected(job, (struct job_corrected){(int32_t)chunk_index, corrected});
    return true;
}

static bool take_parts(struct job *job, const struct json_object *result, struct err *err)
{
    struct json_object *parts;

    if (!jsonread_array(result, "parts", CHUNK_COUNT_MAX, &parts, err))
        return false;
    for (size_t i = 0; i < json_object_array_length(parts); i++)
        if (!take_part(job, json_object_array_get_idx(parts, i), err))
            return false;
    return true;
}

static bool take_counts(struct job *job, const struct json_object *result, struct err *err)
{
    struct event_correction correction;

    if (!event_decode_correction(result, &correction, err))
        return false;
    job_add_correction(job, &correction);
    free(correction.model);
    return true;
}

/* Consumes the rest of the text, or names its beginning. */
static bool go_on(struct job *job, const struct json_object *result, struct err *err)
{
    CLEANUP(mem_free_at) char *head = NULL;
    struct json_object *next = jsonread_member(result, "next");
    struct place place;

    if (next == NULL) {
        finish(job);
        return true;
    }
    if (!json_object_is_type(next, json_type_object))
        return err_set(err, ERR_REJECT, "task", 0, "next: an object is expected");
    if (!jsonread_int(next, "from_chunk", 0, job->layout.total_chunks - 1, &place.from_chunk,
                      err) ||
        !jsonread_int(next, "from_word", 0, WORDS_MAX, &place.from_word, err) ||
        !jsonread_string(next, "head", TEXT_BYTES_MAX, &head, err))
        return false;
    place.head = head;
    add_task(job, &place);
    return true;
}

void post_process_on_done(struct job *job, const struct job_open_task *task, const char *result)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct err err;

    if (!is_current(job, task))
        return;
    /* An answer that cannot be read ends it: the rest of the text stands. */
    if (result == NULL || !jsonread_parse(result, strlen(result), &object, &err) ||
        !take_parts(job, object, &err) || !take_counts(job, object, &err) ||
        !go_on(job, object, &err)) {
        const struct event_failed unreadable = {.type = "unreadable"};
        post_process_on_failed(job, task, &unreadable);
    }
}

void post_process_on_failed(struct job *job, const struct job_open_task *task,
                            const struct event_failed *failed)
{
    struct event_correction correction = {.is_there = true, .pieces = 1, .rejected = 1};

    if (!is_current(job, task))
        return;
    (void)snprintf(correction.reason, sizeof correction.reason, "%.*s",
                   (int)sizeof correction.reason - 1,
                   event_is_correction_reason(failed->type) ? failed->type : "unavailable");
    job_add_correction(job, &correction);
    finish(job);
}
