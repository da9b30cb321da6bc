/* Where journals lie, and what one is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/journal_internal.h"
#include "os/channel.h"
#include "os/file.h"
#include "os/private_file.h"
#include "os/state_folder.h"

const char MER_JOURNAL_RUN_TABLE[] =
    "CREATE TABLE run (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, "
    "makes TEXT NOT NULL, version TEXT NOT NULL, data_sha256 TEXT NOT NULL, "
    "schema_sha256 TEXT NOT NULL, table_sha256 TEXT NOT NULL, n_rows INTEGER NOT NULL, "
    "n_columns INTEGER NOT NULL, settings TEXT NOT NULL, seed INTEGER NOT NULL, "
    "seed_given INTEGER NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, "
    "spent_seconds REAL NOT NULL, state INTEGER NOT NULL, code INTEGER NOT NULL, "
    "metric TEXT NOT NULL, score REAL, units INTEGER NOT NULL, model_sha256 TEXT NOT NULL) STRICT";
const char MER_JOURNAL_TRIAL_TABLE[] =
    "CREATE TABLE trial (number INTEGER PRIMARY KEY, setting TEXT NOT NULL UNIQUE, "
    "family TEXT NOT NULL, params TEXT NOT NULL, rung INTEGER NOT NULL, units INTEGER NOT NULL, "
    "code INTEGER NOT NULL, scores BLOB NOT NULL, rounds BLOB NOT NULL, seconds REAL NOT NULL, "
    "bytes INTEGER NOT NULL, stage INTEGER NOT NULL) STRICT";

const char MER_JOURNAL_HELD_OUT_TABLE[] =
    "CREATE TABLE held_out (number INTEGER PRIMARY KEY, predictions BLOB NOT NULL) STRICT";

const char *mer_run_state_name(enum mer_run_state state)
{
    static const char *const names[] = {"searching", "fitted", "saved", "failed"};
    return (size_t)state < MER_RUN_STATE_COUNT ? names[state] : "unknown";
}

bool mer_run_id_is_valid(const char *id)
{
    const size_t n = strlen(id);
    return n > 0 && n < MER_RUN_ID_MAX && strspn(id, "0123456789abcdefTZ-") == n;
}

mer_status mer_run_path(const char *runs_folder, const char *id, const char *suffix,
                        char **ret_path, mer_err *err)
{
    if (asprintf(ret_path, "%s/%s%s", runs_folder, id, suffix) < 0)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    return mer_ok();
}

mer_status mer_runs_folder(const char *state_folder, char **ret_folder, mer_err *err)
{
    char *folder;
    MER_GUARD(mer_state_folder(state_folder, &folder, err));
    const int n = asprintf(ret_folder, "%s/runs", folder);
    free(folder);
    return n < 0 ? mer_fail(err, MER_ERR_MEMORY, "no memory for a path") : mer_ok();
}

bool mer_run_has_begun(const char *runs_folder, const char *id)
{
    char *path;
    if (!mer_is_ok(mer_run_path(runs_folder, id, ".sqlite", &path, NULL)))
        return false;
    const bool has_begun = mer_file_has_bytes(path);
    free(path);
    return has_begun;
}

/* The statement that made a table, as the database keeps it. */
static mer_status check_table(struct mer_database *database, const char *name, const char *sql,
                              mer_err *err)
{
    sqlite3_stmt *statement;
    bool has_row;
    MER_GUARD(mer_database_prepare(database, "SELECT sql FROM sqlite_schema WHERE name = ?1",
                                   &statement, err));
    (void)sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    mer_status status = mer_database_step(database, statement, &has_row, err);
    const char *const text =
        mer_is_ok(status) && has_row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (mer_is_ok(status) && (!text || strcmp(text, sql) != 0))
        status = mer_database_refuse(database, err);
    (void)sqlite3_finalize(statement);
    return status;
}

