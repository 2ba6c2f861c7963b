/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/blob_deletion.h"

#include <inttypes.h>
#include <string.h>

#include "common/jsonread.h"
#include "common/mem.h"

#define PIECE_CHUNKS 500
#define EPILOGUE_AFTER_US INT64_C(1000000)

/* What a piece's payload says. */
struct piece {
    int32_t from_chunk;
    int32_t to_chunk;
    bool then_purges;
};

static char *encode(const struct job *job, const struct piece *piece)
{
    return mem_format("{\"extension\":\"%s\",\"from_chunk\":%" PRId32 ",\"to_chunk\":%" PRId32
                      ",\"then_purges\":%s}",
                      job->extension, piece->from_chunk, piece->to_chunk,
                      piece->then_purges ? "true" : "false");
}

/* A payload that is not ours was the last one. */
static struct piece decode(const struct job *job, const char *payload)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct piece piece = {.to_chunk = job->layout.total_chunks};
    int64_t from_chunk;
    int64_t to_chunk;
    struct err err;

    if (jsonread_parse(payload, strlen(payload), &object, &err) &&
        jsonread_int(object, "from_chunk", 0, job->layout.total_chunks, &from_chunk, &err) &&
        jsonread_int(object, "to_chunk", from_chunk, job->layout.total_chunks, &to_chunk, &err) &&
        jsonread_bool(object, "then_purges", &piece.then_purges, &err)) {
        piece.from_chunk = (int32_t)from_chunk;
        piece.to_chunk = (int32_t)to_chunk;
    }
    return piece;
}

/* No process survives the job's last piece. Its dead letter, and the order to leave it alone, go
 * with the job, and so go first: a piece of nothing follows them. */
static bool needs_epilogue(const struct job *job, const struct piece *piece,
                           const struct event_failed *failed)
{
    return failed != NULL && strcmp(failed->type, "crashed") == 0 &&
           piece->from_chunk < job->layout.total_chunks;
}

static void add_piece(struct job *job, int32_t from_chunk, int64_t due_in_us, bool then_purges)
{
    int32_t left = job->layout.total_chunks - from_chunk;
    const struct piece piece = {
        .from_chunk = from_chunk,
        .to_chunk = from_chunk + (left < PIECE_CHUNKS ? left : PIECE_CHUNKS),
        .then_purges = then_purges,
    };

    job_add_task(job, &(struct job_task){.kind = JOB_TASK_BLOB_DELETE,
                                         .chunk_index = -1,
                                         .attempt = 1,
                                         .due_in_us = due_in_us,
                                         .payload = encode(job, &piece)});
}

void blob_deletion_begin(struct job *job, int64_t due_in_us, bool then_purges)
{
    add_piece(job, 0, due_in_us, then_purges);
}

static void note_deleted(struct job *job)
{
    job->now_blobs_deleted = job->is_changed = true;
}

void blob_deletion_take_back(struct job *job)
{
    size_t kept = 0;

    job->keeps_blobs = true;
    for (size_t i = 0; i < job->tasks.count; i++) {
        if (job->tasks.items[i].kind == JOB_TASK_BLOB_DELETE)
            free(job->tasks.items[i].payload);
        else
            job->tasks.items[kept++] = job->tasks.items[i];
    }
    if (kept < job->tasks.count) /* what follows a piece that was deleted in this transaction */
        note_deleted(job);
    job->tasks.count = kept;
}

/* `failed` NULL: it is done. */
static void go_on(struct job *job, const struct job_open_task *task,
                  const struct event_failed *failed)
{
    const struct piece piece = decode(job, task->payload);

    if (!job_is_terminal(job)) { /* reopened meanwhile: its end begins anew */
        note_deleted(job);
        return;
    }
    if (piece.to_chunk < job->layout.total_chunks)
        add_piece(job, piece.to_chunk, 0, piece.then_purges);
    else if (piece.then_purges && needs_epilogue(job, &piece, failed))
        add_piece(job, job->layout.total_chunks, EPILOGUE_AFTER_US, true);
    else if (piece.then_purges)
        job->now_purged = true;
    else
        note_deleted(job);
}

void blob_deletion_on_done(struct job *job, const struct job_open_task *task,
                           const char *result UNUSED)
{
    go_on(job, task, NULL);
}

void blob_deletion_on_failed(struct job *job, const struct job_open_task *task,
                             const struct event_failed *failed)
{
    go_on(job, task, failed);
}
