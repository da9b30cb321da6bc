#include "engine/journal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "automl/evaluation.h"
#include "core/json.h"
#include "engine/journal_internal.h"
#include "engine/runs.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/private_file.h"
#include "os/secret_random.h"
#include "os/state_folder.h"

struct mer_journal {
    struct mer_alloc *alloc;
    struct mer_database database;
    char *folder; /* STATE/runs; owned, malloc */
    char id[MER_RUN_ID_MAX];
    int lock; /* -1: none */
    uint64_t seed;
    double spent_seconds; /* before this process went on */
    uint64_t resumed_ns;  /* monotonic */
    sqlite3_stmt *find;
    sqlite3_stmt *note;
    sqlite3_stmt *keep;
    size_t n_kept; /* bytes of predictions */
};

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
}

/* "20261125T162143Z-1a2b3c4d": in the order of time, and no two alike. */
static mer_status make_id(uint64_t started_ns, char ret_id[MER_RUN_ID_MAX], mer_err *err)
{
    char time[24];
    uint32_t random;
    size_t n = 0;
    MER_GUARD(mer_secret_random(&random, sizeof random, err));
    mer_clock_format_utc(started_ns, time);
    for (const char *from = time; *from; from++)
        if (*from != '-' && *from != ':')
            ret_id[n++] = *from;
    (void)snprintf(ret_id + n, MER_RUN_ID_MAX - n, "-%08x", random);
    return mer_ok();
}

/* Takes the oldest away, so that with a new one there are not more than are kept; and those that
 * were stopped before they were noted. */
static mer_status forget_old(const char *folder, mer_err *err)
{
    struct mer_run_ids ids;
    MER_GUARD(mer_run_ids_read(folder, &ids, err));
    mer_status status = mer_ok();
    for (size_t i = 0; i < ids.n && mer_is_ok(status); i++) {
        if (i + MER_RUNS_KEPT > ids.n && mer_run_has_begun(folder, ids.ids[i]))
            continue;
        status = mer_run_remove(folder, ids.ids[i], err);
        if (status.code == MER_ERR_EXISTS) { /* it goes on */
            mer_err_clear(err);
            status = mer_ok();
        }
    }
    mer_run_ids_release(&ids);
    return status;
}

static mer_status take_lock(struct mer_journal *journal, mer_err *err)
{
    char *path;
    MER_GUARD(mer_run_path(journal->folder, journal->id, ".lock", &path, err));
    mer_status status = mer_lock_take(path, &journal->lock, err);
    free(path);
    if (status.code == MER_ERR_EXISTS)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_EXISTS, "the run %s is still going on", journal->id),
                        "wait for it, or stop it first");
    return status;
}

static mer_status insert_run(struct mer_journal *journal, const struct mer_run_start *start,
                             mer_err *err)
{
    sqlite3_stmt *statement;
    MER_GUARD(mer_database_prepare(&journal->database,
                                   "INSERT INTO run VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                                   "?10, ?11, ?12, 0, 0.0, 0, 0, '', NULL, 0, '')",
                                   &statement, err));
    bind_text(statement, 1, journal->id);
    bind_text(statement, 2, start->makes);
    bind_text(statement, 3, start->version);
    bind_text(statement, 4, start->data_digest);
    bind_text(statement, 5, start->schema_digest);
    bind_text(statement, 6, start->table_digest);
    (void)sqlite3_bind_int64(statement, 7, (int64_t)start->n_rows);
    (void)sqlite3_bind_int64(statement, 8, (int64_t)start->n_columns);
    bind_text(statement, 9, start->settings);
    (void)sqlite3_bind_int64(statement, 10, (int64_t)start->seed);
    (void)sqlite3_bind_int64(statement, 11, start->seed_given);
    (void)sqlite3_bind_int64(statement, 12, (int64_t)start->started_ns);
    return mer_database_finish(&journal->database, statement, err);
}

/* An empty file first: SQLite would make one that others can read. Then all in one step, without
 * waiting for the disk, so that whoever looks finds a journal or an empty file. */
