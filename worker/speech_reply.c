/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/speech_reply.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "common/jsonread.h"
#include "common/mem.h"
#include "worker/media_report.h"
#include "worker/plain_text.h"
#include "worker/speech_align.h"

#define WORDS_MAX 100000
#define SEGMENTS_MAX 10000

/* One of the reply's segments. */
struct part {
    struct reading_segment measures;
    int64_t start;
    int64_t end;
    char *text; /* owned, clean */
};

/* One of the reply's words. */
struct spoken {
    char *text; /* owned, clean, as the service gave it */
    int64_t start;
    int64_t end;
    double probability;
};

/* What was read of the reply so far. */
struct draft {
    int64_t sample_count;
    char *text; /* owned, clean; never NULL once read */
    struct part *parts;
    size_t part_count;
    struct spoken *words;
    size_t word_count;
};

void speech_reply_done(struct speech_reply *reply)
{
    reading_done(&reply->reading);
}

static void draft_done(struct draft *draft)
{
    for (size_t i = 0; i < draft->part_count; i++)
        free(draft->parts[i].text);
    for (size_t i = 0; i < draft->word_count; i++)
        free(draft->words[i].text);
    free(draft->parts);
    free(draft->words);
    free(draft->text);
}

/* The member, or NULL if there is none of that type. */
static json_object *member(json_object *object, const char *name, json_type type)
{
    json_object *value;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, name, &value) || !json_object_is_type(value, type))
        return NULL;
    return value;
}

static char *text_member(json_object *object, const char *name)
{
    json_object *value = member(object, name, json_type_string);

    if (value == NULL)
        return NULL;
    return plain_text_clean(json_object_get_string(value),
                            (size_t)json_object_get_string_len(value));
}

static double number_member(json_object *object, const char *name, double fallback)
{
    json_object *value = member(object, name, json_type_double);

    if (value == NULL)
        value = member(object, name, json_type_int);
    double number = value == NULL ? fallback : json_object_get_double(value);
    return isfinite(number) ? number : fallback;
}

/* A time in seconds as samples within what was sent; `fallback` samples where it is missing. */
static int64_t time_member(const struct draft *draft, json_object *object, const char *name,
                           int64_t fallback)
{
    double seconds = number_member(object, name, -1);

    if (seconds < 0)
        return fallback;
    double samples = seconds * MEDIA_PCM_RATE;
    return samples > (double)draft->sample_count ? draft->sample_count : llround(samples);
}

static void read_part(struct draft *draft, json_object *json)
{
    int64_t before = draft->part_count == 0 ? 0 : draft->parts[draft->part_count - 1].end;
    struct part part = {
        .measures = {.avg_logprob = number_member(json, "avg_logprob", 0),
                     .no_speech_prob = number_member(json, "no_speech_prob", 0),
                     .compression_ratio = number_member(json, "compression_ratio", 0)},
        .start = time_member(draft, json, "start", before),
        .text = text_member(json, "text"),
    };

    part.end = time_member(draft, json, "end", part.start);
    part.end = part.end < part.start ? part.start : part.end;
    draft->parts[draft->part_count++] = part;
}

static bool read_parts(struct draft *draft, json_object *segments)
{
    size_t count = segments == NULL ? 0 : json_object_array_length(segments);

    if (count > SEGMENTS_MAX)
        return false;
    draft->parts = mem_array(count, sizeof *draft->parts);
    for (size_t i = 0; i < count; i++)
        read_part(draft, json_object_array_get_idx(segments, i));
    return true;
}

static void read_word(struct draft *draft, json_object *json)
{
    int64_t before = draft->word_count == 0 ? 0 : draft->words[draft->word_count - 1].end;
    struct spoken word = {.text = text_member(json, "word")};

    if (word.text == NULL)
        return;
    word.start = time_member(draft, json, "start", before);
    word.end = time_member(draft, json, "end", word.start);
    word.end = word.end < word.start ? word.start : word.end;
    word.probability = fmin(fmax(number_member(json, "probability", 0), 0), 1);
    draft->words[draft->word_count++] = word;
}

static bool read_word_array(struct draft *draft, json_object *words)
{
    size_t count = json_object_array_length(words);

    if (count > WORDS_MAX - draft->word_count)
        return false;
    draft->words = mem_resize(draft->words, draft->word_count + count, sizeof *draft->words);
    for (size_t i = 0; i < count; i++)
        read_word(draft, json_object_array_get_idx(words, i));
    return true;
}

/* At the top, as OpenAI has them, else inside the segments, as others do. */
static bool read_words(struct draft *draft, json_object *reply, json_object *segments)
{
    json_object *words = member(reply, "words", json_type_array);

    if (words != NULL)
        return read_word_array(draft, words);
    for (size_t i = 0; i < draft->part_count; i++) {
        words = member(json_object_array_get_idx(segments, i), "words", json_type_array);
        if (words != NULL && !read_word_array(draft, words))
            return false;
    }
    return true;
}

/* The texts one after the other, for replies that have no text of their own. */
static char *joined_text(const struct draft *draft)
{
    struct buf text;

    buf_init(&text, SPEECH_REPLY_BYTES_MAX);
    for (size_t i = 0; i < draft->part_count; i++) {
        if (draft->parts[i].text != NULL && draft->parts[i].text[0] != '\0')
            buf_append_format(&text, "%s%s", text.length > 0 ? " " : "", draft->parts[i].text);
    }
    for (size_t i = 0; i < draft->word_count && text.length == 0; i++)
        buf_append_format(&text, "%s", draft->words[i].text);
    return buf_take(&text);
}

