/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_matroska_track.h"

#include <string.h>

#include "common/buf.h"
#include "worker/media_ebml.h"
#include "worker/media_opus.h"

#define CODEC_ID_MAX 32
#define FLAC_HEAD_BYTES 8 /* "fLaC" and the header of the STREAMINFO block */

enum {
    ID_TRACK_ENTRY = 0xAE,
    ID_NUMBER = 0xD7,
    ID_TYPE = 0x83,
    ID_CODEC_ID = 0x86,
    ID_CODEC_PRIVATE = 0x63A2,
    ID_ENCODINGS = 0x6D80,
    ID_AUDIO = 0xE1,
    ID_SAMPLE_RATE = 0xB5,
    ID_CHANNELS = 0x9F,
    ID_BIT_DEPTH = 0x6264
};

enum { TYPE_AUDIO = 2 };

static bool refuse(struct err *err, const char *reason)
{
    return err_set(err, ERR_REJECT, "media", 0, "the WebM or Matroska header is damaged: %s",
                   reason);
}

static void read_codec_id(struct media_source *source, const struct ebml_element *entry,
                          char ret_id[static CODEC_ID_MAX])
{
    struct ebml_element element;
    ret_id[0] = '\0';
    if (!ebml_find(source, entry->content, entry->end, ID_CODEC_ID, &element)) {
        return;
    }
    int64_t length = element.end - element.content;
    length = length < CODEC_ID_MAX ? length : CODEC_ID_MAX - 1;
    const uint8_t *bytes =
        length > 0 ? media_source_at(source, element.content, (size_t)length) : NULL;
    for (int64_t i = 0; bytes != NULL && i < length; i++) {
        ret_id[i] = (char)(bytes[i] > ' ' && bytes[i] <= '~' ? bytes[i] : 0);
        ret_id[i + 1] = '\0';
    }
}

static bool read_opus(struct matroska_track *track, const uint8_t *bytes, size_t length)
{
    struct opus_head head;
    if (!opus_head_parse(bytes, length, &head)) {
        return false;
    }
    media_track_set_opus(&track->track);
    track->track.channels = head.channels;
    track->initial_skip = head.pre_skip;
    return true;
}

static bool read_flac(struct matroska_track *track, const uint8_t *bytes, size_t length)
{
    track->setup_offset += FLAC_HEAD_BYTES;
    track->setup_length = FLAC_STREAMINFO_BYTES;
    return length >= FLAC_HEAD_BYTES + FLAC_STREAMINFO_BYTES && memcmp(bytes, "fLaC", 4) == 0 &&
           media_track_set_flac(&track->track, bytes + FLAC_HEAD_BYTES, FLAC_STREAMINFO_BYTES);
}

static bool read_pcm(struct matroska_track *track, uint64_t bits, bool is_float)
{
    static const char *const INTEGERS[] = {"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le"};
    if (is_float) {
        return (bits == 32 || bits == 64) &&
               media_track_set_pcm(&track->track, bits == 32 ? "pcm_f32le" : "pcm_f64le",
                                   (int32_t)bits / 8);
    }
    return bits >= 8 && bits <= 32 && bits % 8 == 0 &&
           media_track_set_pcm(&track->track, INTEGERS[bits / 8 - 1], (int32_t)bits / 8);
}

/* `bytes` is the codec's set-up. */
static bool read_codec(struct matroska_track *track, const char *id, const uint8_t *bytes,
                       uint64_t bits, struct err *err)
{
    size_t length = (size_t)track->setup_length;
    bool is_whole = true;
    if (strcmp(id, "A_OPUS") == 0) {
        is_whole = read_opus(track, bytes, length);
    } else if (strcmp(id, "A_VORBIS") == 0) {
        is_whole = media_track_set_vorbis(&track->track, bytes, length);
    } else if (strcmp(id, "A_AAC") == 0) {
        is_whole = media_track_set_aac(&track->track, bytes, length);
    } else if (strcmp(id, "A_FLAC") == 0) {
        is_whole = read_flac(track, bytes, length);
    } else if (strcmp(id, "A_MPEG/L3") == 0) {
        media_track_set_mp3(&track->track);
    } else if (strcmp(id, "A_PCM/INT/LIT") == 0 || strcmp(id, "A_PCM/FLOAT/IEEE") == 0) {
        is_whole = read_pcm(track, bits, strcmp(id, "A_PCM/FLOAT/IEEE") == 0);
    } else {
        return err_set(err, ERR_REJECT, "media", 0,
                       "WebM or Matroska with audio of the kind %s is not supported",
                       id[0] == '\0' ? "(none)" : id);
    }
    return is_whole || refuse(err, "the audio's set-up makes no sense");
}

