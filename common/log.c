/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

/*
 * A record is put together in a buffer on the caller's stack and leaves by one write(2), so that
 * lines of different threads never mix and nothing is buffered when the process dies. A field that
 * no longer fits is left out as a whole and the record says "cut": the line stays parsable.
 */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/utf8.h"

#define LINE_SIZE 8192
/* Kept free for the end of the line: `,"cut":true}` and the newline. */
#define LINE_RESERVE 16
/* Longer strings are cut, so that one of them doesn't push out all other fields. */
#define STRING_LIMIT 2048

const char *const LOG_LEVEL_NAMES[] = {
    [LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_COUNT] = NULL,
};
static_assert(ARRAY_LEN(LOG_LEVEL_NAMES) == LOG_LEVEL_COUNT + 1, "a name for each level");

/* Written by log_init() before other threads log, read by all of them. */
static _Atomic(const char *) log_service = "chunkscribe";
static atomic_int log_threshold = LOG_LEVEL_INFO;
static atomic_bool log_as_json = false;

struct line {
    size_t length;
    bool is_json;
    bool over; /* what was put last didn't fit */
    char data[LINE_SIZE];
};

enum log_level log_level_from_name(const char *name)
{
    int level = LOG_LEVEL_DEBUG;

    while (level < LOG_LEVEL_ERROR && strcmp(LOG_LEVEL_NAMES[level], name) != 0)
        level++;
    assert(strcmp(LOG_LEVEL_NAMES[level], name) == 0);
    return (enum log_level)level;
}

void log_init(const char *service, enum log_level level, bool json)
{
    assert(level < LOG_LEVEL_COUNT);
    atomic_store(&log_service, service);
    atomic_store(&log_threshold, (int)level);
    atomic_store(&log_as_json, json);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

static void put(struct line *line, const char *bytes, size_t length)
{
    if (line->over || length > LINE_SIZE - LINE_RESERVE - line->length) {
        line->over = true;
        return;
    }
    memcpy(line->data + line->length, bytes, length);
    line->length += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* How many bytes of clean UTF-8 stand here as one control character, 0 for none. Also the second
 * set (U+0080 to U+009F) could steer a terminal; U+2028 and U+2029 end a line in some readers. */
static size_t control_length(const unsigned char *at)
{
    if (at[0] < 0x20 || at[0] == 0x7f)
        return 1;
    if (at[0] == 0xc2 && at[1] < 0xa0)
        return 2;
    return at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9) ? 3 : 0;
}

static void put_escape(struct line *line, const unsigned char *at, size_t length)
{
    unsigned code_point = length == 1 ? at[0] : length == 2 ? at[1] : 0x2000U | (at[2] - 0x80U);
    char escape[sizeof "\\uffffffff"];

    (void)snprintf(escape, sizeof escape, "\\u%04x", code_point);
    put_text(line, escape);
}

/* A JSON string, in both formats. */
static void put_quoted(struct line *line, const char *string)
{
    size_t length = strnlen(string, STRING_LIMIT + 1);
    bool is_cut = length > STRING_LIMIT;
    CLEANUP(mem_free_at) char *clean = utf8_clean(string, is_cut ? STRING_LIMIT : length);

    put_text(line, "\"");
    for (const char *at = clean; *at != '\0';) {
        size_t control = control_length((const unsigned char *)at);
        if (control > 0)
            put_escape(line, (const unsigned char *)at, control);
        else if (*at == '"' || *at == '\\')
            put(line, (const char[]){'\\', *at}, 2);
        else
            put(line, at, 1);
        at += control > 0 ? control : 1;
    }
    put_text(line, is_cut ? "...\"" : "\"");
}

/* Text that reads well without quotes: no spaces, nothing to escape. */
static bool is_bare(const char *string)
{
    if (*string == '\0')
        return false;
    for (; *string != '\0'; string++)
        if (*string <= ' ' || *string > '~' || strchr("\"\\=", *string) != NULL)
            return false;
    return true;
}

static void put_key(struct line *line, const char *key)
{
    if (line->is_json) {
        put_text(line, line->length == 0 ? "{" : ",");
        put_quoted(line, key);
        put_text(line, ":");
    } else {
        put_text(line, " ");
        put_text(line, key);
        put_text(line, "=");
    }
}

static void put_string_field(struct line *line, const char *key, const char *string)
{
    size_t before = line->length;

    put_key(line, key);
    if (string == NULL)
        put_text(line, "null");
    else if (!line->is_json && is_bare(string))
        put_text(line, string);
    else
        put_quoted(line, string);
    if (line->over)
        line->length = before;
}

static void put_int_field(struct line *line, const char *key, int64_t integer)
{
    size_t before = line->length;
    char number[24];

    (void)snprintf(number, sizeof number, "%" PRId64, integer);
    put_key(line, key);
    put_text(line, number);
    if (line->over)
        line->length = before;
}

static void put_err_fields(struct line *line, const struct err *err)
{
    put_string_field(line, "err_kind", err_kind_name(err->kind));
    put_string_field(line, "err_domain", err->domain);
    put_int_field(line, "err_code", err->code);
    put_string_field(line, "err", err->message);
}

static void put_field(struct line *line, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_STR:
        put_string_field(line, field->key, field->string);
        break;
    case LOG_FIELD_INT:
        put_int_field(line, field->key, field->integer);
        break;
    case LOG_FIELD_ERR:
        put_err_fields(line, field->err);
        break;
    case LOG_FIELD_END:
        break;
    }
}

/* "2026-01-31T12:34:56.789Z warn  worker publish_failed: broker away" or the same as JSON. */
static void put_start(struct line *line, enum log_level level, const char *event,
                      const char *message)
{
    const char *service = atomic_load(&log_service);
    char now[CLOCK_RFC3339_SIZE];
    char start[128];

    clock_format_rfc3339(clock_wall_us(), now);
    if (line->is_json) {
        put_string_field(line, "time", now);
        put_string_field(line, "level", LOG_LEVEL_NAMES[level]);
        put_string_field(line, "service", service);
        put_string_field(line, "event", event);
        put_string_field(line, "message", message);
        return;
    }
    (void)snprintf(start, sizeof start, "%s %-5s %.24s %.48s: ", now, LOG_LEVEL_NAMES[level],
                   service, event);
    put_text(line, start);
    /* Messages are ours: quotes would only be in the way, unless something foreign got in. */
    if (strspn(message, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        " !#$%&'()*+,-./:;<>?@[]^_`{|}~") == strlen(message) &&
        strlen(message) <= STRING_LIMIT)
        put_text(line, message);
    else
        put_quoted(line, message);
}

static void put_end(struct line *line)
{
    const char *end = line->is_json ? "}\n" : "\n";

    if (line->over)
        end = line->is_json ? ",\"cut\":true}\n" : " cut=true\n";
    memcpy(line->data + line->length, end, strlen(end));
    line->length += strlen(end);
}

void log_write(enum log_level level, const char *event, const char *message,
               const struct log_field *fields)
{
    struct line line;

    assert(level < LOG_LEVEL_COUNT);
    line.length = 0;
    line.over = false;
    line.is_json = atomic_load(&log_as_json);
    put_start(&line, level, event, message);
    for (const struct log_field *field = fields; field->kind != LOG_FIELD_END; field++)
        put_field(&line, field);
    put_end(&line);

    /* There is nowhere to report that standard error doesn't take the line. */
    int errno_before = errno;
    ssize_t written = write(STDERR_FILENO, line.data, line.length);
    (void)written;
    errno = errno_before;
}
