/* The drawings of a model's page: curves, calibration, true against predicted values. */
#include <stdio.h>
#include <string.h>

#include "core/math.h"
#include "explain/chart.h"
#include "explain/study_page.h"

static const double WIDTH = 360;
static const double HEIGHT = 300;

static struct mer_axes square_axes(double x_low, double x_high, double y_low, double y_high)
{
    return (struct mer_axes){.left = 70,
                             .top = 8,
                             .width = WIDTH - 88,
                             .height = HEIGHT - 50,
                             .x_low = x_low,
                             .x_high = x_high,
                             .y_low = y_low,
                             .y_high = y_high};
}

/* A card with a heading of ours; closed by end_card. */
static void begin_card(struct mer_page *page, const char *heading)
{
    mer_page_format(page, "<article class=\"card\"><h3>%s</h3>\n<figure>", heading);
}

static void end_card(struct mer_page *page)
{
    mer_page_put(page, "</article>\n");
}

static double score_of(const struct mer_study *study, const char *metric)
{
    for (size_t i = 0; i < study->n_scores; i++)
        if (strcmp(study->scores[i].metric->name, metric) == 0)
            return study->scores[i].value;
    return (double)NAN;
}

static void put_curve(struct mer_page *page, const struct mer_curve *curve, const char *heading,
                      const char *description, const char *x_title, const char *y_title,
                      const double from[2], const double to[2])
{
    const struct mer_axes axes = square_axes(0, 1, 0, 1);
    double x[MER_CURVE_POINTS], y[MER_CURVE_POINTS];
    begin_card(page, heading);
    mer_chart_begin(page, WIDTH, HEIGHT, false);
    mer_page_put(page, heading);
    mer_chart_describe(page);
    mer_page_put(page, description);
    mer_chart_draw(page);
    mer_axes_draw(page, &axes, x_title, y_title);
    mer_chart_line(page, "rf", mer_axes_x(&axes, from[0]), mer_axes_y(&axes, from[1]),
                   mer_axes_x(&axes, to[0]), mer_axes_y(&axes, to[1]));
    for (size_t i = 0; i < curve->n; i++) {
        x[i] = mer_axes_x(&axes, curve->x[i]);
        y[i] = mer_axes_y(&axes, curve->y[i]);
    }
    mer_chart_path(page, "la", x, y, curve->n);
    mer_chart_end(page);
    mer_page_format(page, "<figcaption>%s</figcaption></figure>\n", description);
    mer_page_data(page, heading, (const char *const[]){x_title, y_title, NULL});
    for (size_t i = 0; i < curve->n; i += 1 + curve->n / 40)
        mer_page_format(page, "<tr><td>%s</td><td>%s</td></tr>\n", mer_numeral(curve->x[i], 3).text,
                        mer_numeral(curve->y[i], 3).text);
    mer_page_data_end(page);
    end_card(page);
}

static void put_shares_table(struct mer_page *page, const struct mer_study_view *view,
                             size_t counts[2][MER_SHARE_BINS])
{
    mer_page_put(page, "<details class=\"data\"><summary>As a table</summary>\n"
                       "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Rows by "
                       "probability\"><table><thead><tr><th scope=\"col\">Probability from</th>");
    for (size_t k = 0; k < 2; k++) {
        mer_page_put(page, "<th scope=\"col\" class=\"n\">");
        mer_study_put_label(page, view, k);
        mer_page_put(page, "</th>");
    }
    mer_page_put(page, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < MER_SHARE_BINS; i++)
        mer_page_format(page,
                        "<tr><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                        mer_numeral((double)i / MER_SHARE_BINS, 3).text,
                        mer_numeral_count(counts[0][i]).text, mer_numeral_count(counts[1][i]).text);
    mer_page_data_end(page);
}

