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

/* After the detail was written. */
static void finish(struct refusal *refusal, enum problem_type type, const char *field)
{
    drop_cut_character(refusal->detail);
    refusal->problem = (struct problem){.type = type, .detail = refusal->detail};
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
    (void)vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    va_end(args);
    finish(refusal, type, field);
    return false;
}

bool refusal_set_range(struct refusal *refusal, enum problem_type type, const char *field,
                       int64_t minimum, int64_t maximum, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(refusal->detail, sizeof refusal->detail, format, args);
    va_end(args);
    finish(refusal, type, field);
    refusal->problem.has_range = true;
    refusal->problem.minimum = minimum;
    refusal->problem.maximum = maximum;
    return false;
}