static mer_status create(struct mer_journal *journal, const struct mer_run_start *start,
                         mer_err *err)
{
    struct mer_database *const database = &journal->database;
    char *path, *setup;
    MER_GUARD(mer_run_path(journal->folder, journal->id, ".sqlite", &path, err));
    mer_status status = mer_private_file_make(path, err);
    if (mer_is_ok(status))
        status = mer_database_open(database, path, err);
    free(path);
    MER_GUARD(status);
    if (asprintf(&setup,
                 "PRAGMA synchronous=OFF; BEGIN; PRAGMA application_id=%d; "
                 "PRAGMA user_version=%d; %s; %s; %s",
                 MER_JOURNAL_APPLICATION_ID, MER_JOURNAL_VERSION, MER_JOURNAL_RUN_TABLE,
                 MER_JOURNAL_TRIAL_TABLE, MER_JOURNAL_HELD_OUT_TABLE) < 0)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a journal");
    status = mer_database_do(database, setup, err);
    free(setup);
    MER_GUARD(status);
    MER_GUARD(insert_run(journal, start, err));
    return mer_database_do(database, "COMMIT; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
                           err);
}

static mer_status new_journal(const struct mer_ctx *ctx, const char *state_folder,
                              struct mer_journal **ret_journal, mer_err *err)
{
    struct mer_journal *const journal = calloc(1, sizeof *journal);
    if (!journal)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a journal");
    journal->alloc = ctx->alloc;
    journal->lock = -1;
    journal->resumed_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    const mer_status status = mer_runs_folder(state_folder, &journal->folder, err);
    if (mer_is_ok(status))
        *ret_journal = journal;
    else
        mer_journal_close(journal);
    return status;
}

static mer_status begin(struct mer_journal *journal, const struct mer_run_start *start,
                        mer_err *err)
{
    MER_GUARD(mer_folder_make(journal->folder, err));
    MER_GUARD(mer_private_folder_check(journal->folder, err));
    MER_GUARD(forget_old(journal->folder, err));
    MER_GUARD(make_id(start->started_ns, journal->id, err));
    MER_GUARD(take_lock(journal, err));
    journal->seed = start->seed;
    return create(journal, start, err);
}

mer_status mer_journal_begin(const struct mer_ctx *ctx, const char *state_folder,
                             const struct mer_run_start *start, struct mer_journal **ret_journal,
                             mer_err *err)
{
    struct mer_journal *journal;
    MER_GUARD(new_journal(ctx, state_folder, &journal, err));
    const mer_status status = begin(journal, start, err);
    if (mer_is_ok(status))
        *ret_journal = journal;
    else
        mer_journal_close(journal);
    return status;
}

/* The first setting that is another, and how. */
static mer_status compare_settings(const char *then, const char *now, mer_err *err)
{
    for (const char *line = now; *line;) {
        const size_t n_line = strcspn(line, "\n"), n_name = strcspn(line, "=");
        const char *const name = line, *const value = line + n_name + 1, *before;
        char key[64];
        size_t n_before;
        if (n_name >= sizeof key || n_name >= n_line)
            return mer_fail(err, MER_ERR_INTERNAL, "a setting without a name");
        memcpy(key, name, n_name);
        key[n_name] = '\0';
        const size_t n_value = n_line - n_name - 1;
        const bool is_known = mer_run_setting(then, key, &before, &n_before);
        if (!is_known || n_before != n_value || memcmp(before, value, n_value) != 0)
            return mer_fail(err, MER_ERR_USAGE,
                            "the run was begun with another setting: %s was %s and is %s", key,
                            mer_quote_n(before, is_known ? n_before : 0).text,
                            mer_quote_n(value, n_value).text);
        line += n_line + (line[n_line] == '\n');
    }
    return strlen(then) == strlen(now)
               ? mer_ok()
               : mer_fail(err, MER_ERR_USAGE, "the run was begun with settings more");
}

static mer_status compare_start(const struct mer_run *run, const struct mer_run_start *start,
                                mer_err *err)
{
    static const char again[] = "without --resume a new run begins";
    mer_status status = mer_ok();
    if (strcmp(run->version, start->version) != 0)
        status = mer_fail(err, MER_ERR_USAGE, "the run was begun by version %s, this is %s",
                          mer_quote(run->version).text, start->version);
    else if (strcmp(run->data_digest, start->data_digest) != 0)
        status = mer_fail(err, MER_ERR_USAGE,
                          "the table is not the one that the run was begun with: its sha256 was "
                          "%.16s... and is %.16s...",
                          run->data_digest, start->data_digest);
    else if (strcmp(run->schema_digest, start->schema_digest) != 0)
        status =
            mer_fail(err, MER_ERR_USAGE, "the schema is not the one that the run was begun with");
    else if (strcmp(run->table_digest, start->table_digest) != 0)
        status = mer_fail(err, MER_ERR_USAGE,
                          "the table is read in another way than the run was begun with");
    else if (run->seed_given != start->seed_given ||
             (start->seed_given && run->seed != start->seed))
        status = mer_fail(err, MER_ERR_USAGE, "the run was begun with another seed, or with none");
    else
        status = compare_settings(run->settings, start->settings, err);
    return mer_is_ok(status) ? status : mer_hint(err, status, "%s", again);
}

