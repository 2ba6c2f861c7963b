/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/window_cover.h"

#include "worker/media_report.h"

/* One sample at 16 kHz is 24 at 384 kHz, and is rounded twice. */
#define ROUNDING_SAMPLES 64

void window_cover_place(struct coverage *coverage, struct window_scale scale, int64_t window_start)
{
    for (size_t i = 0; i < coverage->count; i++) {
        coverage->parts[i].from = window_position(scale, window_start + coverage->parts[i].from);
        coverage->parts[i].to = window_position(scale, window_start + coverage->parts[i].to);
    }
}

static int64_t within(int64_t value, int64_t from, int64_t to)
{
    return value < from ? from : value > to ? to : value;
}

static void add_window(const struct coverage *window, int64_t from, int64_t to,
                       struct coverage *coverage)
{
    for (size_t i = 0; i < window->count; i++) {
        struct coverage_part part = window->parts[i];
        part.from = within(part.from, from, to);
        part.to = within(part.to, from, to);
        if (part.from < part.to)
            coverage_append(coverage, &part);
    }
}

/* What is missing at the ends for rounding alone belongs to its neighbour, more is told. */
static void complete(struct coverage *coverage, int64_t own_samples)
{
    struct coverage_part *last =
        coverage->count == 0 ? NULL : &coverage->parts[coverage->count - 1];
    int64_t end = last == NULL ? 0 : last->to;

    if (last != NULL && own_samples - end <= ROUNDING_SAMPLES)
        last->to = own_samples;
    else if (end < own_samples)
        coverage_append(coverage, &(struct coverage_part){.from = end,
                                                          .to = own_samples,
                                                          .kind = COVERAGE_FAILED,
                                                          .reason = COVERAGE_UNACCOUNTED});
}

void window_cover_join(const struct coverage *windows, size_t count, const int64_t *crossings,
                       int64_t own_samples, struct coverage *ret_coverage)
{
    int64_t from = 0;

    *ret_coverage = (struct coverage){0};
    for (size_t i = 0; i < count; i++) {
        int64_t to = i + 1 < count ? within(crossings[i], from, own_samples) : own_samples;
        add_window(&windows[i], from, to, ret_coverage);
        from = to;
    }
    if (ret_coverage->count > 0 && ret_coverage->parts[0].from <= ROUNDING_SAMPLES)
        ret_coverage->parts[0].from = 0;
    complete(ret_coverage, own_samples);
}
