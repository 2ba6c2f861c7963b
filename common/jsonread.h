/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_JSONREAD_H
#define COMMON_JSONREAD_H

/*
 * Reads members of JSON objects from outside with their type and bounds checked. Every failure is
 * ERR_REJECT and names the member. Strings come out as clean UTF-8 (common/utf8.h).
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

#define JSONREAD_DEPTH_MAX 16

/* One whole document, an object, with nothing behind it; the caller calls json_object_put(). */
bool jsonread_parse(const char *json, size_t length, struct json_object **ret_object,
                    struct err *err) MUST_CHECK;
/* For CLEANUP(jsonread_put_at) struct json_object *object = ...; */
void jsonread_put_at(struct json_object **object);

/* NULL when the member is absent or null; borrowed. */
struct json_object *jsonread_member(const struct json_object *object, const char *name);

/* Required members. */
bool jsonread_int(const struct json_object *object, const char *name, int64_t minimum,
                  int64_t maximum, int64_t *ret_value, struct err *err) MUST_CHECK;
bool jsonread_double(const struct json_object *object, const char *name, double *ret_value,
                     struct err *err) MUST_CHECK;
bool jsonread_bool(const struct json_object *object, const char *name, bool *ret_value,
                   struct err *err) MUST_CHECK;
/* `ret_value` is owned by the caller. */
bool jsonread_string(const struct json_object *object, const char *name, size_t max_bytes,
                     char **ret_value, struct err *err) MUST_CHECK;
/* Into an array of `size`; too long is an error. */
bool jsonread_text(const struct json_object *object, const char *name, char *ret_text, size_t size,
                   struct err *err) MUST_CHECK;
/* Borrowed. */
bool jsonread_object(const struct json_object *object, const char *name,
                     struct json_object **ret_object, struct err *err) MUST_CHECK;
bool jsonread_array(const struct json_object *object, const char *name, size_t max_length,
                    struct json_object **ret_array, struct err *err) MUST_CHECK;

/* A string or NULL where the member is absent or null. */
bool jsonread_optional_string(const struct json_object *object, const char *name, size_t max_bytes,
                              char **ret_value, struct err *err) MUST_CHECK;

#endif
