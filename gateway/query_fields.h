/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_QUERY_FIELDS_H
#define GATEWAY_QUERY_FIELDS_H

/*
 * Reads the query of a request as strictly as request_fields.h reads a body: a parameter that is
 * not known, or comes twice, is refused by name, and a refusal says what is expected. `query` is
 * the raw one (http_request_raw_query). Absent parameters leave the given defaults. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "gateway/refusal.h"

/* Before anything else: only these, each once, and each can be decoded. NULL-terminated. */
bool query_fields_check(const char *query, const char *const *known,
                        struct refusal *refusal) MUST_CHECK;

/* `ret_text` holds `size` bytes; a value that is empty or needs more is refused. */
bool query_fields_text(const char *query, const char *name, char *ret_text, size_t size,
                       struct refusal *refusal) MUST_CHECK;
bool query_fields_int(const char *query, const char *name, int32_t minimum, int32_t maximum,
                      int32_t *ret_number, struct refusal *refusal) MUST_CHECK;
/* RFC 3339, as microseconds since 1970. */
bool query_fields_time(const char *query, const char *name, int64_t *ret_wall_us,
                       struct refusal *refusal) MUST_CHECK;
/* A list "a,b" of words out of `allowed` (at most 32, NULL-terminated), as bits in their order;
 * `may_be_empty`: "name=" is none of them. */
bool query_fields_words(const char *query, const char *name, const char *const *allowed,
                        bool may_be_empty, uint32_t *ret_bits, struct refusal *refusal) MUST_CHECK;

#endif