/* The last run that makes the same. */
struct search {
    const char *makes;
    char id[MER_RUN_ID_MAX];
    uint64_t started_ns;
    bool is_open; /* it was not completed */
};

static void look_at(void *self, const char *id, const struct mer_run *run, const mer_err *why)
{
    struct search *const search = self;
    (void)why;
    if (!run || strcmp(run->makes, search->makes) != 0 || run->started_ns < search->started_ns)
        return;
    (void)snprintf(search->id, sizeof search->id, "%s", id);
    search->started_ns = run->started_ns;
    search->is_open = run->state != MER_RUN_SAVED;
}

static mer_status resume(struct mer_journal *journal, const char *state_folder,
                         const struct mer_run_start *start, mer_err *err)
{
    struct search search = {.makes = start->makes};
    struct mer_run run;
    MER_GUARD(mer_runs_read(state_folder, look_at, &search, err));
    if (!search.is_open)
        return mer_fail(err, MER_ERR_NO_INPUT, "there is no run to go on with for %s",
                        mer_quote(start->makes).text);
    memcpy(journal->id, search.id, sizeof journal->id);
    MER_GUARD(take_lock(journal, err));
    MER_GUARD(mer_run_read(state_folder, journal->id, false, &run, err));
    const mer_status status = compare_start(&run, start, err);
    journal->seed = run.seed;
    journal->spent_seconds = run.spent_seconds;
    mer_run_release(&run);
    MER_GUARD(status);
    MER_GUARD(mer_run_open(journal->folder, journal->id, &journal->database, err));
    int64_t n_kept;
    MER_GUARD(mer_database_number(&journal->database,
                                  "SELECT coalesce(sum(length(predictions)), 0) FROM held_out",
                                  &n_kept, err));
    journal->n_kept = n_kept < 0 || (uint64_t)n_kept > MER_JOURNAL_KEPT_MAX ? MER_JOURNAL_KEPT_MAX
                                                                            : (size_t)n_kept;
    return mer_database_do(&journal->database, "UPDATE run SET state = 0, code = 0, ended_ns = 0",
                           err);
}

mer_status mer_journal_resume(const struct mer_ctx *ctx, const char *state_folder,
                              const struct mer_run_start *start, struct mer_journal **ret_journal,
                              mer_err *err)
{
    struct mer_journal *journal;
    MER_GUARD(new_journal(ctx, state_folder, &journal, err));
    const mer_status status = resume(journal, state_folder, start, err);
    if (mer_is_ok(status))
        *ret_journal = journal;
    else
        mer_journal_close(journal);
    return status;
}

void mer_journal_close(struct mer_journal *journal)
{
    if (!journal)
        return;
    (void)sqlite3_finalize(journal->find); /* NULL is nothing */
    (void)sqlite3_finalize(journal->note);
    (void)sqlite3_finalize(journal->keep);
    mer_database_close(&journal->database);
    if (journal->lock >= 0) {
        char *path;
        /* Removed while it is held: whoever waits for the name makes a new one. */
        if (mer_is_ok(mer_run_path(journal->folder, journal->id, ".lock", &path, NULL))) {
            const mer_status removed = mer_file_remove(path, NULL);
            (void)removed;
            free(path);
        }
        mer_descriptor_close(journal->lock);
    }
    free(journal->folder);
    free(journal);
}

const char *mer_journal_id(const struct mer_journal *journal)
{
    return journal->id;
}

uint64_t mer_journal_seed(const struct mer_journal *journal)
{
    return journal->seed;
}

double mer_journal_spent_seconds(const struct mer_journal *journal)
{
    return journal->spent_seconds;
}

mer_status mer_journal_set_metric(struct mer_journal *journal, const char *metric, mer_err *err)
{
    sqlite3_stmt *statement;
    MER_GUARD(
        mer_database_prepare(&journal->database, "UPDATE run SET metric = ?1", &statement, err));
    bind_text(statement, 1, metric);
    return mer_database_finish(&journal->database, statement, err);
}

