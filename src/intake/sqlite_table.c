/* Reads a table, a view or a query of an SQLite database (sqlite.org/fileformat2.html) into a table
 * image. Pure: the database's bytes in, image or error out, by SQLite's own library, which is
 * confined as sqlite_policy.h and sqlite_vfs.h say.
 *
 * A column's type follows from its values, which must be of one kind, and from its declaration: in
 * one declared as integers or reals a text is an error; 0 and 1 in one declared BOOL are truth
 * values. Dates and times are texts by ISO 8601. Blobs are an error.
 */
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "intake/loose_table.h"
#include "intake/sqlite_policy.h"
#include "intake/sqlite_vfs.h"
#include "intake/table_reader.h"

enum {
    /* SQLite's own memory: sorting, grouping, the pages that it looks at. */
    HEAP_MAX = 1 << 30
};

/* As a declaration tells, by SQLite's rules of affinity (sqlite.org/datatype3.html, 3.1). */
enum declared { DECLARED_ANYTHING, DECLARED_INTEGERS, DECLARED_REALS, DECLARED_TRUTH };

struct database {
    const struct mer_ctx *ctx;
    const struct mer_table_reading *reading;
    struct mer_sqlite_vfs vfs;
    struct mer_sqlite_policy policy;
    sqlite3 *handle;
    sqlite3_stmt *statement;
    size_t n_heap; /* charged */
    struct mer_loose_table table;
    size_t n_columns;
    enum declared *declared;              /* [n_columns], owned */
    struct mer_loose_cell *cells;         /* [n_columns], owned */
    char (*numbers)[MER_NUMBER_TEXT_MAX]; /* [n_columns], owned */
};

static bool holds(const char *declaration, const char *word)
{
    const size_t n = strlen(word);
    for (; declaration && *declaration; declaration++)
        if (sqlite3_strnicmp(declaration, word, (int)n) == 0)
            return true;
    return false;
}

static enum declared read_declaration(const char *declaration)
{
    if (holds(declaration, "BOOL"))
        return DECLARED_TRUTH;
    if (holds(declaration, "INT"))
        return DECLARED_INTEGERS;
    if (holds(declaration, "CHAR") || holds(declaration, "CLOB") || holds(declaration, "TEXT"))
        return DECLARED_ANYTHING;
    if (holds(declaration, "REAL") || holds(declaration, "FLOA") || holds(declaration, "DOUB"))
        return DECLARED_REALS;
    return DECLARED_ANYTHING;
}

static mer_status begin(struct database *database, const void *bytes, size_t n, mer_err *err)
{
    struct mer_alloc *alloc = database->ctx->alloc;
    const size_t used = atomic_load(&alloc->used);
    const size_t half = alloc->budget > used ? (alloc->budget - used) / 2 : 0;
    const size_t n_heap = half < HEAP_MAX ? half : HEAP_MAX;
    MER_GUARD(mer_alloc_charge(alloc, n_heap, err));
    database->n_heap = n_heap;
    MER_GUARD(mer_sqlite_vfs_begin(&database->vfs, bytes, n, err));
    (void)sqlite3_hard_heap_limit64((sqlite3_int64)(n_heap ? n_heap : 1));
    const int result =
        sqlite3_open_v2(MER_SQLITE_VFS_DATABASE, &database->handle,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, database->vfs.name);
    if (result != SQLITE_OK)
        return mer_sqlite_fail(&database->policy, database->handle, result, err);
    return mer_sqlite_policy_apply(&database->policy, database->ctx, database->handle, err);
}

/* SQLite is done with; what was read from it stays. */
static void close_database(struct database *database)
{
    (void)sqlite3_finalize(database->statement);
    database->statement = NULL;
    (void)sqlite3_close(database->handle);
    database->handle = NULL;
    if (database->vfs.vfs.zName)
        mer_sqlite_vfs_end(&database->vfs);
    database->vfs.vfs.zName = NULL;
    mer_sqlite_policy_release(&database->policy);
    mer_alloc_uncharge(database->ctx->alloc, database->n_heap);
    database->n_heap = 0;
}

static mer_status no_table(const struct mer_sqlite_policy *policy, const char *name, mer_err *err)
{
    mer_status status =
        mer_fail(err, MER_ERR_USAGE, "the database has no table or view %s", mer_quote(name).text);
    return policy->n_tables
               ? mer_hint(err, status, "it has %s%s", mer_quote(policy->tables[0].name).text,
                          policy->n_tables > 1 ? " and others" : "")
               : status;
}

