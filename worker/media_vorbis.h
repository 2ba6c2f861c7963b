/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_VORBIS_H
#define WORKER_MEDIA_VORBIS_H

/*
 * Vorbis I: what its headers say of the blocks, and which block a packet holds. Bytes in, values
 * out. A packet completes the samples from the middle of the block before it to the middle of its
 * own: a quarter of both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

struct vorbis_stream {
    int32_t sample_rate;
    int32_t channels;
    int32_t short_block; /* samples */
    int32_t long_block;
    int32_t mode_bits;
    uint64_t long_modes; /* bit i: mode i has long blocks */
};

struct vorbis_block {
    int32_t samples;  /* of the whole block, which overlaps with its neighbours */
    int32_t previous; /* of the block before it; 0: a short block doesn't tell */
};

bool vorbis_identification_parse(const uint8_t *bytes, size_t length,
                                 struct vorbis_stream *ret_stream) MUST_CHECK;
/* Fills in the modes. */
bool vorbis_setup_parse(const uint8_t *bytes, size_t length,
                        struct vorbis_stream *stream) MUST_CHECK;
/* False: no packet of audio. */
bool vorbis_packet_parse(const struct vorbis_stream *stream, const uint8_t *bytes, size_t length,
                         struct vorbis_block *ret_block) MUST_CHECK;

#endif
