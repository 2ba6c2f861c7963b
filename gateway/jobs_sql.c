/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/jobs_sql.h"

#include <stdlib.h>

static int64_t integer(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

struct chunk_layout jobs_sql_layout(const PGresult *result, int row, int column)
{
    return chunk_layout_of(integer(result, row, column), integer(result, row, column + 1),
                           integer(result, row, column + 2));
}
