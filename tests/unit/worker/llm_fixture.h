/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_WORKER_LLM_FIXTURE_H
#define TESTS_UNIT_WORKER_LLM_FIXTURE_H

/* What a language model of a test reads and says. The including test includes cmocka. */

#include <json-c/json.h>

#include "common/jsonread.h"
#include "common/mem.h"
#include "tests/unit/worker/loopback_http.h"

/* The text that is to be corrected: the caller's. */
static inline char *llm_asked_text(struct evhttp_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    CLEANUP(jsonread_put_at) struct json_object *body = NULL;
    struct json_object *messages;
    struct err err;

    assert_true(jsonread_parse((const char *)evbuffer_pullup(input, -1), evbuffer_get_length(input),
                               &body, &err));
    assert_true(jsonread_array(body, "messages", 2, &messages, &err));
    return mem_copy_string(
        json_object_get_string(jsonread_member(json_object_array_get_idx(messages, 1), "content")));
}

/* `text` goes into JSON as it is. */
static inline void llm_answer_text(struct evhttp_request *request, int status, const char *text)
{
    CLEANUP(mem_free_at)
    char *body = mem_format("{\"choices\":[{\"message\":{\"content\":\"%s\"}}]}", text);

    loopback_http_answer(request, status, NULL, body);
}

#endif
