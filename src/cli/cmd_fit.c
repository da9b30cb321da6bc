/* merlon fit: from a table to a signed model. */
#include <stdlib.h>
#include <string.h>

#include "cli/fit.h"
#include "os/file.h"
#include "os/signals.h"

/* Opens the key that will sign. A missing default key is made later, once there is something to
 * sign. */
static mer_status open_signer(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    struct mer_cli_passphrase source = mer_cli_passphrase_from(arguments->passphrase_fd);
    const char *const name = arguments->key ? arguments->key : MER_FIT_DEFAULT_KEY;
    const mer_status status =
        mer_signer_open(NULL, name, mer_cli_ask_passphrase, &source, &fit->signer, err);
    if (status.code == MER_ERR_NO_INPUT && !arguments->key && !arguments->certificate) {
        fit->key_is_new = true;
        mer_err_clear(err);
        return mer_ok();
    }
    MER_GUARD(status);
    return mer_cli_set_signer(fit->signer, arguments->certificate, arguments->serial, err);
}

static mer_status make_signer(struct fit *fit, mer_err *err)
{
    if (!fit->key_is_new)
        return mer_ok();
    const mer_status status = mer_keys_new(NULL, MER_FIT_DEFAULT_KEY, NULL, NULL, err);
    if (status.code == MER_ERR_EXISTS)
        fit->key_is_new = false; /* another run has made it meanwhile */
    else
        MER_GUARD(status);
    MER_GUARD(mer_signer_open(NULL, MER_FIT_DEFAULT_KEY, NULL, NULL, &fit->signer, err));
    return mer_cli_set_signer(fit->signer, NULL, fit->arguments->serial, err);
}

static mer_status read_data(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(&arguments->reading, &options, err));
    options.trust = fit->trust;
    options.require_signature = arguments->require_signed_data;
    if (arguments->pseudonymize)
        MER_GUARD(mer_pseudonyms_open(NULL, mer_cli_project(arguments->project), true,
                                      &fit->pseudonyms, &fit->project_is_new, err));
    options.pseudonyms = fit->pseudonyms;
    MER_GUARD(mer_table_read(fit->cli->context, arguments->data, &options, &fit->table, err));
    if (!arguments->valid)
        return mer_ok();
    options.schema_file = NULL;
    options.quarantine_file = NULL; /* one file holds one table's rows */
    return mer_table_read_like(fit->cli->context, arguments->valid, &options, fit->table,
                               &fit->valid, err);
}

static mer_status search(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    char *makes;
    MER_GUARD(mer_path_resolve(arguments->out, &makes, err));
    struct mer_fit_options options = {
        .size = sizeof options,
        .target = arguments->target,
        .task = arguments->task,
        .metric = arguments->metric,
        .report_metrics = arguments->report_metrics,
        .family = arguments->model,
        .settings = arguments->params.items,
        .n_settings = arguments->params.n,
        .monotone = arguments->monotone.items,
        .n_monotone = arguments->monotone.n,
        .include = arguments->include,
        .exclude = arguments->exclude,
        .budget_seconds = arguments->budget,
        .units = arguments->units,
        .max_trials = arguments->trials,
        .n_folds = arguments->folds,
        .seed = arguments->seed.given ? &arguments->seed.value : NULL,
        .on_trial = mer_cli_fit_on_trial,
        .on_state = mer_cli_fit_on_state,
        .self = fit,
        .study = arguments->report != NULL,
        .n_workers = arguments->workers,
        .journal = !arguments->no_journal && !fit->start,
        .makes = makes,
        .resume = arguments->resume,
        .class_weight = arguments->class_weight,
        .single = arguments->deploy && strcmp(arguments->deploy, "fast") == 0,
        .n_layers = arguments->layers,
        .leave_out_leaks = arguments->leave_out_leaks,
        .calibrate = arguments->calibrate,
        .threshold = arguments->threshold,
        .quantiles = fit->quantiles,
        .n_quantiles = fit->n_quantiles,
        .start = fit->start,
        .signal_for_best = MER_SIGNAL_INTERRUPT,
        .spent_seconds = mer_cli_seconds(fit->cli),
        .patience = arguments->patience,
        .space = fit->space,
        .group_column = arguments->group_column,
        .time_column = arguments->time_column,
        .folds_column = arguments->folds_column,
        .time_gap = arguments->gap,
        .n_repeats = arguments->repeats,
        .valid = fit->valid,
    };
    const mer_status status =
        fit->replay
            ? mer_fit_again(fit->cli->context, fit->table, fit->replay, &options, &fit->model, err)
            : mer_fit(fit->cli->context, fit->table, &options, &fit->model, err);
    free(makes);
    return status;
}