/* Whoever gives a request a new field that changes its result puts it into the text. */
static_assert(sizeof(struct mer_trial_request) == 304 &&
                  offsetof(struct mer_trial_request, wants_held_out) ==
                      offsetof(struct mer_trial_request, patience) + sizeof(unsigned),
              "a setting's text is all of it");

/* A trial's setting as a text, parameters to the last bit. */
static mer_status write_setting(const struct mer_journal_scope *scope,
                                const struct mer_trial_request *request, struct mer_buf *buf,
                                mer_err *err)
{
    if (scope->stage != MER_STAGE_FIRST)
        MER_GUARD(mer_buf_printf(buf, err, "%u@%s/", scope->stage, scope->digest));
    MER_GUARD(mer_buf_printf(buf, err, "%s/%u/%u", request->family->name, request->rung,
                             request->patience));
    for (size_t i = 0; i < request->family->n_params; i++) {
        uint64_t bits;
        static_assert(sizeof bits == sizeof request->params.values[0], "a double has 64 bits");
        memcpy(&bits, &request->params.values[i], sizeof bits);
        MER_GUARD(mer_buf_printf(buf, err, "/%llx", (unsigned long long)bits));
    }
    return mer_ok();
}

static mer_status prepare_once(struct mer_journal *journal, sqlite3_stmt **statement,
                               const char *sql, mer_err *err)
{
    if (*statement)
        (void)sqlite3_reset(*statement);
    return *statement ? mer_ok() : mer_database_prepare(&journal->database, sql, statement, err);
}

static mer_status bind_setting(struct mer_journal *journal, sqlite3_stmt *statement, int at,
                               const struct mer_journal_scope *scope,
                               const struct mer_trial_request *request, mer_err *err)
{
    struct mer_buf buf;
    mer_buf_init(&buf, journal->alloc, MER_RUN_TEXT_MAX);
    const mer_status status = write_setting(scope, request, &buf, err);
    if (mer_is_ok(status))
        (void)sqlite3_bind_text(statement, at, (const char *)buf.bytes, (int)buf.n,
                                SQLITE_TRANSIENT);
    mer_buf_release(&buf);
    return status;
}

/* The result that a row tells of; false when it cannot be one. */
static bool read_result(sqlite3_stmt *row, struct mer_trial_result *result)
{
    const int64_t code = sqlite3_column_int64(row, 0);
    const size_t n_scores = (size_t)sqlite3_column_bytes(row, 1),
                 n_rounds = (size_t)sqlite3_column_bytes(row, 2);
    if (code < 0 || code >= MER_CODE_COUNT || n_scores > sizeof result->scores ||
        n_scores % sizeof(double) != 0 ||
        n_rounds != n_scores / sizeof(double) * sizeof(uint32_t) || (code == 0) != (n_scores > 0))
        return false;
    if (n_scores > 0) {
        memcpy(result->scores, sqlite3_column_blob(row, 1), n_scores);
        memcpy(result->n_rounds, sqlite3_column_blob(row, 2), n_rounds);
    }
    result->n_scores = n_scores / sizeof(double);
    for (size_t f = 0; f < result->n_scores; f++)
        if (isinf(result->scores[f]))
            return false;
    result->seconds = sqlite3_column_double(row, 3);
    result->peak_bytes = (size_t)sqlite3_column_int64(row, 4);
    if (code != MER_OK)
        result->status =
            mer_fail(&result->err, (enum mer_code)code, "it failed before the run was resumed (%s)",
                     mer_code_name((enum mer_code)code));
    return result->seconds >= 0 && isfinite(result->seconds);
}

/* The predictions of a row, which were kept as floats. *ret_held_out stays NULL where they were not
 * kept, or are not those of this table. */
static mer_status read_held_out(struct mer_journal *journal, sqlite3_stmt *row, size_t n_held_out,
                                size_t n_outputs, double **ret_held_out, mer_err *err)
{
    const size_t n_bytes = (size_t)sqlite3_column_bytes(row, 5), n = n_bytes / sizeof(float);
    const unsigned char *const bytes = sqlite3_column_blob(row, 5);
    size_t n_wanted;
    double *numbers;
    if (!bytes || !mer_size_mul(n_held_out, n_outputs, &n_wanted) || n != n_wanted ||
        n_bytes % sizeof(float) != 0)
        return mer_ok();
    MER_GUARD(mer_alloc_array(journal->alloc, n, sizeof *numbers, &numbers, err));
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        float number;
        memcpy(&number, bytes + i * sizeof number, sizeof number);
        numbers[i] = (double)number;
        good &= isfinite(number) != 0;
    }
    if (!good) {
        mer_free(journal->alloc, numbers);
        return mer_database_refuse(&journal->database, err);
    }
    *ret_held_out = numbers;
    return mer_ok();
}

