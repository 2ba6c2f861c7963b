/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

/* Names and values from the request may be cut in the middle of a character. */
static void drop_cut_character(char *text)
{
    size_t length = strlen(text);

    while (length > 0 && !utf8_is_clean(text, length))
        text[--length] = '\0';
}

PRINTF_LIKE(4, 0)
static void set(struct refusal *refusal, enum problem_type type, const char *field,
                const char *format, va_list args)
{
    *refusal = (struct refusal){.problem.type = type};
    (void)vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    drop_cut_character(refusal->detail);
    refusal->problem.detail = refusal->detail;
    if (field == NULL)
        return;
    (void)snprintf(refusal->field, sizeof refusal->field, "%s", field);
    drop_cut_character(refusal->field);
    refusal->problem.field = refusal->field;
}

bool refusal_set(struct refusal *refusal, enum problem_type type, const char *field,
                 const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(refusal, type, field, format, args);
    va_end(args);
    return false;
}

bool refusal_set_range(struct refusal *refusal, enum problem_type type, const char *field,
                       int64_t minimum, int64_t maximum, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set(refusal, type, field, format, args);
    va_end(args);
    refusal->problem.has_range = true;
    refusal->problem.minimum = minimum;
    refusal->problem.maximum = maximum;
    return false;
}
