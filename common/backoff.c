/* SPDX-License-Identifier: Apache-2.0 */
#include "common/backoff.h"

#include <assert.h>
#include <sys/random.h>
#include <sys/types.h>

/* min(ceiling, base * 2^tries) without overflow. */
static uint64_t longest_us(struct backoff backoff, unsigned tries)
{
    if (tries >= 64 || backoff.base_us > (backoff.ceiling_us >> tries))
        return backoff.base_us == 0 ? 0 : backoff.ceiling_us;
    return backoff.base_us << tries;
}

uint64_t backoff_delay_us(struct backoff backoff, unsigned tries, uint64_t random)
{
    uint64_t longest = longest_us(backoff, tries);

    return longest == UINT64_MAX ? random : random % (longest + 1);
}

uint64_t backoff_random(void)
{
    uint64_t random;

    /* Requests of up to 256 bytes are never cut or interrupted once the kernel's pool is ready. */
    ssize_t length = getrandom(&random, sizeof random, 0);
    assert(length == (ssize_t)sizeof random);
    (void)length;
    return random;
}
