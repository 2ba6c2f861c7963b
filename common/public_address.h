/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PUBLIC_ADDRESS_H
#define COMMON_PUBLIC_ADDRESS_H

/*
 * Whether an IP address belongs to the public internet: not to this machine, a private network, a
 * link, a cloud's metadata service, documentation or multicast (IANA's special-purpose registries,
 * RFC 6890), and not an IPv6 form that wraps an IPv4 address. What somebody from outside may have
 * us connect to. Pure.
 */

#include <stdbool.h>
#include <stdint.h>

/* Both in network order. */
bool public_address_is_v4(const uint8_t address[static 4]);
bool public_address_is_v6(const uint8_t address[static 16]);

#endif
