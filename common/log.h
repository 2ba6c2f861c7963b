/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/*
 * One record per line on standard error: time, level, service, event name, message, then fields.
 * JSON or text. May be called from any thread. Log once, where the decision is made.
 *
 *     log_warn("publish_failed", "broker away, retrying",
 *              LOG_STR("job", job_id), LOG_INT("attempt", 2), LOG_ERR(&err));
 *
 * Never log message bodies, keys, tokens, or URLs with their query.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_COUNT
};

struct log_field {
    enum { LOG_FIELD_END, LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_ERR } kind;
    const char *key;
    const char *string; /* NULL is shown as null */
    int64_t integer;
    const struct err *err; /* becomes err_kind, err_domain, err_code and err */
};

#define LOG_STR(key_, value_) ((struct log_field){LOG_FIELD_STR, (key_), (value_), 0, NULL})
#define LOG_INT(key_, value_)                                                                      \
    ((struct log_field){LOG_FIELD_INT, (key_), NULL, (int64_t)(value_), NULL})
#define LOG_ERR(err_) ((struct log_field){LOG_FIELD_ERR, "err", NULL, 0, (err_)})
#define LOG_END ((struct log_field){LOG_FIELD_END, NULL, NULL, 0, NULL})

/* "debug", "info", "warn", "error" and NULL: the choices of the option log-level. */
extern const char *const LOG_LEVEL_NAMES[];
/* Asserts that the name is one of them. */
enum log_level log_level_from_name(const char *name);

/* `service` must outlive the process. Before it is called, text at level info. */
void log_init(const char *service, enum log_level level, bool json);
bool log_is_on(enum log_level level);
/* `fields` ends with LOG_END. */
void log_write(enum log_level level, const char *event, const char *message,
               const struct log_field *fields);

#define LOG_FIELDS_(...)                                                                           \
    (const struct log_field[])                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define log_at_(level_, event_, ...)                                                               \
    do {                                                                                           \
        if (log_is_on(level_))                                                                     \
            log_write_(level_, event_, __VA_ARGS__, LOG_END);                                      \
    } while (0)
#define log_write_(level_, event_, message_, ...)                                                  \
    log_write(level_, event_, message_, LOG_FIELDS_(__VA_ARGS__))

#define log_debug(...) log_at_(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_at_(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_at_(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at_(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
