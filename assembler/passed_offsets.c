/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/passed_offsets.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct answer {
    uint64_t at_us;
    struct kafka_admin_passed *passed; /* owned */
    size_t count;
};

struct passed_offsets {
    struct kafka_admin *admin;
    uint64_t age_us;
    struct answer answers[PASSED_OFFSETS_KEPT_MAX]; /* oldest first */
    size_t answer_count;
};

void passed_offsets_free(struct passed_offsets *passed)
{
    if (passed == NULL)
        return;
    for (size_t i = 0; i < passed->answer_count; i++)
        free(passed->answers[i].passed);
    free(passed);
}

struct passed_offsets *passed_offsets_new(struct kafka_admin *admin, int64_t age_us)
{
    struct passed_offsets *passed = mem_new(sizeof *passed);

    passed->admin = admin;
    passed->age_us = (uint64_t)age_us;
    return passed;
}

static void drop_oldest(struct passed_offsets *passed)
{
    free(passed->answers[0].passed);
    passed->answer_count--;
    memmove(passed->answers, passed->answers + 1, passed->answer_count * sizeof *passed->answers);
}

void passed_offsets_ask(struct passed_offsets *passed, uint64_t now_us)
{
    struct answer answer = {.at_us = now_us};

    if (!kafka_admin_passed(passed->admin, &answer.passed, &answer.count))
        return;
    if (passed->answer_count == PASSED_OFFSETS_KEPT_MAX)
        drop_oldest(passed);
    passed->answers[passed->answer_count++] = answer;
}

/* The end of a partition as it is now: by an old answer, work that was published since would be
 * beyond it. */
static int64_t end_of(const struct passed_offsets *passed, uint64_t now_us, int32_t partition)
{
    const struct answer *newest = &passed->answers[passed->answer_count - 1];

    for (size_t i = 0; newest->at_us == now_us && i < newest->count; i++)
        if (newest->passed[i].partition == partition)
            return newest->passed[i].end;
    return INT64_MAX;
}

bool passed_offsets_list(struct passed_offsets *passed, uint64_t now_us, struct sql_rows *ret_rows)
{
    const struct answer *answer = &passed->answers[0];

    while (passed->answer_count > 1 && now_us - passed->answers[1].at_us >= passed->age_us)
        drop_oldest(passed);
    if (passed->answer_count == 0 || now_us - answer->at_us < passed->age_us)
        return false;
    sql_rows_init(ret_rows, 3);
    for (size_t i = 0; i < answer->count; i++) {
        sql_rows_int(ret_rows, answer->passed[i].partition);
        sql_rows_int(ret_rows, answer->passed[i].below);
        sql_rows_int(ret_rows, end_of(passed, now_us, answer->passed[i].partition));
    }
    return true;
}
