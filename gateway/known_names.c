/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/known_names.h"

#include <string.h>

#include "common/spelling.h"

/* The known name that `name` is probably a slip of, or NULL. */
static const char *suggest(const char *name, const char *const *known)
{
    struct spelling_guess guess = {0};

    for (; *known != NULL; known++)
        spelling_offer(&guess, name, *known);
    return guess.name;
}

static bool is_known(const char *name, const char *const *known)
{
    for (; *known != NULL; known++) {
        if (strcmp(name, *known) == 0)
            return true;
    }
    return false;
}

bool known_names_check(const char *name, const char *const *known, const char *what,
                       struct refusal *refusal)
{
    if (is_known(name, known))
        return true;
    const char *suggestion = suggest(name, known);
    if (suggestion != NULL)
        refusal_set(refusal, PROBLEM_UNKNOWN_FIELD, name,
                    "the %s \"%.60s\" is not known; did you mean \"%s\"?", what, name, suggestion);
    else
        refusal_set(refusal, PROBLEM_UNKNOWN_FIELD, name, "the %s \"%.60s\" is not known", what,
                    name);
    refusal->problem.allowed = known;
    return false;
}
