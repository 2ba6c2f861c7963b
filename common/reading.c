/* SPDX-License-Identifier: Apache-2.0 */
#include "common/reading.h"

#include <assert.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

void reading_done(struct reading *reading)
{
    for (size_t i = 0; i < reading->word_count; i++) {
        free(reading->words[i].text);
        free(reading->words[i].corrected);
    }
    free(reading->words);
    free(reading->segments);
    reading->words = NULL;
    reading->segments = NULL;
    reading->word_count = 0;
    reading->segment_count = 0;
}

/* Arrays double at powers of two, so the capacity need not be kept. */
static void *grown(void *take_array, size_t count, size_t size)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return take_array;
    return mem_resize(take_array, count == 0 ? 1 : count * 2, size);
}

void reading_add_word(struct reading *reading, const struct reading_word *word)
{
    reading->words = grown(reading->words, reading->word_count, sizeof *word);
    reading->words[reading->word_count] = *word;
    reading->words[reading->word_count].text = mem_copy_string(word->text);
    reading->words[reading->word_count].corrected = mem_copy_string(word->corrected);
    reading->word_count++;
}

void reading_add_segment(struct reading *reading, const struct reading_segment *segment)
{
    reading->segments = grown(reading->segments, reading->segment_count, sizeof *segment);
    reading->segments[reading->segment_count++] = *segment;
}

const char *reading_word_corrected(const struct reading_word *word)
{
    return word->corrected != NULL ? word->corrected : word->text;
}

const char *reading_word_heard(const struct reading_word *word)
{
    return word->text;
}

static char *join(const struct reading *reading, size_t first, size_t last,
                  const char *(*text_of)(const struct reading_word *))
{
    struct buf text;

    assert(last <= reading->word_count);
    buf_init(&text, SIZE_MAX / 2);
    for (size_t i = first; i < last; i++) {
        const char *word = text_of(&reading->words[i]);

        buf_append_string(&text, text.length == 0 && word[0] == ' ' ? word + 1 : word);
    }
    return buf_take(&text);
}

char *reading_text(const struct reading *reading, size_t first, size_t last)
{
    return join(reading, first, last, reading_word_heard);
}

char *reading_corrected_text(const struct reading *reading, size_t first, size_t last)
{
    return join(reading, first, last, reading_word_corrected);
}
