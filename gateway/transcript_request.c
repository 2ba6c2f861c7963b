/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/transcript_request.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *const NAMES[] = {
    [TRANSCRIPT_TXT] = "txt",
    [TRANSCRIPT_JSON] = "json",
    [TRANSCRIPT_VERBOSE_JSON] = "verbose_json",
    [TRANSCRIPT_SRT] = "srt",
    [TRANSCRIPT_VTT] = "vtt",
    [TRANSCRIPT_FORMAT_COUNT] = NULL,
};

static const struct {
    const char *extension;
    const char *content_type;
} FILES[] = {
    [TRANSCRIPT_TXT] = {"txt", "text/plain; charset=utf-8"},
    [TRANSCRIPT_JSON] = {"json", "application/json"},
    [TRANSCRIPT_VERBOSE_JSON] = {"json", "application/json"},
    [TRANSCRIPT_SRT] = {"srt", "application/x-subrip; charset=utf-8"},
    [TRANSCRIPT_VTT] = {"vtt", "text/vtt; charset=utf-8"},
};
static_assert(ARRAY_LEN(FILES) == TRANSCRIPT_FORMAT_COUNT, "every format has its file");

#define AT(member) offsetof(struct transcript_request, member)

static const struct number {
    const char *name;
    size_t offset; /* of an int64_t */
    int64_t minimum;
    int64_t maximum;
} NUMBERS[] = {
    {"paragraph_pause_ms", AT(paragraph_pause_ms), 0, 600000},
    {"line_characters", AT(rules.line_characters), 10, 200},
    {"lines", AT(rules.lines), 1, 10},
    {"min_duration_ms", AT(rules.min_duration_ms), 0, 10000},
    {"max_duration_ms", AT(rules.max_duration_ms), 500, 60000},
    {"characters_per_s", AT(rules.characters_per_s), 5, 200},
    {"pause_ms", AT(rules.pause_ms), 100, 60000},
    {"gap_ms", AT(rules.gap_ms), 0, 1000},
};

const char *const transcript_request_known[] = {"parent_job_id",
                                                "token",
                                                "format",
                                                "text",
                                                "paragraph_pause_ms",
                                                "line_characters",
                                                "lines",
                                                "min_duration_ms",
                                                "max_duration_ms",
                                                "characters_per_s",
                                                "pause_ms",
                                                "gap_ms",
                                                NULL};

const char *transcript_format_extension(enum transcript_format format)
{
    return FILES[format].extension;
}

const char *transcript_format_content_type(enum transcript_format format)
{
    return FILES[format].content_type;
}

static int64_t *value_at(struct transcript_request *request, size_t offset)
{
    return (int64_t *)(void *)((char *)request + offset);
}

static bool read_format(const char *text, struct transcript_request *request,
                        struct refusal *refusal)
{
    for (int i = 0; text != NULL && i < TRANSCRIPT_FORMAT_COUNT; i++) {
        if (strcmp(text, NAMES[i]) == 0) {
            request->format = (enum transcript_format)i;
            return true;
        }
    }
    if (text == NULL)
        return true;
    refusal_set(refusal, PROBLEM_INVALID_FIELD, "format",
                "format must be txt, json, verbose_json, srt or vtt");
    refusal->problem.allowed = NAMES;
    return false;
}

static bool read_text(const char *text, struct transcript_request *request, struct refusal *refusal)
{
    static const char *const TEXTS[] = {"corrected", "raw", NULL};

    request->is_raw = text != NULL && strcmp(text, "raw") == 0;
    if (text == NULL || request->is_raw || strcmp(text, "corrected") == 0)
        return true;
    refusal_set(refusal, PROBLEM_INVALID_FIELD, "text", "text must be corrected or raw");
    refusal->problem.allowed = TEXTS;
    return false;
}

static bool read_number(const char *text, const struct number *number,
                        struct transcript_request *request, struct refusal *refusal)
{
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");

    if (text == NULL)
        return true;
    int64_t value = digits > 0 && digits < 10 && text[digits] == '\0' ? strtol(text, NULL, 10) : -1;
    *value_at(request, number->offset) = value;
    return (value >= number->minimum && value <= number->maximum) ||
           refusal_set_range(refusal, PROBLEM_INVALID_FIELD, number->name, number->minimum,
                             number->maximum, "%s must be an integer from %" PRId64 " to %" PRId64,
                             number->name, number->minimum, number->maximum);
}

/* A bound that was not asked for gives way to the other. */
static bool fit_durations(bool has_min, bool has_max, struct caption_rules *rules,
                          struct refusal *refusal)
{
    if (rules->min_duration_ms <= rules->max_duration_ms)
        return true;
    if (!has_min)
        rules->min_duration_ms = rules->max_duration_ms;
    else if (!has_max)
        rules->max_duration_ms = rules->min_duration_ms;
    else
        return refusal_set_range(refusal, PROBLEM_INVALID_FIELD, "min_duration_ms", 0,
                                 rules->max_duration_ms,
                                 "min_duration_ms must not be more than max_duration_ms, %" PRId64,
                                 rules->max_duration_ms);
    return true;
}

bool transcript_request_parse(const char *(*find)(void *context, const char *name), void *context,
                              struct transcript_request *ret_request, struct refusal *refusal)
{
    struct transcript_request request = {.rules = caption_rules_default};

    if (!read_format(find(context, "format"), &request, refusal) ||
        !read_text(find(context, "text"), &request, refusal))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++)
        if (!read_number(find(context, NUMBERS[i].name), &NUMBERS[i], &request, refusal))
            return false;
    if (!fit_durations(find(context, "min_duration_ms") != NULL,
                       find(context, "max_duration_ms") != NULL, &request.rules, refusal))
        return false;
    *ret_request = request;
    return true;
}

void transcript_request_append_tag(const struct transcript_request *request, struct buf *out)
{
    struct transcript_request copy = *request;

    buf_append_format(out, "%s%s", NAMES[request->format], request->is_raw ? "-raw" : "");
    for (size_t i = 0; i < ARRAY_LEN(NUMBERS); i++)
        buf_append_format(out, "-%" PRId64, *value_at(&copy, NUMBERS[i].offset));
}