static mer_status save(struct fit *fit, mer_err *err)
{
    const double start = mer_cli_seconds(fit->cli);
    MER_GUARD(make_signer(fit, err));
    MER_GUARD(mer_model_save(fit->model, fit->arguments->out, fit->signer, fit->arguments->force,
                             &fit->saved, err));
    if (fit->arguments->report)
        MER_GUARD(mer_report_save(fit->model, &fit->saved, fit->arguments->report,
                                  fit->arguments->force, err));
    fit->save_seconds = mer_cli_seconds(fit->cli) - start;
    return mer_ok();
}

static mer_status steps(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    MER_GUARD(mer_cli_open(fit->cli, arguments->memory, arguments->threads, err));
    MER_GUARD(mer_cli_fit_check_outputs(arguments, err));
    MER_GUARD(mer_trust_open(NULL, &fit->trust, err));
    MER_GUARD(open_signer(fit, err));
    if (arguments->replay)
        MER_GUARD(
            mer_replay_open(fit->cli->context, arguments->replay, fit->trust, &fit->replay, err));
    if (arguments->continue_from)
        MER_GUARD(mer_model_load(fit->cli->context, arguments->continue_from, fit->trust,
                                 &fit->start, err));
    MER_GUARD(mer_cli_fit_read_space(fit, err));
    MER_GUARD(read_data(fit, err));
    if (!fit->cli->common.quiet)
        mer_cli_fit_print_data(fit);
    MER_GUARD(search(fit, err));
    MER_GUARD(save(fit, err));
    if (fit->cli->common.json)
        return mer_cli_fit_emit_json(fit, err);
    if (!fit->cli->common.quiet)
        mer_cli_fit_print_result(fit);
    return mer_ok();
}

static mer_status run_fit(struct mer_cli *cli, const void *words, mer_err *err)
{
    struct fit fit = {.cli = cli, .arguments = words};
    MER_GUARD(mer_cli_fit_check(&fit, err));
    const mer_status status = steps(&fit, err);
    mer_fitted_free(fit.model);
    mer_fitted_free(fit.start);
    mer_replay_free(fit.replay);
    free(fit.space);
    mer_table_free(fit.valid);
    mer_table_free(fit.table);
    mer_pseudonyms_free(fit.pseudonyms);
    mer_signer_free(fit.signer);
    mer_trust_free(fit.trust);
    return status;
}

#define AT(member) offsetof(struct fit_arguments, member)

static const struct mer_cli_option POSITIONALS[] = {
    {.name = "DATA",
     .type = MER_CLI_FILE,
     .at = AT(data),
     .help = "the table to learn from, in any format of --format; - is standard input",
     .required = true},
};

