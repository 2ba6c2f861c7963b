/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_HEADER_H
#define WORKER_MEDIA_HEADER_H

/*
 * What a recording's header says, read from whatever stretches of the file are at hand. Pure: no
 * libav, no I/O but the source's reads. A plain value: copy it freely.
 *
 * Which bytes are needed is found by asking: begin with the first MEDIA_HEADER_FIRST_BYTES of the
 * file; MEDIA_NEED names the next stretch to add (an MP3 with a large cover image needs the first
 * bytes and then the few kilobytes behind the image). Two or three rounds are usual. The stretches
 * that lead to MEDIA_READY are the ones to keep for the recording's other chunks: each decoding
 * of a chunk needs them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"
#include "worker/media_flac_frame.h"
#include "worker/media_matroska_track.h"
#include "worker/media_mp4_track.h"
#include "worker/media_vorbis.h"

#define MEDIA_HEADER_FIRST_BYTES 16384
#define MEDIA_NAME_SIZE 24
#define MEDIA_OGG_OTHERS_MAX 4

struct media_framer;
struct media_source;

enum media_status {
    MEDIA_READY,
    MEDIA_NEED,   /* bytes are missing */
    MEDIA_REFUSED /* not decodable, for good */
};

/* Bytes [start, end) of the recording, never beyond its size; `start` is not there. */
struct media_need {
    int64_t start;
    int64_t end;
};

struct media_header {
    const struct media_framer *framer;
    char format[MEDIA_NAME_SIZE]; /* "wav", "mp3" */
    char codec[MEDIA_NAME_SIZE];  /* libavcodec's name of the decoder: "pcm_s16le", "mp3" */
    int32_t sample_rate;          /* 4,000 to 384,000 */
    int32_t channels;             /* 1 to 8 */
    int64_t audio_start;          /* the first unit's first byte */
    int64_t audio_end;            /* no unit begins at or after it */
    int64_t bytes_per_second;     /* > 0; an average where the bit rate varies */
    int32_t largest_unit_bytes;   /* > 0 */
    int32_t preroll_bytes;        /* decoded before the first exact sample, and dropped */
    int32_t preroll_samples;      /* the same where other tracks' bytes lie between, else 0 */
    bool has_fixed_units;         /* their sizes are known without looking at them */
    int32_t initial_skip;         /* samples at audio_start that the encoder and decoder add */
    bool may_double_rate;         /* only the decoder can tell (SBR): see media_decode_header() */
    int32_t rate_factor;          /* 2: it does; sample_rate and units are told accordingly */

    union { /* the framer's own */
        struct {
            int32_t block_align;
        } wav;
        struct {
            uint32_t reference; /* bits that all frame headers share */
        } mp3;
        struct {
            uint32_t reference; /* bits that all frame headers share */
        } adts;
        struct {
            struct flac_stream stream;
            int64_t streaminfo; /* where it stands */
        } flac;
        struct {
            bool is_opus;
            uint32_t serial;       /* of the logical stream */
            int64_t first_page;    /* where that begins */
            int64_t first_granule; /* at audio_start */
            int64_t opus_samples;  /* of a packet, as the first ones have */
            struct vorbis_stream vorbis;
            uint32_t others[MEDIA_OGG_OTHERS_MAX]; /* streams beside it */
            int32_t other_count;
        } ogg;
        struct {
            struct mp4_track track;
            int64_t samples_end; /* of those that the moov tells of; fragments come behind it */
            int64_t first_time;  /* of the first fragment, in the track's time scale */
        } mp4;
        struct {
            struct matroska_track track;
            int64_t first_time; /* of the first block, in the file's units */
        } matroska;
    } detail;
};

/* MEDIA_REFUSED fills err (ERR_REJECT): which format it is and that it isn't supported, or what is
 * wrong with it. Fills *ret_header with MEDIA_READY and *ret_need with MEDIA_NEED only. */
enum media_status media_header_read(struct media_source *source, struct media_header *ret_header,
                                    struct media_need *ret_need, struct err *err) MUST_CHECK;

/* How many bytes of a neighbouring chunk to fetch so that `overlap_ms` of it can be heard: by byte
 * rate, with the pre-roll and one unit more. */
int64_t media_header_overlap_bytes(const struct media_header *header, int64_t overlap_ms);

#endif
