/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/transcript_writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"
#include "common/mem.h"
#include "gateway/caption_format.h"

#define MS_PER_SECOND 1000
#define HEAD_BYTES_MAX ((size_t)4096)

/* What the chunks are gone through for. */
enum pass { PASS_TEXT, PASS_SEGMENTS, PASS_WORDS, PASS_CAPTIONS, PASS_END };

struct gap {
    int32_t chunk_index;
    int64_t start_ms;
    int64_t end_ms;
    char *reason; /* owned; may be NULL */
};

struct transcript_writer {
    struct transcript_request request;
    enum pass pass;
    struct buf head;       /* what the document begins with; empty once it was written */
    struct buf unfinished; /* what says so, if it is */
    bool has_item;         /* of the present list, or of the text */
    int64_t last_end_ms;
    int64_t count; /* of segments or captions */
    struct gap *gaps;
    size_t gap_count;
    struct captions *captions; /* owned; NULL for other formats */
    struct buf *out;           /* borrowed during a call */
};

static void on_cue(void *context, const struct caption_cue *cue);

static bool is_json(const struct transcript_writer *writer)
{
    return writer->request.format == TRANSCRIPT_JSON ||
           writer->request.format == TRANSCRIPT_VERBOSE_JSON;
}

static bool is_captions(const struct transcript_writer *writer)
{
    return writer->request.format == TRANSCRIPT_SRT || writer->request.format == TRANSCRIPT_VTT;
}

void transcript_writer_free(struct transcript_writer *writer)
{
    if (writer == NULL)
        return;
    for (size_t i = 0; i < writer->gap_count; i++)
        free(writer->gaps[i].reason);
    free(writer->gaps);
    captions_free(writer->captions);
    buf_done(&writer->head);
    buf_done(&writer->unfinished);
    free(writer);
}

/* --- pieces of JSON --- */

static void append_string(struct buf *out, const char *text)
{
    if (text == NULL)
        buf_append_string(out, "null");
    else
        json_text_append(out, text, strlen(text));
}

static void append_comma(struct transcript_writer *writer)
{
    if (writer->has_item)
        buf_append_string(writer->out, ",");
    writer->has_item = true;
}

/* OpenAI's formats have seconds. */
static void append_seconds(struct buf *out, const char *name, int64_t ms)
{
    buf_append_format(out, "\"%s\":%" PRId64 ".%03" PRId64, name, ms / MS_PER_SECOND,
                      ms % MS_PER_SECOND);
}

static void append_gaps(struct transcript_writer *writer)
{
    buf_append_string(writer->out, "\"gaps\":[");
    writer->has_item = false;
    for (size_t i = 0; i < writer->gap_count; i++) {
        const struct gap *gap = &writer->gaps[i];

        append_comma(writer);
        buf_append_format(writer->out,
                          "{\"chunk_index\":%" PRId32 ",\"start_ms\":%" PRId64
                          ",\"end_ms\":%" PRId64 ",\"reason\":",
                          gap->chunk_index, gap->start_ms, gap->end_ms);
        append_string(writer->out, gap->reason);
        buf_append_string(writer->out, "}");
    }
    buf_append_string(writer->out, "]}\n");
}

/* --- head and tail --- */

static void format_json_head(const struct transcript_facts *facts, bool is_verbose, struct buf *out)
{
    buf_append_format(out,
                      "{\"parent_job_id\":\"%s\",\"status\":\"%s\",\"is_complete\":%s,"
                      "\"available_chunks\":%" PRId32 ",\"total_chunks\":%" PRId32
                      ",\"duration_ms\":%" PRId64 ",\"language\":",
                      facts->job_id, facts->status, facts->is_complete ? "true" : "false",
                      facts->available_chunks, facts->total_chunks, facts->duration_ms);
    append_string(out, facts->language);
    if (is_verbose) {
        buf_append_string(out, ",\"task\":\"transcribe\",");
        append_seconds(out, "duration", facts->duration_ms);
    }
    buf_append_string(out, ",\"text\":\"");
}

static void format_head(struct transcript_writer *writer, const struct transcript_facts *facts)
{
    if (!facts->is_complete)
        buf_append_format(&writer->unfinished,
                          "unfinished: the text of %" PRId32 " of %" PRId32 " chunks",
                          facts->available_chunks, facts->total_chunks);
    if (is_json(writer))
        format_json_head(facts, writer->request.format == TRANSCRIPT_VERBOSE_JSON, &writer->head);
    if (writer->request.format != TRANSCRIPT_VTT)
        return;
    buf_append_string(&writer->head, "WEBVTT\n\n");
    if (writer->unfinished.length > 0)
        buf_append_format(&writer->head, "NOTE %s\n\n", buf_string(&writer->unfinished));
}

