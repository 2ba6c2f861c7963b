/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of samples are added, which halves the rate (what is folded down from above 4 kHz does not
 * matter for the purpose), and 256 of these are transformed by the radix-2 FFT of Cooley and Tukey
 * (Mathematics of Computation 19, 1965) behind a Hann window.
 */
#include "worker/spectrum.h"

#include <assert.h>
#include <math.h>

#include "common/mem.h"

#define POINTS 256 /* half of a frame's samples */
#define FIRST_BIN 3
#define BINS_A_BAND 10 /* of 31.25 Hz */
#define BAND_RANGE_DB 50.0F
#define FULL_SCALE 65536.0F /* of the sum of two samples */
#define POWER_MIN 1e-14F

static_assert(POINTS * 2 == SPECTRUM_FRAME, "pairs of samples are added");

struct complex_float {
    float re;
    float im;
};

struct spectrum {
    float window[POINTS];
    struct complex_float turns[POINTS / 2]; /* e^(-2 pi i k / POINTS) */
    struct complex_float points[POINTS];
    float scale; /* makes the power of a sine at full scale 1 */
};

struct spectrum *spectrum_new(void)
{
    struct spectrum *spectrum = mem_new(sizeof *spectrum);
    double sum = 0;

    for (size_t i = 0; i < POINTS; i++) {
        double weight = 0.5 - 0.5 * cos(2 * M_PI * ((double)i + 0.5) / POINTS);
        spectrum->window[i] = (float)weight / FULL_SCALE;
        sum += weight * weight;
    }
    for (size_t k = 0; k < POINTS / 2; k++) {
        double angle = -2 * M_PI * (double)k / POINTS;
        spectrum->turns[k] = (struct complex_float){(float)cos(angle), (float)sin(angle)};
    }
    /* By Parseval one half of the bins holds half of POINTS times the windowed sine's power, which
     * itself is half of the window's. */
    spectrum->scale = (float)(4.0 / (POINTS * sum));
    return spectrum;
}

void spectrum_free(struct spectrum *spectrum)
{
    free(spectrum);
}

static void load(struct spectrum *spectrum, const int16_t *samples)
{
    for (size_t i = 0, reversed = 0; i < POINTS; i++) {
        float sum = (float)(samples[2 * i] + samples[2 * i + 1]);
        spectrum->points[reversed] = (struct complex_float){sum * spectrum->window[i], 0};
        /* Counts on with the lowest bit on the left. */
        size_t bit = POINTS / 2;
        for (; bit > 0 && (reversed & bit) != 0; bit /= 2)
            reversed &= ~bit;
        reversed |= bit;
    }
}

static void butterfly(struct complex_float *upper, struct complex_float *lower,
                      struct complex_float turn)
{
    struct complex_float turned = {lower->re * turn.re - lower->im * turn.im,
                                   lower->re * turn.im + lower->im * turn.re};

    *lower = (struct complex_float){upper->re - turned.re, upper->im - turned.im};
    *upper = (struct complex_float){upper->re + turned.re, upper->im + turned.im};
}

static void transform(struct spectrum *spectrum)
{
    for (size_t half = 1; half < POINTS; half *= 2) {
        size_t step = POINTS / (2 * half);
        for (size_t start = 0; start < POINTS; start += 2 * half)
            for (size_t k = 0; k < half; k++)
                butterfly(&spectrum->points[start + k], &spectrum->points[start + k + half],
                          spectrum->turns[k * step]);
    }
}

static float power_at(const struct spectrum *spectrum, size_t bin)
{
    struct complex_float point = spectrum->points[bin];

    return (point.re * point.re + point.im * point.im) * spectrum->scale + POWER_MIN;
}

static float decibels(float power)
{
    return 10.0F * log10f(power);
}

struct spectrum_frame spectrum_analyse(struct spectrum *spectrum, const int16_t *samples)
{
    struct spectrum_frame frame;
    float total = 0;
    float logarithms = 0;

    load(spectrum, samples);
    transform(spectrum);
    for (size_t band = 0; band < SPECTRUM_BANDS; band++) {
        float sum = 0;
        for (size_t k = 0; k < BINS_A_BAND; k++) {
            float power = power_at(spectrum, FIRST_BIN + band * BINS_A_BAND + k);
            sum += power;
            logarithms += logf(power);
        }
        frame.band_db[band] = decibels(sum);
        total += sum;
    }
    const float bins = SPECTRUM_BANDS * BINS_A_BAND;
    frame.level_db = decibels(total);
    frame.flatness = expf(logarithms / bins) / (total / bins);
    for (size_t band = 0; band < SPECTRUM_BANDS; band++)
        frame.band_db[band] = fmaxf(frame.band_db[band], frame.level_db - BAND_RANGE_DB);
    return frame;
}
