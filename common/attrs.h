/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ATTRS_H
#define COMMON_ATTRS_H

/* Compiler attributes in one place, so that declarations stay readable. */

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_arg)                                                       \
    __attribute__((format(printf, format_index, first_arg)))
#define NO_RETURN __attribute__((noreturn))
#define NEVER_NULL __attribute__((returns_nonnull))
#define UNUSED __attribute__((unused))

/* Runs free_fn(&variable) when the variable leaves its scope: for function-scope temporaries only,
 * never in a function that also uses goto. */
#define CLEANUP(free_fn) __attribute__((cleanup(free_fn)))

/* Hands the value of a CLEANUP variable on to its new owner and leaves NULL behind. */
#define TAKE(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

/* Tells gcc's analyzer which function frees what a constructor returns; clang knows only the plain
 * form. */
#if defined(__GNUC__) && !defined(__clang__)
#define FREED_BY(free_fn) __attribute__((malloc, malloc(free_fn, 1)))
#else
#define FREED_BY(free_fn) __attribute__((malloc))
#endif

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* What a macro stands for, as text to be put into a string literal. */
#define TEXT_OF(tokens) #tokens
#define DIGITS_OF(macro) TEXT_OF(macro)

#endif
