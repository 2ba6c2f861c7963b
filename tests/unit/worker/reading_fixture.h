/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_WORKER_READING_FIXTURE_H
#define TESTS_UNIT_WORKER_READING_FIXTURE_H

/* Readings from plain texts: what stands between two bars is a word, said in a second of its own
 * (of 1000 samples). */

#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/reading.h"

#define FIXTURE_SECOND 1000

static inline struct reading fixture_reading(const char *barred)
{
    struct reading reading = {0};

    for (const char *at = barred; *at != '\0';) {
        size_t length = strcspn(at, "|");
        CLEANUP(mem_free_at) char *text = mem_copy(at, length);
        int64_t start = (int64_t)reading.word_count * FIXTURE_SECOND;

        reading_add_word(&reading, &(struct reading_word){.text = text,
                                                          .start = start,
                                                          .end = start + FIXTURE_SECOND,
                                                          .segment = -1});
        at += length + (at[length] == '|' ? 1 : 0);
    }
    return reading;
}

/* "It was a day" as the words " It| was| a| day". */
static inline struct reading fixture_spaced(const char *text)
{
    struct buf barred;

    buf_init(&barred, 1 << 20);
    buf_append_string(&barred, " ");
    for (const char *at = text; *at != '\0'; at++)
        buf_append_format(&barred, *at == ' ' ? "|%c" : "%c", *at);
    struct reading reading = fixture_reading(buf_string(&barred));
    buf_done(&barred);
    return reading;
}

/* Its corrected words with bars between them; owned by the caller. */
static inline char *fixture_barred(const struct reading *reading)
{
    struct buf text;

    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < reading->word_count; i++)
        buf_append_format(&text, "%s%s", i > 0 ? "|" : "",
                          reading_word_corrected(&reading->words[i]));
    return buf_take(&text);
}

#endif
