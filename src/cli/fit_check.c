/* What of a fit can be wrong before the table is read. */
#include <stdlib.h>
#include <string.h>

#include "automl/space.h"
#include "cli/fit.h"
#include "core/number.h"
#include "os/file.h"

/* A parameter is wrong before the table is read, not after. */
static mer_status check_params(const struct fit_arguments *arguments, mer_err *err)
{
    if (arguments->params.n && !arguments->model && !arguments->continue_from)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "--param belongs to a model family"),
                        "name it with --model; merlon help models lists the families");
    if (!arguments->model)
        return mer_ok();
    const struct mer_family *const family = mer_family_find(arguments->model);
    struct mer_params params;
    mer_params_default(family->params, family->n_params, &params);
    for (size_t i = 0; i < arguments->params.n; i++)
        MER_GUARD(mer_params_set(family->params, family->n_params, arguments->params.items[i].name,
                                 arguments->params.items[i].value, &params, err));
    return mer_ok();
}

/* So is the name of a metric. */
static mer_status check_metrics(const struct fit_arguments *arguments, mer_err *err)
{
    struct mer_reported reported;
    return arguments->report_metrics ? mer_reported_parse(arguments->report_metrics, &reported, err)
                                     : mer_ok();
}

/* What --replay takes from the model cannot be given beside it. */
static mer_status check_replay(const struct fit_arguments *arguments, mer_err *err)
{
    const struct {
        const char *name;
        bool is_given;
    } options[] = {{"target", arguments->target},
                   {"task", arguments->task},
                   {"metric", arguments->metric},
                   {"report-metrics", arguments->report_metrics},
                   {"model", arguments->model},
                   {"param", arguments->params.n > 0},
                   {"monotone", arguments->monotone.n > 0},
                   {"folds", arguments->folds > 0},
                   {"repeats", arguments->repeats > 0},
                   {"group-column", arguments->group_column},
                   {"time-column", arguments->time_column},
                   {"gap", arguments->gap},
                   {"folds-column", arguments->folds_column},
                   {"seed", arguments->seed.given},
                   {"units", arguments->units > 0},
                   {"budget", arguments->budget > 0},
                   {"trials", arguments->trials > 0},
                   {"patience", arguments->patience > 0},
                   {"space", arguments->space},
                   {"resume", arguments->resume},
                   {"include", arguments->include},
                   {"exclude", arguments->exclude},
                   {"class-weight", arguments->class_weight},
                   {"leave-out-leaks", arguments->leave_out_leaks},
                   {"deploy", arguments->deploy},
                   {"layers", arguments->layers > 0},
                   {"calibrate", arguments->calibrate},
                   {"threshold", arguments->threshold},
                   {"quantiles", arguments->quantiles},
                   {"continue-from", arguments->continue_from},
                   {"pseudonymize", arguments->pseudonymize}};
    for (size_t i = 0; arguments->replay && i < MER_CLI_COUNT_OF(options); i++)
        if (options[i].is_given)
            return mer_fail(err, MER_ERR_USAGE, "--replay and --%s exclude each other",
                            options[i].name);
    return mer_ok();
}

/* "0.1,0.5,0.9", in any order. */
static mer_status read_quantiles(struct fit *fit, mer_err *err)
{
    const char *text = fit->arguments->quantiles;
    while (text) {
        const size_t n = strcspn(text, ",");
        double level;
        if (fit->n_quantiles == MER_QUANTILES_MAX || !mer_number_parse(text, n, false, &level) ||
            !(level > 0 && level < 1))
            return mer_hint(err,
                            mer_fail(err, MER_ERR_USAGE,
                                     "--quantiles wants at most %d levels between 0 and 1, and not "
                                     "%s",
                                     MER_QUANTILES_MAX, mer_quote(fit->arguments->quantiles).text),
                            "separate them by commas: 0.1,0.5,0.9");
        size_t at = fit->n_quantiles++;
        for (; at > 0 && fit->quantiles[at - 1] > level; at--)
            fit->quantiles[at] = fit->quantiles[at - 1];
        fit->quantiles[at] = level;
        text = text[n] ? text + n + 1 : NULL;
    }
    return mer_ok();
}

