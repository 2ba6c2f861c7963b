/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json_text.h"

#include <stdbool.h>

#define CONTROL_ESCAPE_SIZE 6 /* \u001f */

static bool needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f;
}

static void append_escaped(struct buf *out, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        buf_append_format(out, "\\%c", byte);
    else if (byte == '\n')
        buf_append_string(out, "\\n");
    else
        buf_append_format(out, "\\u%04x", byte);
}

void json_text_append_part(struct buf *out, const char *text, size_t length)
{
    size_t plain = 0;

    for (size_t i = 0; i < length; i++) {
        if (!needs_escape((unsigned char)text[i]))
            continue;
        buf_append(out, text + plain, i - plain);
        append_escaped(out, (unsigned char)text[i]);
        plain = i + 1;
    }
    buf_append(out, text + plain, length - plain);
}

void json_text_append(struct buf *out, const char *text, size_t length)
{
    buf_append(out, "\"", 1);
    json_text_append_part(out, text, length);
    buf_append(out, "\"", 1);
}

static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static size_t character_size(const char *text, size_t length)
{
    size_t size = 1;

    while (size < length && continues_character(text[size]))
        size++;
    return size;
}

size_t json_text_fit(const char *text, size_t length, size_t max_bytes)
{
    size_t taken = 0;
    size_t escaped = 0;

    while (taken < length) {
        size_t size = character_size(text + taken, length - taken);

        escaped += needs_escape((unsigned char)text[taken]) ? CONTROL_ESCAPE_SIZE : size;
        if (escaped > max_bytes && taken > 0)
            break;
        taken += size;
    }
    return taken;
}
