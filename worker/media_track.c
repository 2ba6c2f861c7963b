/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_track.h"

#include <stdio.h>
#include <string.h>

#include "worker/media_bytes.h"
#include "worker/media_header.h"
#include "worker/media_mpeg.h"
#include "worker/media_opus.h"

#define AAC_FRAME_BYTES_MAX 8192
#define ALAC_CONFIG_BYTES 24
#define ALAC_PACKET_SAMPLES_MAX 65536
#define PACKET_OVERHEAD_BYTES 1024
/* A frame of MP3 takes bits from as many before it, and Opus settles in as long. */
#define PREROLL_MS OPUS_PREROLL_MS
/* The parameters of SBR come every half second or so. */
#define SBR_PREROLL_MS 500
#define RATE_MAX 96000

/* --- AAC --- */

/* ISO/IEC 14496-3, table 1.17. */
enum {
    AOT_MAIN = 1,
    AOT_LC = 2,
    AOT_LTP = 4,
    AOT_SBR = 5,
    AOT_ER_LC = 17,
    AOT_ER_LTP = 19,
    AOT_LD = 23,
    AOT_PS = 29,
    AOT_ESCAPE = 31,
    AOT_ELD = 39
};

struct bits {
    const uint8_t *bytes;
    size_t length; /* in bits */
    size_t at;     /* may lie beyond, where there are only zeros */
};

static uint32_t take_bits(struct bits *bits, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++, bits->at++) {
        uint8_t byte = bits->at < bits->length ? bits->bytes[bits->at / 8] : 0;
        uint32_t bit = (uint32_t)byte >> (7 - bits->at % 8) & 1;
        value = value << 1 | bit;
    }
    return value;
}

static uint32_t take_object_type(struct bits *bits)
{
    uint32_t type = take_bits(bits, 5);
    return type == AOT_ESCAPE ? 32 + take_bits(bits, 6) : type;
}

static int32_t take_sample_rate(struct bits *bits)
{
    static const int32_t RATES[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                      22050, 16000, 12000, 11025, 8000,  7350};
    uint32_t index = take_bits(bits, 4);
    return index == 15 ? (int32_t)take_bits(bits, 24) : RATES[index];
}

/* By object type, and whether the short variant is chosen; 0: not supported. */
static int32_t aac_frame_samples(uint32_t type, bool is_short)
{
    switch (type) {
    case AOT_MAIN:
    case AOT_LC:
    case AOT_LTP:
    case AOT_ER_LC:
    case AOT_ER_LTP:
        return is_short ? 960 : 1024;
    case AOT_LD:
    case AOT_ELD:
        return is_short ? 480 : 512;
    default:
        return 0;
    }
}

/* Behind an old decoder's set-up it may be told that there is more in the packets than that decoder
 * knows of. */
static void look_for_sbr(struct media_track *track, struct bits *bits, int32_t *sbr_rate)
{
    enum { SYNC_EXTENSION = 0x2B7, SYNC_BITS = 11 };
    while (bits->at + SYNC_BITS + 5 <= bits->length) {
        struct bits ahead = *bits;
        if (take_bits(&ahead, SYNC_BITS) == SYNC_EXTENSION) {
            track->is_sbr_told = take_object_type(&ahead) == AOT_SBR;
            bool has_sbr = track->is_sbr_told && take_bits(&ahead, 1) != 0;
            *sbr_rate = has_sbr ? take_sample_rate(&ahead) : 0;
            return;
        }
        (void)take_bits(bits, 1);
    }
}

bool media_track_set_aac(struct media_track *track, const uint8_t *bytes, size_t length)
{
    /* 0: told inside the frames. */
    static const int32_t CHANNELS[16] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8};
    struct bits bits = {.bytes = bytes, .length = length * 8};
    uint32_t type = take_object_type(&bits);
    int32_t sample_rate = take_sample_rate(&bits);
    int32_t channels = CHANNELS[take_bits(&bits, 4)];
    int32_t sbr_rate = 0;
    track->is_sbr_told = type == AOT_SBR || type == AOT_PS;
    if (track->is_sbr_told) {
        sbr_rate = take_sample_rate(&bits);
        type = take_object_type(&bits);
    }
    track->packet_samples = aac_frame_samples(type, take_bits(&bits, 1) != 0);
    if (!track->is_sbr_told) {
        look_for_sbr(track, &bits, &sbr_rate);
    }
    track->kind = MEDIA_TRACK_AAC;
    track->codec = "aac";
    track->sample_rate = sample_rate;
    track->channels = channels > 0 ? channels : track->channels;
    track->has_sbr = sbr_rate > sample_rate;
    if (track->has_sbr) {
        track->sample_rate *= 2;
        track->packet_samples *= 2;
    }
    return length >= 2 && sample_rate > 0 && sample_rate <= RATE_MAX && track->packet_samples > 0;
}

