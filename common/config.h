/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

/*
 * One table of options for each process, from which --help, parsing, validation, --print-config and
 * the generated documentation come. An option "speech-url" is the flag --speech-url, the
 * environment variable CHUNKSCRIBE_SPEECH_URL and the line `speech-url = ...` of the file named by
 * --config. Precedence: flag, environment, file, default.
 *
 * Values are written into a plain struct of the process at `offset`:
 *   CONFIG_STRING  char *     owned by the config, NULL when unset and without default
 *   CONFIG_INT     int64_t    minimum <= value <= maximum
 *   CONFIG_SIZE    int64_t    bytes; suffixes KiB, MiB, GiB
 *   CONFIG_TIME    int64_t    microseconds; suffixes ms, s, min, h, d are required
 *   CONFIG_BOOL    bool       true/false, yes/no, 1/0; a bare flag is true
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

enum config_type { CONFIG_STRING, CONFIG_INT, CONFIG_SIZE, CONFIG_TIME, CONFIG_BOOL };

enum config_flags {
    CONFIG_REQUIRED = 1 << 0,
    CONFIG_SECRET = 1 << 1, /* masked by --print-config; also readable from "<name>-file" */
};

struct config_option {
    const char *name; /* NULL ends the table */
    enum config_type type;
    unsigned flags;
    size_t offset;
    const char *fallback;       /* the default as text; NULL: unset (strings), 0, false */
    int64_t minimum;            /* for numbers, in the unit stored */
    int64_t maximum;            /* 0 and minimum 0: unbounded */
    const char *const *choices; /* NULL-terminated, for strings; NULL: any */
    const char *help;           /* one sentence, with the unit where it isn't obvious */
};

enum config_outcome { CONFIG_RUN, CONFIG_EXIT_OK, CONFIG_EXIT_USAGE };

struct config;

/* `tables` is a NULL-terminated list of tables over the same struct; an option of a later table
 * takes the place of one of the same name, so that a process can give a common option a default of
 * its own. Handles --help (also --help=markdown),
 * --version, --print-config and --check itself (CONFIG_EXIT_OK). On CONFIG_EXIT_USAGE one line on
 * standard error named the option, its source and what is allowed. The strings written into
 * `ret_values` live until config_free(). */
enum config_outcome config_load(const struct config_option *const *tables, const char *program,
                                int argc, char **argv, void *ret_values,
                                struct config **ret_config) MUST_CHECK;
void config_free(struct config *config);

/* Options that every process has; embed `struct config_common` as the FIRST member of the
 * process's own struct. */
struct config_common {
    char *config_file;
    char *log_level;
    char *log_format;
    char *kafka_brokers;
    char *topic_prefix;
    char *kafka_config; /* further librdkafka properties: "name=value,..." (TLS, SASL) */
    char *listen;       /* host:port of the HTTP server; empty: none */
    int64_t shutdown_grace_us;
};
extern const struct config_option CONFIG_COMMON_OPTIONS[];

#endif
