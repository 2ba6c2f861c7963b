/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/caption.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

#define MS_PER_SECOND 1000
#define TEXT_BYTES_MAX ((size_t)1024 * 1024)

const struct caption_rules caption_rules_default = {
    .line_characters = 42,
    .lines = 2,
    .min_duration_ms = 833,
    .max_duration_ms = 7000,
    .characters_per_s = 20,
    .pause_ms = 1000,
    .gap_ms = 83,
};

/* A word, or what of one fits on a line. */
struct piece {
    char *text; /* owned; without space around it */
    int64_t characters;
    int64_t start_ms;
    int64_t end_ms;
    bool is_glued; /* no space before it: it belongs to the piece before */
};

struct captions {
    struct caption_rules rules;
    void (*on_cue)(void *context, const struct caption_cue *cue);
    void *context;
    struct piece *pieces; /* owned: of the caption that is being filled */
    size_t count;
    size_t capacity;
    /* The caption before, whose end waits for the next one's start. */
    char *held_text; /* owned; NULL: none */
    int64_t held_start_ms;
    int64_t held_end_ms; /* as long as it would like to stay */
    int64_t last_start_ms;
};

struct captions *captions_new(const struct caption_rules *rules,
                              void (*on_cue)(void *context, const struct caption_cue *cue),
                              void *context)
{
    struct captions *captions = mem_new(sizeof *captions);

    assert(rules->line_characters > 0 && rules->lines > 0 && rules->characters_per_s > 0);
    captions->rules = *rules;
    captions->on_cue = on_cue;
    captions->context = context;
    captions->last_start_ms = -1;
    return captions;
}

static void drop_pieces(struct captions *captions, size_t count)
{
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        free(captions->pieces[i].text);
    captions->count -= count;
    memmove(captions->pieces, captions->pieces + count, captions->count * sizeof *captions->pieces);
}

void captions_free(struct captions *captions)
{
    if (captions == NULL)
        return;
    drop_pieces(captions, captions->count);
    free(captions->pieces);
    free(captions->held_text);
    free(captions);
}

/* --- characters --- */

static bool starts_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

static int64_t count_characters(const char *text)
{
    int64_t count = 0;

    for (; *text != '\0'; text++)
        count += starts_character(*text);
    return count;
}

/* The bytes of the first `count` characters. */
static size_t bytes_of(const char *text, int64_t count)
{
    size_t bytes = 0;

    while (text[bytes] != '\0' && (count > 0 || !starts_character(text[bytes])))
        count -= starts_character(text[bytes++]);
    return bytes;
}

/* The length of the text's ending that is one of those in `set`; 0: none is. */
static size_t ending(const char *text, size_t length, const char *const *set)
{
    for (; *set != NULL; set++) {
        size_t size = strlen(*set);

        if (length >= size && memcmp(text + length - size, *set, size) == 0)
            return size;
    }
    return 0;
}

/* Closing quotes and brackets may follow. */
static bool ends_with(const char *text, const char *const *set)
{
    static const char *const CLOSING[] = {"\"", "'", ")", "]", "”", "’", "»", "」", "』", NULL};
    size_t length = strlen(text);

    for (size_t size = ending(text, length, CLOSING); size > 0;
         size = ending(text, length, CLOSING))
        length -= size;
    return ending(text, length, set) > 0;
}

static bool ends_sentence(const struct piece *piece)
{
    static const char *const SET[] = {".", "?", "!", "…", "。", "？", "！", "؟", "।", NULL};

    return ends_with(piece->text, SET);
}

static bool ends_clause(const struct piece *piece)
{
    static const char *const SET[] = {",", ";", ":", "–", "—", "，", "、", "；", "：", "،", NULL};

    return ends_with(piece->text, SET);
}

/* --- lines --- */

/* What must stand on one line from piece `i` on: the piece with those that are glued to it, or as
 * little as itself if they would not fit anyway. */
