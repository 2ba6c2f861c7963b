/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/*
 * An error says what to do next. It is a plain value on the caller's stack: no allocation, no
 * thread-local state. Fallible functions return bool, are MUST_CHECK, and take `struct err *err`
 * last; they fill it only when they return false. "Nothing yet" is not an error: such functions
 * return an enum of their own.
 */

#include <stdbool.h>

#include "common/attrs.h"

enum err_kind {
    ERR_RETRY,     /* the same input may work later */
    ERR_REJECT,    /* this input never will: 4xx, dead letter, permanent failure */
    ERR_FATAL,     /* this process cannot go on: exit, the supervisor restarts it */
    ERR_CANCELLED, /* whoever asked no longer wants the answer */
    ERR_KIND_COUNT
};

struct err {
    enum err_kind kind;
    const char *domain; /* static string: "kafka", "postgres", "speech", "media", "http", "os"... */
    int code;           /* in the domain's own numbering: HTTP status, errno, ...; 0 if none */
    char message[192];  /* one sentence without a final full stop, cut if longer */
};

/* All are expressions with the value false, so that a caller can `return err_set(...)`; macros, so
 * that static analysis sees it too. */

/* err_set(err, kind, domain, code, format, ...) */
#define err_set(...) ERR_THEN_FALSE_(err_fill(__VA_ARGS__))
/* err_wrap(err, format, ...) puts "format: " before the message: only when it adds identity. */
#define err_wrap(...) ERR_THEN_FALSE_(err_prefix(__VA_ARGS__))
/* From errno as just set by a failed call; "what: strerror". ENOSPC, EDQUOT, EAGAIN, ENOMEM,
 * EMFILE, ENFILE and EIO are ERR_RETRY, the rest ERR_REJECT. */
#define err_set_errno(err, errno_value, what)                                                      \
    ERR_THEN_FALSE_(err_fill_errno(err, errno_value, what))

#define ERR_THEN_FALSE_(fill)                                                                      \
    __extension__({                                                                                \
        fill;                                                                                      \
        false;                                                                                     \
    })

void err_fill(struct err *err, enum err_kind kind, const char *domain, int code, const char *format,
              ...) PRINTF_LIKE(5, 6);
void err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
void err_fill_errno(struct err *err, int errno_value, const char *what);

const char *err_kind_name(enum err_kind kind);

#endif
