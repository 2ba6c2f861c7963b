/* SPDX-License-Identifier: Apache-2.0 */
#include "assembler/migrations.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assembler/migration_files.h"
#include "common/fault_point.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/pg_error.h"

#define CONNECT_TIMEOUT_S "10"
/* Held for the session, so that of several processes that migrate at once one does it. */
#define LOCK_SQL "SELECT pg_advisory_lock(hashtext('chunkscribe migrations'))"

#define CREATE_TABLE_SQL                                                                           \
    "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY,"                   \
    " name text NOT NULL, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"

#define HAS_TABLE_SQL "SELECT to_regclass('schema_migrations') IS NOT NULL"
#define READ_SQL "SELECT version, digest FROM schema_migrations ORDER BY version"
#define INSERT_SQL                                                                                 \
    "INSERT INTO schema_migrations (version, name, digest) VALUES ($1::integer, $2, $3)"

static void close_at(PGconn **connection)
{
    PQfinish(*connection);
}

static void clear_at(PGresult **result)
{
    PQclear(*result);
}

static bool connect_to(const char *database_url, PGconn **ret_connection, struct err *err)
{
    static const char *const NAMES[] = {"dbname", "connect_timeout", "fallback_application_name",
                                        NULL};
    const char *const values[] = {database_url, CONNECT_TIMEOUT_S, "chunkscribe-assembler", NULL};

    *ret_connection = PQconnectdbParams(NAMES, values, 1);
    if (PQstatus(*ret_connection) == CONNECTION_OK)
        return true;
    return pg_err_from_connection(err, *ret_connection, "connect");
}

static bool is_good(PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool execute(PGconn *connection, const char *what, const char *sql, struct err *err)
{
    CLEANUP(clear_at) PGresult *result = PQexec(connection, sql);

    return is_good(result) || pg_err_from_result(err, result, what);
}

static bool has_table(PGconn *connection)
{
    CLEANUP(clear_at) PGresult *result = PQexec(connection, HAS_TABLE_SQL);

    return is_good(result) && PQgetvalue(result, 0, 0)[0] == 't';
}

/* How many of the files were applied; they are the first ones. ERR_REJECT when one of them is not
 * what was applied, or when the database is ahead of the directory. */
static bool count_applied(PGconn *connection, const struct migration_files *files,
                          size_t *ret_count, struct err *err)
{
    CLEANUP(clear_at) PGresult *result = PQexec(connection, READ_SQL);

    if (!is_good(result))
        return pg_err_from_result(err, result, "schema_migrations");
    size_t count = (size_t)PQntuples(result);
    if (count > files->count)
        return err_set(err, ERR_REJECT, "migrations", 0,
                       "the database is at version %zu, this program at %zu", count, files->count);
    for (size_t i = 0; i < count; i++) {
        if (strtol(PQgetvalue(result, (int)i, 0), NULL, 10) != files->items[i].version ||
            strcmp(PQgetvalue(result, (int)i, 1), files->items[i].digest) != 0)
            return err_set(err, ERR_REJECT, "migrations", 0,
                           "%s is not the file that was applied to this database",
                           files->items[i].name);
    }
    *ret_count = count;
    return true;
}

static bool record(PGconn *connection, const struct migration_file *file, struct err *err)
{
    char version[16];
    const char *values[] = {version, file->name, file->digest};

    (void)snprintf(version, sizeof version, "%" PRId32, file->version);
    CLEANUP(clear_at)
    PGresult *result = PQexecParams(connection, INSERT_SQL, 3, NULL, values, NULL, NULL, 0);
    return is_good(result) || pg_err_from_result(err, result, file->name);
}

static bool apply_one(PGconn *connection, const struct migration_file *file, struct err *err)
{
    if (!execute(connection, file->name, "BEGIN", err) ||
        !execute(connection, file->name, file->sql, err) || !record(connection, file, err))
        return false;
    if (fault_point(FAULT_MIGRATE, NULL))
        return err_set(err, ERR_RETRY, "migrations", 0, "the connection was cut");
    if (!execute(connection, file->name, "COMMIT", err))
        return false;
    log_info("migrated", file->name, LOG_INT("version", file->version));
    return true;
}

bool migrations_apply(const char *database_url, const char *directory, struct err *err)
{
    CLEANUP(migration_files_done) struct migration_files files = {0};
    CLEANUP(close_at) PGconn *connection = NULL;
    size_t applied;

    if (!migration_files_load(directory, &files, err) ||
        !connect_to(database_url, &connection, err) ||
        !execute(connection, "lock", LOCK_SQL, err) ||
        !execute(connection, "schema_migrations",
                 "SET client_min_messages = warning; " CREATE_TABLE_SQL, err) ||
        !count_applied(connection, &files, &applied, err))
        return false;
    for (size_t i = applied; i < files.count; i++)
        if (!apply_one(connection, &files.items[i], err))
            return false;
    return true;
}

bool migrations_check(const char *database_url, const char *directory, struct err *err)
{
    CLEANUP(migration_files_done) struct migration_files files = {0};
    CLEANUP(close_at) PGconn *connection = NULL;
    size_t applied = 0;

    if (!migration_files_load(directory, &files, err) ||
        !connect_to(database_url, &connection, err))
        return false;
    if (has_table(connection) && !count_applied(connection, &files, &applied, err))
        return false;
    if (applied == files.count)
        return true;
    return err_set(err, ERR_REJECT, "migrations", 0,
                   "the database lacks %s: run chunkscribe-assembler --migrate",
                   files.items[applied].name);
}
