/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/request_fields.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/jsonread.h"
#include "common/utf8.h"
#include "gateway/known_names.h"

static bool only_known(struct json_object *object, const char *const *known,
                       struct refusal *refusal)
{
    struct json_object_iterator member = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);

    for (; !json_object_iter_equal(&member, &end); json_object_iter_next(&member)) {
        const char *name = json_object_iter_peek_name(&member);
        if (!known_names_check(name, known, "field", refusal))
            return false;
    }
    return true;
}

bool request_fields_parse(const char *body, size_t length, const char *const *known,
                          struct json_object **ret_object, struct refusal *refusal)
{
    CLEANUP(jsonread_put_at) struct json_object *object = NULL;
    struct err err;

    if (!utf8_is_clean(body, length))
        return refusal_set(refusal, PROBLEM_INVALID_JSON, NULL, "the body must be UTF-8");
    if (!jsonread_parse(body, length, &object, &err))
        return refusal_set(refusal, PROBLEM_INVALID_JSON, NULL, "%s", err.message);
    if (!only_known(object, known, refusal))
        return false;
    *ret_object = TAKE(object);
    return true;
}

static bool refuse_missing(const char *name, struct refusal *refusal)
{
    return refusal_set(refusal, PROBLEM_MISSING_FIELD, name, "%s is required", name);
}

bool request_fields_text(const struct json_object *object, const char *name, enum field_need need,
                         char *ret_text, size_t size, struct refusal *refusal)
{
    struct json_object *member = jsonread_member(object, name);

    if (member == NULL)
        return need == FIELD_OPTIONAL || refuse_missing(name, refusal);
    if (!json_object_is_type(member, json_type_string))
        return refusal_set(refusal, PROBLEM_INVALID_FIELD, name, "%s must be a string", name);
    const char *text = json_object_get_string(member);
    size_t length = (size_t)json_object_get_string_len(member);
    if (length == 0 || length >= size)
        return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, name, 1, (int64_t)size - 1,
                                 "%s must have 1 to %zu bytes of UTF-8", name, size - 1);
    if (!utf8_is_clean(text, length))
        return refusal_set(refusal, PROBLEM_INVALID_FIELD, name,
                           "%s must be valid UTF-8 without U+0000", name);
    memcpy(ret_text, text, length + 1);
    return true;
}

bool request_fields_job(const struct json_object *object, struct id *ret_job,
                        struct refusal *refusal)
{
    char text[64];

    if (!request_fields_text(object, "parent_job_id", FIELD_REQUIRED, text, sizeof text, refusal))
        return false;
    if (!id_parse(text, ret_job))
        return refusal_set(refusal, PROBLEM_INVALID_FIELD, "parent_job_id",
                           "parent_job_id must be a UUID as /chunked-upload-stream gave it");
    return true;
}

bool request_fields_integer(const struct json_object *number, int64_t *ret_value)
{
    if (json_object_is_type(number, json_type_int)) {
        *ret_value = json_object_get_int64(number);
        return true;
    }
    double value = json_object_is_type(number, json_type_double) ? json_object_get_double(number)
                                                                 : (double)NAN;
    if (!(trunc(value) == value))
        return false;
    *ret_value = value >= 0x1p63 ? INT64_MAX : value <= -0x1p63 ? INT64_MIN : (int64_t)value;
    return true;
}

bool request_fields_int(const struct json_object *object, const char *name,
                        struct field_bounds bounds, int64_t *ret_value, struct refusal *refusal)
{
    struct json_object *member = jsonread_member(object, name);
    int64_t value;

    if (member == NULL)
        return refuse_missing(name, refusal);
    if (!request_fields_integer(member, &value))
        return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, name, bounds.minimum,
                                 bounds.maximum,
                                 "%s must be an integer from %" PRId64 " to %" PRId64, name,
                                 bounds.minimum, bounds.maximum);
    if (value < bounds.minimum || value > bounds.maximum)
        return refusal_set_range(refusal, bounds.out_of_range, name, bounds.minimum, bounds.maximum,
                                 "%s must be from %" PRId64 " to %" PRId64, name, bounds.minimum,
                                 bounds.maximum);
    *ret_value = value;
    return true;
}

bool request_fields_number(const struct json_object *object, const char *name,
                           struct field_bounds bounds, double *ret_value, struct refusal *refusal)
{
    struct json_object *member = jsonread_member(object, name);

    if (member == NULL)
        return true;
    bool is_number =
        json_object_is_type(member, json_type_int) || json_object_is_type(member, json_type_double);
    double value = is_number ? json_object_get_double(member) : (double)NAN;
    if (!(value >= (double)bounds.minimum && value <= (double)bounds.maximum))
        return refusal_set_range(refusal, is_number ? bounds.out_of_range : PROBLEM_INVALID_FIELD,
                                 name, bounds.minimum, bounds.maximum,
                                 "%s must be a number from %" PRId64 " to %" PRId64, name,
                                 bounds.minimum, bounds.maximum);
    *ret_value = value;
    return true;
}

bool request_fields_bool(const struct json_object *object, const char *name, bool *ret_value,
                         struct refusal *refusal)
{
    struct json_object *member = jsonread_member(object, name);

    if (member == NULL)
        return true;
    if (!json_object_is_type(member, json_type_boolean))
        return refusal_set(refusal, PROBLEM_INVALID_FIELD, name, "%s must be true or false", name);
    *ret_value = json_object_get_boolean(member) != 0;
    return true;
}
