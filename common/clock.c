/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define US_PER_SECOND INT64_C(1000000)

static int64_t read_us(clockid_t which)
{
    struct timespec now;

    int failed = clock_gettime(which, &now);
    assert(failed == 0);
    (void)failed;
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
    return (uint64_t)read_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

void clock_format_rfc3339(int64_t wall_us, char ret_text[static CLOCK_RFC3339_SIZE])
{
    int64_t seconds = wall_us / US_PER_SECOND;
    int64_t rest_us = wall_us % US_PER_SECOND;
    struct tm utc;
    char date[sizeof "2026-01-31T12:34:56"];

    if (rest_us < 0) { /* before 1970: division rounds towards zero, time goes downwards */
        rest_us += US_PER_SECOND;
        seconds--;
    }
    time_t when = (time_t)seconds;
    bool is_shown = gmtime_r(&when, &utc) != NULL &&
                    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == sizeof date - 1;
    assert(is_shown); /* years 1000 to 9999 */
    (void)is_shown;
    (void)snprintf(ret_text, CLOCK_RFC3339_SIZE, "%s.%03uZ", date, (unsigned)(rest_us / 1000));
}
