/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_OWN_H
#define COMMON_CONFIG_OWN_H

/* What the files config*.c share among themselves; nobody else includes this. */

#include <stdbool.h>
#include <stddef.h>

#include "common/attrs.h"
#include "common/config.h"

#define ENVIRONMENT_PREFIX "CHUNKSCRIBE_"

/* In rising precedence. */
enum config_origin {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_FLAG
};

struct config_setting {
    const struct config_option *option;
    enum config_origin origin;
    char *text;  /* owned; NULL: unset */
    char *where; /* owned; "default", "worker.conf:12", "CHUNKSCRIBE_LISTEN", "--listen" */
};

/* What the flags that are no options ask for. */
enum config_request {
    CONFIG_ASK_RUN,
    CONFIG_ASK_CHECK,
    CONFIG_ASK_PRINT,
    CONFIG_ASK_VERSION,
    CONFIG_ASK_HELP,
    CONFIG_ASK_HELP_MARKDOWN,
};

struct config {
    const char *program; /* borrowed */
    enum config_request request;
    struct config_setting *settings; /* owned, one for each option, in the order of the tables */
    size_t setting_count;
};

/* One setting for each option, unset; config_free(). */
struct config *config_new(const struct config_option *const *tables, const char *program);

/* Prints "program: message" on standard error; false. */
bool config_refuse(const struct config *config, const char *format, ...) PRINTF_LIKE(2, 3);

/* The setting of this name, or of the secret whose "<name>-file" it is (`ret_is_file`); NULL
 * without one. */
struct config_setting *config_find(const struct config *config, const char *name,
                                   bool *ret_is_file);
/* The option whose name is nearest to this misspelt one; NULL when none is near. */
const char *config_nearest_name(const struct config *config, const char *name);
/* "CHUNKSCRIBE_LISTEN" for "listen", owned by the caller. */
char *config_environment_name(const char *option_name);

/* Reads each source into the settings that no higher source has set. False: said why. */
bool config_read_flags(struct config *config, int argc, char **argv) MUST_CHECK;
bool config_read_environment(struct config *config, char **environment) MUST_CHECK;
bool config_read_file(struct config *config, const char *path) MUST_CHECK;

void config_print_help(const struct config *config);
void config_print_help_markdown(const struct config *config);
void config_print_values(const struct config *config);

#endif
