#include "intake/sqlite_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATIONS_PER_LOOK = 20000 };

/* Functions of their arguments alone, sorted. Not among them: random numbers, the current time,
 * anything that loads, reads or writes, and what makes much of little (zeroblob, printf). */
static const char *const functions[] = {
    "abs",        "acos",         "acosh",        "asin",    "asinh",       "atan",
    "atan2",      "atanh",        "avg",          "ceil",    "ceiling",     "char",
    "coalesce",   "cos",          "cosh",         "count",   "cume_dist",   "date",
    "datetime",   "degrees",      "dense_rank",   "exp",     "first_value", "floor",
    "glob",       "group_concat", "hex",          "ifnull",  "iif",         "instr",
    "julianday",  "lag",          "last_value",   "lead",    "length",      "like",
    "likelihood", "likely",       "ln",           "log",     "log10",       "log2",
    "lower",      "ltrim",        "max",          "min",     "mod",         "nth_value",
    "ntile",      "nullif",       "percent_rank", "pi",      "pow",         "power",
    "quote",      "radians",      "rank",         "replace", "round",       "row_number",
    "rtrim",      "sign",         "sin",          "sinh",    "sqrt",        "strftime",
    "substr",     "substring",    "sum",          "tan",     "tanh",        "time",
    "total",      "trim",         "trunc",        "typeof",  "unicode",     "unixepoch",
    "unlikely",   "upper",
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_known_function(const char *name)
{
    char lower[32];
    size_t n = 0;
    for (; name[n] && n + 1 < sizeof lower; n++)
        lower[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] + 'a' - 'A') : name[n];
    lower[n] = '\0';
    const char *key = lower;
    return !name[n] && bsearch(&key, functions, sizeof functions / sizeof functions[0],
                               sizeof functions[0], by_text);
}

static bool is_known_table(const struct mer_sqlite_policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->n_tables; i++)
        if (sqlite3_stricmp(policy->tables[i].name, name) == 0)
            return true;
    return false;
}

static int refuse(struct mer_sqlite_policy *policy, const char *what, const char *name)
{
    if (policy->refused[0] == '\0')
        (void)snprintf(policy->refused, sizeof policy->refused, "%s%s%.64s", what, name ? " " : "",
                       name ? mer_quote(name).text : "");
    return SQLITE_DENY;
}

/* The parameters are SQLite's: what is to be done, two names of what it is done to, the database's
 * and that of the view that asks. */
static int authorize(void *self, int action, const char *first, const char *second,
                     const char *schema, const char *view)
{
    struct mer_sqlite_policy *policy = self;
    (void)schema, (void)view;
    switch (action) {
    case SQLITE_SELECT:
        return SQLITE_OK;
    case SQLITE_READ:
        return is_known_table(policy, first) ? SQLITE_OK : refuse(policy, "the table", first);
    case SQLITE_FUNCTION:
        return is_known_function(second) ? SQLITE_OK : refuse(policy, "the function", second);
    case SQLITE_RECURSIVE:
        return refuse(policy, "a recursive query", NULL);
    case SQLITE_PRAGMA:
        return refuse(policy, "the pragma", first);
    case SQLITE_ATTACH:
        return refuse(policy, "another database", NULL);
    default:
        return refuse(policy, "anything but SELECT", NULL);
    }
}

static int look_up(void *self)
{
    const struct mer_sqlite_policy *policy = self;
    return !mer_is_ok(mer_ctx_check_cancel(policy->ctx, NULL));
}

mer_status mer_sqlite_fail(const struct mer_sqlite_policy *policy, sqlite3 *database, int result,
                           mer_err *err)
{
    if (policy->refused[0])
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA,
                                 "the database or the query asks for %s, which is refused",
                                 policy->refused),
                        "tables and views are read, by SELECT and common functions");
    switch (result & 0xff) {
    case SQLITE_NOMEM:
        return mer_fail(err, MER_ERR_MEMORY, "the database needs more memory than there is for it");
    case SQLITE_INTERRUPT:
        MER_GUARD(mer_ctx_check_cancel(policy->ctx, err));
        return mer_fail(err, MER_ERR_CANCELLED, "reading was stopped");
    case SQLITE_TOOBIG:
        return mer_fail(err, MER_ERR_DATA,
                        "a value or a row of the database is longer than %d bytes",
                        MER_SQLITE_VALUE_MAX);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return mer_hint(
            err, mer_fail(err, MER_ERR_DATA, "the database is damaged: %s", sqlite3_errstr(result)),
            "sqlite3 FILE 'PRAGMA integrity_check' tells more");
    default:
        return mer_fail(err, MER_ERR_DATA, "SQLite: %s", mer_quote(sqlite3_errmsg(database)).text);
    }
}

