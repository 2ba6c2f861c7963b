/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_TRACK_H
#define WORKER_MEDIA_TRACK_H

/*
 * The audio track of a container that keeps packets apart and knows nothing of what is in them
 * (MP4, Matroska): which codec it is, and how many samples a packet holds. Bytes in, values out.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/media_flac_frame.h"
#include "worker/media_vorbis.h"

struct buf;
struct media_header;

/* So much of a packet tells its samples. */
#define MEDIA_TRACK_PEEK_BYTES 16

enum media_track_kind {
    MEDIA_TRACK_NONE,
    MEDIA_TRACK_AAC,
    MEDIA_TRACK_ALAC,
    MEDIA_TRACK_FLAC,
    MEDIA_TRACK_MP3,
    MEDIA_TRACK_OPUS,
    MEDIA_TRACK_PCM,
    MEDIA_TRACK_VORBIS
};

struct media_track {
    enum media_track_kind kind;
    const char *codec; /* libavcodec's name; static */
    int32_t sample_rate;
    int32_t channels;
    int32_t packet_samples; /* AAC, ALAC: of every packet, but perhaps the last */
    bool has_sbr;           /* AAC: the set-up tells whether the rate is doubled, */
    bool is_sbr_told;       /* and whether it does tell it */
    int32_t block_bytes;    /* PCM: one sample of every channel */
    struct vorbis_stream vorbis;
    struct flac_stream flac;
};

/* Each fills a track of its kind from what the container keeps of the codec's set-up, and leaves
 * sample rate and channels as they are where that does not tell them. False: it is damaged, or of a
 * kind that no decoder of ours knows. */

/* An AudioSpecificConfig (ISO/IEC 14496-3). */
bool media_track_set_aac(struct media_track *track, const uint8_t *bytes, size_t length) MUST_CHECK;
/* An ALACSpecificConfig. */
bool media_track_set_alac(struct media_track *track, const uint8_t *bytes,
                          size_t length) MUST_CHECK;
/* A STREAMINFO block. */
bool media_track_set_flac(struct media_track *track, const uint8_t *bytes,
                          size_t length) MUST_CHECK;
/* `block_bytes` of all channels; `codec` is static. */
bool media_track_set_pcm(struct media_track *track, const char *codec,
                         int32_t sample_bytes) MUST_CHECK;
/* Vorbis: the three headers, as Xiph lacing has them. */
bool media_track_set_vorbis(struct media_track *track, const uint8_t *bytes,
                            size_t length) MUST_CHECK;
void media_track_set_mp3(struct media_track *track);
void media_track_set_opus(struct media_track *track);

/* Codec, rate and channels, and what follows from the codec: pre-roll, the largest unit, whether
 * the rate may double. bytes_per_second must be set: it is the file's, with what lies between the
 * packets. */
void media_track_fill_header(const struct media_track *track, struct media_header *header);

/* Samples that come of a packet, of which MEDIA_TRACK_PEEK_BYTES or all of it are there; 0: it is
 * damaged. *previous_block is Vorbis's: the length of the block before, 0 if that is unknown, and
 * afterwards this packet's; -1: the stream begins here. */
int64_t media_track_packet_samples(const struct media_track *track, const uint8_t *bytes,
                                   size_t there, int64_t length, int32_t *previous_block);

#endif
