#include "explain/study_page.h"

#include <stdio.h>
#include <string.h>

#include "core/math.h"
#include "explain/chart.h"

enum { TRIALS_DRAWN = 40, TRIALS_LISTED = 200 };

static void put_text(struct mer_page *page, const char *text)
{
    mer_page_name(page, text, strlen(text));
}

static const struct mer_study_score *score_named(const struct mer_study *study, const char *name)
{
    for (size_t i = 0; i < study->n_scores; i++)
        if (strcmp(study->scores[i].metric->name, name) == 0)
            return &study->scores[i];
    return NULL;
}

static void put_score_tile(struct mer_page *page, const struct mer_study *study, const char *name)
{
    const struct mer_study_score *const score = score_named(study, name);
    char label[120];
    if (!score)
        return;
    if (isnan(score->low))
        (void)snprintf(label, sizeof label, "%s", name);
    else
        (void)snprintf(label, sizeof label, "%s (%s to %s)", name, mer_numeral(score->low, 3).text,
                       mer_numeral(score->high, 3).text);
    mer_page_tile(page, mer_numeral(score->value, 4).text, label);
}

static void put_head(struct mer_page *page, const struct mer_study_view *view)
{
    static const char *const more[][2] = {[MER_TASK_REGRESSION] = {"r2", "mae"},
                                          [MER_TASK_BINARY] = {"auc", "accuracy"},
                                          [MER_TASK_MULTICLASS] = {"accuracy", "f1_macro"}};
    const struct mer_facts *const facts = view->facts;
    const struct mer_study *const study = view->study;
    mer_page_format(page, "<p class=\"lead\">%s, %s%s</p>\n<ul class=\"tiles\">\n",
                    mer_facts_title(facts),
                    study->task == MER_TASK_REGRESSION ? "regression" : "classification",
                    study->task == MER_TASK_BINARY ? " of two classes" : "");
    put_score_tile(page, study, facts->metric);
    for (size_t i = 0; i < 2; i++)
        if (strcmp(more[study->task][i], facts->metric) != 0)
            put_score_tile(page, study, more[study->task][i]);
    mer_page_tile(page, mer_numeral_count(study->n_table_rows).text, "rows");
    mer_page_tile(page, mer_numeral_count(study->n_columns).text, "columns to learn from");
    mer_page_tile(page, mer_numeral_count(facts->n_trials).text,
                  facts->n_trials == 1 ? "setting tried" : "settings tried");
    mer_page_put(page, "</ul>\n</header>\n<nav aria-label=\"Sections\"><ul>"
                       "<li><a href=\"#scores\">Scores</a></li>"
                       "<li><a href=\"#predictions\">Predictions</a></li>"
                       "<li><a href=\"#importance\">Importance</a></li>"
                       "<li><a href=\"#search\">Search</a></li>"
                       "<li><a href=\"#leaderboard\">Leaderboard</a></li>"
                       "<li><a href=\"#data\">Data</a></li>"
                       "<li><a href=\"#provenance\">Provenance</a></li></ul></nav>\n<main>\n");
}

static void put_scores(struct mer_page *page, const struct mer_study_view *view)
{
    char how[80];
    static const char *const headings[] = {"Metric", "#Score", "#from", "#to", "What it is", NULL};
    const struct mer_study *const study = view->study;
    mer_validation_describe(&view->facts->validation, how, sizeof how);
    mer_page_section(page, "scores", "Scores");
    mer_page_format(page,
                    "<p class=\"soft\">Over %s rows that the models which predicted them had not "
                    "seen (%s), with 95 %% intervals from resampled rows. The setting was chosen "
                    "for its score on these rows, so new ones will score a little worse.</p>\n",
                    mer_numeral_count(study->n_rows).text, how);
    if (view->facts->threshold.value > 0)
        mer_page_format(page,
                        "<p class=\"soft\">Metrics of decisions are by the model's threshold, %s, "
                        "and of all rows together. The leaderboard decides from 0.5 on and shows "
                        "the mean over the folds: its values are others.</p>\n",
                        mer_numeral(view->facts->threshold.value, 3).text);
    mer_page_table(page, "Scores over held-out rows", headings);
    for (size_t i = 0; i < study->n_scores; i++) {
        const struct mer_study_score *const score = &study->scores[i];
        const bool chosen = strcmp(score->metric->name, view->facts->metric) == 0;
        mer_page_format(page, "<tr%s><th scope=\"row\"><code>%s</code></th>",
                        chosen ? " class=\"chosen\"" : "", score->metric->name);
        mer_page_cell(page, mer_numeral(score->value, 5).text);
        mer_page_cell(page, isnan(score->low) ? "" : mer_numeral(score->low, 4).text);
        mer_page_cell(page, isnan(score->low) ? "" : mer_numeral(score->high, 4).text);
        mer_page_format(page, "<td class=\"p\">%s%s</td></tr>\n", score->metric->title,
                        chosen ? ", which the search optimised" : "");
    }
    mer_page_table_end(page);
    mer_page_section_end(page);
}

