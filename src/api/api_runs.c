/* Runs of the past through the public API. */
#include "merlon/runs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/handles.h"
#include "engine/runs.h"

/* Where a run is, or why it ended. */
static const char *state_of(const struct mer_run *run)
{
    if (run->is_running)
        return "running";
    if (run->state == MER_RUN_SAVED)
        return "saved";
    if (run->state == MER_RUN_FITTED)
        return "not saved";
    if (run->state == MER_RUN_FAILED && run->code != MER_ERR_CANCELLED)
        return "failed";
    return "stopped";
}

static struct mer_run_summary summary_of(const struct mer_run *run)
{
    return (struct mer_run_summary){
        .size = sizeof(struct mer_run_summary),
        .id = run->id,
        .state = state_of(run),
        .failure = run->state == MER_RUN_FAILED ? mer_code_name(run->code) : NULL,
        .makes = run->makes,
        .version = run->version,
        .data_digest = run->data_digest,
        .schema_digest = run->schema_digest,
        .model_digest = run->model_digest,
        .settings = run->settings,
        .metric = run->metric,
        .score = run->score,
        .n_rows = run->n_rows,
        .n_columns = run->n_columns,
        .n_trials = run->n_trials,
        .n_failed = run->n_failed,
        .seed = run->seed,
        .units = run->units,
        .started_ns = run->started_ns,
        .ended_ns = run->ended_ns,
        .seconds = run->spent_seconds,
        .seed_given = run->seed_given,
    };
}

struct listing {
    mer_run_fn *each;
    void *self;
};

static void list_one(void *self, const char *id, const struct mer_run *run, const mer_err *why)
{
    const struct listing *const listing = self;
    struct mer_run_summary summary = {.size = sizeof summary, .id = id, .score = (double)NAN};
    if (run)
        summary = summary_of(run);
    else
        summary.error = why->message;
    listing->each(listing->self, &summary);
}

mer_status mer_runs_list(const char *state_folder, mer_run_fn *each, void *self, mer_err *err)
{
    struct listing listing = {each, self};
    return mer_runs_read(state_folder, list_one, &listing, err);
}

mer_status mer_runs_show(const char *state_folder, const char *id, mer_run_fn *show,
                         mer_run_attempt_fn *each_trial, void *self, mer_err *err)
{
    struct mer_run run;
    MER_GUARD(mer_run_read(state_folder, id, each_trial != NULL, &run, err));
    const struct mer_run_summary summary = summary_of(&run);
    if (show)
        show(self, &summary);
    for (size_t i = 0; each_trial && i < run.n_trials; i++) {
        const struct mer_run_trial *const trial = &run.trials[i];
        const struct mer_run_attempt attempt = {
            .size = sizeof attempt,
            .number = i + 1,
            .family = trial->family,
            .params = trial->params,
            .failure = trial->code != MER_OK ? mer_code_name(trial->code) : NULL,
            .scores = trial->scores,
            .n_scores = trial->n_scores,
            .score = trial->score,
            .seconds = trial->seconds,
            .units = trial->units,
            .bytes = trial->bytes,
            .rung = trial->rung,
            .layer = trial->stage == MER_STAGE_SECOND  ? 2
                     : trial->stage == MER_STAGE_FIRST ? 1
                                                       : 0,
        };
        each_trial(self, &attempt);
    }
    mer_run_release(&run);
    return mer_ok();
}

mer_status mer_runs_forget(const char *state_folder, const char *id, mer_err *err)
{
    return mer_run_forget(state_folder, id, err);
}

/* ---- In what two runs differ ---- */

struct diff {
    mer_run_difference_fn *each;
    void *self;
};

static void tell(const struct diff *diff, const char *what, const char *then, const char *now)
{
    if (strcmp(then, now) != 0)
        diff->each(diff->self, what, then, now);
}

static void tell_number(const struct diff *diff, const char *what, double then, double now)
{
    char texts[2][32];
    (void)snprintf(texts[0], sizeof texts[0], "%.17g", then);
    (void)snprintf(texts[1], sizeof texts[1], "%.17g", now);
    tell(diff, what, texts[0], texts[1]);
}

