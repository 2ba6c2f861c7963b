/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WAV: RIFF, RF64 and BW64 with PCM, IEEE float, A-law or mu-law, plain or WAVE_FORMAT_EXTENSIBLE.
 * A unit is a block: one sample of every channel. They all have the same size, so that a byte's
 * position is its time; blocks are handed out in runs to make decoding cheap.
 */

#include <stdio.h>
#include <string.h>

#include "worker/media_bytes.h"
#include "worker/media_framer.h"

#define RIFF_CHUNKS_MAX 256
#define RUN_BLOCKS_MAX 4096
#define CHUNK_BYTES 16 /* what matters of fmt and ds64 */
#define FMT_EXTENSIBLE_BYTES 40
#define SIZE_UNKNOWN 0xFFFFFFFFu

enum { TAG_PCM = 1, TAG_FLOAT = 3, TAG_ALAW = 6, TAG_MULAW = 7, TAG_EXTENSIBLE = 0xFFFE };

static const struct {
    uint16_t tag;
    int32_t bytes; /* of one stored sample */
    const char *codec;
} CODECS[] = {
    {TAG_PCM, 1, "pcm_u8"},    {TAG_PCM, 2, "pcm_s16le"},   {TAG_PCM, 3, "pcm_s24le"},
    {TAG_PCM, 4, "pcm_s32le"}, {TAG_FLOAT, 4, "pcm_f32le"}, {TAG_FLOAT, 8, "pcm_f64le"},
    {TAG_ALAW, 1, "pcm_alaw"}, {TAG_MULAW, 1, "pcm_mulaw"},
};

/* What the chunks before `data` say. */
struct riff {
    bool has_format;
    uint64_t long_data_size; /* of ds64; 0: none */
};

static bool wav_is_format(const uint8_t *magic, size_t length)
{
    return length >= 12 && memcmp(magic + 8, "WAVE", 4) == 0 &&
           (memcmp(magic, "RIFF", 4) == 0 || memcmp(magic, "RF64", 4) == 0 ||
            memcmp(magic, "BW64", 4) == 0);
}

/* The format tag, from inside the GUID where the format is extensible; 0 for a GUID that is none of
 * the registered kind. */
static uint16_t format_tag(const uint8_t *fmt, size_t length)
{
    static const uint8_t GUID_TAIL[] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80,
                                        0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71};
    uint16_t tag = le16(fmt);
    if (tag != TAG_EXTENSIBLE) {
        return tag;
    }
    if (length < FMT_EXTENSIBLE_BYTES || memcmp(fmt + 26, GUID_TAIL, sizeof(GUID_TAIL)) != 0) {
        return 0;
    }
    return le16(fmt + 24);
}

static const char *codec_name(uint16_t tag, int32_t bytes)
{
    for (size_t i = 0; i < ARRAY_LEN(CODECS); i++) {
        if (CODECS[i].tag == tag && CODECS[i].bytes == bytes) {
            return CODECS[i].codec;
        }
    }
    return NULL;
}

static bool read_fmt(const uint8_t *fmt, size_t length, struct media_header *header,
                     struct err *err)
{
    uint16_t tag = format_tag(fmt, length);
    int32_t channels = le16(fmt + 2);
    uint32_t sample_rate = le32(fmt + 4);
    int32_t block_align = le16(fmt + 12);
    if (channels == 0 || block_align == 0 || block_align % channels != 0) {
        return err_set(err, ERR_REJECT, "media", 0, "the WAV header is damaged");
    }
    const char *codec = codec_name(tag, block_align / channels);
    if (codec == NULL) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "WAV format 0x%04x with %d bits is not supported", tag, le16(fmt + 14));
    }
    (void)snprintf(header->codec, sizeof(header->codec), "%s", codec);
    header->sample_rate = sample_rate > INT32_MAX ? INT32_MAX : (int32_t)sample_rate;
    header->channels = channels;
    header->bytes_per_second = (int64_t)sample_rate * block_align;
    header->largest_unit_bytes = block_align;
    header->has_fixed_units = true;
    header->detail.wav.block_align = block_align;
    return true;
}

/* Recorders that cannot seek back leave the size 0 or at its maximum: the data then goes on to the
 * end of the file. */
static void set_audio_range(struct media_header *header, int64_t start, uint32_t size,
                            const struct riff *riff)
{
    uint64_t length = size;
    if (size == SIZE_UNKNOWN && riff->long_data_size != 0) {
        length = riff->long_data_size;
    }
    uint64_t rest = (uint64_t)(header->audio_end - start);
    if (size == 0 || length == SIZE_UNKNOWN || length > rest) {
        length = rest;
    }
    int64_t block_align = header->detail.wav.block_align;
    header->audio_start = start;
    header->audio_end = start + (int64_t)length / block_align * block_align;
}

