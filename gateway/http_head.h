/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_HTTP_HEAD_H
#define GATEWAY_HTTP_HEAD_H

/*
 * A request's line and headers, and the checks that the parser leaves to us: pure. Two readings of
 * one request are how requests are smuggled, so whatever could be read in two ways is refused:
 * exactly one Host, a length or a transfer coding but never both, no header twice that decides
 * anything.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "gateway/http_method.h"
#include "gateway/problem.h"

struct http_field {
    uint32_t name; /* offsets into text; both NUL-terminated there */
    uint32_t value;
};

struct http_head {
    struct buf text; /* target, then names and values, each with its NUL */
    struct http_field *fields;
    size_t field_count;
    size_t field_capacity;
    enum http_method method;
    uint32_t path;  /* offset into text */
    uint32_t query; /* offset into text; of a final NUL if there is none */
    bool is_http_1_0;
    bool keep_alive;
    bool expects_continue;
    bool is_chunked;
    bool has_length;
    uint64_t length;
};

/* Why a request was refused. */
struct http_refusal {
    enum problem_type type;
    const char *detail; /* static */
};

void http_head_init(struct http_head *head, size_t limit_bytes);
void http_head_done(struct http_head *head);

/* Adds a header whose name and value were just put into text. */
void http_head_add_field(struct http_head *head, uint32_t name, uint32_t value);
/* The first value, NULL if absent. */
const char *http_head_find(const struct http_head *head, const char *name);
bool http_head_has_body(const struct http_head *head);

/* All checks of a complete head, and the split of its target; false with the reason. */
bool http_head_check(struct http_head *head, struct http_refusal *ret_refusal);

#endif