static void tell_settings(const struct diff *diff, const char *then, const char *now,
                          bool is_second)
{
    for (const char *line = then; *line;) {
        const size_t n_line = strcspn(line, "\n"), n_name = strcspn(line, "=");
        const char *value;
        char name[64], texts[2][160] = {"", ""};
        size_t n_value = 0;
        if (n_name < n_line && n_name < sizeof name) {
            memcpy(name, line, n_name);
            name[n_name] = '\0';
            const bool is_there = mer_run_setting(now, name, &value, &n_value);
            (void)snprintf(texts[0], sizeof texts[0], "%.*s", (int)(n_line - n_name - 1),
                           line + n_name + 1);
            if (is_there)
                (void)snprintf(texts[1], sizeof texts[1], "%.*s", (int)n_value, value);
            if (!is_second)
                tell(diff, name, texts[0], texts[1]);
            else if (!is_there)
                tell(diff, name, "", texts[0]);
        }
        line += n_line + (line[n_line] == '\n');
    }
}

static const struct mer_run_trial *find_trial(const struct mer_run *run,
                                              const struct mer_run_trial *like)
{
    for (size_t i = 0; i < run->n_trials; i++)
        if (strcmp(run->trials[i].family, like->family) == 0 && run->trials[i].rung == like->rung &&
            run->trials[i].stage == like->stage && strcmp(run->trials[i].params, like->params) == 0)
            return &run->trials[i];
    return NULL;
}

/* The first trial, in the order in which they ended, that the other run has not, or otherwise.
 * What those in inner folds say shows in those of the second layer. */
static void tell_trials(const struct diff *diff, const struct mer_run *then,
                        const struct mer_run *now)
{
    for (size_t i = 0; i < then->n_trials; i++) {
        const struct mer_run_trial *const trial = &then->trials[i], *other = find_trial(now, trial);
        char what[96];
        if (trial->stage == MER_STAGE_INNER)
            continue;
        (void)snprintf(what, sizeof what, "trial %zu (%s)", i + 1, trial->family);
        if (!other) {
            tell(diff, what, "tried", "not tried");
            return;
        }
        if (trial->code != other->code || trial->n_scores != other->n_scores ||
            memcmp(trial->scores, other->scores, trial->n_scores * sizeof *trial->scores) != 0) {
            tell_number(diff, what, trial->score, other->score);
            tell(diff, what, mer_code_name(trial->code), mer_code_name(other->code));
            return;
        }
    }
}

static void tell_all(const struct diff *diff, const struct mer_run *then, const struct mer_run *now)
{
    char seeds[2][24];
    (void)snprintf(seeds[0], sizeof seeds[0], "%llu", (unsigned long long)then->seed);
    (void)snprintf(seeds[1], sizeof seeds[1], "%llu", (unsigned long long)now->seed);
    tell(diff, "state", state_of(then), state_of(now));
    tell(diff, "version", then->version, now->version);
    tell(diff, "makes", then->makes, now->makes);
    tell(diff, "data", then->data_digest, now->data_digest);
    tell(diff, "schema", then->schema_digest, now->schema_digest);
    tell(diff, "seed", seeds[0], seeds[1]);
    tell_settings(diff, then->settings, now->settings, false);
    tell_settings(diff, now->settings, then->settings, true);
    tell(diff, "metric scored by", then->metric, now->metric);
    tell_number(diff, "trials tried", (double)then->n_trials, (double)now->n_trials);
    tell_trials(diff, then, now);
    tell_number(diff, "score", then->score, now->score);
    tell_number(diff, "work units", (double)then->units, (double)now->units);
    tell(diff, "model", then->model_digest, now->model_digest);
}

mer_status mer_runs_diff(const char *state_folder, const char *first, const char *second,
                         mer_run_difference_fn *each, void *self, mer_err *err)
{
    const struct diff diff = {each, self};
    struct mer_run runs[2];
    MER_GUARD(mer_run_read(state_folder, first, true, &runs[0], err));
    const mer_status status = mer_run_read(state_folder, second, true, &runs[1], err);
    if (mer_is_ok(status)) {
        tell_all(&diff, &runs[0], &runs[1]);
        mer_run_release(&runs[1]);
    }
    mer_run_release(&runs[0]);
    return status;
}