static mer_status find(struct mer_journal *journal, const struct mer_journal_scope *scope,
                       const struct mer_trial_request *request, size_t n_held_out, size_t n_outputs,
                       struct mer_trial_result *result, bool *ret_found, mer_err *err)
{
    bool has_row = false;
    MER_GUARD(bind_setting(journal, journal->find, 1, scope, request, err));
    MER_GUARD(mer_database_step(&journal->database, journal->find, &has_row, err));
    if (!has_row)
        return mer_ok();
    if (!read_result(journal->find, result))
        return mer_database_refuse(&journal->database, err);
    if (request->wants_held_out && mer_is_ok(result->status)) {
        MER_GUARD(
            read_held_out(journal, journal->find, n_held_out, n_outputs, &result->held_out, err));
        result->n_held_out = n_held_out;
        result->n_outputs = n_outputs;
    }
    *ret_found = !request->wants_held_out || !mer_is_ok(result->status) || result->held_out;
    return mer_ok();
}

mer_status mer_journal_find(struct mer_journal *journal, const struct mer_journal_scope *scope,
                            const struct mer_trial_request *request, size_t n_held_out,
                            size_t n_outputs, struct mer_trial_result *ret_result, bool *ret_found,
                            mer_err *err)
{
    struct mer_trial_result result = {.id = request->id};
    bool found = false;
    MER_GUARD(prepare_once(journal, &journal->find,
                           "SELECT code, scores, rounds, seconds, bytes, predictions "
                           "FROM trial LEFT JOIN held_out USING (number) WHERE setting = ?1",
                           err));
    const mer_status status =
        find(journal, scope, request, n_held_out, n_outputs, &result, &found, err);
    (void)sqlite3_reset(journal->find);
    MER_GUARD(status);
    *ret_found = found;
    if (found)
        *ret_result = result;
    return mer_ok();
}

static mer_status bind_params(struct mer_journal *journal, sqlite3_stmt *statement, int at,
                              const struct mer_trial_request *request, mer_err *err)
{
    struct mer_json_writer writer;
    struct mer_buf buf;
    mer_buf_init(&buf, journal->alloc, MER_RUN_TEXT_MAX);
    mer_json_writer_init(&writer, &buf, 0, err);
    mer_params_write(request->family->params, request->family->n_params, &request->params, &writer);
    const mer_status status = mer_json_writer_end(&writer);
    if (mer_is_ok(status))
        (void)sqlite3_bind_text(statement, at, (const char *)buf.bytes, (int)buf.n,
                                SQLITE_TRANSIENT);
    mer_buf_release(&buf);
    return status;
}

/* The predictions of the trial that was just noted, as floats, as long as there is room. A search
 * looks at no more of them. */
static mer_status keep_held_out(struct mer_journal *journal, const struct mer_trial_result *result,
                                mer_err *err)
{
    size_t n, n_bytes;
    float *numbers;
    bool has_row;
    if (!result->held_out || sqlite3_changes(journal->database.handle) == 0 ||
        !mer_size_mul(result->n_held_out, result->n_outputs, &n) ||
        !mer_size_mul(n, sizeof *numbers, &n_bytes) ||
        n_bytes > MER_JOURNAL_KEPT_MAX - journal->n_kept)
        return mer_ok();
    MER_GUARD(prepare_once(journal, &journal->keep,
                           "INSERT INTO held_out VALUES (last_insert_rowid(), ?1)", err));
    MER_GUARD(mer_alloc_array(journal->alloc, n, sizeof *numbers, &numbers, err));
    for (size_t i = 0; i < n; i++)
        numbers[i] = (float)result->held_out[i];
    (void)sqlite3_bind_blob64(journal->keep, 1, numbers, n_bytes, SQLITE_STATIC);
    const mer_status status = mer_database_step(&journal->database, journal->keep, &has_row, err);
    (void)sqlite3_reset(journal->keep);
    (void)sqlite3_clear_bindings(journal->keep);
    mer_free(journal->alloc, numbers);
    if (mer_is_ok(status))
        journal->n_kept += n_bytes;
    return status;
}

