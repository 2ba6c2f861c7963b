/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/mem.h"
#include "worker/media_report.h"
#include "worker/speech_reply.h"

#define SECOND ((int64_t)MEDIA_PCM_RATE)
#define SENT (30 * SECOND)

/* The words with a bar between them, as they are kept. */
static char *barred(const struct reading *reading)
{
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; i < reading->word_count; i++)
        buf_append_format(&text, "%s%s", i > 0 ? "|" : "", reading->words[i].text);
    return buf_take(&text);
}

static void assert_words(const char *body, const char *expected)
{
    struct speech_reply reply;
    struct err err;

    assert_true(speech_reply_parse(body, strlen(body), SENT, &reply, &err));
    CLEANUP(mem_free_at) char *words = barred(&reply.reading);
    assert_string_equal(words, expected);
    int64_t before = 0;
    for (size_t i = 0; i < reply.reading.word_count; i++) {
        const struct reading_word *word = &reply.reading.words[i];
        assert_in_range(word->start, before, SENT);
        assert_in_range(word->end, word->start, SENT);
        assert_in_range(word->segment + 1, 0, reply.reading.segment_count);
        before = word->start;
    }
    speech_reply_done(&reply);
}

#define W(word_, start_, end_) "{\"word\":\"" word_ "\",\"start\":" #start_ ",\"end\":" #end_ "}"

