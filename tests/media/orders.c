/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/media/orders.h"

#include <stdbool.h>
#include <stdlib.h>

#define BORDERS_OF_ALL_ORDERS 11
#define SOME_ORDERS 2000

struct order {
    const struct orders_chunk *chunks;
    int64_t count;
    const uint8_t *is_right_later; /* by border; border k lies between the chunks k and k + 1 */
};

static const struct media_report *report_of(const struct order *order, int64_t chunk)
{
    int state = CHUNKED_ALONE;
    if (chunk > 0 && order->is_right_later[chunk - 1]) {
        state |= CHUNKED_AFTER_PREVIOUS;
    }
    if (chunk + 1 < order->count && !order->is_right_later[chunk]) {
        state |= CHUNKED_AFTER_NEXT;
    }
    return &order->chunks[chunk].reports[state];
}

static void raise_to(int64_t *value, int64_t least)
{
    if (*value < least) {
        *value = least;
    }
}

/* Where the audio begins is 0, whatever delay the file tells. */
static int64_t time_origin(const struct order *order)
{
    for (int64_t i = 0; i < order->count; i++) {
        const struct media_report *report = report_of(order, i);
        if (report->samples > 0) {
            return report->has_absolute_start ? report->absolute_start : 0;
        }
    }
    return 0;
}

static struct orders_result try_order(const struct order *order, int64_t true_end)
{
    struct orders_result result = {.orders = 1};
    const struct media_report *previous = NULL;
    int64_t origin = time_origin(order);
    int64_t end = 0;
    for (int64_t i = 0; i < order->count; i++) {
        const struct media_report *report = report_of(order, i);
        if (report->samples == 0 && report->border_samples == 0) {
            continue;
        }
        bool is_completed = previous != NULL && !previous->tail_complete &&
                            previous->next_byte == report->border_byte;
        end += is_completed ? report->border_samples : 0;
        if (previous != NULL) {
            result.unjoined += !is_completed && previous->next_byte != report->first_byte ? 1 : 0;
            result.unspanned += !previous->spans_next && !report->spans_previous ? 1 : 0;
        }
        previous = report;
        int64_t start = report->has_absolute_start ? report->absolute_start - origin : end;
        result.lost += start > end ? start - end : 0;
        result.doubled += start < end ? end - start : 0;
        raise_to(&result.position_error, llabs(start - order->chunks[i].true_start));
        end = start + report->samples;
    }
    result.lost += true_end > end ? true_end - end : 0;
    result.doubled += true_end < end ? end - true_end : 0;
    return result;
}

static void keep_worst(struct orders_result *worst, const struct orders_result *result)
{
    worst->orders += result->orders;
    raise_to(&worst->lost, result->lost);
    raise_to(&worst->doubled, result->doubled);
    raise_to(&worst->position_error, result->position_error);
    raise_to(&worst->unspanned, result->unspanned);
    raise_to(&worst->unjoined, result->unjoined);
}

struct orders_result orders_try(const struct orders_chunk *chunks, int64_t count, int64_t true_end)
{
    struct orders_result worst = {.orders = 0};
    uint8_t *is_right_later = calloc((size_t)count, 1);
    struct order order = {.chunks = chunks, .count = count, .is_right_later = is_right_later};
    bool are_few = count - 1 <= BORDERS_OF_ALL_ORDERS;
    int64_t orders = are_few ? INT64_C(1) << (count - 1) : SOME_ORDERS;
    uint32_t random = 1;
    for (int64_t i = 0; i < orders; i++) {
        for (int64_t border = 0; border + 1 < count; border++) {
            random = random * 1664525u + 1013904223u;
            is_right_later[border] =
                (uint8_t)(are_few ? i >> border & 1 : (int64_t)(random >> 24 & 1));
        }
        struct orders_result result = try_order(&order, true_end);
        keep_worst(&worst, &result);
    }
    free(is_right_later);
    return worst;
}
