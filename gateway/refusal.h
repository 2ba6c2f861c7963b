/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

/*
 * A problem that owns its texts, for the pure functions that judge a request: they return false and
 * fill a refusal on the caller's stack, as others fill a struct err. Never copied: the problem
 * points into it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "gateway/problem.h"

struct refusal {
    struct problem problem;
    char field[64];
    char detail[384];
};

/* Always false, so that a caller can `return refusal_set(...)`. `field` may be NULL. */
bool refusal_set(struct refusal *refusal, enum problem_type type, const char *field,
                 const char *format, ...) PRINTF_LIKE(4, 5);
/* The same with the bounds as members `minimum` and `maximum`. */
bool refusal_set_range(struct refusal *refusal, enum problem_type type, const char *field,
                       int64_t minimum, int64_t maximum, const char *format, ...) PRINTF_LIKE(6, 7);

#endif
