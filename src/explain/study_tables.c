/* The tables of a model's page that are drawn too: confusions of classes, importance of columns. */
#include <stdio.h>

#include "core/math.h"
#include "core/order.h"
#include "explain/chart.h"
#include "explain/study_page.h"

enum {
    MATRIX_CLASSES_MAX = 20, /* more are not legible */
    CLASSES_LISTED = 100,
    CONFUSIONS_LISTED = 20,
    COLUMNS_DRAWN = 30,
    COLUMNS_LISTED = 2000
};

void mer_study_put_label(struct mer_page *page, const struct mer_study_view *view, size_t k)
{
    if (view->study->is_sensitive) {
        mer_page_format(page, "no. %zu", k + 1);
        return;
    }
    const char *const label = view->facts->labels[k];
    size_t n = 0;
    while (label[n])
        n++;
    mer_page_name(page, label, n);
}

/* Rows of the true class, columns of the guessed one. */
static void put_matrix(struct mer_page *page, const struct mer_study_view *view,
                       const size_t *counts)
{
    const size_t n = view->study->n_classes;
    mer_page_put(page, "<article class=\"card\"><h3>Confusion matrix</h3>\n<p class=\"note\">True "
                       "class by row, guessed class by column; the darker, the larger the share of "
                       "the row.</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                       "aria-label=\"Confusion matrix\"><table class=\"matrix\"><thead><tr>"
                       "<td></td>");
    for (size_t k = 0; k < n; k++) {
        mer_page_put(page, "<th scope=\"col\">");
        mer_study_put_label(page, view, k);
        mer_page_put(page, "</th>");
    }
    mer_page_put(page, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++) {
        size_t sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += counts[i * n + k];
        mer_page_put(page, "<tr><th scope=\"row\">");
        mer_study_put_label(page, view, i);
        mer_page_put(page, "</th>");
        for (size_t k = 0; k < n; k++) {
            const size_t count = counts[i * n + k];
            /* Ten shades by class: the policy allows no style of its own. */
            const unsigned shade =
                sum && count ? 1 + (unsigned)(8.999 * (double)count / (double)sum) : 0;
            mer_page_format(page, "<td class=\"n %c%u\">%s</td>", i == k ? 'g' : 'h', shade,
                            mer_numeral_count(count).text);
        }
        mer_page_put(page, "</tr>\n");
    }
    mer_page_put(page, "</tbody></table></div></article>\n");
}

static void put_confusions(struct mer_page *page, const struct mer_study_view *view,
                           const size_t *counts)
{
    static const char *const headings[] = {"True class", "taken for", "#Rows", NULL};
    const size_t n = view->study->n_classes;
    struct {
        size_t at;
        size_t n;
    } most[CONFUSIONS_LISTED];
    size_t n_most = 0;
    for (size_t i = 0; i < n * n; i++) {
        if (i / n == i % n || counts[i] == 0 ||
            (n_most == CONFUSIONS_LISTED && most[n_most - 1].n >= counts[i]))
            continue;
        size_t at = n_most < CONFUSIONS_LISTED ? n_most++ : n_most - 1;
        for (; at > 0 && most[at - 1].n < counts[i]; at--)
            most[at] = most[at - 1];
        most[at].at = i;
        most[at].n = counts[i];
    }
    mer_page_put(page, "<article class=\"card\"><h3>Most frequent confusions</h3>\n");
    mer_page_table(page, "What is taken for what", headings);
    for (size_t i = 0; i < n_most; i++) {
        mer_page_put(page, "<tr><td>");
        mer_study_put_label(page, view, most[i].at / n);
        mer_page_put(page, "</td><td>");
        mer_study_put_label(page, view, most[i].at % n);
        mer_page_put(page, "</td>");
        mer_page_cell(page, mer_numeral_count(most[i].n).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_table_end(page);
    mer_page_put(page, "</article>\n");
}

static void put_classes(struct mer_page *page, const struct mer_study_view *view,
                        const size_t *counts)
{
    static const char *const headings[] = {"Class", "#Rows", "#Precision", "#Recall", "#F1", NULL};
    const size_t n = view->study->n_classes;
    mer_page_put(page, "<article class=\"card\"><h3>By class</h3>\n");
    mer_page_table(page, "How each class is recognised", headings);
    for (size_t i = 0; i < n && i < CLASSES_LISTED; i++) {
        double row = 0, column = 0;
        const double hits = (double)counts[i * n + i];
        for (size_t k = 0; k < n; k++) {
            row += (double)counts[i * n + k];
            column += (double)counts[k * n + i];
        }
        mer_page_put(page, "<tr><th scope=\"row\">");
        mer_study_put_label(page, view, i);
        mer_page_put(page, "</th>");
        mer_page_cell(page, mer_numeral_count((uint64_t)row).text);
        mer_page_cell(page, mer_numeral(column > 0 ? hits / column : (double)NAN, 3).text);
        mer_page_cell(page, mer_numeral(row > 0 ? hits / row : (double)NAN, 3).text);
        mer_page_cell(
            page, mer_numeral(row + column > 0 ? 2 * hits / (row + column) : (double)NAN, 3).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_table_end(page);
    mer_page_put(page, "</article>\n");
}

mer_status mer_study_put_confusion(struct mer_page *page, const struct mer_study_view *view)
{
    const struct mer_study *const study = view->study;
    const size_t n = study->n_classes;
    size_t *counts;
    MER_GUARD(mer_alloc_zero(view->ctx->alloc, n * n, sizeof(*counts), &counts, page->err));
    for (size_t i = 0; i < study->n_rows; i++)
        counts[(size_t)study->classes[i] * n + mer_study_guess(study, i)]++;
    if (n <= MATRIX_CLASSES_MAX)
        put_matrix(page, view, counts);
    else
        put_confusions(page, view, counts);
    put_classes(page, view, counts);
    mer_free(view->ctx->alloc, counts);
    return mer_ok();
}

/* Columns that were used, by falling importance. */
struct ranking {
    uint32_t *columns;
    double *means;
    double *halves;
    size_t n;
};

static mer_status rank(const struct mer_study_view *view, struct ranking *ranking, mer_err *err)
{
    const struct mer_study *const study = view->study;
    struct mer_alloc *const alloc = view->ctx->alloc;
    const size_t n = study->n_columns;
    struct mer_order_item *items = NULL;
    double *keys = NULL;
    mer_status status;
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &ranking->means, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &ranking->halves, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &ranking->columns, err));
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof(*keys), &keys, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, 2 * sizeof(*items), &items, err), done);
    for (size_t i = 0; i < n; i++) {
        ranking->means[i] = mer_importance_mean(study, &study->importance[i], &ranking->halves[i]);
        keys[i] = isnan(ranking->means[i]) ? 0 : -ranking->means[i];
    }
    mer_order_doubles(keys, n, items, ranking->columns);
    ranking->n = 0;
    for (size_t i = 0; i < n; i++) /* without columns that are no feature */
        if (view->facts->columns[ranking->columns[i]].left_out == MER_LEFT_OUT_NOT)
            ranking->columns[ranking->n++] = ranking->columns[i];
done:
    mer_free(alloc, keys);
    mer_free(alloc, items);
    return status;
}

