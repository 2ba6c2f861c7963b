/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/previous_overlap.h"

#include <assert.h>

/* By which the byte rate may be wrong. */
#define SLACK_US INT64_C(500000)

/* How much fits into as many windows as `heard_us` needs. */
static int64_t windows_us(int64_t overlap_us, int64_t window_us, int64_t heard_us)
{
    int64_t step_us = window_us - overlap_us;
    int64_t more_us = heard_us - window_us;

    return more_us <= 0 ? window_us : window_us + (more_us + step_us - 1) / step_us * step_us;
}

int64_t previous_overlap_us(int64_t overlap_us, int64_t window_us, int64_t heard_us)
{
    assert(overlap_us >= 0 && heard_us >= 0);
    if (overlap_us == 0 || window_us <= overlap_us)
        return overlap_us;
    int64_t room_us =
        windows_us(overlap_us, window_us, heard_us + overlap_us) - heard_us - SLACK_US;
    int64_t most_us = room_us < PREVIOUS_OVERLAP_MAX_US ? room_us : PREVIOUS_OVERLAP_MAX_US;

    return most_us > overlap_us ? most_us : overlap_us;
}
