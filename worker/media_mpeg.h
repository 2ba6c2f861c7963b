/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MPEG_H
#define WORKER_MEDIA_MPEG_H

/*
 * MPEG-1, 2 and 2.5 audio layer III: one frame's header and side information, and the tag frame
 * (Xing, Info, VBRI) that many encoders put first. Bytes in, values out; no source, no state.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define MPEG_HEADER_BYTES 4
/* The largest frame: MPEG-2.5 at 8 kHz and 160 kbit/s. */
#define MPEG_FRAME_BYTES_MAX 1441
/* A header, its side information, and as much as encoders of free format go to: 640 kbit/s. */
#define MPEG_FREE_FRAME_BYTES_MIN 13
#define MPEG_FREE_FRAME_BYTES_MAX 5761
/* Header, checksum and side information at most. */
#define MPEG_SIDE_END_MAX 38
#define MPEG_TAG_BYTES_MAX 200

/* Header bits that one encoder never changes: sync, version, layer, protection, sample rate,
 * copyright, original, emphasis. */
#define MPEG_REFERENCE_MASK 0xFFFF0C0Fu
/* Those of them that decoding relies on; the others change where files were joined. */
#define MPEG_STREAM_MASK 0xFFFE0C00u

struct mpeg_frame {
    uint32_t reference; /* the header's bits under MPEG_REFERENCE_MASK */
    int32_t length;     /* bytes, header included */
    int32_t samples;    /* per channel */
    int32_t sample_rate;
    int32_t channels;
    int32_t bit_rate;   /* bits per second */
    int32_t side_start; /* where the side information begins in the frame */
    int32_t side_bytes;
    bool is_version1;
};

struct mpeg_tag {
    int64_t frames; /* 0: not told */
    int64_t bytes;
    int32_t encoder_delay; /* -1: not told */
};

/* False: not a layer III header, or of free format, whose frames have no telling length. */
bool mpeg_frame_parse(const uint8_t header[static MPEG_HEADER_BYTES],
                      struct mpeg_frame *ret_frame) MUST_CHECK;

/* A header of free format: the frame's length, which is that of all its stream's frames but for the
 * padding, has to be found by looking for the next header. */
struct mpeg_free_header {
    uint32_t reference; /* the header's bits under MPEG_REFERENCE_MASK */
    int32_t padding;    /* bytes */
};

bool mpeg_free_header_parse(const uint8_t header[static MPEG_HEADER_BYTES],
                            struct mpeg_free_header *ret_header) MUST_CHECK;

/* Whether the side information (side_start + side_bytes bytes of the frame must be there) can be
 * one: four matching headers alone were wrong at dozens of offsets per file, with this at none. */
bool mpeg_side_is_valid(const struct mpeg_frame *frame, const uint8_t *bytes);

/* Whether the frame is no audio but a tag about the file; `length` bytes of it are there,
 * MPEG_TAG_BYTES_MAX or the whole frame. */
bool mpeg_tag_parse(const struct mpeg_frame *frame, const uint8_t *bytes, size_t length,
                    struct mpeg_tag *ret_tag) MUST_CHECK;

#endif
