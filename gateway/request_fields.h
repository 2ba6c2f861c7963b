/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_REQUEST_FIELDS_H
#define GATEWAY_REQUEST_FIELDS_H

/*
 * Reads the JSON object of a request strictly: a member that is not known is refused by name, with
 * the known name that it is probably a slip of; types and bounds are checked, and a refusal says
 * what is expected. A member that is null counts as absent. Pure.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/ids.h"
#include "gateway/refusal.h"

/* `known` is NULL-terminated. The caller calls json_object_put(). */
bool request_fields_parse(const char *body, size_t length, const char *const *known,
                          struct json_object **ret_object, struct refusal *refusal) MUST_CHECK;

enum field_need { FIELD_REQUIRED, FIELD_OPTIONAL };

/* Each leaves the given default in place where an optional member is absent. */

/* `ret_text` holds `size` bytes; a value that needs more is refused. */
bool request_fields_text(const struct json_object *object, const char *name, enum field_need need,
                         char *ret_text, size_t size, struct refusal *refusal) MUST_CHECK;
/* The member parent_job_id, which is required. */
bool request_fields_job(const struct json_object *object, struct id *ret_job,
                        struct refusal *refusal) MUST_CHECK;
/* `out_of_range` is the problem for a number outside the bounds. */
struct field_bounds {
    int64_t minimum;
    int64_t maximum;
    enum problem_type out_of_range;
};
/* Of a number by itself. JSON has one kind of number, so 5.0 is the integer 5; what does not fit
 * into 64 bits becomes the nearest that does. False: no integer. */
bool request_fields_integer(const struct json_object *number, int64_t *ret_value) MUST_CHECK;
bool request_fields_int(const struct json_object *object, const char *name,
                        struct field_bounds bounds, int64_t *ret_value,
                        struct refusal *refusal) MUST_CHECK;
/* Optional; may have a fraction. */
bool request_fields_number(const struct json_object *object, const char *name,
                           struct field_bounds bounds, double *ret_value,
                           struct refusal *refusal) MUST_CHECK;
/* Optional. */
bool request_fields_bool(const struct json_object *object, const char *name, bool *ret_value,
                         struct refusal *refusal) MUST_CHECK;

#endif
