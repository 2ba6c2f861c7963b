/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pg_error.h"

#include <stdlib.h>
#include <string.h>

static const char *const RETRIED_CLASSES[] = {"08", "25", "40", "53", "55", "57", "58"};

enum err_kind pg_err_kind(const char *sqlstate)
{
    if (sqlstate == NULL)
        return ERR_RETRY;
    for (size_t i = 0; i < ARRAY_LEN(RETRIED_CLASSES); i++)
        if (strncmp(sqlstate, RETRIED_CLASSES[i], 2) == 0)
            return ERR_RETRY;
    return ERR_REJECT;
}

bool pg_err_from_result(struct err *err, const PGresult *result, const char *what)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (sqlstate == NULL)
        return err_set(err, ERR_RETRY, "postgres", 0, "%s: %s", what,
                       text != NULL ? text : PQresStatus(PQresultStatus(result)));
    return err_set(err, pg_err_kind(sqlstate), "postgres", (int)strtol(sqlstate, NULL, 36),
                   "%s: %s: %s", what, sqlstate, text != NULL ? text : "no message");
}

bool pg_err_from_connection(struct err *err, const PGconn *connection, const char *what)
{
    const char *text = PQerrorMessage(connection);

    /* libpq's messages end with a line feed, and may have several lines. */
    return err_set(err, ERR_RETRY, "postgres", 0, "%s: %.*s", what, (int)strcspn(text, "\n"), text);
}
