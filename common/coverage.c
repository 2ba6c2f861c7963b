/* SPDX-License-Identifier: Apache-2.0 */
#include "common/coverage.h"

#include <assert.h>
#include <string.h>

#include "common/mem.h"

static const char *const KIND_NAMES[] = {
    [COVERAGE_TEXT] = "text",
    [COVERAGE_SILENCE] = "silence",
    [COVERAGE_FILTERED] = "filtered",
    [COVERAGE_FAILED] = "failed",
};
static_assert(ARRAY_LEN(KIND_NAMES) == COVERAGE_KIND_COUNT, "a name for each kind");

static const char *const REASON_NAMES[] = {
    [COVERAGE_NO_REASON] = NULL,
    [COVERAGE_NO_SPEECH] = "no_speech",
    [COVERAGE_ON_SILENCE] = "on_silence",
    [COVERAGE_REPETITION] = "repetition",
    [COVERAGE_MUSIC] = "music",
    [COVERAGE_NO_WORDS] = "no_words",
    [COVERAGE_TOO_FAST] = "too_fast",
    [COVERAGE_CHUNK_FAILED] = "chunk_failed",
    [COVERAGE_UNACCOUNTED] = "unaccounted",
};
static_assert(ARRAY_LEN(REASON_NAMES) == COVERAGE_REASON_COUNT, "a name for each reason");

const char *coverage_kind_name(enum coverage_kind kind)
{
    assert(kind < COVERAGE_KIND_COUNT);
    return KIND_NAMES[kind];
}

bool coverage_kind_parse(const char *name, enum coverage_kind *ret_kind)
{
    for (enum coverage_kind kind = 0; kind < COVERAGE_KIND_COUNT; kind++) {
        if (strcmp(name, KIND_NAMES[kind]) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

const char *coverage_reason_name(enum coverage_reason reason)
{
    assert(reason < COVERAGE_REASON_COUNT);
    return REASON_NAMES[reason];
}

bool coverage_reason_parse(const char *name, enum coverage_reason *ret_reason)
{
    for (enum coverage_reason reason = 1; reason < COVERAGE_REASON_COUNT; reason++) {
        if (strcmp(name, REASON_NAMES[reason]) == 0) {
            *ret_reason = reason;
            return true;
        }
    }
    return false;
}

void coverage_set_text(struct coverage_part *part, const char *text)
{
    size_t length = strnlen(text, sizeof part->text);

    if (length == sizeof part->text) {
        length--;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    memcpy(part->text, text, length);
    part->text[length] = '\0';
}

void coverage_done(struct coverage *coverage)
{
    free(coverage->parts);
    *coverage = (struct coverage){0};
}

void coverage_init(struct coverage *coverage, int64_t from, int64_t to, enum coverage_kind kind)
{
    *coverage = (struct coverage){0};
    if (from >= to)
        return;
    coverage->parts = mem_array(1, sizeof *coverage->parts);
    coverage->parts[0] = (struct coverage_part){.from = from, .to = to, .kind = kind};
    coverage->count = 1;
}

static bool is_alike(const struct coverage_part *one, const struct coverage_part *other)
{
    return one->kind == other->kind && one->reason == other->reason &&
           strcmp(one->text, other->text) == 0;
}

/* Appends what of the part lies in [from, to). */
static void append(struct coverage *coverage, const struct coverage_part *part, int64_t from,
                   int64_t to)
{
    struct coverage_part piece = *part;

    piece.from = part->from > from ? part->from : from;
    piece.to = part->to < to ? part->to : to;
    if (piece.from >= piece.to)
        return;
    assert(coverage->parts != NULL);
    struct coverage_part *last =
        coverage->count == 0 ? NULL : &coverage->parts[coverage->count - 1];
    if (last != NULL && is_alike(last, &piece))
        last->to = piece.to;
    else
        coverage->parts[coverage->count++] = piece;
}

void coverage_paint(struct coverage *coverage, const struct coverage_part *part)
{
    struct coverage painted = {0};

    if (coverage->count == 0)
        return;
    int64_t from = coverage->parts[0].from;
    int64_t to = coverage->parts[coverage->count - 1].to;
    /* A part is cut in two at most. */
    painted.parts = mem_array(coverage->count + 2, sizeof *painted.parts);
    for (size_t i = 0; i < coverage->count; i++)
        append(&painted, &coverage->parts[i], from, part->from);
    append(&painted, part, from, to);
    for (size_t i = 0; i < coverage->count; i++)
        append(&painted, &coverage->parts[i], part->to > part->from ? part->to : part->from, to);
    coverage_done(coverage);
    *coverage = painted;
}

static void append_grown(struct coverage *coverage, const struct coverage_part *part, int64_t from)
{
    coverage->parts = mem_resize(coverage->parts, coverage->count + 1, sizeof *coverage->parts);
    append(coverage, part, from, part->to);
}

void coverage_append(struct coverage *coverage, const struct coverage_part *part)
{
    int64_t end = coverage->count == 0 ? part->from : coverage->parts[coverage->count - 1].to;

    if (part->from > end)
        append_grown(coverage,
                     &(struct coverage_part){.from = end,
                                             .to = part->from,
                                             .kind = COVERAGE_FAILED,
                                             .reason = COVERAGE_UNACCOUNTED},
                     end);
    append_grown(coverage, part, end);
}

struct coverage_sums coverage_sum(const struct coverage *coverage)
{
    struct coverage_sums sums = {0};

    for (size_t i = 0; i < coverage->count; i++)
        sums.samples[coverage->parts[i].kind] += coverage->parts[i].to - coverage->parts[i].from;
    return sums;
}

int64_t coverage_total(const struct coverage_sums *sums)
{
    int64_t total = 0;

    for (size_t kind = 0; kind < COVERAGE_KIND_COUNT; kind++)
        total += sums->samples[kind];
    return total;
}

void coverage_add(struct coverage_sums *sums, const struct coverage_sums *more)
{
    for (size_t kind = 0; kind < COVERAGE_KIND_COUNT; kind++)
        sums->samples[kind] += more->samples[kind];
}
