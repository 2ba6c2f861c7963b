/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_PG_ERROR_H
#define COMMON_PG_ERROR_H

/*
 * The class of PostgreSQL's errors. SQLSTATE classes 08 (connection), 25 (transaction state), 40
 * (rollback), 53 (resources), 55 (lock not available), 57 (operator), 58 (system) and errors
 * without a SQLSTATE are ERR_RETRY; 22 (data), 23 (constraint), 42 (syntax) and the rest
 * ERR_REJECT.
 */

#include <libpq-fe.h>
#include <stdbool.h>

#include "common/err.h"

/* `sqlstate` NULL: there is none. */
enum err_kind pg_err_kind(const char *sqlstate);
/* Both return false. err->code is the SQLSTATE as a number in base 36; 0 without one. */
bool pg_err_from_result(struct err *err, const PGresult *result, const char *what);
/* The connection is lost or was not made: ERR_RETRY. */
bool pg_err_from_connection(struct err *err, const PGconn *connection, const char *what);

#endif
