/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_IDEMPOTENCY_KEY_H
#define GATEWAY_IDEMPOTENCY_KEY_H

/* The Idempotency-Key header of a request, and what tells its body from another. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "gateway/refusal.h"

/* 1 to 255 printable ASCII characters; NULL, no key at all, is fine too. */
bool idempotency_key_check(const char *key, struct refusal *refusal) MUST_CHECK;

/* "\x", 64 digits and the NUL: SHA-256 as PostgreSQL's bytea in text. */
#define IDEMPOTENCY_DIGEST_SIZE (2 + 2 * 32 + 1)
void idempotency_key_digest(const void *data, size_t length,
                            char ret_text[static IDEMPOTENCY_DIGEST_SIZE]);

/* 422: the key was used for something else. Always false, as refusal_set(). */
bool idempotency_key_refuse(struct refusal *refusal);

#endif
