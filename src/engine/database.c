#include "engine/database.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"

enum { WAIT_MS = 5000 };

mer_status mer_database_refuse(const struct mer_database *database, mer_err *err)
{
    return mer_hint(err,
                    mer_fail(err, MER_ERR_DATA, "%s is damaged, or no journal of this version",
                             mer_quote(database->path).text),
                    "merlon runs forget takes it away; without --resume a fit begins anew");
}

mer_status mer_database_fail(const struct mer_database *database, int code, mer_err *err)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return mer_fail(err, MER_ERR_MEMORY, "no memory for the journal %s",
                        mer_quote(database->path).text);
    case SQLITE_FULL:
        return mer_fail(err, MER_ERR_IO, "the disk is full: %s cannot be written",
                        mer_quote(database->path).text);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return mer_fail(err, MER_ERR_IO, "%s cannot be read or written (%s)",
                        mer_quote(database->path).text, sqlite3_errstr(code));
    default:
        return mer_database_refuse(database, err);
    }
}

/* What SQLite itself is kept from, should the file not be what it was. */
static void restrain(sqlite3 *handle)
{
    enum { TEXT_MAX = 1 << 29, /* a blob too */ COLUMNS_MAX = 64, SQL_MAX = 1 << 16 };
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, TEXT_MAX);
    (void)sqlite3_limit(handle, SQLITE_LIMIT_COLUMN, COLUMNS_MAX);
    (void)sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, SQL_MAX);
    (void)sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 1); /* VACUUM does */
    (void)sqlite3_busy_timeout(handle, WAIT_MS);
}

mer_status mer_database_open(struct mer_database *database, const char *path, mer_err *err)
{
    *database = (struct mer_database){.path = strdup(path)};
    if (!database->path)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    /* By its name, because a program with intake's readers has another way to files, for them. */
    const int code = sqlite3_open_v2(path, &database->handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, "unix");
    if (code == SQLITE_OK)
        restrain(database->handle);
    const mer_status status =
        code == SQLITE_OK ? mer_database_do(database,
                                            "PRAGMA temp_store=MEMORY; PRAGMA cell_size_check=ON; "
                                            "PRAGMA secure_delete=ON; "
                                            "PRAGMA synchronous=NORMAL",
                                            err)
                          : mer_database_fail(database, code, err);
    if (!mer_is_ok(status))
        mer_database_close(database);
    return status;
}

void mer_database_close(struct mer_database *database)
{
    (void)sqlite3_close(database->handle); /* NULL is nothing */
    free(database->path);
    *database = (struct mer_database){.handle = NULL};
}

mer_status mer_database_do(struct mer_database *database, const char *sql, mer_err *err)
{
    const int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? mer_ok() : mer_database_fail(database, code, err);
}

mer_status mer_database_prepare(struct mer_database *database, const char *sql,
                                sqlite3_stmt **ret_statement, mer_err *err)
{
    const int code = sqlite3_prepare_v2(database->handle, sql, -1, ret_statement, NULL);
    return code == SQLITE_OK ? mer_ok() : mer_database_fail(database, code, err);
}

mer_status mer_database_step(struct mer_database *database, sqlite3_stmt *statement,
                             bool *ret_has_row, mer_err *err)
{
    const int code = sqlite3_step(statement);
    *ret_has_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? mer_ok()
                                                     : mer_database_fail(database, code, err);
}

mer_status mer_database_finish(struct mer_database *database, sqlite3_stmt *statement, mer_err *err)
{
    bool has_row;
    const mer_status status = mer_database_step(database, statement, &has_row, err);
    (void)sqlite3_finalize(statement);
    return status;
}

mer_status mer_database_number(struct mer_database *database, const char *sql, int64_t *ret_number,
                               mer_err *err)
{
    sqlite3_stmt *statement;
    bool has_row = false;
    MER_GUARD(mer_database_prepare(database, sql, &statement, err));
    mer_status status = mer_database_step(database, statement, &has_row, err);
    if (mer_is_ok(status) && has_row)
        *ret_number = sqlite3_column_int64(statement, 0);
    else if (mer_is_ok(status))
        status = mer_database_refuse(database, err);
    (void)sqlite3_finalize(statement);
    return status;
}
