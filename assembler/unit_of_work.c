/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/unit_of_work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "assembler/store_jobs.h"
#include "assembler/store_offsets.h"
#include "assembler/store_retention.h"
#include "assembler/store_tasks.h"
#include "common/clock.h"
#include "common/mem.h"

#define READINGS_BYTES_MAX (INT64_C(8) * 1024 * 1024)
/* SQLSTATE in base 36, see pg_error.h: the class is its first two digits. */
#define SQLSTATE_CLASS_SIZE (36 * 36 * 36)
#define CLASS_22 (2 * 36 + 2)
#define CLASS_23 (2 * 36 + 3)

struct run {
    struct store *store;
    const struct apply_settings *settings;
    const struct unit_of_work *unit;
    int64_t (*relayed_seq)(void *context, const char *job_id);
    void *context;
    struct job *jobs;
    int64_t next_due_us;
    bool is_stale;
    bool fits_nothing;
};

void unit_result_done(struct unit_result *result)
{
    struct job *job;
    struct job *next;

    HASH_ITER(hh, result->jobs, job, next)
    {
        HASH_DEL(result->jobs, job);
        job_free(job);
    }
}

/* Offsets */

struct moves {
    struct store_move items[BATCH_PARTITIONS_MAX];
    size_t count;
};

static struct store_move *move_of(struct moves *moves, const struct batch_partition *partition)
{
    for (size_t i = 0; i < moves->count; i++) {
        struct store_move *move = &moves->items[i];

        if (move->topic == partition->stored_name && move->partition == partition->number)
            return move;
    }
    struct store_move *move = &moves->items[moves->count++];

    *move = (struct store_move){partition->stored_name, partition->number, partition->next,
                                partition->next};
    return move;
}

/* Jobs without a record and events of our own need the fence of their partition, too: it stays
 * where it is. */
static void collect_moves(const struct unit_of_work *unit, struct moves *moves)
{
    moves->count = 0;
    for (size_t i = 0; i < unit->count; i++) {
        const struct record *record = &unit->records[i];
        struct store_move *move = move_of(moves, record->partition);

        if (record->offset >= 0)
            move->next = record->offset + 1;
    }
    for (size_t i = 0; i < unit->job_count; i++)
        (void)move_of(moves, unit->jobs[i].home);
}

/* Loading */

struct wishes {
    struct store_wish *items; /* owned */
    size_t count;
};

static void wishes_done(struct wishes *wishes)
{
    free(wishes->items);
}

static int compare_wishes(const void *one, const void *other)
{
    const struct store_wish *left = one;
    const struct store_wish *right = other;
    int by_job = strcmp(left->job_id, right->job_id);

    if (by_job != 0)
        return by_job;
    return (left->chunk_index > right->chunk_index) - (left->chunk_index < right->chunk_index);
}

/* In the order of jobs; a chunk of which there are several records is wished for once. */
static void sort_and_merge(struct wishes *wishes)
{
    size_t kept = 0;

    if (wishes->count > 0)
        qsort(wishes->items, wishes->count, sizeof *wishes->items, compare_wishes);
    for (size_t i = 0; i < wishes->count; i++) {
        bool is_same = kept > 0 && compare_wishes(&wishes->items[kept - 1], &wishes->items[i]) == 0;

        if (is_same)
            wishes->items[kept - 1].may_move_frontier |= wishes->items[i].may_move_frontier;
        else
            wishes->items[kept++] = wishes->items[i];
    }
    wishes->count = kept;
}

static bool may_end_chunk(enum event_type type)
{
    return type == EVENT_CHUNK_TRANSCRIBED || type == EVENT_CHUNK_FAILED ||
           type == EVENT_CHUNK_STARTED;
}

/* Chunks that one record speaks of: a retry of several, each with the one before it, whose seam it
 * opens. */
static size_t wish_count(const struct record *record)
{
    bool is_retry = !record->is_dead && record->event.type == EVENT_JOB_RETRY;

    return is_retry ? 1 + 2 * record->event.retry.count : 1;
}

