/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/http_method.h"

#include <assert.h>

#include "common/attrs.h"

static const char *const NAMES[] = {
    [HTTP_METHOD_GET] = "GET",       [HTTP_METHOD_HEAD] = "HEAD",
    [HTTP_METHOD_POST] = "POST",     [HTTP_METHOD_PUT] = "PUT",
    [HTTP_METHOD_DELETE] = "DELETE", [HTTP_METHOD_OPTIONS] = "OPTIONS",
    [HTTP_METHOD_PATCH] = "PATCH",   [HTTP_METHOD_TRACE] = "TRACE",
    [HTTP_METHOD_QUERY] = "QUERY",
};
static_assert(ARRAY_LEN(NAMES) == HTTP_METHOD_COUNT, "every method has a name");

const char *http_method_name(enum http_method method)
{
    return NAMES[method];
}
