/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_RESAMPLE_H
#define WORKER_MEDIA_RESAMPLE_H

/*
 * A mono stream from one rate to another without delay: sample p of the output lies at input
 * position p * in_rate / out_rate, and n input samples give ceil(n * out_rate / in_rate).
 */

#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

struct media_resample;

/*
 * Resamplers from the rates of nearly all recordings, made ahead: computing a filter takes a
 * quarter of the time that decoding a short chunk does, and a forked process finds it computed.
 */
struct media_resample_stock;

void media_resample_stock_free(struct media_resample_stock *stock);
/* What there is no memory for is not in stock. */
struct media_resample_stock *media_resample_stock_new(int32_t out_rate);

void media_resample_free(struct media_resample *resample);
/* From the stock, which may be NULL, if it has one. NULL and ERR_RETRY if there is no memory. */
struct media_resample *media_resample_new(struct media_resample_stock *stock, int32_t in_rate,
                                          int32_t out_rate, struct err *err) MUST_CHECK;

/* Returns how many samples came out; *ret_samples is valid until the next call. */
size_t media_resample_push(struct media_resample *resample, const int16_t *samples, size_t count,
                           const int16_t **ret_samples);
/* After the last push. */
size_t media_resample_finish(struct media_resample *resample, const int16_t **ret_samples);

#endif
