/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/lost_work.h"

#include <assert.h>
#include <stdlib.h>

#include "assembler/assembler_metrics.h"
#include "assembler/passed_offsets.h"
#include "assembler/store_tasks.h"
#include "common/log.h"
#include "common/mem.h"

/* A quarter of `lost_after`, but neither all the time nor hardly ever. */
#define EVERY_MIN_US 500000
#define EVERY_MAX_US 10000000
static_assert(LOST_AFTER_MAX_US / EVERY_MAX_US < PASSED_OFFSETS_KEPT_MAX, "none is dropped before");

struct lost_work {
    struct lost_work_settings settings;
    struct passed_offsets *chunks; /* owned */
    struct passed_offsets *tasks;  /* owned */
    uint64_t every_us;
    uint64_t next_us;
};

void lost_work_free(struct lost_work *lost)
{
    if (lost == NULL)
        return;
    passed_offsets_free(lost->chunks);
    passed_offsets_free(lost->tasks);
    free(lost);
}

struct lost_work *lost_work_new(const struct lost_work_settings *settings)
{
    struct lost_work *lost = mem_new(sizeof *lost);

    lost->settings = *settings;
    lost->chunks = passed_offsets_new(settings->chunk_admin, settings->lost_after_us);
    lost->tasks = passed_offsets_new(settings->task_admin, settings->lost_after_us);
    lost->every_us = (uint64_t)settings->lost_after_us / 4;
    if (lost->every_us < EVERY_MIN_US)
        lost->every_us = EVERY_MIN_US;
    if (lost->every_us > EVERY_MAX_US)
        lost->every_us = EVERY_MAX_US;
    return lost;
}

/* Passed work */

typedef bool find_lost(struct store *store, const struct store_passed *passed, int64_t *ret_count,
                       struct err *err);

static bool publish_again(struct lost_work *lost, struct passed_offsets *offsets, find_lost *find,
                          uint64_t now_us, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows rows = {0};
    CLEANUP(sql_rows_done) struct sql_rows homes = {0};
    const struct store_passed passed = {&rows, &homes, lost->settings.lost_after_us};
    int64_t found = 0;

    if (!passed_offsets_list(offsets, now_us, &rows))
        return true;
    intake_list_homes(lost->settings.intake, &homes);
    if (!find(lost->settings.store, &passed, &found, err))
        return false;
    if (found > 0) {
        log_warn("lost_work", "passed by the workers without a result: published again",
                 LOG_STR("what", offsets == lost->chunks ? "chunks" : "tasks"),
                 LOG_INT("count", found));
        metrics_add(lost->settings.metrics, METRIC_LOST_WORK, 0, found);
        tasks_expect(lost->settings.tasks, now_us, 0);
    }
    return true;
}

/* Silence */

static struct batch_partition *home_of(struct lost_work *lost, const struct store_silent *silent)
{
    return batch_find_partition(intake_batch(lost->settings.intake), INTAKE_RESULTS,
                                silent->home_partition);
}

static void fail_silent(struct lost_work *lost, const struct store_silent *silent)
{
    struct batch_partition *home = home_of(lost, silent);
    struct event event = {
        .type = EVENT_CHUNK_FAILED,
        .job = silent->job,
        .chunk_index = silent->chunk_index,
        .attempt = silent->attempt,
        .failed = {.type = "silent",
                   .message = mem_copy_string("Nothing was heard of this attempt any more."),
                   .retry_after_ms = -1},
    };

    if (home == NULL) {
        event_done(&event);
        return;
    }
    metrics_add(lost->settings.metrics, METRIC_SILENT, 0, 1);
    batch_add_event(intake_batch(lost->settings.intake), home, &event);
}

static bool find_silent(struct lost_work *lost, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows homes;
    CLEANUP(mem_free_at) struct store_silent *silent = NULL;
    size_t count = 0;

    intake_list_homes(lost->settings.intake, &homes);
    if (!store_find_silent(lost->settings.store, &homes, lost->settings.silent_after_us, &silent,
                           &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        fail_silent(lost, &silent[i]);
    return true;
}

/* Only while everything that has arrived is applied: a backlog of ours is no silence of theirs. */
bool lost_work_tick(struct lost_work *lost, uint64_t now_us, struct err *err)
{
    if (now_us < lost->next_us)
        return true;
    lost->next_us = now_us + lost->every_us;
    passed_offsets_ask(lost->chunks, now_us);
    passed_offsets_ask(lost->tasks, now_us);
    if (!intake_is_drained(lost->settings.intake))
        return true;
    return publish_again(lost, lost->chunks, store_find_lost_work, now_us, err) &&
           publish_again(lost, lost->tasks, store_find_lost_tasks, now_us, err) &&
           find_silent(lost, err);
}
