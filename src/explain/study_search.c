/* How a search went, for a model's page: the best so far, trial by trial; what each family came to;
 * what shares of the rows told. */
#include <stdio.h>
#include <string.h>

#include "core/math.h"
#include "explain/chart.h"
#include "explain/study_page.h"

static const double WIDTH = 560;
static const double HEIGHT = 280;

static bool is_better(const struct mer_facts *facts, double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    return mer_metric_find(facts->metric)->greater_is_better ? a > b : a < b;
}

/* The trial of that number; NULL: there is none, or nobody remembers. */
static const struct mer_trial *numbered(const struct mer_facts *facts, size_t number)
{
    for (size_t i = 0; i < facts->n_trials; i++)
        if (facts->trials[i].number == number)
            return &facts->trials[i];
    return NULL;
}

static const struct mer_trial *best_trial(const struct mer_facts *facts)
{
    const struct mer_trial *best = &facts->trials[0];
    for (size_t i = 1; i < facts->n_trials; i++)
        if (is_better(facts, facts->trials[i].score, best->score))
            best = &facts->trials[i];
    return best;
}

/* From the best score to the middle one: what is far worse is cut off. */
static void score_range(const struct mer_facts *facts, double *ret_low, double *ret_high)
{
    const double best = best_trial(facts)->score;
    double far = 0;
    size_t n = 0;
    for (size_t i = 0; i < facts->n_trials; i++)
        if (isfinite(facts->trials[i].score)) {
            far += fabs(facts->trials[i].score - best);
            n++;
        }
    far = n > 0 ? 1.5 * far / (double)n : 1;
    if (!(far > 0))
        far = fabs(best) > 0 ? 0.1 * fabs(best) : 1;
    *ret_low = best - (is_better(facts, 1, 0) ? far : 0.15 * far);
    *ret_high = best + (is_better(facts, 1, 0) ? 0.15 * far : far);
}