/* --- the others --- */

bool media_track_set_alac(struct media_track *track, const uint8_t *bytes, size_t length)
{
    if (length < ALAC_CONFIG_BYTES) {
        return false;
    }
    uint32_t samples = be32(bytes);
    uint32_t sample_rate = be32(bytes + 20);
    track->kind = MEDIA_TRACK_ALAC;
    track->codec = "alac";
    track->channels = bytes[9];
    track->sample_rate = sample_rate > INT32_MAX ? INT32_MAX : (int32_t)sample_rate;
    track->packet_samples = samples <= ALAC_PACKET_SAMPLES_MAX ? (int32_t)samples : 0;
    return track->packet_samples > 0;
}

bool media_track_set_flac(struct media_track *track, const uint8_t *bytes, size_t length)
{
    if (length < FLAC_STREAMINFO_BYTES || !flac_stream_parse(bytes, &track->flac)) {
        return false;
    }
    track->kind = MEDIA_TRACK_FLAC;
    track->codec = "flac";
    track->sample_rate = track->flac.sample_rate;
    track->channels = track->flac.channels;
    return true;
}

bool media_track_set_pcm(struct media_track *track, const char *codec, int32_t sample_bytes)
{
    track->kind = MEDIA_TRACK_PCM;
    track->codec = codec;
    track->block_bytes = track->channels * sample_bytes;
    return track->channels > 0 && track->channels <= UINT8_MAX;
}

/* One of the lengths that come first; false: it leads out of the bytes. */
static bool take_lace(const uint8_t *bytes, size_t length, size_t *at, size_t *ret_size)
{
    size_t size = 0;
    while (*at < length && bytes[*at] == UINT8_MAX) {
        size += UINT8_MAX;
        (*at)++;
    }
    if (*at >= length) {
        return false;
    }
    *ret_size = size + bytes[(*at)++];
    return true;
}

bool media_track_set_vorbis(struct media_track *track, const uint8_t *bytes, size_t length)
{
    size_t at = 1;
    size_t identification = 0;
    size_t comment = 0;
    if (length < 3 || bytes[0] != 2 || !take_lace(bytes, length, &at, &identification) ||
        !take_lace(bytes, length, &at, &comment) || identification > length - at ||
        comment > length - at - identification) {
        return false;
    }
    const uint8_t *setup = bytes + at + identification + comment;
    if (!vorbis_identification_parse(bytes + at, identification, &track->vorbis) ||
        !vorbis_setup_parse(setup, (size_t)(bytes + length - setup), &track->vorbis)) {
        return false;
    }
    track->kind = MEDIA_TRACK_VORBIS;
    track->codec = "vorbis";
    track->sample_rate = track->vorbis.sample_rate;
    track->channels = track->vorbis.channels;
    return true;
}

void media_track_set_mp3(struct media_track *track)
{
    track->kind = MEDIA_TRACK_MP3;
    track->codec = "mp3";
}

void media_track_set_opus(struct media_track *track)
{
    track->kind = MEDIA_TRACK_OPUS;
    track->codec = "opus";
    track->sample_rate = OPUS_SAMPLE_RATE;
}

/* --- what follows from the codec --- */

static int32_t largest_packet_bytes(const struct media_track *track)
{
    switch (track->kind) {
    case MEDIA_TRACK_ALAC:
        return track->packet_samples * track->channels * 4 + PACKET_OVERHEAD_BYTES;
    case MEDIA_TRACK_FLAC:
        return track->flac.frame_bytes_max;
    case MEDIA_TRACK_PCM:
        return track->block_bytes;
    case MEDIA_TRACK_NONE:
    case MEDIA_TRACK_AAC:
    case MEDIA_TRACK_MP3:
    case MEDIA_TRACK_OPUS:
    case MEDIA_TRACK_VORBIS:
        break;
    }
    return AAC_FRAME_BYTES_MAX;
}

