/* SPDX-License-Identifier: Apache-2.0 */
#include "common/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const KIND_NAMES[] = {
    [ERR_RETRY] = "retry",
    [ERR_REJECT] = "reject",
    [ERR_FATAL] = "fatal",
    [ERR_CANCELLED] = "cancelled",
};
static_assert(ARRAY_LEN(KIND_NAMES) == ERR_KIND_COUNT, "a name for each kind");

void err_fill(struct err *err, enum err_kind kind, const char *domain, int code, const char *format,
              ...)
{
    va_list args;

    err->kind = kind;
    err->domain = domain;
    err->code = code;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
}

/* Cuts what does not fit. */
static void append(struct err *err, const char *text)
{
    size_t used = strlen(err->message);
    size_t length = strnlen(text, sizeof err->message - 1 - used);

    memcpy(err->message + used, text, length);
    err->message[used + length] = '\0';
}

void err_prefix(struct err *err, const char *format, ...)
{
    char inner[sizeof err->message];
    va_list args;

    memcpy(inner, err->message, sizeof inner);
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    append(err, ": ");
    append(err, inner);
}

static enum err_kind errno_kind(int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EIO:
        return ERR_RETRY;
    default:
        return ERR_REJECT;
    }
}

void err_fill_errno(struct err *err, int errno_value, const char *what)
{
    char text[96];

    /* The GNU variant returns the message, which need not be in the buffer. */
    err_fill(err, errno_kind(errno_value), "os", errno_value, "%s: %s", what,
             strerror_r(errno_value, text, sizeof text));
}

const char *err_kind_name(enum err_kind kind)
{
    assert(kind < ERR_KIND_COUNT);
    return KIND_NAMES[kind];
}
