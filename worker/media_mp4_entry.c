/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_mp4_entry.h"

#include <string.h>

#include "worker/media_bytes.h"
#include "worker/media_mp4_box.h"
#include "worker/media_mp4_track.h"

#define STSD_HEADER_BYTES 8 /* version, flags, number of entries */
#define ENTRY_BYTES 28      /* of a sound description, version 0, behind its box header */
#define ENTRY_1_BYTES (ENTRY_BYTES + 16)
#define ENTRY_2_BYTES (ENTRY_BYTES + 36)
#define FULL_BOX_BYTES 4
#define SETUP_BYTES_MAX 4096
#define DOPS_BYTES 11

/* Tags of an elementary stream descriptor, and types of its objects (ISO/IEC 14496-1). */
enum { TAG_STREAM = 3, TAG_DECODER = 4, TAG_SPECIFIC = 5 };
enum {
    OBJECT_AAC = 0x40,
    OBJECT_AAC_MAIN = 0x66,
    OBJECT_AAC_SSR = 0x68,
    OBJECT_MP3_LOW = 0x69,
    OBJECT_MP3 = 0x6B
};

/* One description on its way. */
struct entry {
    struct media_source *source; /* borrowed, as the next */
    struct mp4_track *track;
    uint32_t type;
    int64_t boxes; /* where those inside it begin */
    int64_t end;
    int32_t bits;   /* of a PCM sample */
    uint32_t flags; /* of version 2 */
};

static bool refuse(struct err *err, const char *reason)
{
    return err_set(err, ERR_REJECT, "media", 0, "the MP4 header is damaged: %s", reason);
}

static bool refuse_codec(const struct entry *entry, struct err *err)
{
    static const struct {
        uint32_t type;
        const char *name;
    } NAMES[] = {
        {MP4_TYPE('a', 'c', '-', '3'), "AC-3"},      {MP4_TYPE('e', 'c', '-', '3'), "E-AC-3"},
        {MP4_TYPE('s', 'a', 'm', 'r'), "AMR"},       {MP4_TYPE('s', 'a', 'w', 'b'), "AMR-WB"},
        {MP4_TYPE('e', 'n', 'c', 'a'), "encrypted"}, {MP4_TYPE('d', 't', 's', 'c'), "DTS"},
        {MP4_TYPE('Q', 'D', 'M', '2'), "QDesign"},
    };
    char type[5] = "????";
    const char *name = type;
    for (int i = 0; i < 4; i++) {
        uint8_t letter = (uint8_t)(entry->type >> (24 - 8 * i));
        type[i] = (char)(letter > ' ' && letter <= '~' ? letter : '?');
    }
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if (NAMES[i].type == entry->type) {
            name = NAMES[i].name;
        }
    }
    return err_set(err, ERR_REJECT, "media", 0, "MP4 with %s audio is not supported", name);
}

/* --- what lies in boxes of its own --- */

/* QuickTime puts some of them inside another one. */
static bool find_inside(const struct entry *entry, uint32_t type, struct mp4_box *ret_box)
{
    struct mp4_box wave;
    return mp4_box_find(entry->source, entry->boxes, entry->end, type, ret_box) ||
           (mp4_box_find(entry->source, entry->boxes, entry->end, MP4_TYPE('w', 'a', 'v', 'e'),
                         &wave) &&
            mp4_box_find(entry->source, wave.content, wave.end, type, ret_box));
}

/* Shows [start, end) and remembers it as the decoder's set-up; NULL: it makes no sense. */
static const uint8_t *take_setup(struct entry *entry, int64_t start, int64_t end)
{
    if (end <= start || end - start > SETUP_BYTES_MAX) {
        return NULL;
    }
    entry->track->setup_offset = start;
    entry->track->setup_length = (int32_t)(end - start);
    return media_source_at(entry->source, start, (size_t)(end - start));
}

