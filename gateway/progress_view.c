/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/progress_view.h"

#include <stdbool.h>
#include <string.h>

#include "common/attrs.h"

#define DIGITS_MAX 9

static bool is_between(char c, char first, char last)
{
    return c >= first && c <= last;
}

/* The number behind `member`, of which the quotes and the colon are part but for its space. The
 * names occur nowhere else: a progress_update holds no text from outside. */
static int64_t counter(const char *data, size_t length, const char *member)
{
    const char *end = data + length;
    const char *at = memmem(data, length, member, strlen(member));
    int64_t value = 0;

    if (at == NULL)
        return 0;
    at += strlen(member);
    while (at < end && (*at == ' ' || *at == ':'))
        at++;
    for (int digits = 0; at < end && is_between(*at, '0', '9') && digits < DIGITS_MAX; digits++)
        value = value * 10 + (*at++ - '0');
    return value;
}

int64_t progress_view_rank(const char *data, size_t length)
{
    static const char *const MEMBERS[] = {"\"uploaded_chunks\"", "\"completed_chunks\"",
                                          "\"failed_chunks\""};
    int64_t rank = 0;

    for (size_t i = 0; i < ARRAY_LEN(MEMBERS); i++)
        rank += counter(data, length, MEMBERS[i]);
    return rank;
}
