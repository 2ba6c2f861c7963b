/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/lost_work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "assembler/assembler_metrics.h"
#include "assembler/store_tasks.h"
#include "common/log.h"
#include "common/mem.h"

/* A quarter of `lost_after`, but neither all the time nor hardly ever. */
#define EVERY_MIN_US 500000
#define EVERY_MAX_US 10000000
/* Answers are kept until they are old enough to be acted on. */
#define KEPT_MAX 64
static_assert(LOST_AFTER_MAX_US / EVERY_MAX_US < KEPT_MAX, "none is dropped before");

struct answer {
    uint64_t at_us;
    struct kafka_admin_passed *passed; /* owned */
    size_t count;
};

struct lost_work {
    struct lost_work_settings settings;
    uint64_t every_us;
    uint64_t next_us;
    struct answer answers[KEPT_MAX]; /* oldest first */
    size_t answer_count;
};

void lost_work_free(struct lost_work *lost)
{
    if (lost == NULL)
        return;
    for (size_t i = 0; i < lost->answer_count; i++)
        free(lost->answers[i].passed);
    free(lost);
}

struct lost_work *lost_work_new(const struct lost_work_settings *settings)
{
    struct lost_work *lost = mem_new(sizeof *lost);

    lost->settings = *settings;
    lost->every_us = (uint64_t)settings->lost_after_us / 4;
    if (lost->every_us < EVERY_MIN_US)
        lost->every_us = EVERY_MIN_US;
    if (lost->every_us > EVERY_MAX_US)
        lost->every_us = EVERY_MAX_US;
    return lost;
}

/* Passed work */

static void drop_oldest(struct lost_work *lost)
{
    free(lost->answers[0].passed);
    lost->answer_count--;
    memmove(lost->answers, lost->answers + 1, lost->answer_count * sizeof *lost->answers);
}

static void take_answer(struct lost_work *lost, uint64_t now_us)
{
    struct answer answer = {.at_us = now_us};

    if (!kafka_admin_passed(lost->settings.admin, &answer.passed, &answer.count))
        return;
    if (lost->answer_count == KEPT_MAX)
        drop_oldest(lost);
    lost->answers[lost->answer_count++] = answer;
}

/* Leaves the newest of the answers that are old enough in front. False: none is. */
static bool has_old_answer(struct lost_work *lost, uint64_t now_us)
{
    uint64_t age_us = (uint64_t)lost->settings.lost_after_us;

    while (lost->answer_count > 1 && now_us - lost->answers[1].at_us >= age_us)
        drop_oldest(lost);
    return lost->answer_count > 0 && now_us - lost->answers[0].at_us >= age_us;
}

/* The end of a partition as it is now: by an old answer, work that was published since would be
 * beyond it. */
static int64_t end_of(const struct lost_work *lost, uint64_t now_us, int32_t partition)
{
    const struct answer *newest = &lost->answers[lost->answer_count - 1];

    for (size_t i = 0; newest->at_us == now_us && i < newest->count; i++)
        if (newest->passed[i].partition == partition)
            return newest->passed[i].end;
    return INT64_MAX;
}

static bool publish_again(struct lost_work *lost, uint64_t now_us, struct err *err)
{
    CLEANUP(sql_rows_done) struct sql_rows passed;
    CLEANUP(sql_rows_done) struct sql_rows homes;
    const struct answer *answer = &lost->answers[0];
    int64_t found = 0;

    sql_rows_init(&passed, 3);
    for (size_t i = 0; i < answer->count; i++) {
        sql_rows_int(&passed, answer->passed[i].partition);
        sql_rows_int(&passed, answer->passed[i].below);
        sql_rows_int(&passed, end_of(lost, now_us, answer->passed[i].partition));
    }
    intake_list_homes(lost->settings.intake, &homes);
    if (!store_find_lost_work(lost->settings.store, &passed, &homes, lost->settings.lost_after_us,
                              &found, err))
        return false;
    if (found > 0) {
        log_warn("lost_work", "passed by the workers without a result: published again",
                 LOG_INT("chunks", found));
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
    take_answer(lost, now_us);
    if (!intake_is_drained(lost->settings.intake))
        return true;
    if (has_old_answer(lost, now_us) && !publish_again(lost, now_us, err))
        return false;
    return find_silent(lost, err);
}