static size_t length_of(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    return n;
}

static void draw_importance(struct mer_page *page, const struct mer_study_view *view,
                            const struct ranking *ranking)
{
    const size_t n = ranking->n < COLUMNS_DRAWN ? ranking->n : COLUMNS_DRAWN;
    const double row = 22, names = 160, width = 560;
    double low = 0, high = 1e-12;
    for (size_t i = 0; i < n; i++) {
        const uint32_t k = ranking->columns[i];
        const double half = isnan(ranking->halves[k]) ? 0 : ranking->halves[k];
        low = fmin(low, ranking->means[k] - half);
        high = fmax(high, ranking->means[k] + half);
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
                       "aria-label=\"Importance of columns\">");
    mer_chart_begin(page, width, axes.height + 24, true);
    mer_page_put(page, "Importance of columns");
    mer_chart_describe(page);
    mer_page_format(page,
                    "A point and its interval for each of %zu columns, the most important "
                    "first.",
                    n);
    mer_chart_draw(page);
    for (size_t i = 0; i < n_ticks; i++) {
        const double x = mer_axes_x(&axes, ticks[i]);
        mer_chart_line(page, ticks[i] == 0 ? "rf" : "gr", x, 0, x, axes.height);
        mer_chart_text(page, "m", x, axes.height + 16, mer_numeral(ticks[i], 4).text);
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t k = ranking->columns[i];
        const double y = row * (double)i + row / 2, x = mer_axes_x(&axes, ranking->means[k]);
        const double half = isnan(ranking->halves[k]) ? 0 : ranking->halves[k];
        const char *const name = view->facts->columns[k].name;
        mer_chart_name(page, 0, y + 4, names - 10, name, length_of(name));
        mer_chart_line(page, "ci", mer_axes_x(&axes, ranking->means[k] - half), y,
                       mer_axes_x(&axes, ranking->means[k] + half), y);
        mer_page_format(page, "<circle class=\"fa\" cx=\"%s\" cy=\"%s\" r=\"4\"/>\n",
                        mer_coordinate(x).text, mer_coordinate(y).text);
    }
    mer_chart_end(page);
    mer_page_put(page, "</div></figure>\n");
}

static void put_importance_table(struct mer_page *page, const struct mer_study_view *view,
                                 const struct ranking *ranking)
{
    static const char *const headings[] = {"Column", "#Importance", "#from", "#to", NULL};
    mer_page_data(page, "Importance with its 95 % interval", headings);
    for (size_t i = 0; i < ranking->n && i < COLUMNS_LISTED; i++) {
        const uint32_t k = ranking->columns[i];
        const char *const name = view->facts->columns[k].name;
        mer_page_put(page, "<tr><th scope=\"row\">");
        mer_page_name(page, name, length_of(name));
        mer_page_put(page, "</th>");
        mer_page_cell(page, mer_numeral(ranking->means[k], 3).text);
        mer_page_cell(page, mer_numeral(ranking->means[k] - ranking->halves[k], 3).text);
        mer_page_cell(page, mer_numeral(ranking->means[k] + ranking->halves[k], 3).text);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_data_end(page);
}

mer_status mer_study_put_importance(struct mer_page *page, const struct mer_study_view *view)
{
    struct mer_alloc *const alloc = view->ctx->alloc;
    struct ranking ranking = {0};
    const mer_status status = rank(view, &ranking, page->err);
    if (mer_is_ok(status) && ranking.n > 0) {
        draw_importance(page, view, &ranking);
        put_importance_table(page, view, &ranking);
        if (ranking.n > COLUMNS_DRAWN)
            mer_page_format(page, "<p class=\"note\">The first %d of %s columns are drawn.</p>\n",
                            COLUMNS_DRAWN, mer_numeral_count(ranking.n).text);
    }
    mer_free(alloc, ranking.columns);
    mer_free(alloc, ranking.means);
    mer_free(alloc, ranking.halves);
    return status;
}
