/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_VALUE_H
#define COMMON_CONFIG_VALUE_H

/* From an option's text to its value and back: units, ranges, choices. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/buf.h"
#include "common/config.h"

struct config_value {
    int64_t number; /* CONFIG_INT, CONFIG_SIZE, CONFIG_TIME */
    bool truth;     /* CONFIG_BOOL */
};

/* On false `ret_why` got what is allowed, as in "must be 1 to 64". Strings have no value of their
 * own here: their choices are checked. */
bool config_value_parse(const struct config_option *option, const char *text,
                        struct config_value *ret_value, struct buf *ret_why) MUST_CHECK;

/* "1 to 64", "at least 1s", "one of text, json"; nothing when all is allowed. */
void config_value_format_allowed(const struct config_option *option, struct buf *out);

/* What stands for a value in help: TEXT, NUMBER, SIZE, TIME, BOOL. */
const char *config_value_placeholder(enum config_type type);

#endif