/* The table that is named; else the only one, or the only view. */
static mer_status choose(const struct mer_sqlite_policy *policy, const char *name,
                         const char **ret_name, mer_err *err)
{
    size_t n[2] = {0};
    const char *found[2] = {NULL};
    for (size_t i = 0; i < policy->n_tables; i++) {
        const struct mer_sqlite_table *table = &policy->tables[i];
        if (name && sqlite3_stricmp(table->name, name) == 0) {
            *ret_name = table->name;
            return mer_ok();
        }
        if (n[table->is_view]++ == 0)
            found[table->is_view] = table->name;
    }
    if (name)
        return no_table(policy, name, err);
    if (n[0] == 1 || (n[0] == 0 && n[1] == 1)) {
        *ret_name = n[0] ? found[0] : found[1];
        return mer_ok();
    }
    if (n[0] + n[1] == 0)
        return mer_fail(err, MER_ERR_DATA, "the database has no tables");
    return mer_hint(
        err, mer_fail(err, MER_ERR_USAGE, "the database has %zu tables and %zu views", n[0], n[1]),
        "name one, for example --table %s", mer_quote(n[0] ? found[0] : found[1]).text);
}

/* Prepares the one statement of a text. */
static mer_status prepare(struct database *database, const char *sql, mer_err *err)
{
    const char *rest = sql;
    if (strlen(sql) > MER_SQLITE_SQL_MAX)
        return mer_fail(err, MER_ERR_USAGE, "the query is too long");
    while (*rest) {
        sqlite3_stmt *statement = NULL;
        const int result = sqlite3_prepare_v2(database->handle, rest, -1, &statement, &rest);
        if (result != SQLITE_OK)
            return mer_sqlite_fail(&database->policy, database->handle, result, err);
        if (statement && database->statement) {
            (void)sqlite3_finalize(statement);
            return mer_fail(err, MER_ERR_USAGE, "the query is more than one statement");
        }
        if (statement)
            database->statement = statement;
    }
    if (!database->statement)
        return mer_fail(err, MER_ERR_USAGE, "the query is empty");
    if (sqlite3_column_count(database->statement) == 0 ||
        !sqlite3_stmt_readonly(database->statement) || sqlite3_stmt_isexplain(database->statement))
        return mer_fail(err, MER_ERR_USAGE, "the query is no SELECT");
    return mer_ok();
}

static mer_status prepare_table(struct database *database, mer_err *err)
{
    const char *name = NULL;
    MER_GUARD(choose(&database->policy, database->reading->part, &name, err));
    char *sql = sqlite3_mprintf("SELECT * FROM main.\"%w\"", name);
    if (!sql)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a query");
    const mer_status status = prepare(database, sql, err);
    sqlite3_free(sql);
    return status;
}

static mer_status begin_columns(struct database *database, mer_err *err)
{
    struct mer_alloc *alloc = database->ctx->alloc;
    const size_t n = (size_t)sqlite3_column_count(database->statement);
    const char **names;
    MER_GUARD(mer_arena_zero(&database->table.arena, n, sizeof *names, &names, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *database->declared, &database->declared, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *database->cells, &database->cells, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof *database->numbers, &database->numbers, err));
    database->n_columns = n;
    for (size_t c = 0; c < n; c++) {
        names[c] = sqlite3_column_name(database->statement, (int)c);
        if (!names[c])
            return mer_fail(err, MER_ERR_MEMORY, "no memory for a column's name");
        database->declared[c] =
            read_declaration(sqlite3_column_decltype(database->statement, (int)c));
    }
    MER_GUARD(mer_loose_set_names(&database->table, names, n, err));
    for (size_t c = 0; c < n; c++)
        if (database->declared[c] == DECLARED_INTEGERS || database->declared[c] == DECLARED_REALS)
            database->table.columns[c].numbers_only = true;
    return mer_ok();
}

static mer_status take_integer(struct database *database, size_t c, mer_err *err)
{
    const int64_t value = sqlite3_column_int64(database->statement, (int)c);
    struct mer_loose_cell *cell = &database->cells[c];
    const bool is_truth =
        database->declared[c] == DECLARED_TRUTH && !database->table.columns[c].field;
    const bool is_broken = is_truth && value != 0 && value != 1;
    if (is_truth && !(is_broken && database->table.bad)) {
        if (is_broken)
            return mer_loose_fail(&database->table, c, err,
                                  "neither 0 nor 1, in a column declared BOOLEAN");
        *cell = (struct mer_loose_cell){.kind = MER_LOOSE_BOOLEAN, .value = value};
        return mer_ok();
    }
    const int n = snprintf(database->numbers[c], MER_NUMBER_TEXT_MAX, "%lld", (long long)value);
    *cell = (struct mer_loose_cell){.kind = is_broken ? MER_LOOSE_BROKEN : MER_LOOSE_INTEGER,
                                    .bytes = database->numbers[c],
                                    .n = (size_t)n};
    return mer_ok();
}