static void set_limits(sqlite3 *database)
{
    static const struct {
        int which;
        int most;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, MER_SQLITE_VALUE_MAX},
        {SQLITE_LIMIT_SQL_LENGTH, MER_SQLITE_SQL_MAX},
        {SQLITE_LIMIT_EXPR_DEPTH, 200},
        {SQLITE_LIMIT_COMPOUND_SELECT, 50},
        {SQLITE_LIMIT_VDBE_OP, 250000},
        {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 0},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_WORKER_THREADS, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        (void)sqlite3_limit(database, limits[i].which, limits[i].most);
}

static bool configure(sqlite3 *database)
{
    static const struct {
        int which;
        int value;
    } settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
        {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
        {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
        /* "abc" is a name: with a letter wrong it is an error, not a text. */
        {SQLITE_DBCONFIG_DQS_DML, 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int set = -1;
        if (sqlite3_db_config(database, settings[i].which, settings[i].value, &set) != SQLITE_OK ||
            set != settings[i].value)
            return false;
    }
    return true;
}

static mer_status run(const struct mer_sqlite_policy *policy, sqlite3 *database, const char *sql,
                      mer_err *err)
{
    const int result = sqlite3_exec(database, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? mer_ok() : mer_sqlite_fail(policy, database, result, err);
}

/* Every page, before anything is taken from one. */
static mer_status check_pages(const struct mer_sqlite_policy *policy, sqlite3 *database,
                              mer_err *err)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(database, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    const bool fine = result == SQLITE_ROW && sqlite3_column_text(statement, 0) &&
                      strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    (void)sqlite3_finalize(statement);
    if (fine)
        return mer_ok();
    return mer_sqlite_fail(policy, database, result == SQLITE_ROW ? SQLITE_CORRUPT : result, err);
}

static mer_status add_table(struct mer_sqlite_policy *policy, sqlite3_stmt *statement, mer_err *err)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    if (!name)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a table's name");
    if (policy->n_tables == MER_SQLITE_TABLES_MAX)
        return mer_fail(err, MER_ERR_DATA, "the database has more than %d tables",
                        MER_SQLITE_TABLES_MAX);
    const size_t n = policy->n_tables;
    if ((n & (n - 1)) == 0)
        MER_GUARD(mer_alloc_resize(policy->ctx->alloc, (n ? 2 * n : 1) * sizeof *policy->tables,
                                   &policy->tables, err));
    struct mer_sqlite_table *table = &policy->tables[n];
    MER_GUARD(mer_arena_text(&policy->arena, name, strlen(name), &table->name, err));
    table->is_view = sqlite3_column_int(statement, 1) != 0;
    policy->n_tables++;
    return mer_ok();
}

/* Tables with pages of their own, and views; virtual tables have neither. */
static mer_status list_tables(struct mer_sqlite_policy *policy, sqlite3 *database, mer_err *err)
{
    static const char sql[] =
        "SELECT name, type = 'view' FROM main.sqlite_schema WHERE type = 'view' "
        "OR (type = 'table' AND rootpage > 0 AND "
        "substr(name, 1, 7) <> 'sqlite_') ORDER BY rowid";
    sqlite3_stmt *statement = NULL;
    mer_status status = mer_ok();
    int result = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    while (result == SQLITE_OK && mer_is_ok(status)) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW) {
            status = add_table(policy, statement, err);
            result = SQLITE_OK;
        }
    }
    if (mer_is_ok(status) && result != SQLITE_DONE)
        status = mer_sqlite_fail(policy, database, result, err);
    (void)sqlite3_finalize(statement);
    return status;
}

mer_status mer_sqlite_policy_apply(struct mer_sqlite_policy *policy, const struct mer_ctx *ctx,
                                   sqlite3 *database, mer_err *err)
{
    *policy = (struct mer_sqlite_policy){.ctx = ctx};
    mer_arena_init(&policy->arena, ctx->alloc);
    set_limits(database);
    sqlite3_progress_handler(database, OPERATIONS_PER_LOOK, look_up, policy);
    if (!configure(database))
        return mer_fail(err, MER_ERR_INTERNAL, "SQLite could not be confined");
    MER_GUARD(run(policy, database,
                  "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0",
                  err));
    MER_GUARD(check_pages(policy, database, err));
    MER_GUARD(list_tables(policy, database, err));
    if (sqlite3_drop_modules(database, NULL) != SQLITE_OK ||
        sqlite3_set_authorizer(database, authorize, policy) != SQLITE_OK)
        return mer_fail(err, MER_ERR_INTERNAL, "SQLite could not be confined");
    return mer_ok();
}

void mer_sqlite_policy_release(struct mer_sqlite_policy *policy)
{
    mer_free(policy->ctx->alloc, policy->tables);
    mer_arena_release(&policy->arena);
}