static enum media_status refuse(struct err *err, const char *reason)
{
    (void)err_set(err, ERR_REJECT, "media", 0, "the WAV header is damaged: %s", reason);
    return MEDIA_REFUSED;
}

/* One chunk in front of `data`, whose content begins at `start`. */
static enum media_status read_chunk(struct media_source *source, const char *id, int64_t start,
                                    uint32_t size, struct riff *riff, struct media_header *header,
                                    struct media_need *ret_need, struct err *err)
{
    bool is_fmt = memcmp(id, "fmt ", 4) == 0;
    if (!is_fmt && memcmp(id, "ds64", 4) != 0) {
        return MEDIA_READY;
    }
    size_t length = is_fmt && size >= FMT_EXTENSIBLE_BYTES ? FMT_EXTENSIBLE_BYTES : CHUNK_BYTES;
    if (size < CHUNK_BYTES || start > header->audio_end - (int64_t)length) {
        return refuse(err, "a chunk of it is too short");
    }
    if (!media_has_bytes(source, start, (int64_t)length, ret_need)) {
        return MEDIA_NEED;
    }
    const uint8_t *bytes = media_source_at(source, start, length);
    if (bytes == NULL) {
        return refuse(err, "it cannot be read");
    }
    if (!is_fmt) {
        riff->long_data_size = le64(bytes + 8);
        return MEDIA_READY;
    }
    riff->has_format = read_fmt(bytes, length, header, err);
    return riff->has_format ? MEDIA_READY : MEDIA_REFUSED;
}

static enum media_status wav_read_header(struct media_source *source, int64_t start,
                                         struct media_header *header, struct media_need *ret_need,
                                         struct err *err)
{
    struct riff riff = {0};
    int64_t position = start + 12;
    for (int i = 0; i < RIFF_CHUNKS_MAX && position <= header->audio_end - 8; i++) {
        if (!media_has_bytes(source, position, 8, ret_need)) {
            return MEDIA_NEED;
        }
        const uint8_t *bytes = media_source_at(source, position, 8);
        if (bytes == NULL) {
            return refuse(err, "it cannot be read");
        }
        char id[4];
        memcpy(id, bytes, sizeof(id));
        uint32_t size = le32(bytes + 4);
        position += 8;
        if (memcmp(id, "data", 4) == 0) {
            if (!riff.has_format) {
                return refuse(err, "the data comes before its format");
            }
            set_audio_range(header, position, size, &riff);
            return MEDIA_READY;
        }
        enum media_status status =
            read_chunk(source, id, position, size, &riff, header, ret_need, err);
        if (status != MEDIA_READY) {
            return status;
        }
        position += (int64_t)size + (size & 1);
    }
    return refuse(err, "there is no data chunk");
}

static enum media_unit_status wav_unit_at(struct media_source *source,
                                          const struct media_header *header, int64_t offset,
                                          int64_t limit, struct media_unit *ret_unit)
{
    int64_t block_align = header->detail.wav.block_align;
    int64_t end = limit < header->audio_end ? limit : header->audio_end;
    int64_t blocks = (end - offset + block_align - 1) / block_align;
    int64_t blocks_there = (media_source_available_end(source, offset) - offset) / block_align;
    if (blocks > RUN_BLOCKS_MAX) {
        blocks = RUN_BLOCKS_MAX;
    }
    bool is_cut = blocks_there == 0;
    if (blocks > blocks_there) {
        blocks = is_cut ? 1 : blocks_there;
    }
    if (blocks * block_align > MEDIA_VIEW_MAX) {
        blocks = MEDIA_VIEW_MAX / block_align;
    }
    *ret_unit = (struct media_unit){.offset = offset,
                                    .length = blocks * block_align,
                                    .samples = blocks,
                                    .has_position = true,
                                    .position = (offset - header->audio_start) / block_align};
    return is_cut ? MEDIA_UNIT_CUT : MEDIA_UNIT_READY;
}

static bool wav_sync(struct media_source *source UNUSED, const struct media_header *header,
                     int64_t offset, int64_t limit, int64_t *ret_position)
{
    int64_t block_align = header->detail.wav.block_align;
    int64_t blocks = (offset - header->audio_start + block_align - 1) / block_align;
    int64_t position = header->audio_start + blocks * block_align;
    if (position >= limit || position >= header->audio_end) {
        return false;
    }
    *ret_position = position;
    return true;
}

const struct media_framer media_wav_framer = {.format = "wav",
                                              .is_format = wav_is_format,
                                              .read_header = wav_read_header,
                                              .unit_at = wav_unit_at,
                                              .sync = wav_sync};
