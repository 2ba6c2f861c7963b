/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config_value.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first, so that formatting finds the shortest exact form. */
static const struct unit TIME_UNITS[] = {
    {"d", INT64_C(86400000000)},
    {"h", INT64_C(3600000000)},
    {"min", 60000000},
    {"s", 1000000},
    {"ms", 1000},
    {NULL, 0},
};
static const struct unit SIZE_UNITS[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {NULL, 0},
};
static const struct unit NO_UNITS[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum config_type type)
{
    if (type == CONFIG_TIME)
        return TIME_UNITS;
    return type == CONFIG_SIZE ? SIZE_UNITS : NO_UNITS;
}

static const char *form_of(enum config_type type)
{
    if (type == CONFIG_TIME)
        return "must be a whole number with a unit: ms, s, min, h or d, as in 30s";
    if (type == CONFIG_SIZE)
        return "must be a whole number of bytes, or one with KiB, MiB or GiB, as in 8MiB";
    return "must be a whole number";
}

/* The digits that `*cursor` begins with; false without any, or past 64 bits. */
static bool take_digits(const char **cursor, int64_t *ret_number)
{
    const char *start = *cursor;
    int64_t number = 0;

    for (; **cursor >= '0' && **cursor <= '9'; (*cursor)++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, **cursor - '0', &number))
            return false;
    *ret_number = number;
    return *cursor != start;
}

static bool parse_number(enum config_type type, const char *text, int64_t *ret_number)
{
    bool is_negative = type == CONFIG_INT && *text == '-';
    const char *cursor = is_negative ? text + 1 : text;
    int64_t number;

    if (!take_digits(&cursor, &number))
        return false;
    cursor += *cursor == ' '; /* "8 MiB" */
    for (const struct unit *unit = units_of(type); unit->name != NULL; unit++)
        if (strcmp(cursor, unit->name) == 0 &&
            !__builtin_mul_overflow(number, is_negative ? -unit->factor : unit->factor, &number)) {
            *ret_number = number;
            return true;
        }
    return false;
}

static bool has_minimum(const struct config_option *option)
{
    return option->minimum != 0 || option->maximum != 0;
}

/* A maximum of 0 above which the minimum lies is none. */
static bool has_maximum(const struct config_option *option)
{
    return has_minimum(option) && option->maximum >= option->minimum;
}

static bool is_in_range(const struct config_option *option, int64_t number)
{
    return !(has_minimum(option) && number < option->minimum) &&
           !(has_maximum(option) && number > option->maximum);
}

static bool is_choice(const struct config_option *option, const char *text)
{
    const char *const *choice = option->choices;

    if (choice == NULL)
        return true;
    while (*choice != NULL && strcmp(*choice, text) != 0)
        choice++;
    return *choice != NULL;
}

static bool parse_bool(const char *text, bool *ret_truth)
{
    static const char *const TRUE_WORDS[] = {"true", "yes", "1"};
    static const char *const FALSE_WORDS[] = {"false", "no", "0"};

    for (size_t i = 0; i < ARRAY_LEN(TRUE_WORDS); i++) {
        *ret_truth = strcmp(text, TRUE_WORDS[i]) == 0;
        if (*ret_truth || strcmp(text, FALSE_WORDS[i]) == 0)
            return true;
    }
    return false;
}

static void format_number(enum config_type type, int64_t number, struct buf *out)
{
    const struct unit *unit = units_of(type);

    while (unit[1].name != NULL && (number == 0 || number % unit->factor != 0))
        unit++;
    if (number == 0 && type == CONFIG_TIME)
        buf_append_string(out, "0s");
    else
        buf_append_format(out, "%" PRId64 "%s", number / unit->factor, unit->name);
}

static void format_choices(const struct config_option *option, struct buf *out)
{
    for (const char *const *choice = option->choices; *choice != NULL; choice++)
        buf_append_format(out, "%s%s", choice == option->choices ? "one of " : ", ", *choice);
}

void config_value_format_allowed(const struct config_option *option, struct buf *out)
{
    bool is_number = option->type != CONFIG_STRING && option->type != CONFIG_BOOL;

    if (option->choices != NULL) {
        format_choices(option, out);
    } else if (is_number && has_minimum(option)) {
        if (!has_maximum(option))
            buf_append_string(out, "at least ");
        format_number(option->type, option->minimum, out);
        if (has_maximum(option)) {
            buf_append_string(out, " to ");
            format_number(option->type, option->maximum, out);
        }
    }
}

static bool refuse_range(const struct config_option *option, struct buf *ret_why)
{
    buf_append_string(ret_why, "must be ");
    config_value_format_allowed(option, ret_why);
    return false;
}

static bool refuse_form(const char *form, struct buf *ret_why)
{
    buf_append_string(ret_why, form);
    return false;
}

bool config_value_parse(const struct config_option *option, const char *text,
                        struct config_value *ret_value, struct buf *ret_why)
{
    *ret_value = (struct config_value){0};
    switch (option->type) {
    case CONFIG_STRING:
        return is_choice(option, text) || refuse_range(option, ret_why);
    case CONFIG_BOOL:
        return parse_bool(text, &ret_value->truth) ||
               refuse_form("must be true, yes, 1, false, no or 0", ret_why);
    case CONFIG_INT:
    case CONFIG_SIZE:
    case CONFIG_TIME:
        if (!parse_number(option->type, text, &ret_value->number))
            return refuse_form(form_of(option->type), ret_why);
        return is_in_range(option, ret_value->number) || refuse_range(option, ret_why);
    }
    assert(false);
    return false;
}

const char *config_value_placeholder(enum config_type type)
{
    static const char *const PLACEHOLDERS[] = {
        [CONFIG_STRING] = "TEXT", [CONFIG_INT] = "NUMBER", [CONFIG_SIZE] = "SIZE",
        [CONFIG_TIME] = "TIME",   [CONFIG_BOOL] = "BOOL",
    };
    return PLACEHOLDERS[type];
}