static int64_t unbroken_characters(const struct piece *pieces, size_t count, size_t i,
                                   int64_t width)
{
    int64_t characters = pieces[i].characters;

    for (size_t k = i + 1; k < count && pieces[k].is_glued; k++)
        characters += pieces[k].characters;
    return characters <= width ? characters : pieces[i].characters;
}

/* The number of lines of at most `width` characters; with `text` they are written. */
static int64_t wrap(const struct piece *pieces, size_t count, int64_t width, struct buf *text)
{
    int64_t lines = 0;
    int64_t used = width;

    for (size_t i = 0; i < count; i++) {
        bool has_space = !pieces[i].is_glued;
        int64_t needed =
            has_space ? unbroken_characters(pieces, count, i, width) : pieces[i].characters;
        bool is_new = lines == 0 || used + has_space + needed > width;

        if (text != NULL && i > 0 && (is_new || has_space))
            buf_append_string(text, is_new ? "\n" : " ");
        if (text != NULL)
            buf_append_string(text, pieces[i].text);
        lines += is_new;
        used = is_new ? pieces[i].characters : used + has_space + pieces[i].characters;
    }
    return lines;
}

/* Lines of about the same length: the narrowest width that needs no more lines. */
static char *balanced_lines(const struct captions *captions, size_t count)
{
    int64_t width = captions->rules.line_characters;
    int64_t lines = wrap(captions->pieces, count, width, NULL);
    int64_t narrowest = 1;
    struct buf text;

    for (size_t i = 0; i < count; i++) {
        int64_t needed = unbroken_characters(captions->pieces, count, i, width);
        narrowest = needed > narrowest ? needed : narrowest;
    }
    while (width > narrowest && wrap(captions->pieces, count, width - 1, NULL) == lines)
        width--;
    buf_init(&text, TEXT_BYTES_MAX);
    (void)wrap(captions->pieces, count, width, &text);
    return buf_take(&text);
}

/* --- captions --- */

