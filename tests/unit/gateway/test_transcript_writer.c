/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "gateway/transcript_writer.h"

#define ID "6a8b3f5e-52a1-4c3d-9b1f-0d6a3c1e2f40"

/* A reading owns its words: not const. */
#define SAID(text) ((char[]){text})

/* Two chunks of ten seconds with a gap of ten between them; a second is 100 samples. The readings
 * have words beyond what is the chunk's in the ordered text. */
static struct reading_word first_words[] = {
    {SAID(" lost"), -100, -50, 0.5, 0, NULL},
    {SAID(" One"), 0, 100, 0.5, 0, NULL},
    {SAID(" \"two\"."), 100, 200, 0.75, 0, NULL},
    {SAID(" Three"), 500, 600, 1, 1, NULL},
};
static struct reading_word last_words[] = {
    {SAID(" <four>"), 20, 120, 0.5, -1, NULL},
    {SAID(" five"), 120, 220, 0.5, -1, NULL},
    {SAID(" lost"), 220, 300, 0.5, -1, NULL},
};
static struct reading_segment segments[] = {{-0.25, 0.01, 1.5}, {-0.5, 0.02, 1.25}};
static const struct reading FIRST = {
    .words = first_words, .word_count = 4, .segments = segments, .segment_count = 2};
static const struct reading LAST = {.words = last_words, .word_count = 3};

static const struct transcript_chunk CHUNKS[] = {
    {.chunk_index = 0,
     .start_ms = 0,
     .end_ms = 10000,
     .sample_rate = 100,
     .reading = &FIRST,
     .first_word = 1,
     .last_word = 4},
    {.chunk_index = 1,
     .start_ms = 10000,
     .end_ms = 20000,
     .gap_text = " [gap 00:00:10–00:00:20]",
     .gap_reason = "not_audio"},
    {.chunk_index = 2,
     .start_ms = 20000,
     .end_ms = 30000,
     .sample_rate = 100,
     .reading = &LAST,
     .first_word = 0,
     .last_word = 2},
};

static const struct transcript_facts FACTS = {.job_id = ID,
                                              .status = "done",
                                              .language = "en",
                                              .is_complete = true,
                                              .available_chunks = 2,
                                              .total_chunks = 3,
                                              .duration_ms = 30000};

static const struct transcript_facts RUNNING = {.job_id = ID,
                                                .status = "processing",
                                                .available_chunks = 2,
                                                .total_chunks = 5,
                                                .duration_ms = 30000};

static struct transcript_request request_for(enum transcript_format format)
{
    return (struct transcript_request){.format = format, .rules = caption_rules_default};
}

/* The whole document; the caller calls buf_done(). */
static void write(const struct transcript_request *request, const struct transcript_facts *facts,
                  size_t chunk_count, struct buf *ret_document)
{
    struct transcript_writer *writer = transcript_writer_new(request, facts);

    buf_init(ret_document, 100000);
    do {
        for (size_t i = 0; i < chunk_count; i++)
            transcript_writer_add(writer, &CHUNKS[i], ret_document);
    } while (transcript_writer_next(writer, ret_document));
    transcript_writer_free(writer);
}

static void check(enum transcript_format format, const struct transcript_facts *facts,
                  size_t chunk_count, const char *expected)
{
    struct transcript_request request = request_for(format);
    struct buf document;

    write(&request, facts, chunk_count, &document);
    assert_string_equal(buf_string(&document), expected);
    buf_done(&document);
}

static void test_transcript_writer__text_is_the_transcript_with_its_gaps(void **state UNUSED)
{
    check(TRANSCRIPT_TXT, &FACTS, 3, "One \"two\". Three [gap 00:00:10–00:00:20] <four> five\n");
    check(TRANSCRIPT_TXT, &RUNNING, 1,
          "One \"two\". Three\n[unfinished: the text of 2 of 5 chunks]\n");
    check(TRANSCRIPT_TXT, &FACTS, 0, "");
}

static void test_transcript_writer__paragraphs_begin_after_pauses(void **state UNUSED)
{
    struct transcript_request request = request_for(TRANSCRIPT_TXT);
    struct buf document;

    request.paragraph_pause_ms = 3000;
    write(&request, &FACTS, 3, &document);
    assert_string_equal(buf_string(&document),
                        "One \"two\".\n\nThree [gap 00:00:10–00:00:20] <four> five\n");
    buf_done(&document);
    request.paragraph_pause_ms = 3001;
    write(&request, &FACTS, 3, &document);
    assert_string_equal(buf_string(&document),
                        "One \"two\". Three [gap 00:00:10–00:00:20] <four> five\n");
    buf_done(&document);
}

static void test_transcript_writer__json_has_text_and_gaps(void **state UNUSED)
{
    check(TRANSCRIPT_JSON, &FACTS, 3,
          "{\"parent_job_id\":\"" ID "\",\"status\":\"done\",\"is_complete\":true,"
          "\"available_chunks\":2,\"total_chunks\":3,\"duration_ms\":30000,\"language\":\"en\","
          "\"text\":\"One \\\"two\\\". Three [gap 00:00:10–00:00:20] <four> five\","
          "\"gaps\":[{\"chunk_index\":1,\"start_ms\":10000,\"end_ms\":20000,"
          "\"reason\":\"not_audio\"}]}\n");
    check(TRANSCRIPT_JSON, &RUNNING, 0,
          "{\"parent_job_id\":\"" ID "\",\"status\":\"processing\",\"is_complete\":false,"
          "\"available_chunks\":2,\"total_chunks\":5,\"duration_ms\":30000,\"language\":null,"
          "\"text\":\"\",\"gaps\":[]}\n");
}

