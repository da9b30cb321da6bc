#include "api/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

enum { SETTINGS_MAX = 64, RECORD_MAX = 1 << 24 };

/* Whoever gives the options a new field that decides the model notes it below, and reads it again.
 */
static_assert(sizeof(struct mer_fit_options) == 352, "what was asked for is all of it");

struct mer_replay {
    struct mer_fitted *model;
    struct mer_json_document *record;
    char *statement; /* that the record was read from */
    char data_digest[65];
    const char *valid_digest; /* of the validation table; NULL: there was none */
    char version[32];
    const char *task; /* of the record, as the next; NULL: not given */
    const char *metric;
    const char *report_metrics;
    const char *family;
    const char *include;
    const char *exclude;
    const char *class_weight;
    const char *space;
    bool leave_out_leaks;
    bool single;
    size_t n_layers;
    const char *calibrate;
    const char *threshold;
    double quantiles[MER_QUANTILES_MAX];
    size_t n_quantiles;
    struct mer_setting settings[SETTINGS_MAX];
    size_t n_settings;
    struct mer_setting monotone[SETTINGS_MAX];
    size_t n_monotone;
    size_t n_folds;
    size_t n_repeats;
    const char *group_column;
    const char *time_column;
    const char *folds_column;
    const char *time_gap;
    uint64_t seed;
};

static mer_status put_line(struct mer_buf *buf, const char *what, const char *name,
                           const char *value, mer_err *err)
{
    if (strchr(name, '\n') || strchr(value, '\n'))
        return mer_ok(); /* nothing that could be read again; then it cannot be replayed */
    return mer_buf_printf(buf, err, "%s%s=%s\n", what, name, value);
}

/* On one line: line breaks are white space in JSON, and nothing else. */
static mer_status put_space(struct mer_buf *buf, const char *space, mer_err *err)
{
    MER_GUARD(mer_buf_text(buf, "space=", err));
    for (const char *at = space; *at; at++)
        MER_GUARD(mer_buf_printf(buf, err, "%c", *at == '\n' || *at == '\r' ? ' ' : *at));
    return mer_buf_text(buf, "\n", err);
}

/* How rows were to be cut. */
static mer_status note_cut(const struct mer_fit_options *options, struct mer_buf *buf, mer_err *err)
{
    const struct {
        const char *name;
        const char *value;
    } texts[] = {{"group", options->group_column},
                 {"time", options->time_column},
                 {"folds_column", options->folds_column},
                 {"gap", options->time_gap}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].value)
            MER_GUARD(put_line(buf, "", texts[i].name, texts[i].value, err));
    if (options->valid) {
        char digest[65];
        MER_GUARD(mer_table_digest(options->valid, digest, err));
        MER_GUARD(put_line(buf, "", "valid", digest, err));
    }
    return options->n_repeats ? mer_buf_printf(buf, err, "repeats=%zu\n", options->n_repeats)
                              : mer_ok();
}

mer_status mer_replay_note(const struct mer_fit_options *options, char **ret_lines, mer_err *err)
{
    struct mer_alloc alloc;
    struct mer_buf buf;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&buf, &alloc, RECORD_MAX);
    mer_status status = mer_buf_printf(&buf, err, "folds=%zu\n", options->n_folds);
    if (mer_is_ok(status) && options->task)
        status = put_line(&buf, "", "task", options->task, err);
    if (mer_is_ok(status) && options->metric)
        status = put_line(&buf, "", "metric", options->metric, err);
    if (mer_is_ok(status) && options->report_metrics)
        status = put_line(&buf, "", "report_metrics", options->report_metrics, err);
    if (mer_is_ok(status) && options->family)
        status = put_line(&buf, "", "model", options->family, err);
    if (mer_is_ok(status) && options->include)
        status = put_line(&buf, "", "include", options->include, err);
    if (mer_is_ok(status) && options->exclude)
        status = put_line(&buf, "", "exclude", options->exclude, err);
    if (mer_is_ok(status) && options->class_weight)
        status = put_line(&buf, "", "class_weight", options->class_weight, err);
    if (mer_is_ok(status) && options->space)
        status = put_space(&buf, options->space, err);
    if (mer_is_ok(status) && options->leave_out_leaks)
        status = put_line(&buf, "", "leaks", "leave out", err);
    if (mer_is_ok(status) && options->single)
        status = put_line(&buf, "", "deploy", "fast", err);
    if (mer_is_ok(status) && options->n_layers == 2)
        status = put_line(&buf, "", "layers", "2", err);
    if (mer_is_ok(status) && options->calibrate)
        status = put_line(&buf, "", "calibrate", options->calibrate, err);
    if (mer_is_ok(status) && options->threshold)
        status = put_line(&buf, "", "threshold", options->threshold, err);
    for (size_t i = 0; mer_is_ok(status) && i < options->n_quantiles; i++) {
        char level[MER_NUMBER_TEXT_MAX];
        (void)mer_number_format(options->quantiles[i], level);
        status = put_line(&buf, "", "quantile", level, err);
    }
    char digest[65];
    if (mer_is_ok(status) && options->start)
        status = mer_model_digest(options->start, digest, err);
    if (mer_is_ok(status) && options->start)
        status = put_line(&buf, "", "continue_from", digest, err);
    if (mer_is_ok(status))
        status = note_cut(options, &buf, err);
    for (size_t i = 0; mer_is_ok(status) && i < options->n_settings; i++)
        status =
            put_line(&buf, "param ", options->settings[i].name, options->settings[i].value, err);
    for (size_t i = 0; mer_is_ok(status) && i < options->n_monotone; i++)
        status =
            put_line(&buf, "monotone ", options->monotone[i].name, options->monotone[i].value, err);
    if (mer_is_ok(status))
        status = mer_text_of_buf(&buf, ret_lines, err);
    mer_buf_release(&buf);
    return status;
}

