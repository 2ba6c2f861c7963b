/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_negotiate.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* "q=0", "q=0.0", "q=0.00" or "q=0.000": the parameters behind a coding's name, up to the comma. */
static bool is_refused(const char *parameters, size_t length)
{
    const char *end = parameters + length;

    for (const char *at = parameters; at < end; at++) {
        at += strspn(at, "; \t");
        if (end - at >= 3 && strncasecmp(at, "q=", 2) == 0) {
            size_t zeros = strspn(at + 2, "0.");
            const char *after = at + 2 + zeros + strspn(at + 2 + zeros, BLANKS);
            return zeros > 0 && after >= end;
        }
        at += strcspn(at, ";,");
    }
    return false;
}

/* The name decides before "*", wherever either stands. */
bool http_negotiate_gzip(const char *accept_encoding)
{
    bool is_any = false;

    for (const char *at = accept_encoding; at != NULL && *at != '\0';) {
        at += strspn(at, "," BLANKS);
        size_t length = strcspn(at, ",");
        size_t name = strcspn(at, ",;" BLANKS);
        bool is_taken = !is_refused(at + name, length - name);

        if ((name == 4 && strncasecmp(at, "gzip", 4) == 0) ||
            (name == 6 && strncasecmp(at, "x-gzip", 6) == 0))
            return is_taken;
        if (name == 1 && *at == '*')
            is_any = is_taken;
        at += length;
    }
    return is_any;
}

static const char *without_weakness(const char *tag)
{
    return strncmp(tag, "W/", 2) == 0 ? tag + 2 : tag;
}

bool http_negotiate_is_known(const char *if_none_match, const char *etag)
{
    const char *wanted = without_weakness(etag);
    size_t wanted_length = strlen(wanted);

    for (const char *at = if_none_match; at != NULL && *at != '\0';) {
        at += strspn(at, "," BLANKS);
        if (*at == '*')
            return true;
        at = without_weakness(at);
        if (*at != '"')
            return false; /* what follows is no list of tags */
        size_t length = strcspn(at + 1, "\"") + 2;
        if (length == wanted_length && memcmp(at, wanted, length) == 0)
            return true;
        if (strlen(at) < length)
            return false;
        at += length;
    }
    return false;
}
