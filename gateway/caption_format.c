/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/caption_format.h"

#include <inttypes.h>
#include <string.h>

static void append_time(struct buf *out, int64_t ms, char decimal_point)
{
    buf_append_format(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 "%c%03" PRId64, ms / 3600000,
                      ms / 60000 % 60, ms / 1000 % 60, decimal_point, ms % 1000);
}

static void append_head(struct buf *out, const struct caption_cue *cue, int64_t number,
                        char decimal_point)
{
    buf_append_format(out, "%" PRId64 "\n", number);
    append_time(out, cue->start_ms, decimal_point);
    buf_append_string(out, " --> ");
    append_time(out, cue->end_ms, decimal_point);
    buf_append_string(out, "\n");
}

/* SubRip has no escapes; the one thing that a reader could take for a head is its arrow. */
void caption_format_srt(const struct caption_cue *cue, int64_t number, struct buf *out)
{
    append_head(out, cue, number, ',');
    for (const char *rest = cue->text; *rest != '\0';) {
        const char *arrow = strstr(rest, "-->");
        size_t length = arrow == NULL ? strlen(rest) : (size_t)(arrow - rest);

        buf_append(out, rest, length);
        rest += length;
        if (arrow != NULL) {
            buf_append_string(out, "→");
            rest += strlen("-->");
        }
    }
    buf_append_string(out, "\n\n");
}

static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return NULL;
    }
}

void caption_format_vtt(const struct caption_cue *cue, int64_t number, struct buf *out)
{
    append_head(out, cue, number, '.');
    for (const char *c = cue->text; *c != '\0'; c++) {
        const char *escape = escape_of(*c);

        if (escape != NULL)
            buf_append_string(out, escape);
        else
            buf_append(out, c, 1);
    }
    buf_append_string(out, "\n\n");
}