void mer_replay_put(const char *lines, struct mer_json_writer *writer)
{
    mer_json_key(writer, "asked");
    mer_json_begin_array(writer);
    for (const char *line = lines; line && *line;) {
        const size_t n = strcspn(line, "\n");
        mer_json_put_string_n(writer, line, n);
        line += n + (line[n] == '\n');
    }
    mer_json_end_array(writer);
}

static mer_status refuse(const char *what, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "the model's record %s", what);
}

/* A setting's name and value, split where the text has its last '='. The text is changed. */
static mer_status take_setting(char *text, struct mer_setting *settings, size_t *n, mer_err *err)
{
    char *const equals = strrchr(text, '=');
    if (!equals || *n == SETTINGS_MAX)
        return refuse("tells settings that are none", err);
    *equals = '\0';
    settings[(*n)++] = (struct mer_setting){text, equals + 1};
    return mer_ok();
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* A line of how rows were to be cut; false: it is of something else. */
static bool take_cut(struct mer_replay *replay, const char *line)
{
    const struct {
        const char *name;
        const char **value;
    } texts[] = {{"group=", &replay->group_column},
                 {"time=", &replay->time_column},
                 {"folds_column=", &replay->folds_column},
                 {"gap=", &replay->time_gap},
                 {"valid=", &replay->valid_digest}};
    int64_t number;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!begins(line, texts[i].name))
            continue;
        *texts[i].value = line + strlen(texts[i].name);
        return true;
    }
    if (!begins(line, "repeats=") || !mer_integer_parse(line + 8, strlen(line + 8), &number) ||
        number < 0)
        return false;
    replay->n_repeats = (size_t)number;
    return true;
}

static mer_status take_line(struct mer_replay *replay, const char *line, mer_err *err)
{
    int64_t number;
    if (take_cut(replay, line))
        return mer_ok();
    if (begins(line, "task="))
        replay->task = line + 5;
    else if (begins(line, "metric="))
        replay->metric = line + 7;
    else if (begins(line, "report_metrics="))
        replay->report_metrics = line + 15;
    else if (begins(line, "model="))
        replay->family = line + 6;
    else if (begins(line, "include="))
        replay->include = line + 8;
    else if (begins(line, "exclude="))
        replay->exclude = line + 8;
    else if (begins(line, "class_weight="))
        replay->class_weight = line + 13;
    else if (begins(line, "space="))
        replay->space = line + 6;
    else if (strcmp(line, "leaks=leave out") == 0)
        replay->leave_out_leaks = true;
    else if (strcmp(line, "deploy=fast") == 0)
        replay->single = true;
    else if (strcmp(line, "layers=2") == 0)
        replay->n_layers = 2;
    else if (begins(line, "calibrate="))
        replay->calibrate = line + 10;
    else if (begins(line, "threshold="))
        replay->threshold = line + 10;
    else if (begins(line, "quantile=") && replay->n_quantiles < MER_QUANTILES_MAX &&
             mer_number_parse(line + 9, strlen(line + 9), false,
                              &replay->quantiles[replay->n_quantiles]))
        replay->n_quantiles++;
    else if (begins(line, "continue_from="))
        return mer_hint(err, refuse("says that it went on with another model", err),
                        "fit --continue-from goes on with that one again; its SHA-256 is %s",
                        mer_quote(line + 14).text);
    else if (begins(line, "param ") || begins(line, "monotone ")) {
        const bool is_param = line[0] == 'p';
        char *const copy = strdup(line + (is_param ? 6 : 9));
        if (!copy)
            return mer_fail(err, MER_ERR_MEMORY, "no memory for a setting");
        const mer_status status =
            take_setting(copy, is_param ? replay->settings : replay->monotone,
                         is_param ? &replay->n_settings : &replay->n_monotone, err);
        if (!mer_is_ok(status))
            free(copy);
        return status;
    } else if (begins(line, "folds=") && mer_integer_parse(line + 6, strlen(line + 6), &number) &&
               number >= 0)
        replay->n_folds = (size_t)number;
    else
        return refuse("asks for what this version does not know", err);
    return mer_ok();
}

