/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SIGN_H
#define COMMON_SIGN_H

/*
 * Signed upload URLs of the local blob store: HMAC-SHA256 over method, object key, exact size and
 * expiry, hexadecimal, checked in constant time. A URL names the key it was signed with, so that
 * two keys can be valid while one replaces the other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

#define SIGN_KEYS_MAX 4

struct sign_keys;

/* A file of lines "<id> <64 hexadecimal digits>", the first being the one to sign with; `#` begins
 * a comment. */
void sign_keys_free(struct sign_keys *keys);
bool sign_keys_load(const char *path, struct sign_keys **ret_keys, struct err *err) MUST_CHECK;
/* One random key, for a process that serves loopback only and was given none. */
struct sign_keys *sign_keys_random(void) FREED_BY(sign_keys_free);

struct sign_upload {
    const char *method;     /* "PUT" */
    const char *object_key; /* "uploads/<job>/chunk.3.wav" */
    int64_t size_bytes;
    int64_t expires_wall_s; /* seconds since 1970 */
};

/* "expires=..&size=..&key=..&signature=..", owned by the caller. */
char *sign_upload_query(const struct sign_keys *keys, const struct sign_upload *upload);

enum sign_verdict { SIGN_VALID, SIGN_EXPIRED, SIGN_INVALID };

/* What a request says: the four values as they stand in its URL, NULL where one is missing. */
struct sign_claim {
    const char *method;
    const char *object_key;
    const char *expires;
    const char *size;
    const char *key_id;
    const char *signature;
};

/* On SIGN_VALID and SIGN_EXPIRED the size that was signed is given. */
enum sign_verdict sign_verify_upload(const struct sign_keys *keys, const struct sign_claim *claim,
                                     int64_t now_wall_s, int64_t *ret_size_bytes) MUST_CHECK;

#endif
