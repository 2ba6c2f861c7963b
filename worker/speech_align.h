/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_SPEECH_ALIGN_H
#define WORKER_SPEECH_ALIGN_H

/*
 * Speech services give the text with punctuation, and beside it the words with their times but
 * without. This finds the words in the text, in order, and cuts the text into one piece for each
 * of them: the pieces together are the text, exactly. Pure.
 */

#include <stddef.h>

#include "common/attrs.h"

/* `text` and `words` are clean (plain_text.h). ret_pieces[i] is the piece of words[i], owned by the
 * caller, or NULL when the word is not in the text near where it should be. Returns how many were
 * found; with none the text is in no piece. */
size_t speech_align(const char *text, char *const *words, size_t count, char **ret_pieces);

#endif