static mer_status check_database(struct mer_database *database, mer_err *err)
{
    sqlite3_stmt *statement;
    bool has_row;
    int64_t number;
    MER_GUARD(mer_database_number(database, "PRAGMA application_id", &number, err));
    if (number != MER_JOURNAL_APPLICATION_ID)
        return mer_database_refuse(database, err);
    MER_GUARD(mer_database_number(database, "PRAGMA user_version", &number, err));
    if (number != MER_JOURNAL_VERSION)
        return mer_database_refuse(database, err);
    MER_GUARD(check_table(database, "run", MER_JOURNAL_RUN_TABLE, err));
    MER_GUARD(check_table(database, "trial", MER_JOURNAL_TRIAL_TABLE, err));
    MER_GUARD(check_table(database, "held_out", MER_JOURNAL_HELD_OUT_TABLE, err));
    /* Three tables, and the index of the second. */
    MER_GUARD(mer_database_number(database, "SELECT count(*) FROM sqlite_schema", &number, err));
    if (number != 4)
        return mer_database_refuse(database, err);
    MER_GUARD(mer_database_prepare(database, "PRAGMA quick_check(1)", &statement, err));
    mer_status status = mer_database_step(database, statement, &has_row, err);
    const char *const text =
        mer_is_ok(status) && has_row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (mer_is_ok(status) && (!text || strcmp(text, "ok") != 0))
        status = mer_database_refuse(database, err);
    (void)sqlite3_finalize(statement);
    MER_GUARD(status);
    MER_GUARD(mer_database_number(database, "SELECT count(*) FROM run", &number, err));
    return number == 1 ? mer_ok() : mer_database_refuse(database, err);
}

mer_status mer_run_open(const char *runs_folder, const char *id, struct mer_database *database,
                        mer_err *err)
{
    char *path;
    MER_GUARD(mer_run_path(runs_folder, id, ".sqlite", &path, err));
    mer_status status = mer_private_folder_check(runs_folder, err);
    if (mer_is_ok(status))
        status = mer_private_file_check(path, MER_PRIVACY_READ, err);
    if (mer_is_ok(status))
        status = mer_database_open(database, path, err);
    free(path);
    MER_GUARD(status);
    status = check_database(database, err);
    if (!mer_is_ok(status))
        mer_database_close(database);
    return status;
}

mer_status mer_run_remove(const char *runs_folder, const char *id, mer_err *err)
{
    static const char *const suffixes[] = {".sqlite", ".sqlite-journal", ".sqlite-wal",
                                           ".sqlite-shm", ".lock"};
    char *path;
    int lock;
    MER_GUARD(mer_run_path(runs_folder, id, ".lock", &path, err));
    mer_status status = mer_lock_take(path, &lock, err);
    free(path);
    MER_GUARD(status);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0] && mer_is_ok(status); i++) {
        status = mer_run_path(runs_folder, id, suffixes[i], &path, err);
        if (mer_is_ok(status)) {
            status = mer_file_remove(path, err);
            free(path);
        }
    }
    mer_descriptor_close(lock);
    return status;
}

mer_status mer_run_ids_read(const char *runs_folder, struct mer_run_ids *ret_ids, mer_err *err)
{
    static const char suffix[] = ".sqlite";
    struct mer_folder_list list;
    struct mer_run_ids ids = {.n = 0};
    *ret_ids = ids;
    if (!mer_file_exists(runs_folder))
        return mer_ok();
    MER_GUARD(mer_folder_read(runs_folder, &list, err));
    ids.ids = calloc(list.n + 1, sizeof *ids.ids);
    for (size_t i = 0; ids.ids && i < list.n; i++) {
        const char *const name = list.entries[i].name;
        const size_t n = strlen(name), n_suffix = sizeof suffix - 1;
        if (n <= n_suffix || n - n_suffix >= MER_RUN_ID_MAX ||
            strcmp(name + n - n_suffix, suffix) != 0)
            continue;
        memcpy(ids.ids[ids.n], name, n - n_suffix);
        if (mer_run_id_is_valid(ids.ids[ids.n]))
            ids.n++;
        else
            memset(ids.ids[ids.n], 0, MER_RUN_ID_MAX);
    }
    mer_folder_release(&list);
    if (!ids.ids)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a list of runs");
    *ret_ids = ids;
    return mer_ok();
}

void mer_run_ids_release(struct mer_run_ids *ids)
{
    free(ids->ids);
    *ids = (struct mer_run_ids){.n = 0};
}