static int64_t larger(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* `next_start_ms` < 0: there is none. */
static void give_held(struct captions *captions, int64_t next_start_ms)
{
    int64_t end_ms = captions->held_end_ms;

    if (captions->held_text == NULL)
        return;
    if (next_start_ms >= 0 && end_ms > next_start_ms - captions->rules.gap_ms)
        end_ms = next_start_ms - captions->rules.gap_ms;
    captions->on_cue(captions->context, &(struct caption_cue){
                                            .start_ms = captions->held_start_ms,
                                            .end_ms = larger(end_ms, captions->held_start_ms + 1),
                                            .text = captions->held_text,
                                        });
    free(captions->held_text);
    captions->held_text = NULL;
}

static int64_t reading_time_ms(const struct captions *captions, size_t count)
{
    int64_t characters = 0;

    for (size_t i = 0; i < count; i++)
        characters += captions->pieces[i].characters + !captions->pieces[i].is_glued;
    return characters * MS_PER_SECOND / captions->rules.characters_per_s;
}

/* The first `count` pieces become a caption. Words of readings that overlap may go back a little in
 * time; captions never do. */
static void close_caption(struct captions *captions, size_t count)
{
    const struct caption_rules *rules = &captions->rules;

    if (count == 0)
        return;
    int64_t start_ms = larger(captions->pieces[0].start_ms, captions->last_start_ms + 1);
    int64_t spoken_ms = captions->pieces[count - 1].end_ms - start_ms;
    int64_t wanted_ms = larger(rules->min_duration_ms, reading_time_ms(captions, count));
    if (wanted_ms > rules->max_duration_ms)
        wanted_ms = rules->max_duration_ms;
    give_held(captions, start_ms);
    captions->held_text = balanced_lines(captions, count);
    captions->held_start_ms = start_ms;
    captions->held_end_ms = start_ms + larger(wanted_ms, spoken_ms);
    captions->last_start_ms = start_ms;
    drop_pieces(captions, count);
}

/* Where the last word begins, if it is glued to what follows; not before the second piece. */
static size_t word_start(const struct captions *captions)
{
    size_t start = captions->count - 1;

    while (start > 0 && captions->pieces[start].is_glued)
        start--;
    return start > 0 ? start : captions->count;
}

/* Where a full caption is best divided: behind the last sentence or else clause in its second half,
 * else at its end, but not inside a word that fits on a screen. */
static size_t best_end(const struct captions *captions, bool is_next_glued)
{
    size_t count = captions->count;

    for (size_t i = count; i > count / 2 && i > 1; i--)
        if (ends_sentence(&captions->pieces[i - 1]))
            return i;
    for (size_t i = count; i > count / 2 && i > 1; i--)
        if (ends_clause(&captions->pieces[i - 1]))
            return i;
    return is_next_glued ? word_start(captions) : count;
}

static bool fits(const struct captions *captions)
{
    return wrap(captions->pieces, captions->count, captions->rules.line_characters, NULL) <=
               captions->rules.lines &&
           captions->pieces[captions->count - 1].end_ms - captions->pieces[0].start_ms <=
               captions->rules.max_duration_ms;
}

/* Whether what is there is a caption before a piece that starts then. */
static bool is_complete(const struct captions *captions, int64_t next_start_ms)
{
    const struct piece *last = &captions->pieces[captions->count - 1];

    return next_start_ms - last->end_ms >= captions->rules.pause_ms ||
           (ends_sentence(last) &&
            last->end_ms - captions->pieces[0].start_ms >= captions->rules.min_duration_ms);
}

static void push(struct captions *captions, struct piece take_piece)
{
    if (captions->count == captions->capacity) {
        captions->capacity = captions->capacity == 0 ? 32 : 2 * captions->capacity;
        captions->pieces =
            mem_resize(captions->pieces, captions->capacity, sizeof *captions->pieces);
    }
    captions->pieces[captions->count++] = take_piece;
}

/* While it is too much: the last piece begins the next caption, or what stands after the best end.
 */
static void divide(struct captions *captions)
{
    while (captions->count > 1 && !fits(captions)) {
        struct piece last = captions->pieces[--captions->count];

        close_caption(captions, best_end(captions, last.is_glued));
        push(captions, last);
    }
}

/* Scripts without spaces have their words glued, and end sentences with characters of their own. */
static bool can_end_before(const struct captions *captions, const struct piece *piece)
{
    if (captions->count == 0)
        return false;
    const char *last = captions->pieces[captions->count - 1].text;
    return !piece->is_glued || (unsigned char)last[strlen(last) - 1] >= 0x80;
}

static void add_piece(struct captions *captions, struct piece take_piece)
{
    if (can_end_before(captions, &take_piece) && is_complete(captions, take_piece.start_ms))
        close_caption(captions, captions->count);
    push(captions, take_piece);
    divide(captions);
}

/* A copy without space around it, and with spaces for control characters. */
static char *clean(const char *word)
{
    while (*word == ' ' || ((unsigned char)*word < 0x20 && *word != '\0'))
        word++;
    char *text = mem_copy_string(word);
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
    while (length > 0 && text[length - 1] == ' ')
        text[--length] = '\0';
    return text;
}

/* What is longer than a line is cut into pieces, and its time in proportion. */
void captions_add(struct captions *captions, const char *word, int64_t start_ms, int64_t end_ms)
{
    CLEANUP(mem_free_at) char *text = clean(word);
    int64_t total = count_characters(text);
    int64_t done = 0;
    bool is_glued = *word != ' ' && captions->count > 0;

    if (total == 0)
        return;
    for (const char *rest = text; *rest != '\0';) {
        size_t bytes = bytes_of(rest, captions->rules.line_characters);
        struct piece piece = {.text = mem_copy(rest, bytes), .is_glued = is_glued || done > 0};

        piece.characters = count_characters(piece.text);
        piece.start_ms = start_ms + (end_ms - start_ms) * done / total;
        done += piece.characters;
        piece.end_ms = start_ms + (end_ms - start_ms) * done / total;
        add_piece(captions, piece);
        rest += bytes;
    }
}

void captions_break(struct captions *captions)
{
    close_caption(captions, captions->count);
}

void captions_finish(struct captions *captions)
{
    close_caption(captions, captions->count);
    give_held(captions, -1);
}