/* A validation table takes the place of folds. */
static mer_status check_valid(const struct fit_arguments *arguments, mer_err *err)
{
    const struct {
        const char *name;
        bool is_given;
    } options[] = {{"folds", arguments->folds > 0},
                   {"repeats", arguments->repeats > 0},
                   {"group-column", arguments->group_column},
                   {"time-column", arguments->time_column},
                   {"gap", arguments->gap},
                   {"folds-column", arguments->folds_column},
                   {"continue-from", arguments->continue_from}};
    for (size_t i = 0; arguments->valid && i < MER_CLI_COUNT_OF(options); i++)
        if (options[i].is_given)
            return mer_hint(err,
                            mer_fail(err, MER_ERR_USAGE, "--valid and --%s exclude each other",
                                     options[i].name),
                            "with --valid its rows are scored on, and no fold is cut");
    if (arguments->valid && strcmp(arguments->valid, "-") == 0 && strcmp(arguments->data, "-") == 0)
        return mer_fail(err, MER_ERR_USAGE, "two tables cannot come from standard input");
    return mer_ok();
}

static mer_status check_journal(const struct fit_arguments *arguments, mer_err *err)
{
    if (arguments->resume && arguments->no_journal)
        return mer_fail(err, MER_ERR_USAGE, "--resume and --no-journal exclude each other");
    return mer_ok();
}

/* What the rest of the command line must be for these options to mean something. */
static mer_status check_names(const struct fit_arguments *arguments, mer_err *err)
{
    if (strcmp(arguments->out, "-") == 0)
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "a model cannot go to standard output"),
                        "its signature stands beside it: name a file");
    if (arguments->project && !arguments->pseudonymize)
        return mer_fail(err, MER_ERR_USAGE, "--project belongs to --pseudonymize");
    return mer_ok();
}

mer_status mer_cli_fit_check(struct fit *fit, mer_err *err)
{
    const struct fit_arguments *const arguments = fit->arguments;
    MER_GUARD(check_names(arguments, err));
    MER_GUARD(check_params(arguments, err));
    MER_GUARD(check_metrics(arguments, err));
    MER_GUARD(read_quantiles(fit, err));
    MER_GUARD(check_journal(arguments, err));
    MER_GUARD(check_valid(arguments, err));
    return check_replay(arguments, err);
}

static mer_status check_report(const struct fit_arguments *arguments, mer_err *err)
{
    struct mer_output output;
    if (!arguments->report)
        return mer_ok();
    if (strcmp(arguments->report, "-") == 0)
        return mer_fail(err, MER_ERR_USAGE, "a report cannot go to standard output");
    if (strcmp(arguments->report, arguments->out) == 0)
        return mer_fail(err, MER_ERR_USAGE, "the report and the model have the same name");
    MER_GUARD(mer_cli_check_not_input(arguments->report, arguments->data, err));
    MER_GUARD(mer_cli_check_not_input(arguments->report, arguments->reading.schema, err));
    MER_GUARD(mer_cli_check_not_input(arguments->report, arguments->valid, err));
    MER_GUARD(mer_output_open(&output, arguments->report, arguments->force, 0600, err));
    mer_output_release(&output);
    return mer_ok();
}

/* Fails before hours of work rather than after them. */
mer_status mer_cli_fit_check_outputs(const struct fit_arguments *arguments, mer_err *err)
{
    static const char *const suffixes[] = {"", ".sig", ".provenance.json"};
    enum { OF_RECORD = 2 }; /* one without a model is a stopped run's, and is replaced */
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->data, err));
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->reading.schema, err));
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->valid, err));
    for (size_t i = 0; i < MER_CLI_COUNT_OF(suffixes); i++) {
        char *path;
        MER_GUARD(mer_path_with_suffix(arguments->out, suffixes[i], &path, err));
        struct mer_output output;
        const mer_status status =
            mer_output_open(&output, path, arguments->force || i >= OF_RECORD, 0644, err);
        if (mer_is_ok(status))
            mer_output_release(&output);
        free(path);
        MER_GUARD(status);
    }
    return check_report(arguments, err);
}

/* A space is wrong before the table is read, too. */
mer_status mer_cli_fit_read_space(struct fit *fit, mer_err *err)
{
    const char *const path = fit->arguments->space;
    struct mer_file_bytes file;
    if (!path)
        return mer_ok();
    MER_GUARD(mer_file_read(&fit->cli->context->alloc, path, MER_SPACE_TEXT_MAX, &file, err));
    mer_status status = mer_ok();
    if (memchr(file.bytes, '\0', file.n))
        status = mer_fail(err, MER_ERR_DATA, "%s is no text", mer_quote(path).text);
    else if (!(fit->space = strndup((const char *)file.bytes, file.n)))
        status = mer_fail(err, MER_ERR_MEMORY, "no memory for a search space");
    mer_file_release(&file);
    MER_GUARD(status);
    struct mer_space space;
    return mer_space_read(&fit->cli->context->ctx, fit->space, strlen(fit->space), &space, err);
}