static bool read_entry(struct media_source *source, const struct ebml_element *entry,
                       struct matroska_track *track, struct err *err)
{
    struct ebml_element element;
    char codec_id[CODEC_ID_MAX];
    uint64_t bits = 0;
    const uint8_t *bytes = (const uint8_t *)"";
    if (ebml_find(source, entry->content, entry->end, ID_ENCODINGS, &element)) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "Matroska with compressed or encrypted packets is not supported");
    }
    track->track.channels = 1;
    if (ebml_find(source, entry->content, entry->end, ID_AUDIO, &element)) {
        double rate = ebml_find_float(source, &element, ID_SAMPLE_RATE, 8000);
        uint64_t channels = ebml_find_unsigned(source, &element, ID_CHANNELS, 1);
        track->track.sample_rate = rate >= 1 && rate <= INT32_MAX ? (int32_t)rate : 0;
        track->track.channels = channels <= UINT8_MAX ? (int32_t)channels : 0;
        bits = ebml_find_unsigned(source, &element, ID_BIT_DEPTH, 0);
    }
    if (ebml_find(source, entry->content, entry->end, ID_CODEC_PRIVATE, &element) &&
        element.end > element.content) {
        int64_t length = element.end - element.content;
        bytes = length > MEDIA_VIEW_MAX ? NULL
                                        : media_source_at(source, element.content, (size_t)length);
        if (bytes == NULL) {
            return refuse(err, "the audio's set-up is too long");
        }
        track->setup_offset = element.content;
        track->setup_length = (int32_t)length;
    }
    read_codec_id(source, entry, codec_id);
    /* The names read above may have moved the bytes' window. */
    if (track->setup_length > 0) {
        bytes = media_source_at(source, track->setup_offset, (size_t)track->setup_length);
    }
    return bytes != NULL && read_codec(track, codec_id, bytes, bits, err);
}

bool matroska_track_read(struct media_source *source, const struct ebml_element *tracks,
                         struct matroska_track *ret_track, struct err *err)
{
    struct matroska_track track = {.number = 0};
    int64_t at = tracks->content;
    for (int i = 0; i < MATROSKA_TRACKS_MAX; i++) {
        struct ebml_element entry;
        if (!ebml_find(source, at, tracks->end, ID_TRACK_ENTRY, &entry)) {
            break;
        }
        at = entry.end;
        uint64_t number = ebml_find_unsigned(source, &entry, ID_NUMBER, 0);
        if (number == 0 || number >= MATROSKA_TRACKS_MAX) {
            return refuse(err, "a track's number");
        }
        track.all_numbers |= UINT64_C(1) << number;
        if (track.number == 0 && ebml_find_unsigned(source, &entry, ID_TYPE, 0) == TYPE_AUDIO) {
            track.number = (uint32_t)number;
            if (!read_entry(source, &entry, &track, err)) {
                return false;
            }
        }
    }
    if (track.number == 0) {
        return err_set(err, ERR_REJECT, "media", 0, "the WebM or Matroska file has no audio track");
    }
    *ret_track = track;
    return true;
}

bool matroska_track_write_setup(struct media_source *source, const struct matroska_track *track,
                                struct buf *setup)
{
    if (track->setup_length == 0) {
        return true;
    }
    const uint8_t *bytes =
        media_source_at(source, track->setup_offset, (size_t)track->setup_length);
    if (bytes != NULL) {
        buf_append(setup, bytes, (size_t)track->setup_length);
    }
    return bytes != NULL;
}
