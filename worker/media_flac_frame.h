/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_FLAC_FRAME_H
#define WORKER_MEDIA_FLAC_FRAME_H

/* FLAC (RFC 9639): the STREAMINFO block, a frame's header, and the checksums. Bytes in, values out;
 * no source, no state. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

#define FLAC_STREAMINFO_BYTES 34
#define FLAC_FRAME_HEADER_BYTES_MAX 16
/* Sync, four codes, a number of one byte, and the checksum. */
#define FLAC_FRAME_HEADER_BYTES_MIN 6
#define FLAC_FOOTER_BYTES 2

struct flac_stream {
    int32_t block_samples; /* of the largest block; of every one but the last if they are fixed */
    int32_t sample_rate;
    int32_t channels;
    int32_t bits;
    int64_t total_samples; /* 0: not told */
    int32_t frame_bytes_max;
};

struct flac_frame {
    int64_t position; /* of its first sample */
    int32_t samples;
    int32_t header_bytes; /* with the checksum */
};

/* False: no stream can be like this. */
bool flac_stream_parse(const uint8_t bytes[static FLAC_STREAMINFO_BYTES],
                       struct flac_stream *ret_stream) MUST_CHECK;

/* False: no frame of this stream begins with these bytes, of which `length` are there,
 * FLAC_FRAME_HEADER_BYTES_MAX unless the file ends before. */
bool flac_frame_parse(const struct flac_stream *stream, const uint8_t *bytes, size_t length,
                      struct flac_frame *ret_frame) MUST_CHECK;

/* Goes on with the CRC-16 of a frame, which begins with 0 and is 0 at the end of its footer. */
uint16_t flac_crc16(uint16_t crc, const uint8_t *bytes, size_t length);

#endif
