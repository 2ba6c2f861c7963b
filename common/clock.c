/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

/* Exactly `digits` digits at *at, which moves on; false for anything else or a value over
 * `maximum`. */
static bool take_number(const char **at, size_t digits, int maximum, int *ret_number)
{
    int number = 0;

    for (size_t i = 0; i < digits; i++) {
        char digit = (*at)[i];
        if (digit < '0' || digit > '9')
            return false;
        number = number * 10 + (digit - '0');
    }
    *at += digits;
    *ret_number = number;
    return number <= maximum;
}

static bool take_char(const char **at, const char *allowed)
{
    if (**at == '\0' || strchr(allowed, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

/* ".123456789", of which microseconds count; nothing at all is zero. */
static bool take_fraction(const char **at, int64_t *ret_us)
{
    size_t digits = 0;
    int64_t us = 0;

    if (!take_char(at, "."))
        return true;
    for (; **at >= '0' && **at <= '9'; (*at)++, digits++)
        us = digits < 6 ? us * 10 + (**at - '0') : us;
    for (size_t i = digits; i < 6; i++)
        us *= 10;
    *ret_us = us;
    return digits >= 1 && digits <= 9;
}

/* "Z" or "+01:30". */
static bool take_offset(const char **at, int64_t *ret_seconds)
{
    bool is_west = **at == '-';
    int hours = 0, minutes = 0;

    if (take_char(at, "Zz"))
        return true;
    if (!take_char(at, "+-") || !take_number(at, 2, 23, &hours) || !take_char(at, ":") ||
        !take_number(at, 2, 59, &minutes))
        return false;
    *ret_seconds = INT64_C(60) * (hours * 60 + minutes) * (is_west ? -1 : 1);
    return true;
}

static bool take_date(const char **at, struct tm *date)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0, month = 0;

    if (!take_number(at, 4, 9999, &year) || !take_char(at, "-") ||
        !take_number(at, 2, 12, &month) || !take_char(at, "-") ||
        !take_number(at, 2, 31, &date->tm_mday) || year < 1970 || month < 1 || date->tm_mday < 1)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    date->tm_year = year - 1900;
    date->tm_mon = month - 1;
    return date->tm_mday <= DAYS[month - 1] + (month == 2 && is_leap);
}

static bool take_time(const char **at, struct tm *date)
{
    return take_number(at, 2, 23, &date->tm_hour) && take_char(at, ":") &&
           take_number(at, 2, 59, &date->tm_min) && take_char(at, ":") &&
           take_number(at, 2, 60, &date->tm_sec);
}

bool clock_parse_rfc3339(const char *text, int64_t *ret_wall_us)
{
    struct tm date = {0};
    int64_t fraction_us = 0, offset_s = 0;

    if (!take_date(&text, &date) || !take_char(&text, "Tt") || !take_time(&text, &date) ||
        !take_fraction(&text, &fraction_us) || !take_offset(&text, &offset_s) || *text != '\0')
        return false;
    *ret_wall_us = ((int64_t)timegm(&date) - offset_s) * US_PER_SECOND + fraction_us;
    return *ret_wall_us >= 0;
}
