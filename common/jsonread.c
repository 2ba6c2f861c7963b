/* SPDX-License-Identifier: Apache-2.0 */
#include "common/jsonread.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"

static bool reject(struct err *err, const char *name, const char *expected)
{
    return err_set(err, ERR_REJECT, "json", 0, "%s: %s", name, expected);
}

static bool only_space_behind(const char *json, size_t from, size_t length)
{
    for (size_t i = from; i < length; i++) {
        if (strchr(" \t\r\n", json[i]) == NULL || json[i] == '\0')
            return false;
    }
    return true;
}

bool jsonread_parse(const char *json, size_t length, struct json_object **ret_object,
                    struct err *err)
{
    if (length > INT_MAX)
        return err_set(err, ERR_REJECT, "json", 0, "the document is too large");
    struct json_tokener *tokener = json_tokener_new_ex(JSONREAD_DEPTH_MAX);
    if (tokener == NULL)
        return err_set(err, ERR_RETRY, "json", 0, "out of memory");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);

    struct json_object *object = json_tokener_parse_ex(tokener, json, (int)length);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);

    if (error == json_tokener_continue)
        err_set(err, ERR_REJECT, "json", 0, "the JSON document ends too early");
    else if (error != json_tokener_success)
        err_set(err, ERR_REJECT, "json", 0, "not JSON at byte %zu: %s", end,
                json_tokener_error_desc(error));
    else if (!json_object_is_type(object, json_type_object))
        err_set(err, ERR_REJECT, "json", 0, "a JSON object is expected");
    else if (!only_space_behind(json, end, length))
        err_set(err, ERR_REJECT, "json", 0, "something follows the JSON object at byte %zu", end);
    else {
        *ret_object = object;
        return true;
    }
    json_object_put(object);
    return false;
}

void jsonread_put_at(struct json_object **object)
{
    json_object_put(*object);
}

struct json_object *jsonread_member(const struct json_object *object, const char *name)
{
    struct json_object *member = NULL;

    return json_object_object_get_ex(object, name, &member) ? member : NULL;
}

/* json-c clamps integers that do not fit into 64 bits, so such a value never passes as another. */
bool jsonread_int(const struct json_object *object, const char *name, int64_t minimum,
                  int64_t maximum, int64_t *ret_value, struct err *err)
{
    struct json_object *member = jsonread_member(object, name);

    if (!json_object_is_type(member, json_type_int))
        return reject(err, name, "an integer is expected");
    int64_t value = json_object_get_int64(member);
    if (value < minimum || value > maximum)
        return err_set(err, ERR_REJECT, "json", 0, "%s: must be from %" PRId64 " to %" PRId64, name,
                       minimum, maximum);
    *ret_value = value;
    return true;
}

bool jsonread_double(const struct json_object *object, const char *name, double *ret_value,
                     struct err *err)
{
    struct json_object *member = jsonread_member(object, name);

    if (!json_object_is_type(member, json_type_double) &&
        !json_object_is_type(member, json_type_int))
        return reject(err, name, "a number is expected");
    double value = json_object_get_double(member);
    if (!isfinite(value))
        return reject(err, name, "a finite number is expected");
    *ret_value = value;
    return true;
}

bool jsonread_bool(const struct json_object *object, const char *name, bool *ret_value,
                   struct err *err)
{
    struct json_object *member = jsonread_member(object, name);

    if (!json_object_is_type(member, json_type_boolean))
        return reject(err, name, "true or false is expected");
    *ret_value = json_object_get_boolean(member) != 0;
    return true;
}

bool jsonread_string(const struct json_object *object, const char *name, size_t max_bytes,
                     char **ret_value, struct err *err)
{
    struct json_object *member = jsonread_member(object, name);

    if (!json_object_is_type(member, json_type_string))
        return reject(err, name, "a string is expected");
    size_t length = (size_t)json_object_get_string_len(member);
    if (length > max_bytes)
        return err_set(err, ERR_REJECT, "json", 0, "%s: must be at most %zu bytes long", name,
                       max_bytes);
    *ret_value = utf8_clean(json_object_get_string(member), length);
    return true;
}

bool jsonread_text(const struct json_object *object, const char *name, char *ret_text, size_t size,
                   struct err *err)
{
    char *value = NULL;

    if (!jsonread_string(object, name, size - 1, &value, err))
        return false;
    size_t length = strlen(value);
    bool fits = length < size; /* cleaning may have made it longer */
    if (fits)
        memcpy(ret_text, value, length + 1);
    free(value);
    return fits || reject(err, name, "must be valid UTF-8");
}

bool jsonread_object(const struct json_object *object, const char *name,
                     struct json_object **ret_object, struct err *err)
{
    struct json_object *member = jsonread_member(object, name);

    if (!json_object_is_type(member, json_type_object))
        return reject(err, name, "an object is expected");
    *ret_object = member;
    return true;
}

bool jsonread_array(const struct json_object *object, const char *name, size_t max_length,
                    struct json_object **ret_array, struct err *err)
{
    struct json_object *member = jsonread_member(object, name);

    if (!json_object_is_type(member, json_type_array))
        return reject(err, name, "an array is expected");
    if (json_object_array_length(member) > max_length)
        return err_set(err, ERR_REJECT, "json", 0, "%s: must have at most %zu elements", name,
                       max_length);
    *ret_array = member;
    return true;
}

bool jsonread_optional_string(const struct json_object *object, const char *name, size_t max_bytes,
                              char **ret_value, struct err *err)
{
    if (jsonread_member(object, name) == NULL) {
        *ret_value = NULL;
        return true;
    }
    return jsonread_string(object, name, max_bytes, ret_value, err);
}
