#include "engine/runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/journal_internal.h"
#include "metric/metric.h"
#include "os/channel.h"
#include "os/file.h"
#include "os/state_folder.h"

enum { TRIALS_MAX = 1 << 20 };

bool mer_run_setting(const char *settings, const char *name, const char **ret_value, size_t *ret_n)
{
    const size_t n_name = strlen(name);
    for (const char *line = settings; *line;) {
        const size_t n_line = strcspn(line, "\n");
        if (n_line > n_name && line[n_name] == '=' && memcmp(line, name, n_name) == 0) {
            *ret_value = line + n_name + 1;
            *ret_n = n_line - n_name - 1;
            return true;
        }
        line += n_line + (line[n_line] == '\n');
    }
    return false;
}

static void release_trial(struct mer_run_trial *trial)
{
    free(trial->params);
    free(trial->scores);
}

void mer_run_release(struct mer_run *run)
{
    for (size_t i = 0; run->trials && i < run->n_trials; i++)
        release_trial(&run->trials[i]);
    free(run->trials);
    free(run->makes);
    free(run->version);
    free(run->data_digest);
    free(run->schema_digest);
    free(run->table_digest);
    free(run->settings);
    free(run->metric);
    free(run->model_digest);
    *run = (struct mer_run){.trials = NULL};
}

/* A text of a row: UTF-8 by SQLite's word, without zeros inside, which a journal does not have. */
static char *take_text(sqlite3_stmt *row, int at)
{
    const char *const text = (const char *)sqlite3_column_text(row, at);
    return text && strlen(text) == (size_t)sqlite3_column_bytes(row, at) ? strdup(text) : NULL;
}

static bool take_run(sqlite3_stmt *row, struct mer_run *run)
{
    const int64_t state = sqlite3_column_int64(row, 14), code = sqlite3_column_int64(row, 15);
    run->makes = take_text(row, 1);
    run->version = take_text(row, 2);
    run->data_digest = take_text(row, 3);
    run->schema_digest = take_text(row, 4);
    run->table_digest = take_text(row, 5);
    run->n_rows = (size_t)sqlite3_column_int64(row, 6);
    run->n_columns = (size_t)sqlite3_column_int64(row, 7);
    run->settings = take_text(row, 8);
    run->seed = (uint64_t)sqlite3_column_int64(row, 9);
    run->seed_given = sqlite3_column_int64(row, 10) != 0;
    run->started_ns = (uint64_t)sqlite3_column_int64(row, 11);
    run->ended_ns = (uint64_t)sqlite3_column_int64(row, 12);
    run->spent_seconds = sqlite3_column_double(row, 13);
    run->metric = take_text(row, 16);
    run->score =
        sqlite3_column_type(row, 17) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(row, 17);
    run->units = (uint64_t)sqlite3_column_int64(row, 18);
    run->model_digest = take_text(row, 19);
    if (state < 0 || state >= MER_RUN_STATE_COUNT || code < 0 || code >= MER_CODE_COUNT ||
        !(run->spent_seconds >= 0) || !isfinite(run->spent_seconds))
        return false;
    run->state = (enum mer_run_state)state;
    run->code = (enum mer_code)code;
    return run->makes && run->version && run->data_digest && run->schema_digest &&
           run->table_digest && run->settings && run->metric && run->model_digest;
}

static mer_status read_run(struct mer_database *database, struct mer_run *run, mer_err *err)
{
    sqlite3_stmt *row;
    bool has_row;
    MER_GUARD(mer_database_prepare(
        database,
        "SELECT id, makes, version, data_sha256, schema_sha256, table_sha256, n_rows, n_columns, "
        "settings, seed, seed_given, started_ns, ended_ns, spent_seconds, state, code, metric, "
        "score, units, model_sha256 FROM run",
        &row, err));
    mer_status status = mer_database_step(database, row, &has_row, err);
    if (mer_is_ok(status) && (!has_row || !take_run(row, run)))
        status = mer_database_refuse(database, err);
    (void)sqlite3_finalize(row);
    return status;
}