static void wish_retried(const struct event *event, struct wishes *wishes)
{
    for (size_t i = 0; i < event->retry.count; i++) {
        int32_t index = event->retry.chunks[i].chunk_index;

        wishes->items[wishes->count++] = (struct store_wish){event->job.text, index, false};
        if (index > 0)
            wishes->items[wishes->count++] = (struct store_wish){event->job.text, index - 1, false};
    }
}

static void collect_wishes(const struct unit_of_work *unit, struct wishes *wishes)
{
    size_t capacity = unit->job_count;

    for (size_t i = 0; i < unit->count; i++)
        capacity += wish_count(&unit->records[i]);
    wishes->items = mem_array(capacity, sizeof *wishes->items);
    wishes->count = 0;
    for (size_t i = 0; i < unit->count; i++) {
        const struct record *record = &unit->records[i];

        if (record->is_dead)
            continue;
        wishes->items[wishes->count++] = (struct store_wish){
            record->event.job.text, record->event.chunk_index, may_end_chunk(record->event.type)};
        if (record->event.type == EVENT_JOB_RETRY)
            wish_retried(&record->event, wishes);
    }
    for (size_t i = 0; i < unit->job_count; i++)
        wishes->items[wishes->count++] = (struct store_wish){unit->jobs[i].id.text, -1, true};
    sort_and_merge(wishes);
}

static bool is_of_task(const struct record *record)
{
    return !record->is_dead && event_is_of_task(record->event.type);
}

static void send_open_tasks(const struct run *run, PGresult **ret_tasks)
{
    CLEANUP(sql_rows_done) struct sql_rows ids;

    sql_rows_init(&ids, 1);
    for (size_t i = 0; i < run->unit->count; i++)
        if (is_of_task(&run->unit->records[i]))
            sql_rows_int(&ids, run->unit->records[i].event.task.id);
    store_send_open_tasks(run->store, &ids, ret_tasks);
}

static bool open_transaction(struct run *run, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *moved = NULL;
    CLEANUP(store_clear_at) PGresult *tasks = NULL;
    CLEANUP(store_loaded_done) struct store_loaded loaded = {0};
    CLEANUP(wishes_done) struct wishes wishes;
    CLEANUP(mem_free_at) struct moves *moves = mem_new(sizeof *moves);

    collect_moves(run->unit, moves);
    collect_wishes(run->unit, &wishes);
    store_send_begin(run->store);
    store_send_moves(run->store, moves->items, moves->count, &moved);
    store_send_load(run->store, wishes.items, wishes.count, &loaded);
    send_open_tasks(run, &tasks);
    if (!store_run(run->store, err))
        return false;
    run->is_stale = (size_t)PQntuples(moved) != moves->count;
    if (run->is_stale)
        return true;
    if (!store_take_loaded(&loaded, &run->jobs, err))
        return false;
    if (tasks != NULL)
        store_take_open_tasks(tasks, run->jobs);
    return true;
}

/* Applying */

static void apply_records(struct run *run)
{
    int64_t now_wall_us = clock_wall_us();

    for (size_t i = 0; i < run->unit->count; i++) {
        const struct record *record = &run->unit->records[i];

        if (record->is_dead)
            continue;
        struct job *job = job_find(run->jobs, record->event.job.text);
        if (apply_record(run->settings, job, record, now_wall_us) == APPLY_NO_CHUNK)
            run->fits_nothing = true;
    }
}

/* After the records, which may say that something was uploaded. */
static void expire_jobs(struct run *run)
{
    for (size_t i = 0; i < run->unit->job_count; i++) {
        const struct unit_job *looked_at = &run->unit->jobs[i];
        struct job *job = looked_at->may_expire ? job_find(run->jobs, looked_at->id.text) : NULL;

        if (job == NULL)
            continue;
        if (job->home_partition < 0)
            job->home_partition = looked_at->home->number;
        apply_expiry(run->settings, job);
    }
}

static bool rewind_jobs(struct run *run, struct err *err)
{
    for (struct job *job = run->jobs; job != NULL; job = job->hh.next) {
        CLEANUP(mem_free_at) char *text = NULL;
        struct rewind_prefix prefix;

        if (job->rewind_to < 0)
            continue;
        if (!store_drop_parts(run->store, job->id.text, job->rewind_to, &prefix, &text, err))
            return false;
        apply_rewind(job, &prefix, text);
    }
    return true;
}

