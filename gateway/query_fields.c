/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/query_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "gateway/http_text.h"
#include "gateway/known_names.h"

#define NAME_SIZE 64
#define LIST_BYTES 256

/* Owned by the caller; NULL: absent, since what can't be decoded was refused. */
static char *find(const char *query, const char *name)
{
    const char *value;
    size_t length;

    if (!http_text_find_parameter(query, name, &value, &length))
        return NULL;
    return http_text_decode(value, length, true);
}

static bool check_value(const char *name, const char *value, size_t length, struct refusal *refusal)
{
    CLEANUP(mem_free_at) char *decoded = http_text_decode(value, length, true);

    if (decoded != NULL && utf8_is_clean(decoded, strlen(decoded)))
        return true;
    return refusal_set(refusal, PROBLEM_INVALID_FIELD, name,
                       "%s has a percent escape that is broken or not UTF-8", name);
}

/* `at` is the beginning of "name=value", of `length` bytes. */
static bool check_parameter(const char *at, size_t length, const char *const *known,
                            struct refusal *refusal)
{
    const char *again;
    size_t again_length;
    char name[NAME_SIZE];
    size_t name_length = strcspn(at, "=&");

    (void)snprintf(name, sizeof name, "%.*s", (int)name_length, at);
    if (!known_names_check(name, known, "parameter", refusal))
        return false;
    if (at[length] == '&' && http_text_find_parameter(at + length + 1, name, &again, &again_length))
        return refusal_set(refusal, PROBLEM_INVALID_FIELD, name, "%s was given more than once",
                           name);
    size_t value = name_length < length ? name_length + 1 : length;
    return check_value(name, at + value, length - value, refusal);
}

bool query_fields_check(const char *query, const char *const *known, struct refusal *refusal)
{
    for (const char *at = query; *at != '\0';) {
        size_t length = strcspn(at, "&");

        if (length > 0 && !check_parameter(at, length, known, refusal))
            return false;
        at += length + (at[length] == '&');
    }
    return true;
}

bool query_fields_text(const char *query, const char *name, char *ret_text, size_t size,
                       struct refusal *refusal)
{
    CLEANUP(mem_free_at) char *text = find(query, name);

    if (text == NULL)
        return true;
    size_t length = strlen(text);
    if (length == 0 || length >= size)
        return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, name, 1, (int64_t)size - 1,
                                 "%s must have 1 to %zu bytes", name, size - 1);
    memcpy(ret_text, text, length + 1);
    return true;
}

bool query_fields_int(const char *query, const char *name, int32_t minimum, int32_t maximum,
                      int32_t *ret_number, struct refusal *refusal)
{
    CLEANUP(mem_free_at) char *text = find(query, name);

    if (text == NULL)
        return true;
    size_t digits = strspn(text, "0123456789");
    long number = digits > 0 && digits < 10 && text[digits] == '\0' ? strtol(text, NULL, 10) : -1;
    if (number < minimum || number > maximum)
        return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, name, minimum, maximum,
                                 "%s must be an integer from %d to %d", name, (int)minimum,
                                 (int)maximum);
    *ret_number = (int32_t)number;
    return true;
}

bool query_fields_time(const char *query, const char *name, int64_t *ret_wall_us,
                       struct refusal *refusal)
{
    CLEANUP(mem_free_at) char *text = find(query, name);

    if (text == NULL || clock_parse_rfc3339(text, ret_wall_us))
        return true;
    return refusal_set(refusal, PROBLEM_INVALID_FIELD, name,
                       "%s must be a time as RFC 3339 has it, 2026-01-31T12:34:56Z (in a URL the + "
                       "of an offset is %%2B)",
                       name);
}

/* The number of the word in the list, or -1. */
static int number_of(const char *word, size_t length, const char *const *allowed)
{
    for (int i = 0; allowed[i] != NULL; i++) {
        if (strlen(allowed[i]) == length && memcmp(allowed[i], word, length) == 0)
            return i;
    }
    return -1;
}

static bool refuse_words(const char *name, const char *const *allowed, struct refusal *refusal)
{
    CLEANUP(buf_done) struct buf list;

    buf_init(&list, LIST_BYTES);
    for (size_t i = 0; allowed[i] != NULL; i++)
        buf_append_format(&list, "%s%s", i == 0 ? "" : ", ", allowed[i]);
    refusal_set(refusal, PROBLEM_INVALID_FIELD, name, "%s must be one or more of %s, as a,b", name,
                buf_string(&list));
    refusal->problem.allowed = allowed;
    return false;
}

bool query_fields_words(const char *query, const char *name, const char *const *allowed,
                        bool may_be_empty, uint32_t *ret_bits, struct refusal *refusal)
{
    CLEANUP(mem_free_at) char *text = find(query, name);
    uint32_t bits = 0;

    if (text == NULL)
        return true;
    for (const char *word = text; *text != '\0'; word++) {
        size_t length = strcspn(word, ",");
        int number = number_of(word, length, allowed);

        if (number < 0)
            return refuse_words(name, allowed, refusal);
        bits |= UINT32_C(1) << number;
        word += length;
        if (*word == '\0')
            break;
    }
    if (bits == 0 && !may_be_empty)
        return refuse_words(name, allowed, refusal);
    *ret_bits = bits;
    return true;
}
