/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/start_tally.h"

bool start_tally_note_work(struct start_tally *tally, struct kafka_position work)
{
    if (tally->work.partition == work.partition && tally->work.offset >= work.offset)
        return false;
    *tally = (struct start_tally){.work = work, .last_wall_us = tally->last_wall_us};
    return true;
}

/* A worker that misses the acknowledgement writes its start twice: the copy is not later than the
 * last one. (A start of a worker whose clock is behind by more than lies between the two is taken
 * for such a copy.) A later start counts whichever record of the work it has: one that has been
 * waited for and published anew is still delivered first to those who come after a death, if its
 * offset was not committed. */
bool start_tally_add(struct start_tally *tally, const struct event_started *started)
{
    bool is_new_record = start_tally_note_work(tally, started->work);

    if (!is_new_record && started->at_wall_us <= tally->last_wall_us)
        return false;
    tally->count++;
    tally->total++;
    tally->last_wall_us = started->at_wall_us;
    tally->is_held = true;
    return true;
}

void start_tally_give_back(struct start_tally *tally, const struct event_started *started)
{
    if (!tally->is_held || tally->last_wall_us != started->at_wall_us)
        return;
    tally->count--;
    tally->is_held = false;
}

void start_tally_forget(struct start_tally *tally)
{
    tally->count = 0;
    tally->total = 0;
    tally->is_held = false;
}

bool start_tally_is_deadly(const struct start_tally *tally, int32_t max_starts)
{
    return tally->count >= max_starts || tally->total >= START_TALLY_TOTAL_MAX;
}
