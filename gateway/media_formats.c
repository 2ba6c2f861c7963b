/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/media_formats.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char *const SUPPORTED[] = {"wav", "mp3", NULL};

/* Formats that people do have, told from misspelt names. */
static const struct {
    const char *extension;
    const char *name;
} NOT_YET[] = {
    {"flac", "FLAC"}, {"m4a", "M4A"},      {"mp4", "MP4"},      {"mov", "QuickTime"},
    {"aac", "AAC"},   {"ogg", "Ogg"},      {"oga", "Ogg"},      {"opus", "Opus"},
    {"webm", "WebM"}, {"mkv", "Matroska"}, {"mka", "Matroska"}, {"wma", "WMA"},
    {"aif", "AIFF"},  {"aiff", "AIFF"},    {"amr", "AMR"},      {"mp2", "MP2"},
};

static const char *find_supported(const char *extension)
{
    for (size_t i = 0; SUPPORTED[i] != NULL; i++) {
        if (strcasecmp(extension, SUPPORTED[i]) == 0)
            return SUPPORTED[i];
    }
    return NULL;
}

static const char *find_not_yet(const char *extension)
{
    for (size_t i = 0; i < ARRAY_LEN(NOT_YET); i++) {
        if (strcasecmp(extension, NOT_YET[i].extension) == 0)
            return NOT_YET[i].name;
    }
    return NULL;
}

bool media_formats_extension(const char *filename, char ret_extension[static MEDIA_EXTENSION_SIZE],
                             struct refusal *refusal)
{
    const char *dot = strrchr(filename, '.');
    const char *extension = dot == NULL ? "" : dot + 1;
    const char *supported = find_supported(extension);
    const char *not_yet = find_not_yet(extension);

    if (supported != NULL) {
        memcpy(ret_extension, supported, strlen(supported) + 1);
        return true;
    }
    if (not_yet != NULL)
        refusal_set(refusal, PROBLEM_INVALID_FIELD, "filename",
                    "%s is not supported yet: filename must end in .wav or .mp3", not_yet);
    else
        refusal_set(refusal, PROBLEM_INVALID_FIELD, "filename",
                    "filename must end in .wav or .mp3, which say how the recording is coded");
    refusal->problem.allowed = SUPPORTED;
    return false;
}
