/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/job.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

static const char *const JOB_STATUS_NAMES[] = {
    [JOB_UPLOADING] = "uploading", [JOB_PROCESSING] = "processing", [JOB_ASSEMBLING] = "assembling",
    [JOB_DONE] = "done",           [JOB_FAILED] = "failed",         [JOB_CANCELLED] = "cancelled",
    [JOB_EXPIRED] = "expired",
};
static_assert(ARRAY_LEN(JOB_STATUS_NAMES) == JOB_STATUS_COUNT, "a name for each status");

static const char *const CHUNK_STATUS_NAMES[] = {
    [CHUNK_PENDING] = "pending", [CHUNK_UPLOADED] = "uploaded", [CHUNK_PROCESSING] = "processing",
    [CHUNK_DONE] = "done",       [CHUNK_FAILED] = "failed",
};
static_assert(ARRAY_LEN(CHUNK_STATUS_NAMES) == CHUNK_STATUS_COUNT, "a name for each status");

static void chunk_free(struct chunk *chunk)
{
    free(chunk->deferred_reason);
    free(chunk->error);
    if (chunk->loaded_reading != NULL)
        reading_done(chunk->loaded_reading);
    free(chunk->loaded_reading);
    free(chunk);
}

static void free_chunks(struct job *job)
{
    struct chunk *chunk;
    struct chunk *next;

    HASH_ITER(hh, job->chunks, chunk, next)
    {
        HASH_DEL(job->chunks, chunk);
        chunk_free(chunk);
    }
}

static void free_deliveries(struct job *job)
{
    for (size_t i = 0; i < job->deliveries.count; i++) {
        free(job->deliveries.items[i].type);
        free(job->deliveries.items[i].body);
        free(job->deliveries.items[i].error);
    }
    free(job->deliveries.items);
}

void job_free(struct job *job)
{
    if (job == NULL)
        return;
    free_chunks(job);
    for (size_t i = 0; i < job->events.count; i++)
        free(job->events.items[i].data);
    for (size_t i = 0; i < job->parts.count; i++) {
        free(job->parts.items[i].text);
        free(job->parts.items[i].corrected);
    }
    for (size_t i = 0; i < job->seams.count; i++)
        free(job->seams.items[i].record);
    for (size_t i = 0; i < job->tasks.count; i++)
        free(job->tasks.items[i].payload);
    for (size_t i = 0; i < job->open_tasks.count; i++)
        free(job->open_tasks.items[i].payload);
    free(job->events.items);
    free(job->parts.items);
    free(job->seams.items);
    free(job->tasks.items);
    free(job->open_tasks.items);
    free(job->stored_text);
    free(job->stored_corrected);
    free(job->llm_reason);
    for (size_t i = 0; i < job->corrected.count; i++)
        free(job->corrected.items[i].text);
    free(job->corrected.items);
    free_deliveries(job);
    free(job->webhook_url);
    free(job->public_url);
    free(job->language);
    free(job->prompt);
    free(job);
}

struct job *job_new(const char *job_id)
{
    struct job *job = mem_new(sizeof *job);

    assert(strlen(job_id) < sizeof job->id.text);
    (void)snprintf(job->id.text, sizeof job->id.text, "%s", job_id);
    job->home_partition = -1;
    job->rewind_to = -1;
    return job;
}

struct job *job_find(struct job *jobs, const char *job_id)
{
    struct job *job;

    HASH_FIND_STR(jobs, job_id, job);
    return job;
}

struct chunk *job_chunk(const struct job *job, int32_t index)
{
    struct chunk *chunk;

    HASH_FIND(hh, job->chunks, &index, sizeof index, chunk);
    return chunk;
}

struct chunk *job_add_chunk(struct job *job, int32_t index)
{
    assert(job_chunk(job, index) == NULL);
    struct chunk *chunk = mem_new(sizeof *chunk);

    chunk->index = index;
    chunk->attempt = 1;
    chunk->min_attempt = 1;
    chunk->starts.work.partition = -1;
    chunk->waiting_from = -1;
    chunk->waiting_to = -1;
    chunk->waiting_first_chunk = -1;
    chunk->waiting_chunk = -1;
    chunk->processing_time_ms = -1;
    chunk->words = (struct chunk_words){-1, -1, -1};
    HASH_ADD(hh, job->chunks, index, sizeof chunk->index, chunk);
    return chunk;
}

