/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_KNOWN_NAMES_H
#define GATEWAY_KNOWN_NAMES_H

/* Refuses names of a request that are not known, by name, with the known one that it is probably a
 * slip of. Pure. */

#include "common/attrs.h"
#include "gateway/refusal.h"

/* `known` is NULL-terminated; `what` is "field" or "parameter". */
bool known_names_check(const char *name, const char *const *known, const char *what,
                       struct refusal *refusal) MUST_CHECK;

#endif
