/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/blob_delete.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/chunk_layout.h"
#include "common/fault_point.h"
#include "common/jsonread.h"
#include "common/mem.h"

/* Of one task: as much as a thread may be kept busy with. */
#define CHUNKS_MAX 1000

struct blob_delete {
    const struct blob_file *store; /* borrowed */
    struct job_task_ending ending;
    struct id job;
    char extension[8];
    int64_t from_chunk;
    int64_t to_chunk;
    bool is_understood;
    bool is_deleted; /* else `err` says why not */
    struct err err;
    bool is_over;
    bool is_given_up;
};

static bool is_safe(const char *extension)
{
    size_t length = strspn(extension, "abcdefghijklmnopqrstuvwxyz0123456789");

    return length > 0 && extension[length] == '\0';
}

/* No chunks at all are a task, too: somebody waits for its answer. */
static bool read_payload(struct blob_delete *deletion, const char *payload)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct err *err = &deletion->err;

    if (!jsonread_parse(payload, strlen(payload), &object, err) ||
        !jsonread_text(object, "extension", deletion->extension, sizeof deletion->extension, err) ||
        !jsonread_int(object, "from_chunk", 0, CHUNK_COUNT_MAX, &deletion->from_chunk, err) ||
        !jsonread_int(object, "to_chunk", deletion->from_chunk, deletion->from_chunk + CHUNKS_MAX,
                      &deletion->to_chunk, err))
        return false;
    return is_safe(deletion->extension) ||
           err_set(err, ERR_REJECT, "task", 0, "extension: letters and digits are expected");
}

/* On a thread of the pool. */
static void delete_blobs(void *context)
{
    struct blob_delete *deletion = context;
    char key[CHUNK_KEY_SIZE];

    deletion->is_deleted = deletion->is_understood;
    if (deletion->is_understood && fault_point(FAULT_BLOB_DELETE, NULL))
        deletion->is_deleted = err_set_errno(&deletion->err, EIO, "deleting blobs");
    for (int64_t i = deletion->from_chunk; i < deletion->to_chunk && deletion->is_deleted; i++) {
        chunk_object_key(deletion->job.text, (int32_t)i, deletion->extension, key);
        deletion->is_deleted = blob_file_delete(deletion->store, key, &deletion->err);
    }
}

/* Whatever the store says may be put right by people: only what cannot be understood is final. */
static struct job_task_end end_of(const struct blob_delete *deletion)
{
    struct job_task_end end = {.is_done = true};

    if (deletion->is_deleted) {
        end.result =
            mem_format("{\"chunks\":%" PRId64 "}", deletion->to_chunk - deletion->from_chunk);
    } else {
        end = job_task_failed("blob", &deletion->err);
        end.failed.permanent = !deletion->is_understood;
    }
    return end;
}

static void on_deleted(void *context)
{
    struct blob_delete *deletion = context;

    deletion->is_over = true;
    if (deletion->is_given_up)
        free(deletion);
    else
        deletion->ending.on_end(deletion->ending.context, end_of(deletion));
}

/* A payload that is refused takes the same way back, with nothing to delete. */
static void *start(const struct job_task_services *services, const struct event *task,
                   struct job_task_ending ending)
{
    struct blob_delete *deletion = mem_new(sizeof *deletion);

    deletion->store = services->store;
    deletion->ending = ending;
    deletion->job = task->job;
    deletion->is_understood = read_payload(deletion, task->task.payload);
    pool_submit(services->pool, delete_blobs, on_deleted, deletion);
    return deletion;
}

/* What a thread works on is freed when it comes back. */
static void stop(void *work)
{
    struct blob_delete *deletion = work;

    if (deletion->is_over)
        free(deletion);
    else
        deletion->is_given_up = true;
}

const struct job_task_handler BLOB_DELETE_HANDLER = {
    .kind = "blob.delete", .start = start, .stop = stop};