bool job_is_terminal(const struct job *job)
{
    return job->status >= JOB_DONE;
}

bool chunk_is_terminal(const struct chunk *chunk)
{
    return chunk->status == CHUNK_DONE || chunk->status == CHUNK_FAILED;
}

bool chunk_has_sound(const struct chunk *chunk)
{
    return chunk->status == CHUNK_DONE &&
           (chunk->audio.samples > 0 || chunk->audio.border_samples > 0);
}

/* Lists double at powers of two, so their capacity need not be kept. */
static void *room_for_one(void *take_items, size_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return take_items;
    return mem_resize(take_items, count == 0 ? 1 : count * 2, size);
}

#define LIST_ADD(list, value)                                                                      \
    do {                                                                                           \
        (list)->items = room_for_one((list)->items, (list)->count, sizeof *(list)->items);         \
        (list)->items[(list)->count++] = (value);                                                  \
    } while (0)

static void add_event(struct job *job, const struct job_event *event)
{
    LIST_ADD(&job->events, *event);
}

void job_add_event(struct job *job, const char *type, char *take_data)
{
    job->is_changed = true;
    add_event(job, &(struct job_event){.seq = ++job->last_seq, .type = type, .data = take_data});
}

void job_add_stored_event(struct job *job, int64_t seq, const char *type, char *take_data)
{
    add_event(job,
              &(struct job_event){.seq = seq, .type = type, .data = take_data, .is_stored = true});
}

void job_add_view(struct job *job, const char *type, char *take_data)
{
    add_event(job, &(struct job_event){.type = type, .data = take_data});
}

void job_add_part(struct job *job, struct job_part take_part)
{
    LIST_ADD(&job->parts, take_part);
}

void job_add_correction(struct job *job, const struct event_correction *correction)
{
    if (correction->rejected > 0 && job->llm_reason == NULL)
        job->llm_reason = mem_copy_string(correction->reason);
    job->llm_pieces += correction->pieces;
    job->llm_rejected += correction->rejected;
    job->is_changed = true;
}

void job_add_corrected(struct job *job, struct job_corrected take_corrected)
{
    LIST_ADD(&job->corrected, take_corrected);
}

void job_add_delivery(struct job *job, struct job_delivery take_delivery)
{
    LIST_ADD(&job->deliveries, take_delivery);
}

void job_add_seam(struct job *job, struct job_seam take_seam)
{
    LIST_ADD(&job->seams, take_seam);
}

void job_add_task(struct job *job, const struct job_task *task)
{
    LIST_ADD(&job->tasks, *task);
}

void job_add_open_task(struct job *job, const struct job_open_task *task)
{
    LIST_ADD(&job->open_tasks, *task);
}

struct job_open_task *job_open_task(struct job *job, int64_t task_id)
{
    for (size_t i = 0; i < job->open_tasks.count; i++)
        if (job->open_tasks.items[i].id == task_id)
            return &job->open_tasks.items[i];
    return NULL;
}

int64_t job_ms(int64_t samples, int32_t sample_rate)
{
    return sample_rate <= 0 ? 0 : samples * 1000 / sample_rate;
}

const char *job_status_name(enum job_status status)
{
    assert(status < JOB_STATUS_COUNT);
    return JOB_STATUS_NAMES[status];
}

const char *chunk_status_name(enum chunk_status status)
{
    assert(status < CHUNK_STATUS_COUNT);
    return CHUNK_STATUS_NAMES[status];
}

bool job_status_parse(const char *name, enum job_status *ret_status)
{
    for (size_t i = 0; i < JOB_STATUS_COUNT; i++) {
        if (strcmp(name, JOB_STATUS_NAMES[i]) == 0) {
            *ret_status = (enum job_status)i;
            return true;
        }
    }
    return false;
}

bool chunk_status_parse(const char *name, enum chunk_status *ret_status)
{
    for (size_t i = 0; i < CHUNK_STATUS_COUNT; i++) {
        if (strcmp(name, CHUNK_STATUS_NAMES[i]) == 0) {
            *ret_status = (enum chunk_status)i;
            return true;
        }
    }
    return false;
}