/* A text of at most `size` bytes with its zero. */
static mer_status take_text(const struct mer_json *object, const char *key, char *ret_text,
                            size_t size, mer_err *err)
{
    const char *text;
    MER_GUARD(mer_json_want_string(object, key, "the model's record", &text, err));
    if (strlen(text) >= size)
        return refuse("holds a text that is too long", err);
    memcpy(ret_text, text, strlen(text) + 1);
    return mer_ok();
}

/* The SHA-256 that a subject or a dependency states. */
static mer_status take_digest(const struct mer_json *object, char ret_digest[65], mer_err *err)
{
    return take_text(mer_json_get(object, "digest"), "sha256", ret_digest, 65, err);
}

/* docs/provenance.md; that it is the model's own was checked when it was verified. */
static mer_status read_record(struct mer_replay *replay, mer_err *err)
{
    const struct mer_json *const predicate =
        mer_json_get(mer_json_root(replay->record), "predicate");
    const struct mer_json *const definition = mer_json_get(predicate, "buildDefinition");
    const struct mer_json *const asked =
        mer_json_get(mer_json_get(definition, "externalParameters"), "asked");
    const struct mer_json *const builder =
        mer_json_get(mer_json_get(predicate, "runDetails"), "builder");
    if (mer_json_type(asked) != MER_JSON_ARRAY)
        return refuse("does not tell what was asked for: it was made by an earlier version", err);
    MER_GUARD(take_digest(mer_json_at(mer_json_get(definition, "resolvedDependencies"), 0),
                          replay->data_digest, err));
    MER_GUARD(take_text(mer_json_get(builder, "version"), "merlon", replay->version,
                        sizeof replay->version, err));
    for (size_t i = 0; i < mer_json_size(asked); i++) {
        const char *const line = mer_json_string(mer_json_at(asked, i), NULL);
        if (!line)
            return refuse("tells settings that are none", err);
        MER_GUARD(take_line(replay, line, err));
    }
    replay->seed = replay->model->facts->seed;
    return mer_ok();
}

static mer_status open_replay(struct mer_replay *replay, struct mer_context *context,
                              const char *path, const struct mer_trust *trust, mer_err *err)
{
    MER_GUARD(mer_model_load(context, path, trust, &replay->model, err));
    MER_GUARD(
        mer_provenance_verify(trust, path, replay->model->digest, &replay->statement, NULL, err));
    MER_GUARD(mer_json_parse(&context->alloc, replay->statement, strlen(replay->statement),
                             &MER_JSON_DEFAULT_LIMITS, "the model's record", &replay->record, err));
    return read_record(replay, err);
}

mer_status mer_replay_open(struct mer_context *context, const char *path,
                           const struct mer_trust *trust, struct mer_replay **ret_replay,
                           mer_err *err)
{
    struct mer_replay *const replay = calloc(1, sizeof *replay);
    if (!replay)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a replay");
    const mer_status status = open_replay(replay, context, path, trust, err);
    if (mer_is_ok(status))
        *ret_replay = replay;
    else
        mer_replay_free(replay);
    return status;
}

void mer_replay_free(struct mer_replay *replay)
{
    if (!replay)
        return;
    for (size_t i = 0; i < replay->n_settings; i++)
        free((char *)(uintptr_t)replay->settings[i].name);
    for (size_t i = 0; i < replay->n_monotone; i++)
        free((char *)(uintptr_t)replay->monotone[i].name);
    mer_json_free(replay->record);
    mer_text_free(replay->statement);
    mer_fitted_free(replay->model);
    free(replay);
}

