#include "cli/leaderboard.h"

#include <stdio.h>
#include <string.h>

#include "metric/metric.h"

static void show_value(const struct mer_param_spec *spec, double value, char *ret_text, size_t size)
{
    if (spec->type == MER_PARAM_BOOLEAN)
        (void)snprintf(ret_text, size, "%s", value != 0 ? "true" : "false");
    else if (spec->type == MER_PARAM_CHOICE)
        (void)snprintf(ret_text, size, "%s", spec->choices[(size_t)value]);
    else
        (void)snprintf(ret_text, size, "%.6g", value);
}

struct mer_cli_params mer_cli_show_params(const struct mer_family *family,
                                          const struct mer_params *params)
{
    struct mer_cli_params shown = {.text = ""};
    size_t n = 0;
    for (size_t i = 0; i < family->n_params; i++) {
        if (params->values[i] == family->params[i].preset)
            continue;
        char value[40];
        show_value(&family->params[i], params->values[i], value, sizeof value);
        const int written = snprintf(shown.text + n, sizeof shown.text - n, "%s%s=%s", n ? " " : "",
                                     family->params[i].name, value);
        if (written < 0 || (size_t)written >= sizeof shown.text - n) {
            shown.text[n] = '\0';
            break;
        }
        n += (size_t)written;
    }
    if (n == 0)
        (void)snprintf(shown.text, sizeof shown.text, "defaults");
    return shown;
}

void mer_cli_print_members(struct mer_cli *cli, const struct mer_facts *facts)
{
    uint64_t total = 0;
    if (facts->n_members == 1) {
        mer_cli_print(
            cli, "  params     %s\n",
            mer_cli_show_params(facts->members[0].family, &facts->members[0].params).text);
        return;
    }
    const bool has_layers = mer_members_bases(facts->members, facts->n_members) > 0;
    for (size_t i = 0; i < facts->n_members; i++)
        total += facts->members[i].weight;
    for (size_t i = 0; i < facts->n_members; i++) {
        const struct mer_member *const member = &facts->members[i];
        mer_cli_print(
            cli, "  %5.1f %%    %s%-13s %s\n", 100.0 * (double)member->weight / (double)total,
            !has_layers         ? ""
            : member->is_second ? "layer 2    "
                                : "layer 1    ",
            member->family->name, mer_cli_show_params(member->family, &member->params).text);
    }
}

static void print_quantiles(struct mer_cli *cli, const struct mer_facts *facts, const char *indent)
{
    for (size_t i = 0; i < facts->n_quantiles; i++) {
        const struct mer_quantile *const quantile = &facts->quantiles[i];
        mer_cli_print(cli, "%squantile %g: pinball loss %s, %.1f %% of held-out values below\n",
                      indent, quantile->level, mer_cli_show_score(quantile->loss).text,
                      100 * quantile->below);
    }
}

void mer_cli_print_findings(struct mer_cli *cli, const struct mer_facts *facts, const char *indent)
{
    const struct mer_recalibration *const calibration = &facts->recalibration;
    const struct mer_threshold *const threshold = &facts->threshold;
    if (calibration->method != MER_RECALIBRATION_NONE) {
        mer_cli_print(cli, "%scalibrated by %s", indent,
                      calibration->method == MER_RECALIBRATION_ISOTONIC ? "isotonic curves"
                                                                        : "temperature");
        if (calibration->method == MER_RECALIBRATION_TEMPERATURE)
            mer_cli_print(cli, " %.3g", calibration->temperature);
        mer_cli_print(cli, ": log_loss %s on held-out rows",
                      mer_cli_show_score(calibration->loss_after).text);
        mer_cli_print(cli, ", %s without\n", mer_cli_show_score(calibration->loss_before).text);
    }
    if (threshold->value > 0) {
        mer_cli_print(cli, "%spredicts the second class from probability %.3g on", indent,
                      threshold->value);
        if (threshold->metric) {
            mer_cli_print(cli, ": %s %s", threshold->metric,
                          mer_cli_show_score(threshold->score_after).text);
            mer_cli_print(cli, ", %s from 0.5 on",
                          mer_cli_show_score(threshold->score_before).text);
        }
        mer_cli_print(cli, "\n");
    }
    print_quantiles(cli, facts, indent);
}