/* A row of a trial, and the time that went into the run so far, in one transaction. */
static mer_status insert_trial(struct mer_journal *journal, const struct mer_journal_scope *scope,
                               const struct mer_trial_request *request,
                               const struct mer_trial_result *result, mer_err *err)
{
    sqlite3_stmt *statement;
    const uint64_t now_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    MER_GUARD(prepare_once(journal, &journal->note,
                           "INSERT OR IGNORE INTO trial VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                           "?8, ?9, ?10, ?11)",
                           err));
    sqlite3_stmt *const note = journal->note;
    const size_t n = mer_is_ok(result->status) ? result->n_scores : 0;
    bool has_row;
    MER_GUARD(bind_setting(journal, note, 1, scope, request, err));
    bind_text(note, 2, request->family->name);
    MER_GUARD(bind_params(journal, note, 3, request, err));
    (void)sqlite3_bind_int64(note, 4, request->rung);
    (void)sqlite3_bind_int64(note, 5, (int64_t)request->cost);
    (void)sqlite3_bind_int64(note, 6, result->status.code);
    (void)sqlite3_bind_blob(note, 7, result->scores, (int)(n * sizeof result->scores[0]),
                            SQLITE_TRANSIENT);
    (void)sqlite3_bind_blob(note, 8, result->n_rounds, (int)(n * sizeof result->n_rounds[0]),
                            SQLITE_TRANSIENT);
    (void)sqlite3_bind_double(note, 9, isfinite(result->seconds) ? result->seconds : 0);
    (void)sqlite3_bind_int64(note, 10, (int64_t)result->peak_bytes);
    (void)sqlite3_bind_int64(note, 11, scope->stage);
    MER_GUARD(mer_database_step(&journal->database, note, &has_row, err));
    MER_GUARD(keep_held_out(journal, result, err));
    MER_GUARD(mer_database_prepare(&journal->database, "UPDATE run SET spent_seconds = ?1",
                                   &statement, err));
    (void)sqlite3_bind_double(
        statement, 1, journal->spent_seconds + (double)(now_ns - journal->resumed_ns) / 1e9);
    return mer_database_finish(&journal->database, statement, err);
}

mer_status mer_journal_note(struct mer_journal *journal, const struct mer_journal_scope *scope,
                            const struct mer_trial_request *request,
                            const struct mer_trial_result *result, mer_err *err)
{
    if (result->status.code == MER_ERR_BUDGET || result->status.code == MER_ERR_CANCELLED)
        return mer_ok();
    MER_GUARD(mer_database_do(&journal->database, "BEGIN", err));
    mer_status status = insert_trial(journal, scope, request, result, err);
    if (mer_is_ok(status))
        status = mer_database_do(&journal->database, "COMMIT", err);
    if (!mer_is_ok(status)) {
        const mer_status rolled_back = mer_database_do(&journal->database, "ROLLBACK", NULL);
        (void)rolled_back;
    }
    return status;
}

mer_status mer_journal_end(struct mer_journal *journal, const struct mer_run_end *end, mer_err *err)
{
    sqlite3_stmt *statement;
    MER_GUARD(mer_database_prepare(&journal->database,
                                   "UPDATE run SET state = ?1, code = ?2, ended_ns = ?3, "
                                   "score = ?4, units = ?5, model_sha256 = ?6, spent_seconds = ?7",
                                   &statement, err));
    const uint64_t now_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    (void)sqlite3_bind_int64(statement, 1, end->state);
    (void)sqlite3_bind_int64(statement, 2, end->code);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)end->ended_ns);
    (void)sqlite3_bind_double(statement, 4, end->score); /* NaN becomes NULL */
    (void)sqlite3_bind_int64(statement, 5, (int64_t)end->units);
    bind_text(statement, 6, end->model_digest);
    (void)sqlite3_bind_double(
        statement, 7, journal->spent_seconds + (double)(now_ns - journal->resumed_ns) / 1e9);
    MER_GUARD(mer_database_finish(&journal->database, statement, err));
    /* Predictions are there for a run that goes on; overwritten and given back, not just forgotten.
     */
    return end->state == MER_RUN_SAVED
               ? mer_database_do(&journal->database, "DELETE FROM held_out; VACUUM", err)
               : mer_ok();
}