/* What a packet, if not only the one before it, needs to have come before. */
static int32_t preroll_ms(const struct media_track *track)
{
    switch (track->kind) {
    case MEDIA_TRACK_AAC:
        return track->has_sbr ? SBR_PREROLL_MS : 0;
    case MEDIA_TRACK_MP3:
    case MEDIA_TRACK_OPUS:
        return PREROLL_MS;
    case MEDIA_TRACK_NONE:
    case MEDIA_TRACK_ALAC:
    case MEDIA_TRACK_FLAC:
    case MEDIA_TRACK_PCM:
    case MEDIA_TRACK_VORBIS:
        break;
    }
    return 0;
}

void media_track_fill_header(const struct media_track *track, struct media_header *header)
{
    bool overlaps = track->kind == MEDIA_TRACK_AAC || track->kind == MEDIA_TRACK_VORBIS;
    int64_t one_packet = overlaps ? 1 : 0;
    int64_t preroll = header->bytes_per_second * preroll_ms(track) / 1000 + one_packet;
    (void)snprintf(header->codec, sizeof(header->codec), "%s", track->codec);
    header->sample_rate = track->sample_rate;
    header->channels = track->channels;
    header->largest_unit_bytes = largest_packet_bytes(track);
    header->preroll_bytes = preroll > INT32_MAX ? INT32_MAX : (int32_t)preroll;
    header->preroll_samples =
        (int32_t)((int64_t)track->sample_rate * preroll_ms(track) / 1000 + one_packet);
    header->may_double_rate = track->kind == MEDIA_TRACK_AAC && !track->is_sbr_told;
}

/* --- packets --- */

/* The last frame tells that it is shorter: an element's type and number, 12 unused bits, a flag
 * that a size follows, three more flags, the size. */
static int64_t alac_samples(const struct media_track *track, const uint8_t *bytes, size_t there)
{
    struct bits bits = {.bytes = bytes, .length = there * 8};
    (void)take_bits(&bits, 19);
    bool has_size = take_bits(&bits, 1) != 0;
    (void)take_bits(&bits, 3);
    int64_t samples = has_size ? (int64_t)take_bits(&bits, 32) : track->packet_samples;
    return samples <= track->packet_samples ? samples : 0;
}

static int64_t vorbis_samples(const struct media_track *track, const uint8_t *bytes, size_t there,
                              int32_t *previous_block)
{
    struct vorbis_block block;
    if (!vorbis_packet_parse(&track->vorbis, bytes, there, &block)) {
        return 0;
    }
    bool is_first = *previous_block < 0;
    int32_t previous = *previous_block > 0  ? *previous_block
                       : block.previous > 0 ? block.previous
                                            : track->vorbis.short_block;
    *previous_block = block.samples;
    return is_first ? 0 : (previous + block.samples) / 4;
}

int64_t media_track_packet_samples(const struct media_track *track, const uint8_t *bytes,
                                   size_t there, int64_t length, int32_t *previous_block)
{
    struct mpeg_frame mpeg;
    struct flac_frame flac;
    switch (track->kind) {
    case MEDIA_TRACK_AAC:
        return track->packet_samples;
    case MEDIA_TRACK_ALAC:
        return alac_samples(track, bytes, there);
    case MEDIA_TRACK_FLAC:
        return flac_frame_parse(&track->flac, bytes, there, &flac) ? flac.samples : 0;
    case MEDIA_TRACK_MP3:
        return there >= MPEG_HEADER_BYTES && mpeg_frame_parse(bytes, &mpeg) ? mpeg.samples : 0;
    case MEDIA_TRACK_OPUS:
        return opus_packet_samples(bytes, there);
    case MEDIA_TRACK_PCM:
        return length / track->block_bytes;
    case MEDIA_TRACK_VORBIS:
        return vorbis_samples(track, bytes, there, previous_block);
    case MEDIA_TRACK_NONE:
        break;
    }
    return 0;
}
