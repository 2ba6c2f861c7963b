/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_resample.h"

#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
#include <string.h>

#include "common/mem.h"

/* The filter holds back a few dozen input samples, more where the rate falls a lot. */
#define FLUSH_SAMPLES 1024

struct media_resample {
    SwrContext *swr; /* owned; NULL: the rates are the same */
    int32_t in_rate;
    int32_t out_rate;
    int64_t pushed;
    int64_t produced;
    int16_t *out; /* owned */
    size_t capacity;
};

void media_resample_free(struct media_resample *resample)
{
    if (resample == NULL) {
        return;
    }
    swr_free(&resample->swr);
    free(resample->out);
    free(resample);
}

static struct media_resample *make(int32_t in_rate, int32_t out_rate, struct err *err)
{
    struct media_resample *resample = mem_new(sizeof(*resample));
    resample->in_rate = in_rate;
    resample->out_rate = out_rate;
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    if (in_rate != out_rate &&
        (swr_alloc_set_opts2(&resample->swr, &mono, AV_SAMPLE_FMT_S16, out_rate, &mono,
                             AV_SAMPLE_FMT_S16, in_rate, 0, NULL) < 0 ||
         swr_init(resample->swr) < 0)) {
        media_resample_free(resample);
        (void)err_set(err, ERR_RETRY, "media", 0, "the resampler cannot be set up");
        return NULL;
    }
    return resample;
}

/* --- made ahead --- */

static const int32_t STOCKED_RATES[] = {44100, 48000};

struct media_resample_stock {
    struct media_resample *items[ARRAY_LEN(STOCKED_RATES)]; /* owned; NULL: not there */
};

void media_resample_stock_free(struct media_resample_stock *stock)
{
    if (stock == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(stock->items); i++) {
        media_resample_free(stock->items[i]);
    }
    free(stock);
}

struct media_resample_stock *media_resample_stock_new(int32_t out_rate)
{
    struct media_resample_stock *stock = mem_new(sizeof(*stock));
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(stock->items); i++) {
        stock->items[i] = make(STOCKED_RATES[i], out_rate, &err);
    }
    return stock;
}

struct media_resample *media_resample_new(struct media_resample_stock *stock, int32_t in_rate,
                                          int32_t out_rate, struct err *err)
{
    for (size_t i = 0; stock != NULL && i < ARRAY_LEN(stock->items); i++) {
        struct media_resample *resample = stock->items[i];
        if (resample != NULL && resample->in_rate == in_rate && resample->out_rate == out_rate) {
            stock->items[i] = NULL;
            return resample;
        }
    }
    return make(in_rate, out_rate, err);
}

/* --- in use --- */

static int64_t due_samples(const struct media_resample *resample)
{
    return (resample->pushed * resample->out_rate + resample->in_rate - 1) / resample->in_rate;
}

static void reserve(struct media_resample *resample, size_t count)
{
    if (count > resample->capacity) {
        resample->out = mem_resize(resample->out, count, sizeof(*resample->out));
        resample->capacity = count;
    }
}

/* NULL flushes. Never lets out more than is due in all. */
static size_t convert(struct media_resample *resample, const int16_t *samples, size_t count)
{
    uint8_t *out[1] = {(uint8_t *)resample->out};
    const uint8_t *in[1] = {(const uint8_t *)samples};
    int produced = swr_convert(resample->swr, out, (int)resample->capacity,
                               samples == NULL ? NULL : in, (int)count);
    int64_t due = due_samples(resample) - resample->produced;
    int64_t kept = produced < 0 ? 0 : produced < due ? produced : due;
    resample->produced += kept;
    return (size_t)kept;
}

size_t media_resample_push(struct media_resample *resample, const int16_t *samples, size_t count,
                           const int16_t **ret_samples)
{
    resample->pushed += (int64_t)count;
    if (resample->swr == NULL) {
        *ret_samples = samples;
        resample->produced += (int64_t)count;
        return count;
    }
    int64_t room = due_samples(resample) - resample->produced;
    reserve(resample, (size_t)room + FLUSH_SAMPLES);
    *ret_samples = resample->out;
    return convert(resample, samples, count);
}

size_t media_resample_finish(struct media_resample *resample, const int16_t **ret_samples)
{
    int64_t missing = due_samples(resample) - resample->produced;
    if (resample->swr == NULL || missing <= 0) {
        return 0;
    }
    reserve(resample, (size_t)missing + FLUSH_SAMPLES);
    size_t produced = convert(resample, NULL, 0);
    size_t silent = (size_t)missing - produced;
    memset(resample->out + produced, 0, silent * sizeof(*resample->out));
    resample->produced += (int64_t)silent;
    *ret_samples = resample->out;
    return (size_t)missing;
}
