/* SQLite as the journal uses it: prepared statements, errors in words. Not thread-safe.
 */
#ifndef MER_ENGINE_DATABASE_H
#define MER_ENGINE_DATABASE_H

#include <sqlite3.h>

#include "core/alloc.h"

struct mer_database {
    sqlite3 *handle; /* NULL: not open */
    char *path;      /* owned, malloc */
};

/* Opens a database file that is there, for reading and writing. */
MER_MUST_CHECK mer_status mer_database_open(struct mer_database *database, const char *path,
                                            mer_err *err);
void mer_database_close(struct mer_database *database);

/* Runs statements without values. */
MER_MUST_CHECK mer_status mer_database_do(struct mer_database *database, const char *sql,
                                          mer_err *err);
/* A statement to be bound, stepped and finalized (sqlite3_finalize). */
MER_MUST_CHECK mer_status mer_database_prepare(struct mer_database *database, const char *sql,
                                               sqlite3_stmt **ret_statement, mer_err *err);
/* *ret_has_row: there is a row to look at. */
MER_MUST_CHECK mer_status mer_database_step(struct mer_database *database, sqlite3_stmt *statement,
                                            bool *ret_has_row, mer_err *err);
/* Steps a statement that gives no rows, and finalizes it. */
MER_MUST_CHECK mer_status mer_database_finish(struct mer_database *database,
                                              sqlite3_stmt *statement, mer_err *err);
/* What has just failed: MER_ERR_DATA for a file that is damaged or no database, MER_ERR_MEMORY,
 * MER_ERR_IO. */
MER_MUST_CHECK mer_status mer_database_fail(const struct mer_database *database, int code,
                                            mer_err *err);
MER_MUST_CHECK mer_status mer_database_refuse(const struct mer_database *database, mer_err *err);

/* The first integer that a statement gives. */
MER_MUST_CHECK mer_status mer_database_number(struct mer_database *database, const char *sql,
                                              int64_t *ret_number, mer_err *err);

#endif
