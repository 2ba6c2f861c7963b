/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/request_fields.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/jsonread.h"
#include "common/utf8.h"

#define NAME_MAX_COMPARED 32
#define SLIP_DISTANCE 2
#define PREFIX_LENGTH 4

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein distance; names longer than NAME_MAX_COMPARED are no slip of ours. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    size_t row[NAME_MAX_COMPARED + 1];

    if (a_length > NAME_MAX_COMPARED || b_length > NAME_MAX_COMPARED)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = smallest(replaced, above + 1, row[j - 1] + 1);
            diagonal = above;
        }
    }
    return row[b_length];
}

/* "chunk_size" for "chunk_size_mb" counts as one typed character. */
static size_t slip_distance(const char *name, const char *known)
{
    size_t length = strlen(name);

    if (length >= PREFIX_LENGTH && strncmp(name, known, length) == 0)
        return 1;
    return edit_distance(name, known);
}

/* The known name that `name` is probably a slip of, or NULL. */
static const char *suggest(const char *name, const char *const *known)
{
    const char *nearest = NULL;
    size_t distance = SLIP_DISTANCE + 1;

    for (; *known != NULL; known++) {
        size_t candidate = slip_distance(name, *known);
        if (candidate < distance) {
            distance = candidate;
            nearest = *known;
        }
    }
    return nearest;
}

static bool is_known(const char *name, const char *const *known)
{
    for (; *known != NULL; known++) {
        if (strcmp(name, *known) == 0)
            return true;
    }
    return false;
}

static bool refuse_unknown(const char *name, const char *const *known, struct refusal *refusal)
{
    const char *suggestion = suggest(name, known);

    if (suggestion != NULL)
        refusal_set(refusal, PROBLEM_UNKNOWN_FIELD, name,
                    "the field \"%.60s\" is not known; did you mean \"%s\"?", name, suggestion);
    else
        refusal_set(refusal, PROBLEM_UNKNOWN_FIELD, name, "the field \"%.60s\" is not known", name);
    refusal->problem.allowed = known;
    return false;
}

static bool only_known(struct json_object *object, const char *const *known,
                       struct refusal *refusal)
{
    struct json_object_iterator member = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);

    for (; !json_object_iter_equal(&member, &end); json_object_iter_next(&member)) {
        const char *name = json_object_iter_peek_name(&member);
        if (!is_known(name, known))
            return refuse_unknown(name, known, refusal);
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

bool request_fields_int(const struct json_object *object, const char *name,
                        struct field_bounds bounds, int64_t *ret_value, struct refusal *refusal)
{
    struct json_object *member = jsonread_member(object, name);

    if (member == NULL)
        return refuse_missing(name, refusal);
    if (!json_object_is_type(member, json_type_int))
        return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, name, bounds.minimum,
                                 bounds.maximum,
                                 "%s must be an integer from %" PRId64 " to %" PRId64, name,
                                 bounds.minimum, bounds.maximum);
    /* json-c clamps what does not fit into 64 bits, which stays outside the bounds. */
    int64_t value = json_object_get_int64(member);
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