/* The search may prefer a setting that is as good as the best within the noise of the folds. */
static bool first_is_best(const struct mer_facts *facts)
{
    const struct mer_metric *const metric = mer_metric_find(facts->metric);
    for (size_t i = 1; metric && i < facts->n_trials; i++) {
        const double first = facts->trials[0].score, other = facts->trials[i].score;
        if (facts->trials[i].is_second)
            continue;
        if (metric->greater_is_better ? other > first : other < first)
            return false;
    }
    return true;
}

static int reported_width(const struct mer_facts *facts, size_t i)
{
    const int n = (int)strlen(facts->reported.metrics[i]->name);
    return n > 8 ? n : 8;
}

void mer_cli_print_reported(struct mer_cli *cli, const struct mer_facts *facts, const char *indent)
{
    for (size_t i = 0; i < facts->reported.n; i++)
        mer_cli_print(cli, "%s%s %s", i == 0 ? indent : ", ", facts->reported.metrics[i]->name,
                      mer_cli_show_score(facts->reported.scores[i]).text);
    if (facts->reported.n > 0)
        mer_cli_print(cli, "\n");
}

void mer_cli_print_leaderboard(struct mer_cli *cli, const struct mer_facts *facts, size_t n_max,
                               bool with_times)
{
    const int width = strlen(facts->metric) > 10 ? (int)strlen(facts->metric) : 10;
    mer_cli_print_bold(cli, "  rank  family         %-*s  +-          ", width, facts->metric);
    for (size_t i = 0; i < facts->reported.n; i++)
        mer_cli_print_bold(cli, "%-*s  ", reported_width(facts, i),
                           facts->reported.metrics[i]->name);
    mer_cli_print_bold(cli, "%-10s  parameters\n", with_times ? "time" : "units");
    for (size_t i = 0; i < facts->n_trials && i < n_max; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        struct mer_cli_shown cost;
        if (with_times)
            cost = mer_cli_show_seconds(trial->seconds);
        else
            (void)snprintf(cost.text, sizeof cost.text, "%llu", (unsigned long long)trial->units);
        mer_cli_print(cli, "  %4zu  %-13s  %-*s  %-10s  ", i + 1, trial->family->name, width,
                      mer_cli_show_score(trial->score).text,
                      mer_cli_show_score(trial->deviation).text);
        for (size_t k = 0; k < facts->reported.n; k++)
            mer_cli_print(cli, "%-*s  ", reported_width(facts, k),
                          mer_cli_show_score(trial->reported[k]).text);
        mer_cli_print(cli, "%-10s  %s%s\n", cost.text, trial->is_second ? "layer 2: " : "",
                      mer_cli_show_params(trial->family, &trial->params).text);
    }
    if (!first_is_best(facts))
        mer_cli_print(cli, "  The first was chosen: as good as the best within the noise of the "
                           "folds, and simpler.\n");
    if (facts->n_trials > n_max)
        mer_cli_print(cli, "  and %zu more: merlon leaderboard shows them\n",
                      facts->n_trials - n_max);
}

void mer_cli_put_leaderboard(struct mer_cli_document *document, const struct mer_facts *facts,
                             bool with_times)
{
    struct mer_json_writer *const writer = &document->writer;
    mer_json_key(writer, "leaderboard");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < facts->n_trials; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        mer_json_begin_object(writer);
        mer_cli_put_unsigned(document, "rank", i + 1);
        mer_cli_put_string(document, "family", trial->family->name);
        if (trial->is_second)
            mer_cli_put_unsigned(document, "layer", 2);
        mer_cli_put_number(document, "score", trial->score);
        mer_cli_put_number(document, "deviation", trial->deviation);
        mer_describe_reported(facts, trial->reported, writer);
        mer_cli_put_unsigned(document, "units", trial->units);
        if (with_times)
            mer_cli_put_number(document, "seconds", trial->seconds);
        mer_json_key(writer, "params");
        mer_params_write(trial->family->params, trial->family->n_params, &trial->params, writer);
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}