static void
test_transcript_writer__verbose_json_has_segments_and_words_in_seconds(void **state UNUSED)
{
    check(TRANSCRIPT_VERBOSE_JSON, &FACTS, 3,
          "{\"parent_job_id\":\"" ID "\",\"status\":\"done\",\"is_complete\":true,"
          "\"available_chunks\":2,\"total_chunks\":3,\"duration_ms\":30000,\"language\":\"en\","
          "\"task\":\"transcribe\",\"duration\":30.000,"
          "\"text\":\"One \\\"two\\\". Three [gap 00:00:10–00:00:20] <four> five\","
          "\"segments\":["
          "{\"id\":0,\"chunk_index\":0,\"start\":0.000,\"end\":2.000,"
          "\"text\":\"One \\\"two\\\".\",\"avg_logprob\":-0.25,\"no_speech_prob\":0.01,"
          "\"compression_ratio\":1.5},"
          "{\"id\":1,\"chunk_index\":0,\"start\":5.000,\"end\":6.000,\"text\":\"Three\","
          "\"avg_logprob\":-0.5,\"no_speech_prob\":0.02,\"compression_ratio\":1.25},"
          "{\"id\":2,\"chunk_index\":2,\"start\":20.200,\"end\":22.200,"
          "\"text\":\"<four> five\"}],"
          "\"words\":["
          "{\"word\":\"One\",\"start\":0.000,\"end\":1.000,\"probability\":0.5},"
          "{\"word\":\"\\\"two\\\".\",\"start\":1.000,\"end\":2.000,\"probability\":0.75},"
          "{\"word\":\"Three\",\"start\":5.000,\"end\":6.000,\"probability\":1},"
          "{\"word\":\"<four>\",\"start\":20.200,\"end\":21.200,\"probability\":0.5},"
          "{\"word\":\"five\",\"start\":21.200,\"end\":22.200,\"probability\":0.5}],"
          "\"gaps\":[{\"chunk_index\":1,\"start_ms\":10000,\"end_ms\":20000,"
          "\"reason\":\"not_audio\"}]}\n");
}

static void test_transcript_writer__captions_leave_gaps_out(void **state UNUSED)
{
    check(TRANSCRIPT_SRT, &RUNNING, 3,
          "1\n00:00:00,000 --> 00:00:02,000\nOne \"two\".\n\n"
          "2\n00:00:05,000 --> 00:00:06,000\nThree\n\n"
          "3\n00:00:20,200 --> 00:00:22,200\n<four> five\n\n");
    check(TRANSCRIPT_VTT, &FACTS, 1,
          "WEBVTT\n\n1\n00:00:00.000 --> 00:00:02.000\nOne \"two\".\n\n"
          "2\n00:00:05.000 --> 00:00:06.000\nThree\n\n");
    check(TRANSCRIPT_VTT, &RUNNING, 0, "WEBVTT\n\nNOTE unfinished: the text of 2 of 5 chunks\n\n");
    check(TRANSCRIPT_SRT, &FACTS, 0, "");
}

static void
test_transcript_writer__corrections_are_what_is_said_unless_raw_is_asked_for(void **state UNUSED)
{
    struct transcript_request request = request_for(TRANSCRIPT_VERBOSE_JSON);
    struct buf document;

    first_words[2].corrected = SAID("");
    first_words[3].corrected = SAID(" Tree");
    write(&request, &FACTS, 1, &document);
    assert_non_null(strstr(buf_string(&document), "\"text\":\"One Tree\",\"segments\""));
    assert_non_null(strstr(buf_string(&document), "\"text\":\"Tree\",\"avg_logprob\""));
    assert_non_null(strstr(buf_string(&document), "\"word\":\"Tree\",\"start\":5.000"));
    assert_null(strstr(buf_string(&document), "two"));
    buf_done(&document);
    request.is_raw = true;
    write(&request, &FACTS, 1, &document);
    assert_non_null(strstr(buf_string(&document), "\"text\":\"One \\\"two\\\". Three\""));
    assert_null(strstr(buf_string(&document), "Tree"));
    buf_done(&document);
    first_words[2].corrected = NULL;
    first_words[3].corrected = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transcript_writer__text_is_the_transcript_with_its_gaps),
        cmocka_unit_test(test_transcript_writer__paragraphs_begin_after_pauses),
        cmocka_unit_test(test_transcript_writer__json_has_text_and_gaps),
        cmocka_unit_test(test_transcript_writer__verbose_json_has_segments_and_words_in_seconds),
        cmocka_unit_test(test_transcript_writer__captions_leave_gaps_out),
        cmocka_unit_test(
            test_transcript_writer__corrections_are_what_is_said_unless_raw_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
