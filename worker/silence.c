/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/silence.h"

bool silence_is(const int16_t *samples, size_t count)
{
    int lowest = INT16_MAX;
    int highest = INT16_MIN;

    for (size_t i = 0; i < count; i++) {
        lowest = samples[i] < lowest ? samples[i] : lowest;
        highest = samples[i] > highest ? samples[i] : highest;
        if (highest - lowest > SILENCE_RANGE_MAX)
            return false;
    }
    return true;
}
