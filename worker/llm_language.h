/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_LANGUAGE_H
#define WORKER_LLM_LANGUAGE_H

/* Whether two texts are in different languages, as far as their scripts and most frequent words
 * tell. Pure. */

#include <stdbool.h>

#include "worker/llm_units.h"

/* False also where it cannot be told: short texts, languages that are not known here. */
bool llm_language_differs(const struct llm_units *one, const struct llm_units *other);

#endif
