/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_WEBHOOK_SIGN_H
#define COMMON_WEBHOOK_SIGN_H

/*
 * Signatures of webhooks after Standard Webhooks 1.0: "v1," and the base64 of HMAC-SHA256 over
 * id.timestamp.body, one for each key, so that receivers can change over from one to the next.
 *
 * The key file has a line for each key, the newest first; `#` begins a comment:
 *   whsec_<base64 of 24 to 64 bytes>   the secret itself, the same for all jobs
 *   job <64 hexadecimal digits>        each job has a secret of its own, derived from this, so that
 *                                      neither the database nor Kafka ever holds one
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

#define WEBHOOK_KEYS_MAX 4

struct webhook_keys;

void webhook_keys_free(struct webhook_keys *keys);
bool webhook_keys_load(const char *path, struct webhook_keys **ret_keys,
                       struct err *err) MUST_CHECK;

/* The job's own secret ("whsec_..."), owned by the caller; NULL where the newest key is one for all
 * jobs. */
char *webhook_keys_job_secret(const struct webhook_keys *keys, const char *job_id);

struct webhook_message {
    const char *id; /* stays the same over all attempts */
    int64_t wall_s; /* of this attempt, seconds since 1970 */
    const char *body;
};

/* The value of the header webhook-signature, owned by the caller. */
char *webhook_sign(const struct webhook_keys *keys, const char *job_id,
                   const struct webhook_message *message) NEVER_NULL;

#endif
