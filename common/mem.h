/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

/*
 * Allocation of small, fixed-size things. Running out of memory here aborts: the pipeline is
 * at-least-once and a restart is better tested than hundreds of recovery branches. Sizes that come
 * from outside are checked against a limit before they get here. Everything is freed by free().
 */

#include <stddef.h>
#include <stdlib.h>

#include "common/attrs.h"

/* Zeroed. */
void *mem_new(size_t size) NEVER_NULL FREED_BY(free);
void *mem_array(size_t count, size_t size) NEVER_NULL FREED_BY(free);
/* Grows or shrinks; what is new is not zeroed. `take_array` may be NULL. */
void *mem_resize(void *take_array, size_t count, size_t size) NEVER_NULL MUST_CHECK;
/* NULL gives NULL. */
char *mem_copy_string(const char *string) FREED_BY(free);
/* With a final NUL that `length` does not count. */
char *mem_copy(const void *data, size_t length) NEVER_NULL FREED_BY(free);
char *mem_format(const char *format, ...) PRINTF_LIKE(1, 2) NEVER_NULL FREED_BY(free);

/* For CLEANUP(mem_free_at) char *text = ...; */
void mem_free_at(void *pointer_to_pointer);

#endif