static void apply(const struct mer_replay *replay, struct mer_fit_options *options)
{
    const struct mer_facts *const facts = replay->model->facts;
    options->target = facts->target;
    options->task = replay->task;
    options->metric = replay->metric;
    options->report_metrics = replay->report_metrics;
    options->family = replay->family;
    options->settings = replay->settings;
    options->n_settings = replay->n_settings;
    options->monotone = replay->monotone;
    options->n_monotone = replay->n_monotone;
    options->n_folds = replay->n_folds;
    options->n_repeats = replay->n_repeats;
    options->group_column = replay->group_column;
    options->time_column = replay->time_column;
    options->folds_column = replay->folds_column;
    options->time_gap = replay->time_gap;
    options->include = replay->include;
    options->exclude = replay->exclude;
    options->class_weight = replay->class_weight;
    options->leave_out_leaks = replay->leave_out_leaks;
    options->single = replay->single;
    options->n_layers = replay->n_layers;
    options->calibrate = replay->calibrate;
    options->threshold = replay->threshold;
    options->quantiles = replay->n_quantiles > 0 ? replay->quantiles : NULL;
    options->n_quantiles = replay->n_quantiles;
    options->space = replay->space;
    options->patience = 0;
    options->units = facts->units;
    options->seed = &replay->seed;
    options->budget_seconds = 0;
    options->max_trials = 0;
}

static const struct mer_trial *find_trial(const struct mer_facts *facts,
                                          const struct mer_trial *like)
{
    for (size_t i = 0; i < facts->n_trials; i++)
        if (facts->trials[i].family == like->family &&
            memcmp(&facts->trials[i].params, &like->params, sizeof like->params) == 0)
            return &facts->trials[i];
    return NULL;
}

/* The first trial, from the best on, that came out otherwise. */
static mer_status tell_trial(const struct mer_facts *then, const struct mer_facts *now,
                             mer_status status, mer_err *err)
{
    for (size_t i = 0; i < then->n_trials; i++) {
        const struct mer_trial *const trial = &then->trials[i], *other = find_trial(now, trial);
        if (!other)
            return mer_hint(err, status,
                            "the first trial that differs, number %zu of the leaderboard (%s), was "
                            "not run here, or ended with other rounds",
                            i + 1, trial->family->name);
        if (memcmp(&trial->score, &other->score, sizeof trial->score) != 0)
            return mer_hint(err, status,
                            "the first trial that differs is number %zu of the leaderboard, %s: it "
                            "scored %.9g, and scores %.9g here",
                            i + 1, trial->family->name, trial->score, other->score);
    }
    return mer_hint(err, status, "all trials have the same scores: the last fit differs");
}

/* A validation table has to be there exactly where there was one. */
static mer_status check_valid(const struct mer_replay *replay, const struct mer_table *valid,
                              mer_err *err)
{
    if (replay->valid_digest && !valid)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "the model was validated on a table of its own, which is missing"),
                        "give it with --valid; its sha256 is %.16s...", replay->valid_digest);
    if (!replay->valid_digest && valid)
        return mer_fail(err, MER_ERR_USAGE,
                        "the model was validated without a table of its own: take --valid away");
    return mer_ok();
}

static mer_status check(const struct mer_replay *replay, const struct mer_fitted *model,
                        const struct mer_table *valid, mer_err *err)
{
    char digest[65], valid_digest[65] = "";
    mer_status status;
    if (valid)
        MER_GUARD(mer_table_digest(valid, valid_digest, err));
    MER_GUARD(mer_model_digest(model, digest, err));
    if (strcmp(digest, replay->model->digest) == 0)
        return mer_ok();
    if (strcmp(replay->data_digest, model->making.data.digest) != 0)
        status = mer_fail(err, MER_ERR_DATA,
                          "the model was not repeated: the table is another one, its sha256 was "
                          "%.16s... and is %.16s...",
                          replay->data_digest, model->making.data.digest);
    else if (valid && strcmp(replay->valid_digest, valid_digest) != 0)
        status = mer_fail(err, MER_ERR_DATA,
                          "the model was not repeated: the validation table is another one, its "
                          "sha256 was %.16s... and is %.16s...",
                          replay->valid_digest, valid_digest);
    else if (strcmp(replay->version, mer_version()) != 0)
        status = mer_fail(err, MER_ERR_DATA,
                          "the model was not repeated: it was made by version %s, this is %s",
                          mer_quote(replay->version).text, mer_version());
    else
        status = mer_fail(err, MER_ERR_DATA,
                          "the model was not repeated, though table and version are the same");
    return tell_trial(replay->model->facts, model->facts, status, err);
}

mer_status mer_fit_again(struct mer_context *context, const struct mer_table *table,
                         const struct mer_replay *replay, const struct mer_fit_options *options,
                         struct mer_fitted **ret_model, mer_err *err)
{
    struct mer_fit_options again = *options;
    struct mer_fitted *model;
    MER_GUARD(check_valid(replay, options->valid, err));
    apply(replay, &again);
    MER_GUARD(mer_fit(context, table, &again, &model, err));
    const mer_status status = check(replay, model, options->valid, err);
    if (mer_is_ok(status))
        *ret_model = model;
    else
        mer_fitted_free(model);
    return status;
}