static bool read_draft(struct draft *draft, json_object *reply)
{
    json_object *segments = member(reply, "segments", json_type_array);

    draft->text = text_member(reply, "text");
    if (draft->text == NULL && segments == NULL)
        return false;
    if (!read_parts(draft, segments) || !read_words(draft, reply, segments))
        return false;
    if (draft->text == NULL)
        draft->text = joined_text(draft);
    return true;
}

/* The segment in which the middle of a word lies, or the nearest before it; -1: none. */
static int32_t part_at(const struct draft *draft, int64_t middle)
{
    int32_t found = -1;

    for (size_t i = 0; i < draft->part_count && draft->parts[i].start <= middle; i++)
        found = (int32_t)i;
    return found;
}

/* Words are in order, whatever times the service gave them. The first word of a text has no space
 * before it, but it will follow others. */
static void add_word(struct reading *reading, struct reading_word word, bool begins_text)
{
    CLEANUP(mem_free_at) char *spaced = NULL;
    const char *at = word.text;
    int64_t before = reading->word_count == 0 ? 0 : reading->words[reading->word_count - 1].start;

    word.start = word.start < before ? before : word.start;
    word.end = word.end < word.start ? word.start : word.end;
    if (begins_text && !plain_text_is_unspaced(plain_text_next(&at))) {
        spaced = mem_format(" %s", word.text);
        word.text = spaced;
    }
    reading_add_word(reading, &word);
}

static void add_piece(const struct draft *draft, const struct spoken *word, char *piece,
                      struct reading *reading)
{
    add_word(reading,
             (struct reading_word){.text = piece,
                                   .start = word->start,
                                   .end = word->end,
                                   .probability = word->probability,
                                   .segment =
                                       part_at(draft, word->start + (word->end - word->start) / 2)},
             piece[0] != ' ' && reading->word_count == 0);
}

/* By the service's words. False: they are not those of the text. */
static bool add_words(const struct draft *draft, struct reading *reading)
{
    CLEANUP(mem_free_at) char **texts = mem_array(draft->word_count, sizeof *texts);
    CLEANUP(mem_free_at) char **pieces = mem_array(draft->word_count, sizeof *pieces);

    for (size_t i = 0; i < draft->word_count; i++)
        texts[i] = draft->words[i].text;
    size_t found = speech_align(draft->text, texts, draft->word_count, pieces);
    bool is_aligned = found > 0 && found * 2 >= draft->word_count;
    for (size_t i = 0; i < draft->word_count; i++) {
        if (is_aligned && pieces[i] != NULL)
            add_piece(draft, &draft->words[i], pieces[i], reading);
        free(pieces[i]);
    }
    return is_aligned;
}

/* The end of the word at `at`, with the space before it: up to the next space, or one character of
 * a script without and the punctuation behind it. */
static const char *word_end(const char *at)
{
    const char *end = at[0] == ' ' ? at + 1 : at;
    const char *begin = end;
    bool ends_here = false;

    while (*end != '\0' && *end != ' ') {
        const char *behind = end;
        uint32_t code_point = plain_text_next(&behind);
        bool is_unspaced = plain_text_is_unspaced(code_point);
        if (end > begin && (is_unspaced || (ends_here && !plain_text_is_punctuation(code_point))))
            break;
        ends_here = ends_here || is_unspaced;
        end = behind;
    }
    return end;
}

/* Spreads the text evenly over the segment's time. */
static void spread(const struct part *part, const char *text, int32_t segment,
                   struct reading *reading)
{
    int64_t length = (int64_t)strlen(text);
    int64_t duration = part->end - part->start;

    for (const char *at = text; *at != '\0';) {
        const char *end = word_end(at);
        CLEANUP(mem_free_at) char *word = mem_copy(at, (size_t)(end - at));
        add_word(reading,
                 (struct reading_word){.text = word,
                                       .start = part->start + (at - text) * duration / length,
                                       .end = part->start + (end - text) * duration / length,
                                       .segment = segment},
                 at == text);
        at = end;
    }
}

static void add_spread(const struct draft *draft, struct reading *reading)
{
    if (draft->part_count == 0)
        spread(&(struct part){.end = draft->sample_count}, draft->text, -1, reading);
    for (size_t i = 0; i < draft->part_count; i++) {
        const struct part *part = &draft->parts[i];
        if (part->text != NULL)
            spread(part, part->text, (int32_t)i, reading);
    }
}

bool speech_reply_parse(const char *body, size_t length, int64_t sample_count,
                        struct speech_reply *ret_reply, struct err *err)
{
    CLEANUP(jsonread_put_at) json_object *json = NULL;
    CLEANUP(draft_done) struct draft draft = {.sample_count = sample_count};

    if (length > SPEECH_REPLY_BYTES_MAX || !jsonread_parse(body, length, &json, err))
        return err_set(err, ERR_RETRY, "speech", 0, "the answer is not JSON");
    if (!read_draft(&draft, json))
        return err_set(err, ERR_RETRY, "speech", 0, "the answer is not a transcription");
    *ret_reply = (struct speech_reply){.reading = {.end = sample_count}};
    CLEANUP(mem_free_at) char *language = text_member(json, "language");
    language_code(language == NULL ? "" : language, ret_reply->language);
    for (size_t i = 0; i < draft.part_count; i++)
        reading_add_segment(&ret_reply->reading, &draft.parts[i].measures);
    if (draft.word_count == 0 || !add_words(&draft, &ret_reply->reading))
        add_spread(&draft, &ret_reply->reading);
    return true;
}

char *speech_reply_complaint(const char *body, size_t length)
{
    CLEANUP(jsonread_put_at) json_object *json = NULL;
    struct err err;

    if (length > SPEECH_REPLY_BYTES_MAX || !jsonread_parse(body, length, &json, &err))
        return mem_copy_string("");
    char *message = text_member(member(json, "error", json_type_object), "message");
    return message == NULL ? mem_copy_string("") : message;
}
