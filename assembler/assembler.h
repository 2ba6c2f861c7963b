/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_ASSEMBLER_H
#define ASSEMBLER_ASSEMBLER_H

/*
 * The assembler: a straight loop. Collect whatever is queued, apply it in one transaction, send the
 * events that came of it; in between publish tasks that are due and look for lost work. Everything
 * it must remember is in PostgreSQL.
 */

#include <stdbool.h>

#include "assembler/assembler_options.h"
#include "common/attrs.h"
#include "common/err.h"
#include "common/service.h"

struct assembler;

/* The topics it writes, without prefix; NULL-terminated. */
extern const char *const ASSEMBLER_TOPICS[];

void assembler_free(struct assembler *assembler);
/* Borrows the options for life. */
struct assembler *assembler_new(const struct assembler_options *options) FREED_BY(assembler_free);
/* Checks what it depends on and joins the group. */
bool assembler_start(struct assembler *assembler, struct err *err) MUST_CHECK;
/* Until `*stop` is set by a signal handler, then drains. */
enum exit_code assembler_run(struct assembler *assembler, const volatile int *stop) MUST_CHECK;

#endif