/* One class upwards, the other downwards: neither hides the other. */
static void put_shares(struct mer_page *page, const struct mer_study_view *view)
{
    size_t counts[2][MER_SHARE_BINS], most[2] = {1, 1};
    const double left = 10, width = WIDTH - 20, middle = 142, room = 128;
    mer_study_shares(view->study, counts);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < MER_SHARE_BINS; i++)
            most[k] = counts[k][i] > most[k] ? counts[k][i] : most[k];
    begin_card(page, "Probabilities by true class");
    mer_chart_begin(page, WIDTH, HEIGHT, false);
    mer_page_put(page, "Probabilities by true class");
    mer_chart_describe(page);
    mer_page_put(page, "How often which probability was given: upwards for one class, downwards "
                       "for the other, each to its own scale.");
    mer_chart_draw(page);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < MER_SHARE_BINS; i++) {
            const double height = room * (double)counts[k][i] / (double)most[k];
            if (counts[k][i] > 0)
                mer_chart_rectangle(page, k ? "fa" : "fb",
                                    left + width * (double)i / MER_SHARE_BINS + 0.5,
                                    k ? middle - 0.5 - fmax(height, 1) : middle + 0.5,
                                    width / MER_SHARE_BINS - 1, fmax(height, 1));
        }
    mer_chart_line(page, "ax", left, middle, left + width, middle);
    for (int tick = 0; tick <= 4; tick++)
        mer_chart_text(page,
                       tick == 0   ? ""
                       : tick == 4 ? "e"
                                   : "m",
                       left + width * tick / 4, HEIGHT - 16, mer_numeral(tick / 4.0, 3).text);
    mer_chart_end(page);
    mer_page_put(page, "<figcaption>Probability of class ");
    mer_study_put_label(page, view, 1);
    mer_page_put(page, "; each class to its own scale.</figcaption></figure>\n<ul class=\"key\">");
    for (size_t k = 2; k-- > 0;) {
        mer_page_format(page,
                        "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><rect class=\"%s\" "
                        "width=\"22\" height=\"10\"/></svg>rows of class ",
                        k ? "fa" : "fb");
        mer_study_put_label(page, view, k);
        mer_page_put(page, "</li>");
    }
    mer_page_put(page, "</ul>\n");
    put_shares_table(page, view, counts);
    end_card(page);
}

mer_status mer_study_put_binary(struct mer_page *page, const struct mer_study_view *view)
{
    struct mer_curve roc, precision;
    char text[200];
    size_t n_true = 0;
    MER_GUARD(mer_study_curves(view->ctx, view->study, &roc, &precision, page->err));
    for (size_t i = 0; i < view->study->n_rows; i++)
        n_true += view->study->classes[i] == 1;
    const double base = (double)n_true / (double)view->study->n_rows;
    if (roc.n > 1) {
        (void)snprintf(text, sizeof text, "Area %s; the broken line is what guessing gives, 0.5.",
                       mer_numeral(score_of(view->study, "auc"), 4).text);
        put_curve(page, &roc, "ROC curve", text, "false positive rate", "true positive rate",
                  (const double[]){0, 0}, (const double[]){1, 1});
        (void)snprintf(text, sizeof text,
                       "Average precision %s; the broken line is what guessing gives, %s.",
                       mer_numeral(score_of(view->study, "average_precision"), 4).text,
                       mer_numeral(base, 3).text);
        put_curve(page, &precision, "Precision and recall", text, "recall", "precision",
                  (const double[]){0, base}, (const double[]){1, base});
    }
    put_shares(page, view);
    return mer_ok();
}

static void put_calibration_table(struct mer_page *page, const struct mer_calibration *calibration,
                                  const char *caption)
{
    static const char *const headings[] = {"#Predicted", "#Actual", "#Rows", NULL};
    mer_page_data(page, caption, headings);
    for (size_t i = 0; i < calibration->n_bins; i++)
        mer_page_format(
            page,
            "<tr><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
            mer_numeral(calibration->bins[i].predicted, 4).text,
            mer_numeral(calibration->bins[i].actual, 4).text,
            mer_numeral_count(calibration->bins[i].n).text);
    mer_page_data_end(page);
}

static void draw_reference(struct mer_page *page, const struct mer_axes *axes)
{
    mer_chart_line(page, "rf", mer_axes_x(axes, axes->x_low), mer_axes_y(axes, axes->x_low),
                   mer_axes_x(axes, axes->x_high), mer_axes_y(axes, axes->x_high));
}

