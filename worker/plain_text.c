/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/plain_text.h"

#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/utf8.h"

struct range {
    uint32_t first;
    uint32_t last;
};

/* Punctuation of the scripts that Whisper writes; symbols that are read aloud are left out. */
static const struct range PUNCTUATION[] = {
    {0x21, 0x22},     {0x27, 0x2A},     {0x2C, 0x2F},     {0x3A, 0x3B},     {0x3F, 0x3F},
    {0x5B, 0x5D},     {0x5F, 0x60},     {0x7B, 0x7B},     {0x7D, 0x7D},     {0xA1, 0xA1},
    {0xAB, 0xAB},     {0xB7, 0xB7},     {0xBB, 0xBB},     {0xBF, 0xBF},     {0x37E, 0x37E},
    {0x589, 0x589},   {0x5BE, 0x5BE},   {0x60C, 0x60C},   {0x61B, 0x61B},   {0x61F, 0x61F},
    {0x6D4, 0x6D4},   {0x964, 0x965},   {0x2010, 0x2027}, {0x2030, 0x205E}, {0x3001, 0x3003},
    {0x3008, 0x3011}, {0x3014, 0x301F}, {0x30FB, 0x30FB}, {0xFF01, 0xFF03}, {0xFF08, 0xFF0F},
    {0xFF1A, 0xFF1B}, {0xFF1F, 0xFF1F}, {0xFF3B, 0xFF3D}, {0xFF5B, 0xFF65},
};

static const struct range UNSPACED[] = {
    {0x2E80, 0x2FDF}, {0x3040, 0x30FF}, {0x31F0, 0x31FF}, {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0xFF66, 0xFF9F}, {0x20000, 0x323AF},
};

static const struct range SPACES[] = {
    {0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

static bool is_in(uint32_t code_point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    }
    return false;
}

bool plain_text_is_punctuation(uint32_t code_point)
{
    return is_in(code_point, PUNCTUATION, ARRAY_LEN(PUNCTUATION));
}

bool plain_text_is_unspaced(uint32_t code_point)
{
    return is_in(code_point, UNSPACED, ARRAY_LEN(UNSPACED));
}

uint32_t plain_text_next(const char **at)
{
    const uint8_t *bytes = (const uint8_t *)*at;
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    uint32_t code_point = length == 1 ? bytes[0] : bytes[0] & (0xFFU >> (length + 1));

    for (size_t i = 1; i < length; i++)
        code_point = code_point << 6 | (bytes[i] & 0x3FU);
    *at += length;
    return code_point;
}

char *plain_text_clean(const char *bytes, size_t length)
{
    CLEANUP(mem_free_at) char *clean = utf8_clean(bytes, length);
    struct buf text;
    bool space_pending = false;

    buf_init(&text, strlen(clean));
    for (const char *at = clean; *at != '\0';) {
        const char *start = at;
        if (is_in(plain_text_next(&at), SPACES, ARRAY_LEN(SPACES))) {
            space_pending = text.length > 0;
            continue;
        }
        if (space_pending)
            buf_append(&text, " ", 1);
        space_pending = false;
        buf_append(&text, start, (size_t)(at - start));
    }
    return buf_take(&text);
}
