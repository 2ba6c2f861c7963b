/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "assembler/store.h"

void store_clear_at(PGresult **result)
{
    PQclear(*result);
    *result = NULL;
}

int64_t store_int(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

int64_t store_int_or(const PGresult *result, int row, int column, int64_t fallback)
{
    return PQgetisnull(result, row, column) ? fallback : store_int(result, row, column);
}

bool store_bool(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}

const char *store_text(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}
