/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_OPUS_H
#define WORKER_MEDIA_OPUS_H

/* Opus (RFC 6716, RFC 7845): its identification header, and how long a packet is. Bytes in, values
 * out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define OPUS_SAMPLE_RATE 48000
#define OPUS_HEAD_BYTES 19
/* A decoder that begins in the middle gets within a step of the right samples in 270 ms of
 * noise and 350 ms of a pure tone. */
#define OPUS_PREROLL_MS 400

struct opus_head {
    int32_t channels;
    int32_t pre_skip; /* samples that encoder and decoder add in front */
};

bool opus_head_parse(const uint8_t *bytes, size_t length, struct opus_head *ret_head) MUST_CHECK;

/* Samples at 48 kHz; 0 for what is no packet. */
int32_t opus_packet_samples(const uint8_t *bytes, size_t length);

#endif