static mer_status put_predictions(struct mer_page *page, const struct mer_study_view *view)
{
    mer_page_section(page, "predictions", "Predictions");
    mer_page_put(page, "<div class=\"pair\">\n");
    if (view->study->task == MER_TASK_REGRESSION && view->study->is_sensitive) {
        mer_page_put(page, "<p class=\"note\">The target is marked as sensitive: no value is "
                           "shown.</p></div>\n");
        mer_page_section_end(page);
        return mer_ok();
    }
    if (view->study->task == MER_TASK_BINARY)
        MER_GUARD(mer_study_put_binary(page, view));
    if (view->study->task == MER_TASK_REGRESSION)
        MER_GUARD(mer_study_put_values(page, view));
    MER_GUARD(mer_study_put_calibration(page, view));
    if (view->study->task != MER_TASK_REGRESSION)
        MER_GUARD(mer_study_put_confusion(page, view));
    mer_page_put(page, "</div>\n");
    mer_page_section_end(page);
    return mer_ok();
}

static mer_status put_importance(struct mer_page *page, const struct mer_study_view *view)
{
    mer_page_section(page, "importance", "Importance of columns");
    mer_page_format(
        page,
        "<p class=\"soft\">What the model loses when a column\xe2\x80\x99s values change "
        "places among held-out rows: %s, with 95 %% intervals. Columns that tell the "
        "same share their importance, so each of them may seem to have none.</p>\n",
        view->study->task == MER_TASK_REGRESSION
            ? "squared error added, as a share of the target\xe2\x80\x99s variance"
            : "log loss added");
    MER_GUARD(mer_study_put_importance(page, view));
    mer_page_section_end(page);
    return mer_ok();
}

/* "C=10, penalty=l1" */
static void put_params(struct mer_page *page, const struct mer_trial *trial)
{
    const struct mer_family *const family = trial->family;
    const char *separator = "";
    for (size_t i = 0; i < family->n_params; i++) {
        const struct mer_param_spec *const spec = &family->params[i];
        const double value = trial->params.values[i];
        if (value == spec->preset)
            continue;
        mer_page_format(page, "%s%s=", separator, spec->name);
        if (spec->type == MER_PARAM_BOOLEAN)
            mer_page_put(page, value != 0 ? "true" : "false");
        else if (spec->type == MER_PARAM_CHOICE)
            mer_page_put(page, spec->choices[(size_t)value]);
        else
            mer_page_put(page, mer_numeral(value, 5).text);
        separator = ", ";
    }
    if (!separator[0])
        mer_page_put(page, "defaults");
}

/* Points of the trials, best first, with their spread over the folds; far worse ones are cut off.
 */
