/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pg_statement.h"

#include <assert.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/mem.h"

void pg_statement_free(struct pg_statement *statement)
{
    if (statement == NULL)
        return;
    for (int i = 0; i < statement->param_count; i++)
        free(statement->values[i]);
    free(statement);
}

static void copy_params(struct pg_statement *statement, const struct pg_params *params)
{
    assert(params->count >= 0 && params->count <= PG_PARAMS_MAX);
    statement->param_count = params->count;
    for (int i = 0; i < params->count; i++) {
        const char *value = params->values[i];

        statement->lengths[i] = params->lengths[i];
        statement->formats[i] = params->formats[i];
        if (value != NULL && params->formats[i] == 1)
            statement->values[i] = mem_copy(value, (size_t)params->lengths[i]);
        else
            statement->values[i] = mem_copy_string(value);
    }
}

struct pg_statement *pg_statement_new(const char *name, const char *sql,
                                      const struct pg_params *params, pg_on_result on_result,
                                      void *context)
{
    struct pg_statement *statement = mem_new(sizeof *statement);

    statement->name = name;
    statement->sql = sql;
    if (params != NULL)
        copy_params(statement, params);
    statement->on_result = on_result;
    statement->context = context;
    statement->queued_us = clock_now_us();
    return statement;
}

void pg_statement_fail(struct pg_statement *take_statement, const struct err *err)
{
    take_statement->on_result(take_statement->context, NULL, err);
    pg_statement_free(take_statement);
}
