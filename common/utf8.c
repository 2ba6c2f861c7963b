/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

#include <stdint.h>
#include <string.h>

#include "common/mem.h"

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* Well-formed sequences by their first byte (The Unicode Standard, table 3-7). */
struct lead {
    unsigned char from, to;
    unsigned char length;
    unsigned char second_from, second_to;
};
static const struct lead LEADS[] = {
    {0x01, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

static bool is_continued(const unsigned char *text, const struct lead *lead)
{
    if (lead->length > 1 && (text[1] < lead->second_from || text[1] > lead->second_to))
        return false;
    for (size_t i = 2; i < lead->length; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return false;
    }
    return true;
}

/* The length of the valid character that `text` begins with; 0: none. */
static size_t valid_length(const unsigned char *text, size_t available)
{
    for (size_t i = 0; i < ARRAY_LEN(LEADS); i++) {
        const struct lead *lead = &LEADS[i];

        if (text[0] >= lead->from && text[0] <= lead->to)
            return available >= lead->length && is_continued(text, lead) ? lead->length : 0;
    }
    return 0;
}

bool utf8_is_clean(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;

    for (size_t i = 0; i < length;) {
        size_t step = valid_length(bytes + i, length - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

char *utf8_clean(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    char *clean = mem_array(length * (sizeof REPLACEMENT - 1) + 1, 1);
    size_t out = 0;

    for (size_t i = 0; i < length;) {
        size_t step = valid_length(bytes + i, length - i);
        if (step > 0) {
            memcpy(clean + out, text + i, step);
            out += step;
            i += step;
        } else {
            memcpy(clean + out, REPLACEMENT, sizeof REPLACEMENT - 1);
            out += sizeof REPLACEMENT - 1;
            i++;
        }
    }
    return mem_resize(clean, out + 1, 1);
}
