/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/media/compare.h"

#include <math.h>

#define LAG_MAX 3000
#define CORRELATED_SAMPLES 4096
/* Below it, the piece is something else. */
#define CORRELATION_MIN 0.5

bool compare_is_same(int16_t a, int16_t b)
{
    int difference = a - b;
    return difference >= -1 && difference <= 1;
}

static double correlation(const int16_t *a, const int16_t *b, int64_t count)
{
    double products = 0;
    double energy_a = 0;
    double energy_b = 0;
    for (int64_t i = 0; i < count; i++) {
        products += (double)a[i] * b[i];
        energy_a += (double)a[i] * a[i];
        energy_b += (double)b[i] * b[i];
    }
    return energy_a > 0 && energy_b > 0 ? products / sqrt(energy_a * energy_b) : 0;
}

int64_t compare_lag(struct pcm whole, struct pcm piece, int64_t expected)
{
    int64_t count = piece.count < CORRELATED_SAMPLES ? piece.count : CORRELATED_SAMPLES;
    int64_t from = (piece.count - count) / 2; /* its middle */
    double best = CORRELATION_MIN;
    int64_t found = INT64_MAX;
    for (int64_t lag = -LAG_MAX; lag <= LAG_MAX; lag++) {
        int64_t place = expected + from + lag;
        if (place < 0 || place + count > whole.count) {
            continue;
        }
        double likeness = correlation(whole.samples + place, piece.samples + from, count);
        if (likeness > best) {
            best = likeness;
            found = lag;
        }
    }
    return found;
}
