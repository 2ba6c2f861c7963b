/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_MIGRATIONS_H
#define ASSEMBLER_MIGRATIONS_H

/*
 * The numbered SQL files (0001_initial.sql, ...) that make the tables. What was applied is kept in
 * the table schema_migrations with the file's SHA-256, so that a file changed afterwards is
 * noticed.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"

/* Applies what the database lacks, each file in a transaction, one process at a time. */
bool migrations_apply(const char *database_url, const char *directory, struct err *err) MUST_CHECK;
/* ERR_REJECT: the database lacks a migration, or has another one than the directory. */
bool migrations_check(const char *database_url, const char *directory, struct err *err) MUST_CHECK;

#endif