static double within(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

static void draw_best_so_far(struct mer_page *page, const struct mer_facts *facts,
                             const struct mer_axes *axes)
{
    double best = (double)NAN, x[2 * 512], y[2 * 512];
    size_t n = 0;
    for (size_t number = 1; number <= facts->n_trials && n + 2 <= 2 * 512; number++) {
        const struct mer_trial *const trial = numbered(facts, number);
        if (!trial || !isfinite(trial->score))
            continue;
        const double at = mer_axes_x(axes, (double)number);
        mer_page_format(
            page, "<circle class=\"fs\" cx=\"%s\" cy=\"%s\" r=\"2.5\"/>", mer_coordinate(at).text,
            mer_coordinate(mer_axes_y(axes, within(trial->score, axes->y_low, axes->y_high))).text);
        if (n > 0) {
            x[n] = at;
            y[n] = y[n - 1];
            n++;
        }
        if (is_better(facts, trial->score, best))
            best = trial->score;
        x[n] = at;
        y[n++] = mer_axes_y(axes, within(best, axes->y_low, axes->y_high));
    }
    if (n > 1)
        mer_chart_path(page, "la", x, y, n);
}

static void put_best_so_far(struct mer_page *page, const struct mer_facts *facts)
{
    static const char *const headings[] = {"#Trial", "Family", "#Score", "#Best so far", NULL};
    struct mer_axes axes = {.left = 70,
                            .top = 8,
                            .width = WIDTH - 88,
                            .height = HEIGHT - 50,
                            .x_low = 1,
                            .x_high = (double)facts->n_trials};
    double best = (double)NAN;
    score_range(facts, &axes.y_low, &axes.y_high);
    mer_page_put(page, "<article class=\"card\"><h3>Best so far</h3>\n<figure>");
    mer_chart_begin(page, WIDTH, HEIGHT, false);
    mer_page_put(page, "Best score so far, trial by trial");
    mer_chart_describe(page);
    mer_page_format(
        page,
        "A point for each of %zu trials in their order, and a line for the best so far. "
        "It ends at %s.",
        facts->n_trials, mer_numeral(best_trial(facts)->score, 5).text);
    mer_chart_draw(page);
    mer_axes_draw(page, &axes, "trial", facts->metric);
    draw_best_so_far(page, facts, &axes);
    mer_chart_end(page);
    mer_page_put(page,
                 "<figcaption>Each trial is a point, far worse ones lie on the edge; the line "
                 "is the best so far. Where it still gets better at the end, a longer search "
                 "would find more.</figcaption></figure>\n");
    mer_page_data(page, "Trials in their order", headings);
    for (size_t number = 1; number <= facts->n_trials; number++) {
        const struct mer_trial *const trial = numbered(facts, number);
        if (!trial)
            continue;
        if (is_better(facts, trial->score, best))
            best = trial->score;
        mer_page_put(page, "<tr>");
        mer_page_cell(page, mer_numeral_count(number).text);
        mer_page_format(page, "<td>%s</td>", trial->family->name);
        mer_page_cell(page, mer_numeral(trial->score, 5).text);
        mer_page_cell(page, mer_numeral(best, 5).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_data_end(page);
    mer_page_put(page, "</article>\n");
}

static void put_families(struct mer_page *page, const struct mer_facts *facts)
{
    static const char *const headings[] = {"Family",     "#Trials",     "#Best score",
                                           "#Deviation", "#Work units", NULL};
    const double best = best_trial(facts)->score;
    mer_page_put(page, "<article class=\"card\"><h3>Families compared</h3>\n");
    mer_page_table(page, "The best setting of each family", headings);
    for (size_t f = 0; f < MER_N_FAMILIES; f++) {
        const struct mer_trial *own = NULL;
        uint64_t units = 0;
        size_t n = 0;
        for (size_t i = 0; i < facts->n_trials; i++) {
            const struct mer_trial *const trial = &facts->trials[i];
            if (trial->family != MER_FAMILIES[f])
                continue;
            n++;
            units += trial->units;
            own = !own || is_better(facts, trial->score, own->score) ? trial : own;
        }
        if (!own)
            continue;
        mer_page_format(page, "<tr%s><th scope=\"row\">%s</th>",
                        own->score == best ? " class=\"chosen\"" : "", own->family->title);
        mer_page_cell(page, mer_numeral_count(n).text);
        mer_page_cell(page, mer_numeral(own->score, 5).text);
        mer_page_cell(page, mer_numeral(own->deviation, 3).text);
        mer_page_cell(page, mer_numeral_count(units).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_table_end(page);
    mer_page_put(page, "</article>\n");
}

/* What the same families reached on shares of the rows: whether more rows would help. */
static void put_shares(struct mer_page *page, const struct mer_facts *facts)
{
    static const char *const headings[] = {"Share of the rows", "#Trials", "#Best score", NULL};
    unsigned most = 0;
    for (size_t i = 0; i < facts->n_trials; i++)
        most = facts->trials[i].rung > most ? facts->trials[i].rung : most;
    if (most == 0)
        return;
    mer_page_put(page, "<article class=\"card\"><h3>Score by rows</h3>\n");
    mer_page_table(page, "The best score on each share of the training rows", headings);
    for (unsigned rung = most + 1; rung-- > 0;) {
        double best = (double)NAN;
        size_t n = 0;
        for (size_t i = 0; i < facts->n_trials; i++) {
            if (facts->trials[i].rung != rung)
                continue;
            n++;
            if (is_better(facts, facts->trials[i].score, best))
                best = facts->trials[i].score;
        }
        if (n == 0)
            continue;
        mer_page_format(page, "<tr><th scope=\"row\">1/%u</th>", 1U << (2 * rung));
        mer_page_cell(page, mer_numeral_count(n).text);
        mer_page_cell(page, mer_numeral(best, 5).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_table_end(page);
    mer_page_put(page, "<p class=\"soft\">Where the score still gets better from a quarter of the "
                       "rows to all of them, more rows would help.</p></article>\n");
}

static void put_layers(struct mer_page *page, const struct mer_facts *facts)
{
    const size_t n_bases = mer_members_bases(facts->members, facts->n_members);
    if (n_bases > 0)
        mer_page_format(page,
                        "<p>They are in two layers: what %zu say of a row is what the other %zu "
                        "learn from, beside the columns of the table.</p>\n",
                        n_bases, facts->n_members - n_bases);
}

static void put_averaged(struct mer_page *page, const struct mer_facts *facts)
{
    if (facts->n_members < 2)
        return;
    mer_page_format(
        page,
        "<p>%zu settings are averaged: <code>%s</code> %s, the best of them alone %s. One "
        "alone would predict faster (<code>--deploy fast</code>).</p>\n",
        facts->n_members, facts->metric, mer_numeral(facts->score, 5).text,
        mer_numeral(facts->trials[0].score, 5).text);
    put_layers(page, facts);
}

void mer_study_put_search(struct mer_page *page, const struct mer_study_view *view)
{
    const struct mer_facts *const facts = view->facts;
    mer_page_section(page, "search", "Search");
    put_averaged(page, facts);
    mer_page_put(page, "<div class=\"pair\">\n");
    if (facts->n_trials > 1 && numbered(facts, 1))
        put_best_so_far(page, facts);
    put_families(page, facts);
    put_shares(page, facts);
    mer_study_put_rounds(page, view);
    mer_page_put(page, "</div>\n");
    mer_page_section_end(page);
}
