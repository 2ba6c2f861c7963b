/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SIGN_OWN_H
#define COMMON_SIGN_OWN_H

/* The keys as sign.c uses them. Only sign*.c include this. */

#include "common/sign.h"

#define SIGN_KEY_BYTES 32
#define SIGN_KEY_ID_MAX 16

struct sign_key {
    char id[SIGN_KEY_ID_MAX + 1];
    unsigned char secret[SIGN_KEY_BYTES];
    int64_t until_wall_s; /* taken before it only; INT64_MAX: for good */
};

/* The one that signs. */
const struct sign_key *sign_keys_first(const struct sign_keys *keys);
/* NULL: there is none of this id. */
const struct sign_key *sign_keys_find(const struct sign_keys *keys, const char *id);
/* Exactly `length` bytes of lower-case hexadecimal digits. */
bool sign_parse_hexadecimal(const char *text, unsigned char *ret_bytes, size_t length) MUST_CHECK;

#endif