static const struct {
    const char *what;
    const char *body;
    const char *expected;
} TEXTS[] = {
    {"OpenAI: bare words",
     "{\"text\":\"Hello, world. How are you?\",\"words\":[" W("Hello", 0, 0.5) "," W(
         "world", 0.5, 1) "," W("How", 1.2, 1.4) "," W("are", 1.4, 1.5) "," W("you", 1.5, 2) "]}",
     " Hello,| world.| How| are| you?"},
    {"faster-whisper: spaces and punctuation in the words",
     "{\"text\":\" Hello, world.\",\"words\":[" W(" Hello,", 0, 0.5) "," W(" world.", 0.5, 1) "]}",
     " Hello,| world."},
    {"words inside segments",
     "{\"text\":\"a b\",\"segments\":[{\"start\":0,\"end\":2,\"text\":\" a b\",\"words\":[" W(
         "a", 0, 1) "," W("b", 1, 2) "]}]}",
     " a| b"},
    {"a hyphen between words",
     "{\"text\":\"forty-two dogs\",\"words\":[" W("forty", 0, 1) "," W("two", 1, 2) "," W("dogs", 2,
                                                                                          3) "]}",
     " forty-|two| dogs"},
    {"quotes and brackets",
     "{\"text\":\"He said: \\\"no\\\" (twice).\",\"words\":[" W("He", 0, 1) "," W(
         "said", 1, 2) "," W("no", 2, 3) "," W("twice", 3, 4) "]}",
     " He| said:| \"no\"| (twice)."},
    {"another case", "{\"text\":\"NASA Was\",\"words\":[" W("nasa", 0, 1) "," W("was", 1, 2) "]}",
     " NASA| Was"},
    {"Chinese", "{\"text\":\"你好，世界\",\"words\":[" W("你好", 0, 1) "," W("世界", 1, 2) "]}",
     "你好，|世界"},
    {"words of bytes beyond ASCII",
     "{\"text\":\"Où est l'été ?\",\"words\":[" W("Où", 0, 1) "," W("est", 1, 2) "," W("l'été", 2,
                                                                                       3) "]}",
     " Où| est| l'été ?"},
    {"a word twice",
     "{\"text\":\"the the the\",\"words\":[" W("the", 0, 1) "," W("the", 1, 2) "," W("the", 2,
                                                                                     3) "]}",
     " the| the| the"},
    {"a word that the list lacks",
     "{\"text\":\"one two three\",\"words\":[" W("one", 0, 1) "," W("three", 2, 3) "]}",
     " one| two three"},
    {"a word that the text lacks",
     "{\"text\":\"one three\",\"words\":[" W("one", 0, 1) "," W("two", 1, 2) "," W("three", 2,
                                                                                   3) "]}",
     " one| three"},
    {"words that are punctuation",
     "{\"text\":\"yes - no!\",\"words\":[" W("yes", 0, 1) "," W("-", 1, 1) "," W("no", 1, 2) "," W(
         "!", 2, 2) "]}",
     " yes| - no!"},
    {"text before the first and after the last word",
     "{\"text\":\"um one er\",\"words\":[" W("one", 0, 1) "]}", " um one er"},
    {"words of another text are not believed",
     "{\"text\":\"good morning\",\"segments\":[{\"start\":1,\"end\":2,\"text\":\" good "
     "morning\"}],\"words\":[" W("bad", 0, 1) "," W("evening", 1, 2) "," W("sir", 1, 2) "]}",
     " good| morning"},
    {"no words: the segments' times",
     "{\"text\":\"a bb ccc\",\"segments\":[{\"start\":0,\"end\":3,\"text\":\" a bb\"},"
     "{\"start\":3,\"end\":4,\"text\":\" ccc\"}]}",
     " a| bb| ccc"},
    {"no words in Chinese", "{\"segments\":[{\"start\":0,\"end\":3,\"text\":\"你好，世界\"}]}",
     "你|好，|世|界"},
    {"neither words nor segments", "{\"text\":\"a bb\"}", " a| bb"},
    {"no text", "{\"segments\":[],\"words\":[]}", ""},
    {"silence", "{\"text\":\"\",\"segments\":[],\"words\":[],\"language\":\"english\"}", ""},
    {"null in every place", "{\"text\":\"a b\",\"segments\":null,\"words\":null,\"language\":null}",
     " a| b"},
    {"line breaks and tabs", "{\"text\":\"  a\\n\\tb  \"}", " a| b"},
    {"what PostgreSQL refuses", "{\"text\":\"a\\u0000b \\ud800 c\",\"words\":[]}",
     " a\xEF\xBF\xBD"
     "b| \xEF\xBF\xBD| c"},
    {"invalid UTF-8", "{\"text\":\"a\xff\xfe b\"}", " a\xEF\xBF\xBD\xEF\xBF\xBD| b"},
    {"times beyond the audio, backwards, negative, huge, missing",
     "{\"text\":\"a b c d e f\",\"words\":[" W("a", 5, 4) "," W("b", 2, 3) "," W("c", -7, -1) "," W(
         "d", 99, 1e300) ",{\"word\":\"e\"},{\"word\":\"f\",\"start\":\"x\",\"end\":null}]}",
     " a| b| c| d| e| f"},
    {"members of another type",
     "{\"text\":\"a\",\"segments\":[1,null,\"x\",[]],\"words\":[1,null,{\"word\":5},[]]}", ""},
};

static void test_speech_reply__texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        print_message("  %s\n", TEXTS[i].what);
        assert_words(TEXTS[i].body, TEXTS[i].expected);
    }
}

static const char *const NOT_TRANSCRIPTIONS[] = {
    "",
    "<html><body>502 Bad Gateway</body></html>",
    "{\"text\":\"cut",
    "{\"text\":\"a\"} and more",
    "[]",
    "\"text\"",
    "null",
    "{}",
    "{\"error\":{\"message\":\"no\"}}",
    "{\"text\":5}",
    "{\"text\":null}",
};

static void test_speech_reply__refuses_what_is_no_transcription(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NOT_TRANSCRIPTIONS); i++) {
        struct speech_reply reply;
        struct err err;
        const char *body = NOT_TRANSCRIPTIONS[i];
        assert_false(speech_reply_parse(body, strlen(body), SENT, &reply, &err));
        assert_int_equal(err.kind, ERR_RETRY);
    }
}