/* A line through the groups: class "a" for the model, "b" for what it was before. */
static void draw_calibration(struct mer_page *page, const struct mer_calibration *calibration,
                             const struct mer_axes *axes, bool is_before)
{
    double x[MER_CALIBRATION_BINS], y[MER_CALIBRATION_BINS];
    for (size_t i = 0; i < calibration->n_bins; i++) {
        x[i] = mer_axes_x(axes, calibration->bins[i].predicted);
        y[i] = mer_axes_y(axes, calibration->bins[i].actual);
    }
    mer_chart_path(page, is_before ? "lb" : "la", x, y, calibration->n_bins);
    for (size_t i = 0; i < calibration->n_bins; i++)
        mer_page_format(page, "<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"3.5\"/>",
                        is_before ? "fb" : "fa", mer_coordinate(x[i]).text,
                        mer_coordinate(y[i]).text);
}

/* What the two lines are, and what was won. */
static void put_before_and_after(struct mer_page *page, const struct mer_facts *facts)
{
    const struct mer_recalibration *const calibration = &facts->recalibration;
    mer_page_put(page, "<ul class=\"key\"><li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\">"
                       "<rect class=\"fa\" width=\"22\" height=\"10\"/></svg>as the model predicts"
                       "</li><li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\">"
                       "<rect class=\"fb\" width=\"22\" height=\"10\"/></svg>before calibration"
                       "</li></ul>\n");
    mer_page_format(page,
                    "<p>Calibrated by %s: log loss %s on rows that it was not learned from, %s "
                    "before.</p>\n",
                    calibration->method == MER_RECALIBRATION_ISOTONIC
                        ? "a rising curve for each class (isotonic)"
                        : "one temperature",
                    mer_numeral(calibration->loss_after, 4).text,
                    mer_numeral(calibration->loss_before, 4).text);
}

mer_status mer_study_put_calibration(struct mer_page *page, const struct mer_study_view *view)
{
    static const char *const captions[] = {
        [MER_TASK_REGRESSION] =
            "Rows in ten groups by the predicted value: what was predicted and what came, on "
            "average.",
        [MER_TASK_BINARY] = "Rows in ten groups by probability: what was said and how often it "
                            "came. On the broken line a probability means what it says.",
        [MER_TASK_MULTICLASS] = "Rows in ten groups by the probability of the likeliest class, and "
                                "how often it was the right one."};
    const enum mer_task task = view->study->task;
    struct mer_calibration calibration, before = {.n_bins = 0};
    struct mer_axes axes = square_axes(0, 1, 0, 1);
    MER_GUARD(mer_study_calibration(view->ctx, view->study, &calibration, page->err));
    if (view->study->plain) {
        struct mer_study plain = *view->study;
        plain.predictions = view->study->plain;
        MER_GUARD(mer_study_calibration(view->ctx, &plain, &before, page->err));
    }
    if (task == MER_TASK_REGRESSION) {
        axes.x_low = (double)INFINITY;
        axes.x_high = -(double)INFINITY;
        for (size_t i = 0; i < calibration.n_bins; i++) {
            const struct mer_calibration_bin *const bin = &calibration.bins[i];
            axes.x_low = fmin(axes.x_low, fmin(bin->predicted, bin->actual));
            axes.x_high = fmax(axes.x_high, fmax(bin->predicted, bin->actual));
        }
        if (!(axes.x_high > axes.x_low))
            axes.x_high = axes.x_low + 1;
        axes.y_low = axes.x_low;
        axes.y_high = axes.x_high;
    }
    begin_card(page, "Calibration");
    mer_chart_begin(page, WIDTH, HEIGHT, false);
    mer_page_put(page, "Calibration");
    mer_chart_describe(page);
    mer_page_put(page, captions[task]);
    mer_chart_draw(page);
    mer_axes_draw(page, &axes, "predicted", "actual");
    draw_reference(page, &axes);
    if (view->study->plain)
        draw_calibration(page, &before, &axes, true);
    draw_calibration(page, &calibration, &axes, false);
    mer_chart_end(page);
    mer_page_format(page, "<figcaption>%s</figcaption></figure>\n", captions[task]);
    if (view->study->plain)
        put_before_and_after(page, view->facts);
    put_calibration_table(page, &calibration, "Rows in groups by prediction: means");
    if (view->study->plain)
        put_calibration_table(page, &before, "The same before calibration");
    end_card(page);
    return mer_ok();
}

