/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/sql_rows.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define COLUMN_BYTES_MAX ((size_t)512 * 1024 * 1024)

void sql_rows_init(struct sql_rows *rows, int column_count)
{
    assert(column_count > 0 && column_count <= SQL_COLUMNS_MAX);
    *rows = (struct sql_rows){.column_count = column_count};
    for (int i = 0; i < column_count; i++)
        buf_init(&rows->columns[i], COLUMN_BYTES_MAX);
}

void sql_rows_done(struct sql_rows *rows)
{
    for (int i = 0; i < rows->column_count; i++)
        buf_done(&rows->columns[i]);
}

static struct buf *next_column(struct sql_rows *rows)
{
    struct buf *column = &rows->columns[rows->next_column];

    assert(!rows->is_finished);
    buf_append_string(column, rows->row_count == 0 ? "{" : ",");
    if (++rows->next_column == rows->column_count) {
        rows->next_column = 0;
        rows->row_count++;
    }
    return column;
}

void sql_rows_int(struct sql_rows *rows, int64_t value)
{
    buf_append_format(next_column(rows), "%" PRId64, value);
}

void sql_rows_null(struct sql_rows *rows)
{
    buf_append_string(next_column(rows), "NULL");
}

void sql_rows_natural(struct sql_rows *rows, int64_t value)
{
    if (value < 0)
        sql_rows_null(rows);
    else
        sql_rows_int(rows, value);
}

void sql_rows_bool(struct sql_rows *rows, bool value)
{
    buf_append_string(next_column(rows), value ? "t" : "f");
}

void sql_rows_text(struct sql_rows *rows, const char *text)
{
    if (text == NULL) {
        sql_rows_null(rows);
        return;
    }
    struct buf *column = next_column(rows);

    buf_append(column, "\"", 1);
    while (*text != '\0') {
        size_t plain = strcspn(text, "\"\\");

        buf_append(column, text, plain);
        text += plain;
        if (*text != '\0')
            buf_append_format(column, "\\%c", *text++);
    }
    buf_append(column, "\"", 1);
}

const char *const *sql_rows_finish(struct sql_rows *rows)
{
    assert(rows->next_column == 0);
    for (int i = 0; i < rows->column_count && !rows->is_finished; i++) {
        buf_append_string(&rows->columns[i], rows->row_count == 0 ? "{}" : "}");
        rows->literals[i] = buf_string(&rows->columns[i]);
    }
    rows->is_finished = true;
    return rows->literals;
}