static void draw_trials(struct mer_page *page, const struct mer_facts *facts)
{
    const size_t n = facts->n_trials < TRIALS_DRAWN ? facts->n_trials : TRIALS_DRAWN;
    const double names = 130, width = 560, row = 18;
    double low = (double)INFINITY, high = -(double)INFINITY, best = facts->trials[0].score;
    const bool spreads = facts->validation.n_folds > 1;
    for (size_t i = 0; i < n; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        const double deviation = spreads && isfinite(trial->deviation) ? trial->deviation : 0;
        if (!isfinite(trial->score))
            continue;
        low = fmin(low, trial->score - deviation);
        high = fmax(high, trial->score + deviation);
    }
    if (!(high > low)) {
        low = best - 1;
        high = best + 1;
    }
    const struct mer_axes axes = {.left = names,
                                  .top = 0,
                                  .width = width - names - 12,
                                  .height = row * (double)n,
                                  .x_low = low,
                                  .x_high = high};
    double ticks[MER_TICKS_MAX];
    const size_t n_ticks = mer_ticks(low, high, 4, ticks);
    mer_page_put(page, "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                       "aria-label=\"Scores of the settings\">");
    mer_chart_begin(page, width, axes.height + 24, true);
    mer_page_format(page, "Scores of the settings by %s", facts->metric);
    mer_chart_describe(page);
    mer_page_format(page,
                    "A point for each of %zu settings, the chosen one first; a line for the "
                    "deviation over the folds.",
                    n);
    mer_chart_draw(page);
    for (size_t i = 0; i < n_ticks; i++) {
        const double x = mer_axes_x(&axes, ticks[i]);
        mer_chart_line(page, "gr", x, 0, x, axes.height);
        mer_chart_text(page, "m", x, axes.height + 16, mer_numeral(ticks[i], 5).text);
    }
    for (size_t i = 0; i < n; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        const double y = row * (double)i + row / 2;
        mer_chart_text(page, i == 0 ? "i" : "", 0, y + 4, trial->family->name);
        if (!isfinite(trial->score))
            continue;
        if (spreads && isfinite(trial->deviation))
            mer_chart_line(page, "ci", mer_axes_x(&axes, trial->score - trial->deviation), y,
                           mer_axes_x(&axes, trial->score + trial->deviation), y);
        mer_page_format(page, "<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"4\"/>\n",
                        i == 0 ? "fb" : "fa", mer_coordinate(mer_axes_x(&axes, trial->score)).text,
                        mer_coordinate(y).text);
    }
    mer_chart_end(page);
    mer_page_put(page, "</div></figure>\n");
}

static void put_leaderboard(struct mer_page *page, const struct mer_study_view *view)
{
    const struct mer_facts *const facts = view->facts;
    char names[MER_REPORTED_MAX][32];
    const char *headings[6 + MER_REPORTED_MAX + 1] = {"#Rank", "Family", "#Score", "#Deviation"};
    size_t n_headings = 4;
    for (size_t i = 0; i < facts->reported.n; i++) {
        (void)snprintf(names[i], sizeof names[i], "#%s", facts->reported.metrics[i]->name);
        headings[n_headings++] = names[i];
    }
    headings[n_headings++] = "#Work units";
    headings[n_headings] = "Settings";
    mer_page_section(page, "leaderboard", "Leaderboard");
    mer_page_format(page,
                    "<p class=\"soft\">What was tried, by <code>%s</code> (%s is better): the "
                    "chosen setting first, then the others, best first. Where the first is not the "
                    "best, it is as good within the noise of the folds, and simpler.</p>\n",
                    facts->metric,
                    mer_metric_find(facts->metric)->greater_is_better ? "more" : "less");
    mer_page_put(page, "<div class=\"side\"><div>");
    draw_trials(page, facts);
    mer_page_put(page, "</div><div>");
    mer_page_table(page, "The settings", headings);
    for (size_t i = 0; i < facts->n_trials && i < TRIALS_LISTED; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        mer_page_format(page, "<tr%s>", i == 0 ? " class=\"chosen\"" : "");
        mer_page_cell(page, mer_numeral_count(i + 1).text);
        mer_page_format(page, "<th scope=\"row\">%s</th>", trial->family->name);
        mer_page_cell(page, mer_numeral(trial->score, 5).text);
        mer_page_cell(page, mer_numeral(trial->deviation, 3).text);
        for (size_t k = 0; k < facts->reported.n; k++)
            mer_page_cell(page, mer_numeral(trial->reported[k], 4).text);
        mer_page_cell(page, mer_numeral_count(trial->units).text);
        mer_page_put(page, "<td class=\"p\">");
        put_params(page, trial);
        mer_page_put(page, "</td></tr>\n");
    }
    mer_page_table_end(page);
    mer_page_put(page, "</div></div>\n");
    mer_page_section_end(page);
}

