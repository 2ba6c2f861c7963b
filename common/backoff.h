/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

/* Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").
 */

#include <stdint.h>

struct backoff {
    uint64_t base_us;
    uint64_t ceiling_us;
};

/* A wait from [0, min(ceiling, base * 2^tries)], `random` being uniform over 64 bits. Pure. */
uint64_t backoff_delay_us(struct backoff backoff, unsigned tries, uint64_t random);
/* Uniform 64 bits from getrandom(), for the caller of the above. */
uint64_t backoff_random(void);

#endif
