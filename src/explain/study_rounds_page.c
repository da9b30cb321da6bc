/* How the loss falls by rounds of boosting, drawn. */
#include <stdio.h>
#include <string.h>

#include "core/math.h"
#include "explain/chart.h"
#include "explain/study_page.h"

static const double WIDTH = 560;
static const double HEIGHT = 280;

/* The lowest and highest loss, and some room. */
static void find_range(const struct mer_study *study, const struct mer_rounds *rounds,
                       struct mer_axes *axes)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t p = 0; p < rounds->n_points; p++) {
        const double losses[] = {mer_rounds_loss(study, rounds->train[p], rounds->n_train),
                                 mer_rounds_loss(study, rounds->held_out[p], rounds->n_held_out)};
        for (size_t k = 0; k < 2; k++) {
            low = isfinite(losses[k]) ? fmin(low, losses[k]) : low;
            high = isfinite(losses[k]) ? fmax(high, losses[k]) : high;
        }
    }
    const double room = high > low ? 0.05 * (high - low) : 1;
    axes->y_low = high >= low ? fmax(0, low - room) : 0;
    axes->y_high = high >= low ? high + room : 1;
}

static void draw_line(struct mer_page *page, const struct mer_study *study,
                      const struct mer_rounds *rounds, const struct mer_axes *axes,
                      const double *sums, size_t n_rows, const char *classes)
{
    double x[MER_ROUNDS_POINTS], y[MER_ROUNDS_POINTS];
    size_t n = 0;
    for (size_t p = 0; p < rounds->n_points; p++) {
        const double loss = mer_rounds_loss(study, sums[p], n_rows);
        if (!isfinite(loss))
            continue;
        x[n] = mer_axes_x(axes, rounds->at[p]);
        y[n++] = mer_axes_y(axes, loss);
    }
    if (n > 1)
        mer_chart_path(page, classes, x, y, n);
}

static double param_of(const struct mer_rounds *rounds, const char *name)
{
    const struct mer_family *const family = rounds->member.family;
    return mer_params_get(family->params, family->n_params, &rounds->member.params, name);
}

static size_t best_point(const struct mer_rounds *rounds)
{
    size_t best = 0;
    for (size_t p = 1; p < rounds->n_points; p++)
        if (rounds->held_out[p] < rounds->held_out[best])
            best = p;
    return best;
}

static void put_data(struct mer_page *page, const struct mer_study *study,
                     const struct mer_rounds *rounds)
{
    static const char *const headings[] = {"#Rounds", "#Learned from", "#Held out", NULL};
    mer_page_data(page, "Loss by rounds", headings);
    for (size_t p = 0; p < rounds->n_points; p++) {
        mer_page_put(page, "<tr>");
        mer_page_cell(page, mer_numeral_count(rounds->at[p]).text);
        mer_page_cell(
            page, mer_numeral(mer_rounds_loss(study, rounds->train[p], rounds->n_train), 5).text);
        mer_page_cell(
            page,
            mer_numeral(mer_rounds_loss(study, rounds->held_out[p], rounds->n_held_out), 5).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_data_end(page);
}

static void put_curve(struct mer_page *page, const struct mer_study *study,
                      const struct mer_rounds *rounds)
{
    const char *const loss = study->task == MER_TASK_REGRESSION ? "rmse" : "log_loss";
    const uint32_t last = rounds->at[rounds->n_points - 1];
    struct mer_axes axes = {.left = 70,
                            .top = 8,
                            .width = WIDTH - 88,
                            .height = HEIGHT - 50,
                            .x_low = 0,
                            .x_high = last > 0 ? last : 1};
    find_range(study, rounds, &axes);
    mer_page_format(page,
                    "<article class=\"card\"><h3>Rounds of boosting</h3>\n<p class=\"soft\">"
                    "Learning rate %s, %s leaves at most, %s rounds.</p>\n<figure>",
                    mer_numeral(param_of(rounds, "learning_rate"), 3).text,
                    mer_numeral(param_of(rounds, "max_leaves"), 5).text,
                    mer_numeral_count(last).text);
    mer_chart_begin(page, WIDTH, HEIGHT, false);
    mer_page_put(page, "Loss by rounds of boosting");
    mer_chart_describe(page);
    mer_page_format(
        page,
        "A line for rows that were learned from, and one for held-out rows, which is lowest "
        "after %s rounds.",
        mer_numeral_count(rounds->at[best_point(rounds)]).text);
    mer_chart_draw(page);
    mer_axes_draw(page, &axes, "rounds", loss);
    draw_line(page, study, rounds, &axes, rounds->train, rounds->n_train, "le");
    draw_line(page, study, rounds, &axes, rounds->held_out, rounds->n_held_out, "lb");
    mer_chart_end(page);
    mer_page_put(page, "<ul class=\"key\"><li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\">"
                       "<path class=\"lb\" d=\"M0 5H22\"/></svg>held-out rows</li>"
                       "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\">"
                       "<path class=\"le\" d=\"M0 5H22\"/></svg>rows learned from</li></ul>\n"
                       "<figcaption>Where the lines part, the trees learn the rows by heart; "
                       "where the line of held-out rows still falls at the end, more rounds would "
                       "help.</figcaption></figure>\n");
    put_data(page, study, rounds);
    mer_page_put(page, "</article>\n");
}

void mer_study_put_rounds(struct mer_page *page, const struct mer_study_view *view)
{
    for (size_t i = 0; i < view->study->n_boosted; i++)
        put_curve(page, view->study, &view->study->rounds[i]);
}