static void put_data(struct mer_page *page, const struct mer_study_view *view)
{
    const struct mer_facts *const facts = view->facts;
    size_t counts[MER_TYPE_COUNT] = {0};
    const char *separator = "";
    mer_page_section(page, "data", "Data");
    mer_page_format(page,
                    "<p>%s rows, %s columns: ", mer_numeral_count(view->study->n_table_rows).text,
                    mer_numeral_count(facts->n_fields).text);
    for (size_t i = 0; i < facts->n_fields; i++)
        counts[facts->fields[i].type]++;
    for (int type = 0; type < MER_TYPE_COUNT; type++) {
        if (counts[type] == 0)
            continue;
        mer_page_format(page, "%s%zu %s", separator, counts[type],
                        mer_type_name((enum mer_type)type));
        separator = ", ";
    }
    mer_page_format(page, "; %s cells missing. The target is ",
                    mer_numeral_count(view->study->n_missing).text);
    put_text(page, facts->target);
    mer_page_put(page, ".</p>\n");
    mer_study_put_columns(page, view);
    mer_page_section_end(page);
}

static void put_fact(struct mer_page *page, const char *name, const char *value)
{
    mer_page_format(page, "<tr><th scope=\"row\">%s</th><td><code>%s</code></td></tr>\n", name,
                    value);
}

/* What it takes to make the model again and to know it by; times and places are in the provenance
 * record. */
static void put_provenance(struct mer_page *page, const struct mer_study_view *view)
{
    static const char *const headings[] = {"What", "Value", NULL};
    const struct mer_study_source *const source = view->source;
    const struct mer_facts *const facts = view->facts;
    char text[80];
    mer_page_section(page, "provenance", "Provenance");
    mer_page_put(page, "<p class=\"soft\">The same table, seed and work units give the same model, "
                       "byte for byte, and this page again. When, where and by how many threads it "
                       "was made stands in the provenance record beside the model.</p>\n");
    mer_page_table(page, "What the model was made from", headings);
    if (source->model_digest)
        put_fact(page, "SHA-256 of the model", source->model_digest);
    if (source->n_model_bytes)
        put_fact(page, "Bytes of the model", mer_numeral_count(source->n_model_bytes).text);
    if (source->data_digest)
        put_fact(page, "SHA-256 of the table", source->data_digest);
    if (source->n_data_bytes)
        put_fact(page, "Bytes of the table", mer_numeral_count(source->n_data_bytes).text);
    if (source->schema_digest)
        put_fact(page, "SHA-256 of the schema", source->schema_digest);
    if (source->signer) {
        mer_page_put(page, "<tr><th scope=\"row\">The table was signed by</th><td>");
        put_text(page, source->signer);
        mer_page_put(page, "</td></tr>\n");
    }
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)facts->seed);
    put_fact(page, "Seed", text);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)facts->units);
    put_fact(page, "Work units", text);
    mer_validation_describe(&facts->validation, text, sizeof text);
    put_fact(page, "Scored on", text);
    if (source->version)
        put_fact(page, "Merlon", source->version);
    mer_page_table_end(page);
    mer_page_put(page, "<p class=\"note\">Labels, means and extremes on this page come out of the "
                       "table: pass it on only to those who may see the data.</p>\n");
    mer_page_section_end(page);
}

mer_status mer_study_page(const struct mer_ctx *ctx, const struct mer_study *study,
                          const struct mer_facts *facts, const struct mer_study_source *source,
                          struct mer_buf *buf, mer_err *err)
{
    const struct mer_study_view view = {ctx, study, facts, source};
    struct mer_page page;
    mer_page_begin(&page, buf, "Model", facts->target, err);
    put_head(&page, &view);
    mer_study_put_warnings(&page, &view);
    put_scores(&page, &view);
    MER_GUARD(put_predictions(&page, &view));
    MER_GUARD(put_importance(&page, &view));
    mer_study_put_search(&page, &view);
    put_leaderboard(&page, &view);
    put_data(&page, &view);
    put_provenance(&page, &view);
    mer_page_put(&page, "</main>\n");
    return mer_page_end(&page);
}