struct transcript_writer *transcript_writer_new(const struct transcript_request *request,
                                                const struct transcript_facts *facts)
{
    struct transcript_writer *writer = mem_new(sizeof *writer);

    writer->request = *request;
    buf_init(&writer->head, HEAD_BYTES_MAX);
    buf_init(&writer->unfinished, HEAD_BYTES_MAX);
    format_head(writer, facts);
    if (is_captions(writer)) {
        writer->pass = PASS_CAPTIONS;
        writer->captions = captions_new(&request->rules, on_cue, writer);
    }
    return writer;
}

static void begin(struct transcript_writer *writer)
{
    buf_append(writer->out, writer->head.data, writer->head.length);
    buf_done(&writer->head);
}

static void end_text(struct transcript_writer *writer)
{
    if (writer->has_item)
        buf_append_string(writer->out, "\n");
    if (writer->unfinished.length > 0)
        buf_append_format(writer->out, "[%s]\n", buf_string(&writer->unfinished));
}

/* Ends the present pass in the document; gives the next one. */
static enum pass end_pass(struct transcript_writer *writer)
{
    bool is_verbose = writer->request.format == TRANSCRIPT_VERBOSE_JSON;

    switch (writer->pass) {
    case PASS_TEXT:
        if (is_json(writer))
            buf_append_string(writer->out, is_verbose ? "\",\"segments\":[" : "\",");
        else
            end_text(writer);
        if (is_json(writer) && !is_verbose)
            append_gaps(writer);
        return is_verbose ? PASS_SEGMENTS : PASS_END;
    case PASS_SEGMENTS:
        buf_append_string(writer->out, "],\"words\":[");
        return PASS_WORDS;
    case PASS_WORDS:
        buf_append_string(writer->out, "],");
        append_gaps(writer);
        return PASS_END;
    case PASS_CAPTIONS:
        captions_finish(writer->captions);
        return PASS_END;
    case PASS_END:
        break;
    }
    return PASS_END;
}

bool transcript_writer_next(struct transcript_writer *writer, struct buf *out)
{
    writer->out = out;
    begin(writer);
    writer->pass = end_pass(writer);
    writer->has_item = false;
    writer->last_end_ms = 0;
    return writer->pass != PASS_END;
}

/* --- chunks --- */

static int64_t time_ms(const struct transcript_chunk *chunk, int64_t position)
{
    int64_t ms = chunk->start_ms + position * MS_PER_SECOND / chunk->sample_rate;

    return ms > 0 ? ms : 0;
}

/* A correction may leave a word out: then it is "". */
static const char *said(const struct transcript_writer *writer, const struct reading_word *word)
{
    return writer->request.is_raw ? word->text : reading_word_corrected(word);
}

static const char *without_space(const char *text)
{
    return *text == ' ' ? text + 1 : text;
}

static void append_text(struct transcript_writer *writer, const char *text)
{
    if (is_json(writer))
        json_text_append_part(writer->out, text, strlen(text));
    else
        buf_append_string(writer->out, text);
    writer->has_item = true;
}

static void add_word_to_text(struct transcript_writer *writer, const char *text, bool is_paragraph)
{
    if (!writer->has_item) {
        append_text(writer, without_space(text));
    } else if (is_paragraph) {
        append_text(writer, "\n\n");
        append_text(writer, without_space(text));
    } else {
        append_text(writer, text);
    }
}

static void add_text(struct transcript_writer *writer, const struct transcript_chunk *chunk)
{
    int64_t pause_ms = writer->request.paragraph_pause_ms;

    for (size_t i = chunk->first_word; i < chunk->last_word; i++) {
        const struct reading_word *word = &chunk->reading->words[i];
        const char *text = said(writer, word);
        bool is_paragraph =
            pause_ms > 0 && time_ms(chunk, word->start) - writer->last_end_ms >= pause_ms;

        if (*text == '\0')
            continue;
        add_word_to_text(writer, text, is_paragraph);
        writer->last_end_ms = time_ms(chunk, word->end);
    }
}

static void append_measures(struct transcript_writer *writer, const struct reading *reading,
                            int32_t segment)
{
    if (segment < 0 || (size_t)segment >= reading->segment_count)
        return;
    const struct reading_segment *measures = &reading->segments[segment];
    buf_append_format(writer->out,
                      ",\"avg_logprob\":%.6g,\"no_speech_prob\":%.6g,\"compression_ratio\":%.6g",
                      measures->avg_logprob, measures->no_speech_prob, measures->compression_ratio);
}

