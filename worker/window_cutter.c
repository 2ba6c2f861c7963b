/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/window_cutter.h"

#include <assert.h>
#include <string.h>

#include "common/mem.h"

struct window_cutter {
    size_t window_samples;
    size_t overlap_samples;
    int16_t *buffer; /* owned; the stream from `start` on */
    size_t count;
    size_t capacity;
    int64_t start;
    size_t taken; /* samples at the front of the buffer that a window has had already */
    int32_t windows;
    bool ended;
};

struct window_cutter *window_cutter_new(size_t window_samples, size_t overlap_samples)
{
    struct window_cutter *cutter = mem_new(sizeof *cutter);

    assert(overlap_samples < window_samples);
    cutter->window_samples = window_samples;
    cutter->overlap_samples = overlap_samples;
    return cutter;
}

void window_cutter_free(struct window_cutter *cutter)
{
    if (cutter == NULL)
        return;
    free(cutter->buffer);
    free(cutter);
}

void window_cutter_push(struct window_cutter *cutter, const int16_t *samples, size_t count)
{
    assert(!cutter->ended);
    if (cutter->count + count > cutter->capacity) {
        size_t doubled = cutter->capacity * 2;
        cutter->capacity = cutter->count + count > doubled ? cutter->count + count : doubled;
        cutter->buffer = mem_resize(cutter->buffer, cutter->capacity, sizeof *cutter->buffer);
    }
    if (count > 0)
        memcpy(cutter->buffer + cutter->count, samples, count * sizeof *samples);
    cutter->count += count;
}

void window_cutter_end(struct window_cutter *cutter)
{
    cutter->ended = true;
}

/* What the next window repeats stays. */
static void advance(struct window_cutter *cutter, size_t window_count)
{
    size_t step = window_count - cutter->overlap_samples;

    memmove(cutter->buffer, cutter->buffer + step, (cutter->count - step) * sizeof *cutter->buffer);
    cutter->count -= step;
    cutter->start += (int64_t)step;
    cutter->taken = cutter->overlap_samples;
}

bool window_cutter_take(struct window_cutter *cutter, struct window *ret_window)
{
    bool is_full = cutter->count >= cutter->window_samples;
    bool is_rest = cutter->ended && cutter->count > cutter->taken;

    if (!is_full && !is_rest)
        return false;
    size_t count = is_full ? cutter->window_samples : cutter->count;
    *ret_window =
        (struct window){.index = cutter->windows++, .start = cutter->start, .count = count};
    ret_window->samples = mem_array(count, sizeof *ret_window->samples);
    memcpy(ret_window->samples, cutter->buffer, count * sizeof *ret_window->samples);
    if (is_full)
        advance(cutter, count);
    else
        cutter->taken = cutter->count;
    return true;
}

int32_t window_cutter_count(const struct window_cutter *cutter)
{
    return cutter->windows;
}
