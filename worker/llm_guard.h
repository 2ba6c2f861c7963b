/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LLM_GUARD_H
#define WORKER_LLM_GUARD_H

/*
 * Judges what a language model made of a text. A correction mends spelling, punctuation and single
 * misheard words; whatever else an answer does, it is discarded, and the text stands as it was
 * heard. Pure.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "worker/llm_align.h"
#include "worker/llm_units.h"

/* docs/llm.md; the names are part of the events' schemas. */
enum llm_verdict {
    LLM_ACCEPTED,
    LLM_EMPTY,
    LLM_TRUNCATED,
    LLM_REFUSED, /* to correct it */
    LLM_LOOPS,
    LLM_OTHER_LANGUAGE,
    LLM_ADDITIONS,
    LLM_LOSSES,
    LLM_REWRITTEN,
    LLM_NUMBERS_CHANGED,
    LLM_NAMES_CHANGED,
    /* No answer that could be judged. */
    LLM_UNAVAILABLE,
    LLM_LIMITED,
    LLM_TIMED_OUT,
    LLM_TOO_LARGE,
    LLM_UNREADABLE,
    LLM_REQUEST_REFUSED,
    LLM_NOT_CONFIGURED,
    LLM_VERDICT_COUNT
};

/* By enum llm_verdict: its names, which are the labels of a metric too. */
#define LLM_VERDICT_NAMES                                                                          \
    {                                                                                              \
        [LLM_ACCEPTED] = "accepted", [LLM_EMPTY] = "empty", [LLM_TRUNCATED] = "truncated",         \
        [LLM_REFUSED] = "refused", [LLM_LOOPS] = "loops", [LLM_OTHER_LANGUAGE] = "other_language", \
        [LLM_ADDITIONS] = "additions", [LLM_LOSSES] = "losses", [LLM_REWRITTEN] = "rewritten",     \
        [LLM_NUMBERS_CHANGED] = "numbers_changed", [LLM_NAMES_CHANGED] = "names_changed",          \
        [LLM_UNAVAILABLE] = "unavailable", [LLM_LIMITED] = "limited",                              \
        [LLM_TIMED_OUT] = "timed_out", [LLM_TOO_LARGE] = "too_large",                              \
        [LLM_UNREADABLE] = "unreadable", [LLM_REQUEST_REFUSED] = "request_refused",                \
        [LLM_NOT_CONFIGURED] = "not_configured",                                                   \
    }

struct llm_limits {
    double max_added;     /* words added, in parts of the words heard */
    double max_lost;      /* words left out */
    double max_exchanged; /* words that became altogether different ones */
};

extern const struct llm_limits LLM_LIMITS_DEFAULT;

struct llm_judgement {
    enum llm_verdict verdict;
    struct llm_alignment alignment; /* owned; of an accepted answer */
};

/* `text` is the answer as plain_text_clean() gives it, `answer` its units. */
struct llm_judgement llm_guard_judge(const struct llm_units *heard, const char *text,
                                     const struct llm_units *answer,
                                     const struct llm_limits *limits);
/* "accepted", "empty", ... */
const char *llm_verdict_name(enum llm_verdict verdict);

#endif
