/* SPDX-License-Identifier: Apache-2.0 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/jsonread.h"
#include "common/mem.h"
#include "tests/unit/worker/reading_fixture.h"
#include "worker/llm_message.h"
#include "worker/llm_pieces.h"

#define CONTENT(text_)                                                                             \
    "{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":" text_ "}}]}"

static const struct {
    const char *what;
    const char *body;
    enum llm_verdict verdict;
    const char *text;
} ROWS[] = {
    {"plain", CONTENT("\"It was.\""), LLM_ACCEPTED, "It was."},
    {"lines become one", CONTENT("\"It\\n was. \\n\""), LLM_ACCEPTED, "It was."},
    {"a fence", CONTENT("\"```text\\nIt was.\\n```\""), LLM_ACCEPTED, "It was."},
    {"a fence that does not end", CONTENT("\"```\\nIt was.\""), LLM_ACCEPTED, "It was."},
    {"thoughts", CONTENT("\"<think>Hm, a text.</think>\\n\\nIt was.\""), LLM_ACCEPTED, "It was."},
    {"nothing but a fence", CONTENT("\"```\""), LLM_ACCEPTED, ""},
    {"U+0000", CONTENT("\"a\\u0000b\""), LLM_ACCEPTED,
     "a\xEF\xBF\xBD"
     "b"},
    {"no finish_reason", "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}", LLM_ACCEPTED, "a"},
    {"null", CONTENT("null"), LLM_EMPTY, NULL},
    {"no text but parts", CONTENT("[{\"type\":\"text\"}]"), LLM_UNREADABLE, NULL},
    {"cut off", "{\"choices\":[{\"finish_reason\":\"length\",\"message\":{\"content\":\"It\"}}]}",
     LLM_TRUNCATED, NULL},
    {"filtered",
     "{\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"\"}}]}",
     LLM_REFUSED, NULL},
    {"refused",
     "{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":null,"
     "\"refusal\":\"No.\"}}]}",
     LLM_REFUSED, NULL},
    {"a page", "<!doctype html>", LLM_UNREADABLE, NULL},
    {"nothing", "", LLM_UNREADABLE, NULL},
    {"an error with 200", "{\"error\":{\"message\":\"no\"}}", LLM_UNREADABLE, NULL},
    {"no choice", "{\"choices\":[]}", LLM_UNREADABLE, NULL},
    {"a choice that is none", "{\"choices\":[1]}", LLM_UNREADABLE, NULL},
    {"no message", "{\"choices\":[{\"text\":\"It\"}]}", LLM_UNREADABLE, NULL},
    {"too deep", "{\"choices\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}", LLM_UNREADABLE,
     NULL},
};

static void test_llm_message__answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        CLEANUP(mem_free_at) char *text = NULL;
        enum llm_verdict verdict = llm_message_parse(ROWS[i].body, strlen(ROWS[i].body), &text);

        if (verdict != ROWS[i].verdict)
            fail_msg("%s: %s", ROWS[i].what, llm_verdict_name(verdict));
        if (ROWS[i].text == NULL)
            assert_null(text);
        else
            assert_string_equal(text, ROWS[i].text);
    }
}

static void test_llm_message__the_request_has_the_text_and_a_limit(void **state)
{
    CLEANUP(mem_free_at) char *json = llm_message_request("a \"model\"", "say \"hello\"\n");
    CLEANUP(jsonread_put_at) struct json_object *body = NULL;
    struct json_object *messages;
    int64_t max_tokens;
    struct err err;

    (void)state;
    assert_true(jsonread_parse(json, strlen(json), &body, &err));
    assert_string_equal(json_object_get_string(jsonread_member(body, "model")), "a \"model\"");
    assert_true(jsonread_int(body, "max_tokens", 16, 1000, &max_tokens, &err));
    assert_true(jsonread_array(body, "messages", 2, &messages, &err));
    struct json_object *asked = json_object_array_get_idx(messages, 1);
    assert_string_equal(json_object_get_string(jsonread_member(asked, "role")), "user");
    assert_string_equal(json_object_get_string(jsonread_member(asked, "content")),
                        "say \"hello\"\n");
}

static void test_llm_pieces__end_at_sentences(void **state)
{
    static const struct {
        const char *text;
        size_t max_words;
        const char *ends; /* one digit for each piece */
    } TEXTS[] = {
        {"a b c d e", 4, "5"},            /* the rest is no piece of its own */
        {"a b c. d e f g h i", 4, "379"}, /* at the sentence's end */
        {"a b c d e f g h i", 4, "49"},   /* there is none */
        {"a. b c d e f g h i", 4, "49"},  /* too early to be worth it */
        {"a b c.) d e f g h", 4, "38"},   /* behind the bracket */
        {"a", 4, "1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        struct reading reading = fixture_spaced(TEXTS[i].text);
        struct buf ends;

        buf_init(&ends, 64);
        for (size_t first = 0; first < reading.word_count;) {
            first = llm_pieces_end(&reading, first, reading.word_count, TEXTS[i].max_words);
            buf_append_format(&ends, "%zu", first);
        }
        if (strcmp(buf_string(&ends), TEXTS[i].ends) != 0)
            fail_msg("%s: %s", TEXTS[i].text, buf_string(&ends));
        buf_done(&ends);
        reading_done(&reading);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llm_message__answers),
        cmocka_unit_test(test_llm_message__the_request_has_the_text_and_a_limit),
        cmocka_unit_test(test_llm_pieces__end_at_sentences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