static void note_due(struct run *run, int64_t due_in_us)
{
    if (run->next_due_us < 0 || due_in_us < run->next_due_us)
        run->next_due_us = due_in_us;
}

static void note_tasks(struct run *run, const struct job *job)
{
    for (size_t i = 0; i < job->tasks.count; i++)
        note_due(run, job->tasks.items[i].due_in_us);
    for (size_t i = 0; i < job->open_tasks.count; i++) {
        const struct job_open_task *task = &job->open_tasks.items[i];

        if (task->fate == TASK_FATE_RETRIED)
            note_due(run, task->due_in_us);
        else if (task->fate == TASK_FATE_DEAD) /* its letter */
            note_due(run, 0);
    }
}

static void write_changes(struct run *run, PGresult **ret_ready)
{
    store_send_chunk_rows(run->store, run->jobs);
    store_send_readings(run->store, run->jobs);
    store_send_parts(run->store, run->jobs);
    store_send_corrected(run->store, run->jobs);
    store_send_deliveries(run->store, run->jobs);
    store_send_seams(run->store, run->jobs);
    store_send_answered(run->store, run->jobs);
    store_send_kept_blobs(run->store, run->jobs);
    store_send_tasks(run->store, run->jobs);
    store_send_ready(run->store, run->jobs, ret_ready);
    store_send_events(run->store, run->jobs);
    store_send_job_rows(run->store, run->jobs);
    store_send_purges(run->store, run->jobs);
}

static bool advance_and_write(struct run *run, PGresult **ret_ready, struct err *err)
{
    for (struct job *job = run->jobs; job != NULL; job = job->hh.next) {
        int64_t relayed = run->relayed_seq(run->context, job->id.text);

        if (relayed > job->relayed_seq)
            job->relayed_seq = relayed;
        apply_advance(run->settings, job);
        note_tasks(run, job);
    }
    write_changes(run, ret_ready);
    return store_commit(run->store, err);
}

static bool work(struct run *run, struct err *err)
{
    CLEANUP(store_clear_at) PGresult *ready = NULL;

    if (!open_transaction(run, err))
        return false;
    if (run->is_stale)
        return true;
    apply_records(run);
    if (run->fits_nothing)
        return true;
    expire_jobs(run);
    if (!rewind_jobs(run, err) ||
        !store_load_readings(run->store, run->jobs, READINGS_BYTES_MAX, err) ||
        !advance_and_write(run, &ready, err))
        return false;
    if (ready != NULL && PQntuples(ready) > 0)
        run->next_due_us = 0;
    return true;
}

static enum unit_outcome classify(const struct run *run, const struct err *err)
{
    int sqlstate_class = err->code / SQLSTATE_CLASS_SIZE;

    if (err->kind != ERR_REJECT)
        return UNIT_RETRY;
    if (!store_is_connected(run->store)) /* dropped for another reason: try again */
        return UNIT_RETRY;
    return sqlstate_class == CLASS_22 || sqlstate_class == CLASS_23 ? UNIT_REFUSED : UNIT_BROKEN;
}

enum unit_outcome unit_of_work_run(struct store *store, const struct apply_settings *settings,
                                   const struct unit_of_work *unit,
                                   int64_t (*relayed_seq)(void *context, const char *job_id),
                                   void *context, struct unit_result *ret_result, struct err *err)
{
    struct run run = {.store = store,
                      .settings = settings,
                      .unit = unit,
                      .relayed_seq = relayed_seq,
                      .context = context,
                      .next_due_us = -1};
    bool is_good = work(&run, err);
    enum unit_outcome outcome = !is_good           ? classify(&run, err)
                                : run.is_stale     ? UNIT_STALE
                                : run.fits_nothing ? UNIT_REFUSED
                                                   : UNIT_DONE;

    if (run.fits_nothing)
        (void)err_set(err, ERR_REJECT, "assembler", 0, "chunk_index: the job has no such chunk");
    if (outcome != UNIT_DONE)
        store_rollback(store);
    *ret_result = (struct unit_result){.jobs = run.jobs, .next_due_us = run.next_due_us};
    return outcome;
}
