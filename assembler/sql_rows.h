/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_SQL_ROWS_H
#define ASSEMBLER_SQL_ROWS_H

/*
 * Rows on their way into a statement, as one array literal for each column: a batch of any size is
 * one `unnest($1::..., $2::...)`. Values are added row by row, from the left. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define SQL_COLUMNS_MAX 48

struct sql_rows {
    int column_count;
    int next_column;
    size_t row_count;
    struct buf columns[SQL_COLUMNS_MAX];
    bool is_finished;
    const char *literals[SQL_COLUMNS_MAX];
};

void sql_rows_init(struct sql_rows *rows, int column_count);
void sql_rows_done(struct sql_rows *rows);
void sql_rows_int(struct sql_rows *rows, int64_t value);
/* NULL where the value is negative. */
void sql_rows_natural(struct sql_rows *rows, int64_t value);
void sql_rows_bool(struct sql_rows *rows, bool value);
/* NULL becomes NULL. */
void sql_rows_text(struct sql_rows *rows, const char *text);
void sql_rows_null(struct sql_rows *rows);
/* The parameters, one for each column; valid until sql_rows_done(). No row can be added after. */
const char *const *sql_rows_finish(struct sql_rows *rows);

#endif
