/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/media_formats.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"

static const char *const SUPPORTED[] = {"wav",  "mp3",  "flac", "aac", "ogg", "oga",
                                        "opus", "m4a",  "mp4",  "mov", "m4b", "m4v",
                                        "webm", "weba", "mkv",  "mka", NULL};
static const char *const INDEX_MAY_COME_LAST[] = {"m4a", "mp4", "mov", "m4b", "m4v"};

/* Formats that people do have, told from misspelt names. */
static const struct {
    const char *extension;
    const char *name;
} REFUSED[] = {
    {"aif", "AIFF"}, {"aiff", "AIFF"},  {"aifc", "AIFF"},  {"amr", "AMR"},
    {"au", "AU"},    {"avi", "AVI"},    {"caf", "CAF"},    {"mp2", "MP2"},
    {"3gp", "3GPP"}, {"ts", "MPEG-TS"}, {"w64", "Wave64"}, {"wma", "WMA"},
};

static const char *find_supported(const char *extension)
{
    for (size_t i = 0; SUPPORTED[i] != NULL; i++) {
        if (strcasecmp(extension, SUPPORTED[i]) == 0)
            return SUPPORTED[i];
    }
    return NULL;
}

static const char *find_refused(const char *extension)
{
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        if (strcasecmp(extension, REFUSED[i].extension) == 0)
            return REFUSED[i].name;
    }
    return NULL;
}

/* ".wav, .mp3 or .flac" */
static void list_supported(struct buf *list)
{
    for (size_t i = 0; SUPPORTED[i] != NULL; i++) {
        const char *joint = i == 0 ? "" : SUPPORTED[i + 1] == NULL ? " or " : ", ";
        buf_append_format(list, "%s.%s", joint, SUPPORTED[i]);
    }
}

static bool refuse(const char *extension, struct refusal *refusal)
{
    CLEANUP(buf_done) struct buf list;
    const char *name = find_refused(extension);

    buf_init(&list, sizeof refusal->detail);
    list_supported(&list);
    if (name != NULL)
        refusal_set(refusal, PROBLEM_INVALID_FIELD, "filename",
                    "%s is not supported: filename must end in %s", name, buf_string(&list));
    else
        refusal_set(refusal, PROBLEM_INVALID_FIELD, "filename",
                    "filename must end in %s, which say how the recording is coded",
                    buf_string(&list));
    refusal->problem.allowed = SUPPORTED;
    return false;
}

bool media_formats_extension(const char *filename, char ret_extension[static MEDIA_EXTENSION_SIZE],
                             struct refusal *refusal)
{
    const char *dot = strrchr(filename, '.');
    const char *extension = dot == NULL ? "" : dot + 1;
    const char *supported = find_supported(extension);

    if (supported == NULL)
        return refuse(extension, refusal);
    memcpy(ret_extension, supported, strlen(supported) + 1);
    return true;
}

bool media_formats_may_end_with_header(const char *extension)
{
    for (size_t i = 0; i < ARRAY_LEN(INDEX_MAY_COME_LAST); i++) {
        if (strcmp(extension, INDEX_MAY_COME_LAST[i]) == 0)
            return true;
    }
    return false;
}

/*
 * A chunk is read together with 6 s of its neighbours (docs/seams.md), and that is worth most if a
 * chunk is no shorter: 256 KiB are that at 320 kbit/s. Samples without loss, video, and fragments,
 * which must not reach over a whole chunk, need more: 1 MiB are 6 s of a CD.
 */
#define COMPRESSED_SOUND_BYTES (INT64_C(256) * 1024)
#define ANYTHING_ELSE_BYTES (INT64_C(1024) * 1024)

static const char *const COMPRESSED_SOUND[] = {"mp3", "aac", "ogg", "oga", "opus", "weba", "mka"};

int64_t media_formats_first_chunk_bytes(const char *extension)
{
    for (size_t i = 0; i < ARRAY_LEN(COMPRESSED_SOUND); i++) {
        if (strcmp(extension, COMPRESSED_SOUND[i]) == 0)
            return COMPRESSED_SOUND_BYTES;
    }
    return ANYTHING_ELSE_BYTES;
}

static const struct {
    const char *extension;
    const char *content_type;
} CONTENT_TYPES[] = {
    {"wav", "audio/wav"},        {"mp3", "audio/mpeg"},      {"flac", "audio/flac"},
    {"aac", "audio/aac"},        {"ogg", "audio/ogg"},       {"oga", "audio/ogg"},
    {"opus", "audio/ogg"},       {"m4a", "audio/mp4"},       {"mp4", "video/mp4"},
    {"webm", "audio/webm"},      {"mov", "video/quicktime"}, {"m4b", "audio/mp4"},
    {"m4v", "video/mp4"},        {"weba", "audio/webm"},     {"mkv", "video/x-matroska"},
    {"mka", "audio/x-matroska"},
};

const char *media_formats_content_type(const char *extension)
{
    for (size_t i = 0; i < ARRAY_LEN(CONTENT_TYPES); i++) {
        if (strcmp(extension, CONTENT_TYPES[i].extension) == 0)
            return CONTENT_TYPES[i].content_type;
    }
    return "application/octet-stream";
}