static const struct mer_cli_option OPTIONS[] = {
    {.name = "target",
     .type = MER_CLI_TEXT,
     .at = AT(target),
     .metavar = "COLUMN",
     .help = "the column to predict; the one with the role target in the schema otherwise"},
    {.name = "out",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .metavar = "MODEL",
     .help = "where the model goes; its signature and provenance record go beside it",
     .required = true},
    {.name = "task",
     .type = MER_CLI_CHOICE,
     .at = AT(task),
     .metavar = "TASK",
     .choices = mer_cli_choice_task,
     .help = "classification or regression; follows from the target column otherwise"},
    MER_CLI_SCHEMA_OPTION(struct fit_arguments,
                          "hold the table to this Table Schema instead of inferring types"),
    {.name = "budget",
     .type = MER_CLI_DURATION,
     .at = AT(budget),
     .metavar = "TIME",
     .help = "search for at most this time: 20s, 5m, 1h"},
    {.name = "units",
     .type = MER_CLI_INTEGER,
     .at = AT(units),
     .metavar = "N",
     .minimum = 1,
     .maximum = UINT64_MAX,
     .help =
         "search for at most this much work; the number that an earlier run reached repeats it"},
    {.name = "trials",
     .type = MER_CLI_INTEGER,
     .at = AT(trials),
     .metavar = "N",
     .minimum = 1,
     .maximum = 1000000,
     .help = "try at most this many settings"},
    {.name = "patience",
     .type = MER_CLI_INTEGER,
     .at = AT(patience),
     .metavar = "N",
     .minimum = 1,
     .maximum = 1000000,
     .help = "end the search after so many trials in a row that made nothing better; without any "
             "limit, after 40"},
    {.name = "space",
     .type = MER_CLI_FILE,
     .at = AT(space),
     .metavar = "FILE",
     .help = "search what this JSON file says: families, ranges and choices of their parameters"},
    {.name = "threads",
     .type = MER_CLI_INTEGER,
     .at = AT(threads),
     .metavar = "N",
     .minimum = 1,
     .maximum = 1024,
     .help = "use this many threads; one per processor otherwise; the model is the same"},
    {.name = "workers",
     .type = MER_CLI_INTEGER,
     .at = AT(workers),
     .metavar = "N",
     .minimum = 1,
     .maximum = 64,
     .help = "run trials in this many processes, which share the threads and the memory; by the "
             "size of the table otherwise; the model is the same"},
    {.name = "memory",
     .type = MER_CLI_BYTES,
     .at = AT(memory),
     .metavar = "SIZE",
     .help = "allocate at most this much: 512M, 4G"},
    {.name = "seed",
     .type = MER_CLI_SEED,
     .at = AT(seed),
     .metavar = "N",
     .help = "the seed of all random numbers; unpredictable otherwise, and recorded"},
    {.name = "metric",
     .type = MER_CLI_CHOICE,
     .at = AT(metric),
     .metavar = "METRIC",
     .choices = mer_cli_choice_metric,
     .help = "what to optimise; log_loss or rmse otherwise (merlon help metrics)"},
    {.name = "report-metrics",
     .type = MER_CLI_TEXT,
     .at = AT(report_metrics),
     .metavar = "NAMES",
     .help = "show these metrics beside it, separated by commas; the usual ones of the task "
             "otherwise, none for none"},
    {.name = "model",
     .type = MER_CLI_CHOICE,
     .at = AT(model),
     .metavar = "NAME",
     .choices = mer_cli_choice_family,
     .help = "fit this model family, without a search (merlon help models)"},
    {.name = "layers",
     .type = MER_CLI_INTEGER,
     .at = AT(layers),
     .metavar = "N",
     .minimum = 1,
     .maximum = 2,
     .help = "2: try models that learn from what the ensemble's say of rows that they have not "
             "seen, and keep what scores better; 1 otherwise"},
    {.name = "deploy",
     .type = MER_CLI_CHOICE,
     .at = AT(deploy),
     .metavar = "WHAT",
     .choices = mer_cli_choice_deploy,
     .help = "best (the default): the average of the settings that complement each other; fast: "
             "one setting, which predicts faster, and no forest unless --include names it"},
    {.name = "calibrate",
     .type = MER_CLI_CHOICE,
     .at = AT(calibrate),
     .metavar = "HOW",
     .choices = mer_cli_choice_calibration,
     .help = "make probabilities what they say, by rows that were held out: auto (the default: "
             "what helps, or nothing), temperature, isotonic, none"},
    {.name = "threshold",
     .type = MER_CLI_TEXT,
     .at = AT(threshold),
     .metavar = "P",
     .help = "of two classes, predict the second from this probability on; auto learns it from "
             "held-out rows, as --metric f1 and other metrics of decisions do by themselves"},
    {.name = "quantiles",
     .type = MER_CLI_TEXT,
     .at = AT(quantiles),
     .metavar = "LEVELS",
     .help =
         "of a number, predict these quantiles beside it, such as 0.1,0.5,0.9: below the one of "
         "0.9 lie nine in ten values"},
    {.name = "progress",
     .type = MER_CLI_CHOICE,
     .at = AT(progress),
     .metavar = "HOW",
     .choices = mer_cli_choice_progress,
     .help =
         "auto (the default): a line on a terminal that changes; lines: a line for each best so "
         "far, on standard error"},
    {.name = "include",
     .type = MER_CLI_TEXT,
     .at = AT(include),
     .metavar = "NAMES",
     .help = "search these model families alone, separated by commas"},
    {.name = "exclude",
     .type = MER_CLI_TEXT,
     .at = AT(exclude),
     .metavar = "NAMES",
     .help = "leave these model families out of the search"},
    {.name = "param",
     .type = MER_CLI_SETTING,
     .at = AT(params),
     .metavar = "NAME=VALUE",
     .help = "set a parameter of the family that --model names; may be repeated"},
    {.name = "monotone",
     .type = MER_CLI_SETTING,
     .at = AT(monotone),
     .metavar = "COLUMN=DIRECTION",
     .help = "let predictions only rise (increasing) or only fall (decreasing) with a column of "
             "numbers; for --model gbdt, may be repeated"},
    {.name = "valid",
     .type = MER_CLI_FILE,
     .at = AT(valid),
     .metavar = "FILE",
     .help = "score trials on the rows of this table, which nothing is learned from, instead of "
             "cross-validation"},
    {.name = "folds",
     .type = MER_CLI_INTEGER,
     .at = AT(folds),
     .metavar = "N",
     .minimum = 2,
     .maximum = 100,
     .help = "cross-validate with this many folds; chosen by the number of rows otherwise"},
    {.name = "repeats",
     .type = MER_CLI_INTEGER,
     .at = AT(repeats),
     .metavar = "N",
     .minimum = 1,
     .maximum = 50,
     .help = "cross-validate so many times, each shuffled anew; folds times repeats are at most "
             "100"},
    {.name = "group-column",
     .type = MER_CLI_TEXT,
     .at = AT(group_column),
     .metavar = "COLUMN",
     .help = "rows with the same value in this column are never torn apart by folds; it is no "
             "feature"},
    {.name = "time-column",
     .type = MER_CLI_TEXT,
     .at = AT(time_column),
     .metavar = "COLUMN",
     .help = "folds learn from rows that are earlier by this column alone; it is no feature"},
    {.name = "gap",
     .type = MER_CLI_TEXT,
     .at = AT(gap),
     .metavar = "TIME",
     .help = "with --time-column: what lies at most so far before a fold is not learned from in "
             "it: 7d, 12h; in the column's unit where that holds numbers"},
    {.name = "folds-column",
     .type = MER_CLI_TEXT,
     .at = AT(folds_column),
     .metavar = "COLUMN",
     .help = "this column labels the fold of each row; rows without a label are learned from "
             "alone. It is no feature"},
    {.name = "class-weight",
     .type = MER_CLI_CHOICE,
     .at = AT(class_weight),
     .metavar = "HOW",
     .choices = mer_cli_choice_class_weight,
     .help = "balanced: rows weigh more the rarer their class is, in fits and in scores"},
    {.name = "leave-out-leaks",
     .type = MER_CLI_FLAG,
     .at = AT(leave_out_leaks),
     .help = "leave out columns that alone nearly tell the target; otherwise fit warns of them"},
    {.name = "report",
     .type = MER_CLI_FILE,
     .at = AT(report),
     .metavar = "FILE",
     .help = "draw how the model did on held-out rows: one page of HTML, readable by you alone"},
    {.name = "resume",
     .type = MER_CLI_FLAG,
     .at = AT(resume),
     .help = "go on with the last run for this MODEL, if it was stopped: what it has tried is not "
             "tried again"},
    {.name = "replay",
     .type = MER_CLI_FILE,
     .at = AT(replay),
     .metavar = "MODEL",
     .help = "repeat the fit that made this model, from its record, and tell what differs if the "
             "bytes do"},
    {.name = "continue-from",
     .type = MER_CLI_FILE,
     .at = AT(continue_from),
     .metavar = "MODEL",
     .help = "add trees to this model, of gbdt alone, for a table with the same columns; --param "
             "n_estimators says how many"},
    {.name = "no-journal",
     .type = MER_CLI_FLAG,
     .at = AT(no_journal),
     .help = "note nothing for --resume and merlon runs"},
    {.name = "require-signed-data",
     .type = MER_CLI_FLAG,
     .at = AT(require_signed_data),
     .help = "refuse a table that no trusted key has signed"},
    {.name = "pseudonymize",
     .type = MER_CLI_FLAG,
     .at = AT(pseudonymize),
     .help = "replace names of columns and levels by tokens before anything else sees them; the "
             "model predicts the same"},
    MER_CLI_PROJECT_OPTION(struct fit_arguments, project),
    {.name = "key",
     .type = MER_CLI_TEXT,
     .at = AT(key),
     .metavar = "NAME",
     .help = "the key that signs the model; default otherwise, made by the first fit"},
    MER_CLI_CERTIFICATE_OPTION(struct fit_arguments),
    MER_CLI_SERIAL_OPTION(struct fit_arguments),
    MER_CLI_PASSPHRASE_OPTION(struct fit_arguments),
    MER_CLI_NO_SCHEMA_OPTION(struct fit_arguments),
    MER_CLI_READING_OPTIONS(struct fit_arguments),
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace existing outputs"},
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon fit houses.csv --target price --out houses.safetensors --budget 60s",
     "searches for a minute and signs the best pipeline"},
    {"merlon fit houses.csv --target price --out houses.safetensors --report houses.html",
     "and draws how it did"},
    {"merlon fit houses.csv --target price --out tree.safetensors --model tree --param max_depth=4",
     "fits one tree"},
    {"merlon fit train.csv --target price --out houses.safetensors --valid valid.csv",
     "scores what it tries on the rows of another file"},
    {"merlon fit may.csv --out may.safetensors --continue-from april.safetensors",
     "adds as many trees again, fitted to the new rows"},
    {"merlon fit patients.csv --target outcome --out m.safetensors --pseudonymize --project study",
     "the model holds no name; predict and names turn tokens back with the project's key"},
};

const struct mer_cli_command MER_CLI_FIT = {
    .name = "fit",
    .summary = "find, fit and sign the best model for a table",
    .description =
        "Reads a table, infers the types of its columns (or enforces a schema), compares model "
        "families and their settings by cross-validation, fits the best again on all rows, and "
        "writes it as a safetensors file with a signature and a provenance record beside it.\n\n"
        "The same data, seed, settings and work units give the same model, byte for byte, whatever "
        "the number of threads and the processor. A signature beside the table (DATA.sig) is "
        "verified, and the record tells whose it was.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPTIONS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS) |
                MER_CLI_CAN_FAIL(MER_ERR_BUDGET) | MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct fit_arguments),
    .run = run_fit,
};
