/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_PLAIN_TEXT_H
#define WORKER_PLAIN_TEXT_H

/*
 * Text from outside: made valid UTF-8, and looked at by code point. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"

/* A copy that is valid UTF-8 without U+0000: what isn't becomes U+FFFD. Runs of white space become
 * one space; there is none at the ends. Owned by the caller. */
char *plain_text_clean(const char *bytes, size_t length);

/* The code point at *at, which is valid UTF-8 and not at its end, and moves *at behind it. */
uint32_t plain_text_next(const char **at);

bool plain_text_is_punctuation(uint32_t code_point);
/* Of a script that writes words without spaces between them: Chinese, Japanese. */
bool plain_text_is_unspaced(uint32_t code_point);

#endif