static mer_status take_value(struct database *database, size_t c, mer_err *err)
{
    sqlite3_stmt *statement = database->statement;
    struct mer_loose_cell *cell = &database->cells[c];
    *cell = (struct mer_loose_cell){.kind = MER_LOOSE_MISSING};
    switch (sqlite3_column_type(statement, (int)c)) {
    case SQLITE_INTEGER:
        return take_integer(database, c, err);
    case SQLITE_FLOAT:
        *cell = (struct mer_loose_cell){
            .kind = MER_LOOSE_NUMBER,
            .bytes = database->numbers[c],
            .n = mer_number_format(sqlite3_column_double(statement, (int)c), database->numbers[c])};
        return mer_ok();
    case SQLITE_TEXT:
        *cell =
            (struct mer_loose_cell){.kind = MER_LOOSE_TEXT,
                                    .bytes = (const char *)sqlite3_column_text(statement, (int)c),
                                    .n = (size_t)sqlite3_column_bytes(statement, (int)c)};
        return cell->bytes ? mer_ok()
                           : mer_fail(err, MER_ERR_MEMORY, "no memory for a text of the database");
    case SQLITE_BLOB:
        if (database->table.bad) { /* not its bytes: they are no text */
            *cell = (struct mer_loose_cell){.kind = MER_LOOSE_BROKEN, .bytes = ""};
            return mer_ok();
        }
        return mer_hint(
            err,
            mer_loose_fail(&database->table, c, err, "a blob, which no column of a table can hold"),
            "choose other columns, for example --query 'SELECT a, b FROM t'");
    default:
        return mer_ok();
    }
}

static mer_status read_rows(struct database *database, mer_err *err)
{
    for (size_t row = 1;; row++) {
        const int result = sqlite3_step(database->statement);
        if (result == SQLITE_DONE)
            break;
        if (result != SQLITE_ROW)
            return mer_sqlite_fail(&database->policy, database->handle, result, err);
        for (size_t c = 0; c < database->n_columns; c++)
            MER_GUARD(take_value(database, c, err));
        MER_GUARD(
            mer_loose_add_row(&database->table, database->cells, database->n_columns, row, err));
    }
    if (database->vfs.asked_for_time)
        return mer_hint(
            err, mer_fail(err, MER_ERR_DATA, "the database or the query asks for the current time"),
            "a table must not depend on when it is read; write the date in the query");
    return mer_ok();
}

static mer_status read_all(struct database *database, const void *bytes, size_t n, mer_err *err)
{
    MER_GUARD(begin(database, bytes, n, err));
    if (database->reading->query && database->reading->part)
        return mer_fail(err, MER_ERR_USAGE, "a table and a query exclude each other");
    if (database->reading->query)
        MER_GUARD(prepare(database, database->reading->query, err));
    else
        MER_GUARD(prepare_table(database, err));
    MER_GUARD(begin_columns(database, err));
    return read_rows(database, err);
}

static mer_status write_image(const struct mer_ctx *ctx, const void *bytes, size_t n,
                              const struct mer_table_reading *reading, struct mer_region *region,
                              struct mer_csv_report *ret_report, mer_err *err)
{
    struct database database = {.ctx = ctx, .reading = reading, .policy.ctx = ctx};
    mer_status status = mer_loose_init(&database.table, ctx, &reading->csv, NULL, err);
    if (reading->sets_aside)
        mer_loose_set_aside(&database.table, reading->bad);
    if (mer_is_ok(status))
        status = read_all(&database, bytes, n, err);
    close_database(&database);
    if (mer_is_ok(status))
        status = mer_loose_write_image(&database.table, region, ret_report, err);
    mer_loose_release(&database.table);
    mer_free(ctx->alloc, database.declared);
    mer_free(ctx->alloc, database.cells);
    mer_free(ctx->alloc, database.numbers);
    return status;
}

const struct mer_table_reader MER_TABLE_READER_SQLITE = {.write_image = write_image};
