/* SPDX-License-Identifier: Apache-2.0 */
#include "common/public_address.h"

#include <stddef.h>

#include "common/attrs.h"

struct range {
    uint8_t prefix[16];
    unsigned bits;
};

static const struct range V4[] = {
    {{0}, 8},             /* this network */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* carrier-grade NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, and the clouds' metadata */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, and broadcast */
};

/* Global unicast is 2000::/3; everything else is refused. Within it: */
static const struct range V6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments; Teredo, which wraps IPv4 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4, which wraps IPv4 */
    {{0x3f, 0xff, 0x00}, 20},       /* documentation */
};

static bool is_in(const uint8_t *address, const struct range *range)
{
    unsigned whole = range->bits / 8;
    unsigned rest = range->bits % 8;

    for (unsigned i = 0; i < whole; i++)
        if (address[i] != range->prefix[i])
            return false;
    return rest == 0 || (address[whole] ^ range->prefix[whole]) >> (8 - rest) == 0;
}

bool public_address_is_v4(const uint8_t address[static 4])
{
    for (size_t i = 0; i < ARRAY_LEN(V4); i++)
        if (is_in(address, &V4[i]))
            return false;
    return true;
}

bool public_address_is_v6(const uint8_t address[static 16])
{
    if (address[0] >> 5 != 1)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(V6); i++)
        if (is_in(address, &V6[i]))
            return false;
    return true;
}
