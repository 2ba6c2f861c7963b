/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_MIGRATION_FILES_H
#define ASSEMBLER_MIGRATION_FILES_H

/* The files of a directory of migrations, in the order of their numbers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

#define MIGRATION_DIGEST_SIZE 65 /* hexadecimal SHA-256 and its NUL */

struct migration_file {
    int32_t version; /* from the name: dense from 1 */
    char *name;      /* owned */
    char *sql;       /* owned */
    char digest[MIGRATION_DIGEST_SIZE];
};

struct migration_files {
    struct migration_file *items; /* owned */
    size_t count;
};

void migration_files_done(struct migration_files *files);
/* ERR_REJECT: a name that is not NNNN_words.sql, a gap in the numbers, or no file at all. */
bool migration_files_load(const char *directory, struct migration_files *ret_files,
                          struct err *err) MUST_CHECK;

#endif