static double mean_of(const double *scores, size_t n)
{
    double sum = 0;
    size_t n_scores = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(scores[i])) {
            sum += scores[i];
            n_scores++;
        }
    return n_scores > 0 ? sum / (double)n_scores : (double)NAN;
}

static bool take_trial(sqlite3_stmt *row, struct mer_run_trial *trial)
{
    const int64_t code = sqlite3_column_int64(row, 4), stage = sqlite3_column_int64(row, 8);
    const size_t n_bytes = (size_t)sqlite3_column_bytes(row, 5);
    char *const family = take_text(row, 0);
    trial->params = take_text(row, 1);
    trial->rung = (unsigned)sqlite3_column_int64(row, 2);
    trial->units = (uint64_t)sqlite3_column_int64(row, 3);
    trial->seconds = sqlite3_column_double(row, 6);
    trial->bytes = (size_t)sqlite3_column_int64(row, 7);
    trial->scores = malloc(n_bytes + 1);
    const bool good = family && strlen(family) < sizeof trial->family && trial->params &&
                      trial->scores && code >= 0 && code < MER_CODE_COUNT && stage >= 0 &&
                      stage < MER_STAGE_COUNT && n_bytes % sizeof(double) == 0 &&
                      n_bytes <= MER_FOLDS_MAX * sizeof(double);
    if (good) {
        (void)snprintf(trial->family, sizeof trial->family, "%s", family);
        trial->code = (enum mer_code)code;
        trial->stage = (enum mer_trial_stage)stage;
        trial->n_scores = n_bytes / sizeof(double);
        if (n_bytes > 0)
            memcpy(trial->scores, sqlite3_column_blob(row, 5), n_bytes);
        trial->score = mean_of(trial->scores, trial->n_scores);
    }
    free(family);
    return good;
}

/* The best of the trials, for a run that has not ended. */
static void note_score(struct mer_run *run, double score)
{
    const struct mer_metric *const metric = mer_metric_find(run->metric);
    if (run->ended_ns == 0 && metric && isfinite(score) &&
        (!isfinite(run->score) ||
         (metric->greater_is_better ? score > run->score : score < run->score)))
        run->score = score;
}

static mer_status add_trial(struct mer_database *database, sqlite3_stmt *row, struct mer_run *run,
                            bool keep, mer_err *err)
{
    struct mer_run_trial trial = {.units = 0};
    if (!take_trial(row, &trial) || run->n_trials >= TRIALS_MAX) {
        release_trial(&trial);
        return mer_database_refuse(database, err);
    }
    if (trial.stage != MER_STAGE_INNER)
        note_score(run, trial.score);
    run->n_failed += trial.code != MER_OK;
    if (!keep) {
        run->n_trials++;
        release_trial(&trial);
        return mer_ok();
    }
    struct mer_run_trial *const more =
        realloc(run->trials, (run->n_trials + 1) * sizeof *run->trials);
    if (!more) {
        release_trial(&trial);
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a run's trials");
    }
    run->trials = more;
    run->trials[run->n_trials++] = trial;
    return mer_ok();
}

static mer_status read_trials(struct mer_database *database, struct mer_run *run, bool keep,
                              mer_err *err)
{
    sqlite3_stmt *row;
    bool has_row = true;
    MER_GUARD(mer_database_prepare(database,
                                   "SELECT family, params, rung, units, code, scores, seconds, "
                                   "bytes, stage FROM trial ORDER BY number",
                                   &row, err));
    mer_status status = mer_ok();
    while (mer_is_ok(status) && has_row) {
        status = mer_database_step(database, row, &has_row, err);
        if (mer_is_ok(status) && has_row)
            status = add_trial(database, row, run, keep, err);
    }
    (void)sqlite3_finalize(row);
    return status;
}

/* Whether somebody holds the run's lock. A lock that nobody made is held by nobody. */
static bool is_running(const char *folder, const char *id)
{
    char *path;
    int lock = -1;
    if (!mer_is_ok(mer_run_path(folder, id, ".lock", &path, NULL)))
        return false;
    const bool is_held =
        mer_file_exists(path) && mer_lock_take(path, &lock, NULL).code == MER_ERR_EXISTS;
    free(path);
    mer_descriptor_close(lock);
    return is_held;
}