static void put_density(struct mer_page *page, const struct mer_density *density)
{
    const struct mer_axes axes =
        square_axes(density->low, density->high, density->low, density->high);
    const double w = axes.width / MER_DENSITY, h = axes.height / MER_DENSITY;
    size_t most = 1;
    for (size_t y = 0; y < MER_DENSITY; y++)
        for (size_t x = 0; x < MER_DENSITY; x++)
            most = density->counts[y][x] > most ? density->counts[y][x] : most;
    begin_card(page, "Predicted and true values");
    mer_chart_begin(page, WIDTH, HEIGHT, false);
    mer_page_put(page, "Predicted and true values");
    mer_chart_describe(page);
    mer_page_put(page, "The darker a square, the more rows have that true value (to the right) and "
                       "that predicted one (upwards). On the broken line both are the same.");
    mer_chart_draw(page);
    mer_axes_draw(page, &axes, "true value", "predicted value");
    for (size_t y = 0; y < MER_DENSITY; y++)
        for (size_t x = 0; x < MER_DENSITY; x++)
            if (density->counts[y][x] > 0)
                mer_chart_shade(page, "fa", axes.left + w * (double)x,
                                axes.top + axes.height - h * (double)(y + 1), w, h,
                                0.18 + 0.82 * sqrt((double)density->counts[y][x] / (double)most));
    mer_chart_line(page, "rf", axes.left, axes.top + axes.height, axes.left + axes.width, axes.top);
    mer_chart_end(page);
    mer_page_put(page, "<figcaption>Squares of rows, darker where there are more; the outermost "
                       "ones also hold what lies beyond.</figcaption></figure>\n");
    end_card(page);
}

static void put_residuals(struct mer_page *page, const struct mer_number_profile *residuals)
{
    static const char *const headings[] = {"#From", "#Up to", "#Rows", NULL};
    const struct mer_histogram *const histogram = &residuals->histogram;
    const double high = histogram->low + (double)histogram->n_bins * histogram->width;
    size_t most = 1;
    for (size_t i = 0; i < histogram->n_bins; i++)
        most = histogram->counts[i] > most ? histogram->counts[i] : most;
    const struct mer_axes axes = square_axes(histogram->low, high, 0, (double)most);
    begin_card(page, "Residuals");
    mer_chart_begin(page, WIDTH, HEIGHT, false);
    mer_page_put(page, "Residuals");
    mer_chart_describe(page);
    mer_page_format(page, "True less predicted values: median %s, half of them between %s and %s.",
                    mer_numeral(residuals->quartiles[1], 4).text,
                    mer_numeral(residuals->quartiles[0], 4).text,
                    mer_numeral(residuals->quartiles[2], 4).text);
    mer_chart_draw(page);
    mer_axes_draw(page, &axes, "true less predicted", "rows");
    for (size_t i = 0; i < histogram->n_bins; i++) {
        const double x = mer_axes_x(&axes, histogram->low + (double)i * histogram->width);
        const double y = mer_axes_y(&axes, (double)histogram->counts[i]);
        mer_chart_rectangle(page, "fa", x + 0.5, y, axes.width / (double)histogram->n_bins - 1,
                            axes.top + axes.height - y);
    }
    if (histogram->low < 0 && high > 0)
        mer_chart_line(page, "md", mer_axes_x(&axes, 0), axes.top, mer_axes_x(&axes, 0),
                       axes.top + axes.height);
    mer_chart_end(page);
    mer_page_format(page,
                    "<figcaption>Median %s; half of the rows between %s and %s.</figcaption>"
                    "</figure>\n",
                    mer_numeral(residuals->quartiles[1], 4).text,
                    mer_numeral(residuals->quartiles[0], 4).text,
                    mer_numeral(residuals->quartiles[2], 4).text);
    mer_page_data(page, "Rows by residual", headings);
    for (size_t i = 0; i < histogram->n_bins; i++) {
        const double from = histogram->low + (double)i * histogram->width;
        mer_page_put(page, "<tr>");
        mer_page_cell(page, mer_numeral(from, 4).text);
        mer_page_cell(page, mer_numeral(from + histogram->width, 4).text);
        mer_page_cell(page, mer_numeral_count(histogram->counts[i]).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_data_end(page);
    end_card(page);
}

mer_status mer_study_put_values(struct mer_page *page, const struct mer_study_view *view)
{
    struct mer_density density;
    struct mer_number_profile residuals;
    MER_GUARD(mer_study_density(view->ctx, view->study, &density, page->err));
    MER_GUARD(mer_study_residuals(view->ctx, view->study, &residuals, page->err));
    put_density(page, &density);
    put_residuals(page, &residuals);
    return mer_ok();
}