/* Words [first, last) of one segment. */
static void append_segment(struct transcript_writer *writer, const struct transcript_chunk *chunk,
                           size_t first, size_t last)
{
    const struct reading_word *words = chunk->reading->words;
    CLEANUP(mem_free_at)
    char *text = writer->request.is_raw ? reading_text(chunk->reading, first, last)
                                        : reading_corrected_text(chunk->reading, first, last);

    append_comma(writer);
    buf_append_format(writer->out, "{\"id\":%" PRId64 ",\"chunk_index\":%" PRId32 ",",
                      writer->count++, chunk->chunk_index);
    append_seconds(writer->out, "start", time_ms(chunk, words[first].start));
    buf_append_string(writer->out, ",");
    append_seconds(writer->out, "end", time_ms(chunk, words[last - 1].end));
    buf_append_string(writer->out, ",\"text\":");
    append_string(writer->out, text);
    append_measures(writer, chunk->reading, words[first].segment);
    buf_append_string(writer->out, "}");
}

static void add_segments(struct transcript_writer *writer, const struct transcript_chunk *chunk)
{
    const struct reading_word *words = chunk->reading->words;

    for (size_t first = chunk->first_word; first < chunk->last_word;) {
        size_t last = first + 1;

        while (last < chunk->last_word && words[last].segment == words[first].segment)
            last++;
        append_segment(writer, chunk, first, last);
        first = last;
    }
}

static void add_words(struct transcript_writer *writer, const struct transcript_chunk *chunk)
{
    for (size_t i = chunk->first_word; i < chunk->last_word; i++) {
        const struct reading_word *word = &chunk->reading->words[i];
        const char *text = said(writer, word);

        if (*text == '\0')
            continue;
        append_comma(writer);
        buf_append_string(writer->out, "{\"word\":");
        append_string(writer->out, without_space(text));
        buf_append_string(writer->out, ",");
        append_seconds(writer->out, "start", time_ms(chunk, word->start));
        buf_append_string(writer->out, ",");
        append_seconds(writer->out, "end", time_ms(chunk, word->end));
        buf_append_format(writer->out, ",\"probability\":%.4g}", word->probability);
    }
}

static void add_captions(struct transcript_writer *writer, const struct transcript_chunk *chunk)
{
    for (size_t i = chunk->first_word; i < chunk->last_word; i++) {
        const struct reading_word *word = &chunk->reading->words[i];

        captions_add(writer->captions, said(writer, word), time_ms(chunk, word->start),
                     time_ms(chunk, word->end));
    }
}

static void note_gap(struct transcript_writer *writer, const struct transcript_chunk *chunk)
{
    writer->gaps = mem_resize(writer->gaps, writer->gap_count + 1, sizeof *writer->gaps);
    writer->gaps[writer->gap_count++] = (struct gap){
        .chunk_index = chunk->chunk_index,
        .start_ms = chunk->start_ms,
        .end_ms = chunk->end_ms,
        .reason = mem_copy_string(chunk->gap_reason),
    };
}

static void add_gap(struct transcript_writer *writer, const struct transcript_chunk *chunk)
{
    if (writer->pass == PASS_CAPTIONS) {
        captions_break(writer->captions);
    } else if (writer->pass == PASS_TEXT) {
        append_text(writer, chunk->gap_text);
        note_gap(writer, chunk);
        writer->last_end_ms = chunk->end_ms;
    }
}

static void add_reading(struct transcript_writer *writer, const struct transcript_chunk *chunk)
{
    switch (writer->pass) {
    case PASS_TEXT:
        add_text(writer, chunk);
        break;
    case PASS_SEGMENTS:
        add_segments(writer, chunk);
        break;
    case PASS_WORDS:
        add_words(writer, chunk);
        break;
    case PASS_CAPTIONS:
        add_captions(writer, chunk);
        break;
    case PASS_END:
        break;
    }
}

void transcript_writer_add(struct transcript_writer *writer, const struct transcript_chunk *chunk,
                           struct buf *out)
{
    writer->out = out;
    begin(writer);
    if (chunk->reading == NULL)
        add_gap(writer, chunk);
    else
        add_reading(writer, chunk);
}

static void on_cue(void *context, const struct caption_cue *cue)
{
    struct transcript_writer *writer = context;

    writer->count++;
    if (writer->request.format == TRANSCRIPT_SRT)
        caption_format_srt(cue, writer->count, writer->out);
    else
        caption_format_vtt(cue, writer->count, writer->out);
}
