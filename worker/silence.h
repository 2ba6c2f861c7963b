/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SILENCE_H
#define WORKER_SILENCE_H

/*
 * Tells audio in which nothing can be heard, so that no request is made for it (Whisper invents
 * words for digital silence). Pure.
 *
 * It must never take quiet speech for silence, so the bar is as low as makes sense: the whole
 * stretch stays within SILENCE_RANGE_MAX steps of 16 bits from its lowest to its highest sample,
 * that is +-8 or -72 dBFS at the loudest click. That is digital silence, dither (+-2), or the hum
 * of an unplugged input. Speech of which only the 4 lowest bits are left would pass for silence;
 * the quietest recordings of use have peaks some 20 dB above it. Measuring from lowest to highest
 * makes a constant offset, as cheap inputs add it, count as silence too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SILENCE_RANGE_MAX 16

bool silence_is(const int16_t *samples, size_t count);

#endif
