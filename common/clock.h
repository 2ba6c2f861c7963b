/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

/* Time. Deadlines and durations use the monotonic clock; wall time is only ever shown or stored. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

/* "2026-01-31T12:34:56.789Z" and its NUL. */
#define CLOCK_RFC3339_SIZE 25

/* Microseconds on the monotonic clock. */
uint64_t clock_now_us(void);
/* Microseconds since 1970 in UTC. */
int64_t clock_wall_us(void);
/* RFC 3339 in UTC with milliseconds. */
void clock_format_rfc3339(int64_t wall_us, char ret_text[static CLOCK_RFC3339_SIZE]);
/* The inverse, for any offset from UTC and up to 9 digits of a fraction, of which 6 count. False
 * unless it is a date-time of RFC 3339 from 1970 to 9999. */
bool clock_parse_rfc3339(const char *text, int64_t *ret_wall_us) MUST_CHECK;

#endif
