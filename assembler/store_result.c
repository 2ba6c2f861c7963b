/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
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

struct chunk_layout store_layout(const PGresult *result, int row, int column)
{
    return chunk_layout_of(store_int(result, row, column), store_int(result, row, column + 1),
                           store_int(result, row, column + 2));
}

bool store_bool(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}

const char *store_text(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

struct coverage_sums store_covered(const PGresult *result, int row, int column)
{
    struct coverage_sums sums = {0};
    char *at = PQgetvalue(result, row, column);

    static_assert(COVERAGE_KIND_COUNT == 4, "as the columns' CHECK says");
    /* {text,silence,filtered,failed} */
    for (size_t kind = 0; kind < COVERAGE_KIND_COUNT && *at != '\0'; kind++)
        sums.samples[kind] = strtoll(at + 1, &at, 10);
    return sums;
}