static mer_status read_one(const char *folder, const char *id, bool with_trials,
                           struct mer_run *ret_run, mer_err *err)
{
    struct mer_database database;
    struct mer_run run = {.is_running = is_running(folder, id)};
    (void)snprintf(run.id, sizeof run.id, "%s", id);
    MER_GUARD(mer_run_open(folder, id, &database, err));
    mer_status status = read_run(&database, &run, err);
    if (mer_is_ok(status))
        status = read_trials(&database, &run, with_trials, err);
    mer_database_close(&database);
    if (mer_is_ok(status))
        *ret_run = run;
    else
        mer_run_release(&run);
    return status;
}

/* The one run whose id begins so. */
static mer_status find_run(const char *folder, const char *id, char ret_id[MER_RUN_ID_MAX],
                           mer_err *err)
{
    struct mer_run_ids ids;
    size_t n_found = 0;
    if (!mer_run_id_is_valid(id))
        return mer_fail(err, MER_ERR_NO_INPUT, "there is no run %s", mer_quote(id).text);
    MER_GUARD(mer_run_ids_read(folder, &ids, err));
    for (size_t i = 0; i < ids.n; i++)
        if (strncmp(ids.ids[i], id, strlen(id)) == 0) {
            memcpy(ret_id, ids.ids[i], MER_RUN_ID_MAX);
            n_found++;
        }
    mer_run_ids_release(&ids);
    if (n_found == 1)
        return mer_ok();
    return mer_hint(err,
                    n_found == 0
                        ? mer_fail(err, MER_ERR_NO_INPUT, "there is no run %s", mer_quote(id).text)
                        : mer_fail(err, MER_ERR_NO_INPUT, "%zu runs begin with %s", n_found,
                                   mer_quote(id).text),
                    "merlon runs list shows the runs");
}

mer_status mer_run_read(const char *state_folder, const char *id, bool with_trials,
                        struct mer_run *ret_run, mer_err *err)
{
    char *folder, found[MER_RUN_ID_MAX];
    MER_GUARD(mer_runs_folder(state_folder, &folder, err));
    mer_status status = find_run(folder, id, found, err);
    if (mer_is_ok(status))
        status = read_one(folder, found, with_trials, ret_run, err);
    free(folder);
    return status;
}

mer_status mer_runs_read(const char *state_folder,
                         void (*each)(void *self, const char *id, const struct mer_run *run,
                                      const mer_err *why),
                         void *self, mer_err *err)
{
    struct mer_run_ids ids;
    char *folder;
    MER_GUARD(mer_runs_folder(state_folder, &folder, err));
    const mer_status status = mer_run_ids_read(folder, &ids, err);
    for (size_t i = 0; mer_is_ok(status) && i < ids.n; i++) {
        struct mer_run run;
        mer_err why = {0};
        if (!mer_run_has_begun(folder, ids.ids[i]))
            continue;
        if (mer_is_ok(read_one(folder, ids.ids[i], false, &run, &why))) {
            each(self, ids.ids[i], &run, NULL);
            mer_run_release(&run);
        } else {
            each(self, ids.ids[i], NULL, &why);
        }
    }
    mer_run_ids_release(&ids);
    free(folder);
    return status;
}

mer_status mer_run_forget(const char *state_folder, const char *id, mer_err *err)
{
    char *folder, found[MER_RUN_ID_MAX];
    MER_GUARD(mer_runs_folder(state_folder, &folder, err));
    mer_status status = find_run(folder, id, found, err);
    if (mer_is_ok(status))
        status = mer_run_remove(folder, found, err);
    free(folder);
    if (status.code == MER_ERR_EXISTS)
        return mer_hint(err, mer_fail(err, MER_ERR_EXISTS, "the run %s is still going on", found),
                        "stop it first");
    return status;
}
