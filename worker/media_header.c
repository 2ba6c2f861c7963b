/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_header.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "worker/media_framer.h"
#include "worker/media_source.h"

#define MAGIC_BYTES 16
#define ID3_HEADER_BYTES 10
#define ID3_TAGS_MAX 16
#define READ_AHEAD_BYTES 8192

/* Outside these a few bytes of file would become gigabytes of samples, or nothing we know of. */
#define SAMPLE_RATE_MIN 4000
#define SAMPLE_RATE_MAX 384000
#define CHANNELS_MAX 8

/* MP3 comes last: it has no magic and is looked for in whatever the others did not claim. */
static const struct media_framer *const FRAMERS[] = {
    &media_wav_framer,      &media_flac_framer, &media_ogg_framer, &media_mp4_framer,
    &media_matroska_framer, &media_adts_framer, &media_mp3_framer,
};

/* Known by their first bytes and refused by name, so that the message helps. */
static const struct {
    const char *name;
    size_t offset;
    size_t length;
    const char *bytes;
} REFUSED[] = {
    {"AIFF", 8, 3, "AIF"},          {"big-endian WAV (RIFX)", 0, 4, "RIFX"},
    {"AVI", 8, 4, "AVI "},          {"CAF", 0, 4, "caff"},
    {"Sony Wave64", 0, 4, "riff"},  {"AU", 0, 4, ".snd"},
    {"AMR", 0, 5, "#!AMR"},         {"Windows Media", 0, 4, "\x30\x26\xb2\x75"},
    {"MIDI", 0, 4, "MThd"},         {"PDF", 0, 4, "%PDF"},
    {"ZIP", 0, 4, "PK\x03\x04"},    {"PNG", 0, 4, "\x89PNG"},
    {"JPEG", 0, 3, "\xff\xd8\xff"},
};

bool media_has_bytes(struct media_source *source, int64_t offset, int64_t length,
                     struct media_need *ret_need)
{
    int64_t end = offset + length;
    int64_t available_end = media_source_available_end(source, offset);
    if (available_end >= end) {
        return true;
    }
    int64_t total_size = media_source_total_size(source);
    int64_t wanted_end = end + READ_AHEAD_BYTES;
    ret_need->start = available_end;
    ret_need->end = wanted_end < total_size ? wanted_end : total_size;
    return false;
}

const uint8_t *media_view(struct media_source *source, int64_t offset, int64_t limit,
                          int64_t *ret_length)
{
    int64_t there = media_source_available_end(source, offset) - offset;
    int64_t length = limit - offset < there ? limit - offset : there;
    *ret_length = length < MEDIA_VIEW_MAX ? length : MEDIA_VIEW_MAX;
    return *ret_length <= 0 ? NULL : media_source_at(source, offset, (size_t)*ret_length);
}

int64_t media_find_byte(struct media_source *source, uint8_t byte, int64_t offset, int64_t limit)
{
    const uint8_t *bytes;
    int64_t length;

    for (; (bytes = media_view(source, offset, limit, &length)) != NULL; offset += length) {
        const uint8_t *found = memchr(bytes, byte, (size_t)length);
        if (found != NULL) {
            return offset + (found - bytes);
        }
    }
    return limit;
}

int64_t media_rescale(int64_t value, int64_t to, int64_t from)
{
    int64_t seconds = value / from;
    seconds = seconds < INT32_MAX ? seconds : INT32_MAX;
    return seconds * to + value % from * to / from;
}

/* The whole size of the ID3v2 tag that these bytes begin, 0 if they don't. */
static int64_t id3_tag_bytes(const uint8_t *bytes)
{
    if (memcmp(bytes, "ID3", 3) != 0 || ((bytes[6] | bytes[7] | bytes[8] | bytes[9]) & 0x80) != 0) {
        return 0;
    }
    int64_t size = (int64_t)bytes[6] << 21 | bytes[7] << 14 | bytes[8] << 7 | bytes[9];
    bool has_footer = (bytes[5] & 0x10) != 0;
    return ID3_HEADER_BYTES + size + (has_footer ? ID3_HEADER_BYTES : 0);
}