/* A descriptor's tag, and its content's range. */
static bool descriptor_at(struct media_source *source, int64_t offset, int64_t limit, uint8_t tag,
                          int64_t *ret_start, int64_t *ret_end)
{
    const uint8_t *bytes = offset < limit ? media_source_at(source, offset, 1) : NULL;
    if (bytes == NULL || bytes[0] != tag) {
        return false;
    }
    int64_t length = 0;
    for (int i = 0; i < 4; i++) {
        offset++;
        bytes = offset < limit ? media_source_at(source, offset, 1) : NULL;
        if (bytes == NULL) {
            return false;
        }
        length = length << 7 | (bytes[0] & 0x7F);
        if ((bytes[0] & 0x80) == 0) {
            break;
        }
    }
    *ret_start = offset + 1;
    *ret_end = length < limit - *ret_start ? *ret_start + length : limit;
    return true;
}

/* What may follow the stream's number, as flags say. */
static int64_t behind_stream_head(struct media_source *source, int64_t start, int64_t end)
{
    const uint8_t *bytes = end - start < 3 ? NULL : media_source_at(source, start, 3);
    if (bytes == NULL) {
        return end;
    }
    uint8_t flags = bytes[2];
    int64_t at = start + 3 + ((flags & 0x80) != 0 ? 2 : 0);
    if ((flags & 0x40) != 0) { /* an address */
        bytes = at < end ? media_source_at(source, at, 1) : NULL;
        at += bytes == NULL ? 1 : 1 + bytes[0];
    }
    return at + ((flags & 0x20) != 0 ? 2 : 0);
}

static bool read_aac(struct entry *entry, int64_t start, int64_t end, struct err *err)
{
    int64_t specific = 0;
    int64_t specific_end = 0;
    const uint8_t *bytes =
        descriptor_at(entry->source, start, end, TAG_SPECIFIC, &specific, &specific_end)
            ? take_setup(entry, specific, specific_end)
            : NULL;
    if (bytes == NULL) {
        return refuse(err, "the AAC track tells nothing of its set-up");
    }
    return media_track_set_aac(&entry->track->track, bytes, (size_t)(specific_end - specific)) ||
           err_set(err, ERR_REJECT, "media", 0, "this kind of AAC is not supported");
}

static bool read_mp4a(struct entry *entry, struct err *err)
{
    struct mp4_box esds;
    int64_t start = 0;
    int64_t end = 0;
    if (!find_inside(entry, MP4_TYPE('e', 's', 'd', 's'), &esds) ||
        !descriptor_at(entry->source, esds.content + FULL_BOX_BYTES, esds.end, TAG_STREAM, &start,
                       &end) ||
        !descriptor_at(entry->source, behind_stream_head(entry->source, start, end), end,
                       TAG_DECODER, &start, &end)) {
        return refuse(err, "its audio track has no description");
    }
    const uint8_t *bytes = end - start < 13 ? NULL : media_source_at(entry->source, start, 13);
    switch (bytes == NULL ? 0 : bytes[0]) {
    case OBJECT_AAC:
    case OBJECT_AAC_MAIN:
    case OBJECT_AAC_MAIN + 1:
    case OBJECT_AAC_SSR:
        return read_aac(entry, start + 13, end, err);
    case OBJECT_MP3_LOW:
    case OBJECT_MP3:
        media_track_set_mp3(&entry->track->track);
        return true;
    default:
        return err_set(err, ERR_REJECT, "media", 0,
                       "MP4 with audio of type 0x%02x is not supported",
                       bytes == NULL ? 0u : bytes[0]);
    }
}

static bool read_alac(struct entry *entry, struct err *err)
{
    struct mp4_box box;
    const uint8_t *bytes = find_inside(entry, MP4_TYPE('a', 'l', 'a', 'c'), &box)
                               ? take_setup(entry, box.start, box.end)
                               : NULL;
    int64_t config = bytes == NULL ? 0 : box.content + FULL_BOX_BYTES - box.start;
    if (bytes == NULL || config >= box.end - box.start ||
        !media_track_set_alac(&entry->track->track, bytes + config,
                              (size_t)(box.end - box.start - config))) {
        return refuse(err, "the ALAC track's set-up");
    }
    return true;
}

static bool read_flac(struct entry *entry, struct err *err)
{
    struct mp4_box box;
    bool is_there = find_inside(entry, MP4_TYPE('d', 'f', 'L', 'a'), &box);
    /* Behind the header of a FLAC metadata block. */
    int64_t start = is_there ? box.content + FULL_BOX_BYTES + 4 : 0;
    const uint8_t *bytes = is_there && box.end - start >= FLAC_STREAMINFO_BYTES
                               ? take_setup(entry, start, start + FLAC_STREAMINFO_BYTES)
                               : NULL;
    if (bytes == NULL ||
        !media_track_set_flac(&entry->track->track, bytes, FLAC_STREAMINFO_BYTES)) {
        return refuse(err, "the FLAC track's set-up");
    }
    return true;
}

