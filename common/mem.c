/* SPDX-License-Identifier: Apache-2.0 */
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *or_abort(void *pointer)
{
    if (pointer == NULL) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *mem_new(size_t size)
{
    return or_abort(calloc(1, size));
}

void *mem_array(size_t count, size_t size)
{
    return or_abort(calloc(count > 0 ? count : 1, size));
}

void *mem_resize(void *take_array, size_t count, size_t size)
{
    return or_abort(reallocarray(take_array, count > 0 ? count : 1, size));
}

char *mem_copy_string(const char *string)
{
    return string == NULL ? NULL : or_abort(strdup(string));
}

char *mem_copy(const void *data, size_t length)
{
    char *copy = or_abort(malloc(length + 1));

    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

char *mem_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return or_abort(length < 0 ? NULL : text);
}

void mem_free_at(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}
