/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SIGN_H
#define COMMON_SIGN_H

/*
 * What this server signs: upload URLs of the local blob store (method, object key, exact size and
 * expiry) and tokens that let their holder read one job (scope, job and expiry). HMAC-SHA256 in
 * hexadecimal, checked in constant time. Each names the key it was signed with, so that several can
 * be valid while one replaces the other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

#define SIGN_KEYS_MAX 4

struct sign_keys;

/* A file of lines "<id> <64 hexadecimal digits> [until=2027-01-31T00:00:00Z]", the first being the
 * one to sign with; one with a time is not taken from then on, whatever it signed. `#` begins a
 * comment. */
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

/* What a token allows its holder. */
enum sign_scope {
    SIGN_SCOPE_READ,   /* the job's stream, status and transcript */
    SIGN_SCOPE_LISTEN, /* also the recording */
    SIGN_SCOPE_COUNT
};

struct sign_grant {
    enum sign_scope scope;
    const char *job_id;
    int64_t expires_wall_s;
};

/* "read.1999999999.k1.<signature>", all characters unreserved in URLs; owned by the caller. */
char *sign_token(const struct sign_keys *keys, const struct sign_grant *grant);
/* Whether the token is for this job; its scope is given on SIGN_VALID. */
enum sign_verdict sign_verify_token(const struct sign_keys *keys, const char *token,
                                    const char *job_id, int64_t now_wall_s,
                                    enum sign_scope *ret_scope) MUST_CHECK;

#endif