static bool read_opus(struct entry *entry, struct err *err)
{
    struct mp4_box box;
    const uint8_t *bytes = find_inside(entry, MP4_TYPE('d', 'O', 'p', 's'), &box)
                               ? take_setup(entry, box.content, box.end)
                               : NULL;
    if (bytes == NULL || box.end - box.content < DOPS_BYTES || bytes[0] != 0) {
        return refuse(err, "the Opus track's set-up");
    }
    media_track_set_opus(&entry->track->track);
    entry->track->track.channels = bytes[1];
    return true;
}

/* --- PCM --- */

enum pcm_flags { PCM_IS_FLOAT = 1, PCM_IS_BIG_ENDIAN = 2, PCM_IS_SIGNED = 4 };

/* As QuickTime's "lpcm" tells it. */
static bool set_pcm(struct entry *entry, int32_t bits, unsigned flags, struct err *err)
{
    static const struct {
        int32_t bits;
        unsigned flags;
        const char *codec;
    } CODECS[] = {
        {8, 0, "pcm_u8"},
        {8, PCM_IS_SIGNED, "pcm_s8"},
        {16, PCM_IS_SIGNED, "pcm_s16le"},
        {16, PCM_IS_SIGNED | PCM_IS_BIG_ENDIAN, "pcm_s16be"},
        {24, PCM_IS_SIGNED, "pcm_s24le"},
        {24, PCM_IS_SIGNED | PCM_IS_BIG_ENDIAN, "pcm_s24be"},
        {32, PCM_IS_SIGNED, "pcm_s32le"},
        {32, PCM_IS_SIGNED | PCM_IS_BIG_ENDIAN, "pcm_s32be"},
        {32, PCM_IS_FLOAT, "pcm_f32le"},
        {32, PCM_IS_FLOAT | PCM_IS_BIG_ENDIAN, "pcm_f32be"},
        {64, PCM_IS_FLOAT, "pcm_f64le"},
        {64, PCM_IS_FLOAT | PCM_IS_BIG_ENDIAN, "pcm_f64be"},
    };
    if (bits == 8) {
        flags &= ~(unsigned)PCM_IS_BIG_ENDIAN;
    }
    for (size_t i = 0; i < ARRAY_LEN(CODECS); i++) {
        if (CODECS[i].bits == bits && CODECS[i].flags == flags) {
            return media_track_set_pcm(&entry->track->track, CODECS[i].codec, bits / 8) ||
                   refuse(err, "the PCM track has no channels");
        }
    }
    return err_set(err, ERR_REJECT, "media", 0, "PCM of %d bits in MP4 is not supported", bits);
}

static bool set_law(struct entry *entry, const char *codec, struct err *err)
{
    return media_track_set_pcm(&entry->track->track, codec, 1) ||
           refuse(err, "the PCM track has no channels");
}

/* Those of old codes are big endian unless a box says otherwise. */
static bool set_old_pcm(struct entry *entry, int32_t bits, bool is_float, struct err *err)
{
    struct mp4_box box;
    const uint8_t *bytes =
        find_inside(entry, MP4_TYPE('e', 'n', 'd', 'a'), &box) && box.end - box.content >= 2
            ? media_source_at(entry->source, box.content, 2)
            : NULL;
    bool is_little_endian = bytes != NULL && be16(bytes) != 0;
    unsigned flags = is_float ? PCM_IS_FLOAT : PCM_IS_SIGNED;
    return set_pcm(entry, bits, is_little_endian ? flags : flags | PCM_IS_BIG_ENDIAN, err);
}

/* --- the entry --- */

