/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_PROBLEM_H
#define GATEWAY_PROBLEM_H

/*
 * Error answers as RFC 9457 application/problem+json. The types are one table (problem.c): a stable
 * reference "/problems/<name>", its status and its title. To add one, add an enumerator here and
 * its row there.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

enum problem_type {
    /* of the protocol */
    PROBLEM_MALFORMED_REQUEST,
    PROBLEM_HEADER_TOO_LARGE,
    PROBLEM_METHOD_NOT_IMPLEMENTED,
    PROBLEM_VERSION_NOT_SUPPORTED,
    PROBLEM_EXPECTATION_FAILED,
    PROBLEM_REQUEST_TIMEOUT,
    PROBLEM_LENGTH_REQUIRED,
    PROBLEM_BODY_TOO_LARGE,
    PROBLEM_BODY_NOT_ALLOWED,
    PROBLEM_UNSUPPORTED_MEDIA_TYPE,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_NOT_FOUND,
    PROBLEM_TOO_MANY_CONNECTIONS,
    PROBLEM_OVERLOADED,
    /* of access */
    PROBLEM_HOST_NOT_ALLOWED,
    PROBLEM_ORIGIN_NOT_ALLOWED,
    PROBLEM_UNAUTHORIZED,
    PROBLEM_FORBIDDEN,
    PROBLEM_SIGNATURE_INVALID,
    PROBLEM_SIGNATURE_EXPIRED,
    PROBLEM_TOO_MANY_REQUESTS,
    PROBLEM_QUOTA_EXCEEDED,
    /* of a JSON request */
    PROBLEM_INVALID_JSON,
    PROBLEM_MISSING_FIELD,
    PROBLEM_UNKNOWN_FIELD,
    PROBLEM_INVALID_FIELD,
    PROBLEM_TOTAL_SIZE_OUT_OF_RANGE,
    PROBLEM_CHUNK_SIZE_OUT_OF_RANGE,
    PROBLEM_CHUNK_INDEX_OUT_OF_RANGE,
    PROBLEM_LLM_NOT_CONFIGURED,
    PROBLEM_WEBHOOKS_NOT_CONFIGURED,
    PROBLEM_DELIVERY_NOT_FOUND,
    /* of jobs and chunks */
    PROBLEM_JOB_NOT_FOUND,
    PROBLEM_JOB_STATE_CONFLICT,
    PROBLEM_IDEMPOTENCY_CONFLICT,
    PROBLEM_CHUNK_NOT_STORED,
    PROBLEM_SIZE_MISMATCH,
    PROBLEM_CHECKSUM_MISMATCH,
    PROBLEM_CHUNK_CONFLICT,
    PROBLEM_AUDIO_GONE,
    PROBLEM_RANGE_NOT_SATISFIABLE,
    /* of what the gateway stands on */
    PROBLEM_STORAGE_FULL,
    PROBLEM_STORAGE_FAILED,
    PROBLEM_QUEUE_UNAVAILABLE,
    PROBLEM_DATABASE_UNAVAILABLE,
    PROBLEM_INTERNAL,
    PROBLEM_TYPE_COUNT
};

/* All pointers are borrowed. Only `type` is needed. */
struct problem {
    enum problem_type type;
    const char *detail; /* one sentence that names the field and the bound */
    const char *field;  /* of the JSON request or the header's name */
    bool has_range;     /* minimum and maximum hold */
    int64_t minimum;
    int64_t maximum;
    const char *const *allowed; /* NULL-terminated */
    const char *content_range;  /* a Content-Range header, or NULL */
    unsigned retry_after_s;     /* 0: no Retry-After header */
};

int problem_status(enum problem_type type);
/* Appends the JSON object; `request_id` may be NULL. */
void problem_encode(const struct problem *problem, const char *request_id, struct buf *ret_json);

#endif