static void test_speech_reply__refuses_depth_and_numbers_without_end(void **state)
{
    (void)state;
    struct buf body;
    struct speech_reply reply;
    struct err err;

    buf_init(&body, SPEECH_REPLY_BYTES_MAX);
    buf_append_string(&body, "{\"text\":\"a\",\"x\":");
    for (int i = 0; i < 100000; i++)
        buf_append(&body, "[", 1);
    assert_false(speech_reply_parse(body.data, body.length, SENT, &reply, &err));
    buf_clear(&body);
    buf_append_string(&body, "{\"text\":\"a\",\"words\":[0");
    for (int i = 0; i < 200000; i++)
        buf_append(&body, ",0", 2);
    buf_append_string(&body, "]}");
    assert_false(speech_reply_parse(body.data, body.length, SENT, &reply, &err));
    buf_done(&body);
}

/* A service that names a hundred thousand words which are not in its text costs no more than
 * reading them. */
static void test_speech_reply__looks_for_each_word_only_nearby(void **state)
{
    (void)state;
    struct buf body;
    struct speech_reply reply;
    struct err err;

    buf_init(&body, SPEECH_REPLY_BYTES_MAX);
    buf_append_string(&body, "{\"text\":\"");
    for (int i = 0; i < 500000; i++)
        buf_append(&body, "a ", 2);
    buf_append_string(&body, "\",\"words\":[" W("b", 0, 1));
    for (int i = 0; i < 99000; i++)
        buf_append_string(&body, "," W("b", 0, 1));
    buf_append_string(&body, "]}");
    assert_true(speech_reply_parse(body.data, body.length, SENT, &reply, &err));
    speech_reply_done(&reply);
    buf_done(&body);
}

static void test_speech_reply__keeps_measures(void **state)
{
    (void)state;
    const char *body = "{\"text\":\"a x b\",\"language\":\"German\",\"segments\":["
                       "{\"start\":0,\"end\":1,\"text\":\"a\",\"avg_logprob\":-0.25},"
                       "{\"start\":1,\"end\":2,\"text\":\"x\",\"avg_logprob\":-2,"
                       "\"no_speech_prob\":0.95},"
                       "{\"start\":2,\"end\":3,\"text\":\"b\",\"compression_ratio\":1.5}],"
                       "\"words\":[{\"word\":\"a\",\"start\":0.1,\"end\":0.9,\"probability\":0.75},"
                       "{\"word\":\"x\",\"start\":1.1,\"end\":1.9},"
                       "{\"word\":\"b\",\"start\":2.1,\"end\":2.9,\"probability\":7}]}";
    struct speech_reply reply;
    struct err err;

    assert_true(speech_reply_parse(body, strlen(body), SENT, &reply, &err));
    assert_string_equal(reply.language, "de");
    assert_int_equal(reply.reading.segment_count, 3);
    assert_int_equal(reply.reading.word_count, 3);
    assert_int_equal(reply.reading.words[0].start, 1600);
    assert_int_equal(reply.reading.words[0].end, 14400);
    assert_true(reply.reading.words[0].probability == 0.75);
    assert_true(reply.reading.segments[1].no_speech_prob == 0.95);
    assert_true(reply.reading.words[2].probability == 1);
    assert_int_equal(reply.reading.words[2].segment, 2);
    assert_int_equal(reply.reading.end, SENT);
    speech_reply_done(&reply);
}

static void test_speech_reply__language_codes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *code;
    } ROWS[] = {{"english", "en"}, {"English", "en"}, {"en", "en"}, {"EN", "en"},
                {"yue", "yue"},    {"Klingon", ""},   {"", ""},     {"haitian creole", "ht"},
                {"e", ""},         {"hebrew", "he"}};

    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        char code[LANGUAGE_SIZE];
        language_code(ROWS[i].name, code);
        assert_string_equal(code, ROWS[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_speech_reply__texts),
        cmocka_unit_test(test_speech_reply__refuses_what_is_no_transcription),
        cmocka_unit_test(test_speech_reply__refuses_depth_and_numbers_without_end),
        cmocka_unit_test(test_speech_reply__looks_for_each_word_only_nearby),
        cmocka_unit_test(test_speech_reply__keeps_measures),
        cmocka_unit_test(test_speech_reply__language_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