static bool read_codec(struct entry *entry, struct err *err)
{
    switch (entry->type) {
    case MP4_TYPE('m', 'p', '4', 'a'):
        return read_mp4a(entry, err);
    case MP4_TYPE('.', 'm', 'p', '3'):
    case 0x6D730055: /* "ms" and the number that WAV has for MP3 */
        media_track_set_mp3(&entry->track->track);
        return true;
    case MP4_TYPE('a', 'l', 'a', 'c'):
        return read_alac(entry, err);
    case MP4_TYPE('f', 'L', 'a', 'C'):
        return read_flac(entry, err);
    case MP4_TYPE('O', 'p', 'u', 's'):
        return read_opus(entry, err);
    case MP4_TYPE('s', 'o', 'w', 't'):
        return set_pcm(entry, entry->bits, PCM_IS_SIGNED, err);
    case MP4_TYPE('t', 'w', 'o', 's'):
        return set_pcm(entry, entry->bits, PCM_IS_SIGNED | PCM_IS_BIG_ENDIAN, err);
    case MP4_TYPE('r', 'a', 'w', ' '):
        return set_pcm(entry, 8, 0, err);
    case MP4_TYPE('i', 'n', '2', '4'):
        return set_old_pcm(entry, 24, false, err);
    case MP4_TYPE('i', 'n', '3', '2'):
        return set_old_pcm(entry, 32, false, err);
    case MP4_TYPE('f', 'l', '3', '2'):
        return set_old_pcm(entry, 32, true, err);
    case MP4_TYPE('f', 'l', '6', '4'):
        return set_old_pcm(entry, 64, true, err);
    case MP4_TYPE('l', 'p', 'c', 'm'):
        return set_pcm(entry, entry->bits,
                       entry->flags & (PCM_IS_FLOAT | PCM_IS_BIG_ENDIAN | PCM_IS_SIGNED), err);
    case MP4_TYPE('a', 'l', 'a', 'w'):
        return set_law(entry, "pcm_alaw", err);
    case MP4_TYPE('u', 'l', 'a', 'w'):
        return set_law(entry, "pcm_mulaw", err);
    default:
        return refuse_codec(entry, err);
    }
}

/* Version 2 has its numbers behind those of the others. */
static bool read_version_2(struct entry *entry, const uint8_t *bytes)
{
    uint64_t number = be64(bytes + ENTRY_BYTES + 4);
    double rate;
    memcpy(&rate, &number, sizeof(rate));
    if (!(rate >= 1 && rate <= INT32_MAX)) {
        return false;
    }
    uint32_t channels = be32(bytes + ENTRY_BYTES + 12);
    uint32_t bits = be32(bytes + ENTRY_BYTES + 20);
    entry->track->track.sample_rate = (int32_t)rate;
    entry->track->track.channels = channels <= UINT8_MAX ? (int32_t)channels : 0;
    entry->bits = bits <= 64 ? (int32_t)bits : 0;
    entry->flags = be32(bytes + ENTRY_BYTES + 24);
    return true;
}

bool mp4_entry_read(struct media_source *source, const struct mp4_box *stsd,
                    struct mp4_track *track, struct err *err)
{
    struct mp4_box box;
    if (mp4_box_at(source, stsd->content + STSD_HEADER_BYTES, stsd->end, &box) != MP4_BOX_READY ||
        box.end - box.content < ENTRY_BYTES) {
        return refuse(err, "its audio track has no description");
    }
    const uint8_t *stsd_version = media_source_at(source, stsd->content, 1);
    bool is_quicktime = stsd_version != NULL && stsd_version[0] == 0;
    int64_t length = box.end - box.content < ENTRY_2_BYTES ? ENTRY_BYTES : ENTRY_2_BYTES;
    const uint8_t *bytes = media_source_at(source, box.content, (size_t)length);
    if (bytes == NULL) {
        return refuse(err, "it cannot be read");
    }
    struct entry entry = {.source = source,
                          .track = track,
                          .type = box.type,
                          .boxes = box.content + ENTRY_BYTES,
                          .end = box.end,
                          .bits = be16(bytes + 18)};
    track->track.channels = be16(bytes + 16);
    track->track.sample_rate = be16(bytes + 24);
    if (is_quicktime && be16(bytes + 8) == 1) {
        entry.boxes = box.content + ENTRY_1_BYTES;
    }
    if (is_quicktime && be16(bytes + 8) == 2) {
        entry.boxes = box.content + ENTRY_2_BYTES;
        if (length < ENTRY_2_BYTES || !read_version_2(&entry, bytes)) {
            return refuse(err, "its audio track's description");
        }
    }
    return read_codec(&entry, err);
}
