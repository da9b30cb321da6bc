/* What a stranger's database may make SQLite do: read ordinary tables and views, call functions
 * that compute something of their arguments alone, and nothing else (sqlite.org/security.html).
 */
#ifndef MER_INTAKE_SQLITE_POLICY_H
#define MER_INTAKE_SQLITE_POLICY_H

#include <sqlite3.h>

#include "core/arena.h"
#include "core/ctx.h"

struct mer_sqlite_policy {
    const struct mer_ctx *ctx;
    struct mer_arena arena;
    struct mer_sqlite_table *tables; /* the database's own, in its order; owned */
    size_t n_tables;
    /* What was refused first, for the message: SQLite says no more than "not authorized". */
    char refused[96];
};

struct mer_sqlite_table {
    const char *name;
    bool is_view;
};

enum {
    MER_SQLITE_TABLES_MAX = 1 << 14,
    MER_SQLITE_VALUE_MAX = 64 << 20, /* bytes of a text, a blob or a row */
    MER_SQLITE_SQL_MAX = 1 << 20
};

/* Before anything is read: limits, no extensions, no triggers, a schema that is not trusted; then
 * checks every page of the database, lists its tables, and from then on lets only those be read.
 * Release with mer_sqlite_policy_release, after the database was closed. */
MER_MUST_CHECK mer_status mer_sqlite_policy_apply(struct mer_sqlite_policy *policy,
                                                  const struct mer_ctx *ctx, sqlite3 *database,
                                                  mer_err *err);
void mer_sqlite_policy_release(struct mer_sqlite_policy *policy);

/* A failure of SQLite's as one of ours; never with a value of the database. */
MER_MUST_CHECK mer_status mer_sqlite_fail(const struct mer_sqlite_policy *policy, sqlite3 *database,
                                          int result, mer_err *err);

#endif