static enum media_status skip_tags(struct media_source *source, int64_t *ret_start,
                                   struct media_need *ret_need, struct err *err)
{
    int64_t total_size = media_source_total_size(source);
    int64_t start = 0;
    for (int i = 0; i < ID3_TAGS_MAX; i++) {
        if (total_size - start < MAGIC_BYTES) {
            (void)err_set(err, ERR_REJECT, "media", 0, "the file holds no audio");
            return MEDIA_REFUSED;
        }
        if (!media_has_bytes(source, start, MAGIC_BYTES, ret_need)) {
            return MEDIA_NEED;
        }
        const uint8_t *bytes = media_source_at(source, start, MAGIC_BYTES);
        int64_t tag_bytes = bytes == NULL ? 0 : id3_tag_bytes(bytes);
        if (tag_bytes == 0) {
            break;
        }
        if (tag_bytes > total_size - start) {
            (void)err_set(err, ERR_REJECT, "media", 0, "the file ends inside its ID3 tag");
            return MEDIA_REFUSED;
        }
        start += tag_bytes;
    }
    *ret_start = start;
    return MEDIA_READY;
}

static const char *refused_name(const uint8_t magic[static MAGIC_BYTES])
{
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        if (memcmp(magic + REFUSED[i].offset, REFUSED[i].bytes, REFUSED[i].length) == 0) {
            return REFUSED[i].name;
        }
    }
    return NULL;
}

static const struct media_framer *find_framer(const uint8_t magic[static MAGIC_BYTES],
                                              struct err *err)
{
    const char *name = refused_name(magic);
    if (name != NULL) {
        (void)err_set(err, ERR_REJECT, "media", 0, "%s is not supported", name);
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(FRAMERS); i++) {
        if (FRAMERS[i]->is_format(magic, MAGIC_BYTES)) {
            return FRAMERS[i];
        }
    }
    (void)err_set(err, ERR_REJECT, "media", 0, "the file is not audio in a supported format");
    return NULL;
}

static bool check_limits(const struct media_header *header, struct err *err)
{
    if (header->sample_rate < SAMPLE_RATE_MIN || header->sample_rate > SAMPLE_RATE_MAX) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "a sample rate of %" PRId32 " Hz is not supported (%d to %d)",
                       header->sample_rate, SAMPLE_RATE_MIN, SAMPLE_RATE_MAX);
    }
    if (header->channels < 1 || header->channels > CHANNELS_MAX) {
        return err_set(err, ERR_REJECT, "media", 0, "%" PRId32 " channels are not supported",
                       header->channels);
    }
    assert(header->bytes_per_second > 0 && header->largest_unit_bytes > 0);
    assert(header->audio_start <= header->audio_end);
    return true;
}

static enum media_status read_format(struct media_source *source, int64_t start,
                                     struct media_header *ret_header, struct media_need *ret_need,
                                     struct err *err)
{
    const uint8_t *magic = media_source_at(source, start, MAGIC_BYTES);
    if (magic == NULL) {
        (void)err_set(err, ERR_RETRY, "media", 0, "the file's header cannot be read");
        return MEDIA_REFUSED;
    }
    const struct media_framer *framer = find_framer(magic, err);
    if (framer == NULL) {
        return MEDIA_REFUSED;
    }
    struct media_header header = {
        .framer = framer, .audio_end = media_source_total_size(source), .rate_factor = 1};
    (void)strncpy(header.format, framer->format, sizeof(header.format) - 1);
    enum media_status status = framer->read_header(source, start, &header, ret_need, err);
    if (status != MEDIA_READY) {
        return status;
    }
    if (!check_limits(&header, err)) {
        return MEDIA_REFUSED;
    }
    *ret_header = header;
    return MEDIA_READY;
}

enum media_status media_header_read(struct media_source *source, struct media_header *ret_header,
                                    struct media_need *ret_need, struct err *err)
{
    int64_t start = 0;
    enum media_status status = skip_tags(source, &start, ret_need, err);
    if (status == MEDIA_READY) {
        status = read_format(source, start, ret_header, ret_need, err);
    }
    return status;
}

int64_t media_header_overlap_bytes(const struct media_header *header, int64_t overlap_ms)
{
    return header->bytes_per_second * overlap_ms / 1000 + header->preroll_bytes +
           header->largest_unit_bytes;
}
