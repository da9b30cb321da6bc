/* What a model's page says of the columns, and in plain words of what to know before using it. */
#include <string.h>

#include "core/math.h"
#include "explain/study_page.h"

enum { COLUMNS_LISTED = 400, WARNED_ROWS = 300 };

static void put_name(struct mer_page *page, const char *name)
{
    mer_page_name(page, name, strlen(name));
}

/* "3 features", "12 levels", or why it is none. */
static void put_made(struct mer_page *page, const struct mer_facts *facts,
                     const struct mer_prepare_column *column)
{
    if (column->left_out != MER_LEFT_OUT_NOT) {
        mer_page_format(page, "left out: %s", mer_left_out_reason(column->left_out));
        return;
    }
    if (column->n_levels > 0)
        mer_page_format(page, "%s levels", mer_numeral_count(column->n_levels).text);
    if (column->n_dense > 0)
        mer_page_format(page, "%s%s number%s", column->n_levels > 0 ? ", " : "",
                        mer_numeral_count(column->n_dense).text, column->n_dense == 1 ? "" : "s");
    if (column->n_terms > 0)
        mer_page_format(page, ", %s terms", mer_numeral_count(column->n_terms).text);
    if (column->n_unused == facts->n_members)
        mer_page_put(page, "; not used: it matters no more than noise");
    else if (column->n_unused > 0)
        mer_page_format(page, "; used by %zu of %zu models", facts->n_members - column->n_unused,
                        facts->n_members);
}

/* What models that select features (learn/select.h) do without. */
static void put_selection(struct mer_page *page, const struct mer_facts *facts)
{
    size_t n_some = 0, n_all = 0;
    for (size_t i = 0; i + 1 < facts->n_fields; i++) {
        n_some += facts->columns[i].n_unused > 0;
        n_all += facts->columns[i].n_unused == facts->n_members;
    }
    if (n_some == 0)
        return;
    mer_page_format(
        page,
        "<p>%zu column%s left out by some model, %zu of them by all: what they tell of the target "
        "is no more than what shuffled copies of columns seem to tell (<code>select</code>).</p>\n",
        n_some, n_some == 1 ? " is" : "s are", n_all);
}

void mer_study_put_columns(struct mer_page *page, const struct mer_study_view *view)
{
    static const char *const headings[] = {"Column",  "Type",           "Treated as",
                                           "Because", "What it became", NULL};
    const struct mer_facts *const facts = view->facts;
    mer_page_put(page, "<p class=\"soft\">What preprocessing made of each column, learned from the "
                       "training rows of each fold alone.</p>\n");
    put_selection(page, facts);
    mer_page_table(page, "What became of the columns", headings);
    for (size_t i = 0; i + 1 < facts->n_fields && i < COLUMNS_LISTED; i++) {
        const struct mer_prepare_column *const column = &facts->columns[i];
        mer_page_put(page, "<tr><th scope=\"row\">");
        put_name(page, column->name);
        mer_page_format(page, "</th><td>%s</td><td>%s</td><td class=\"p\">%s</td><td class=\"p\">",
                        mer_type_name(column->type), mer_column_role_name(column->role),
                        mer_column_reason_text(column->reason));
        put_made(page, facts, column);
        mer_page_put(page, "</td></tr>\n");
    }
    mer_page_table_end(page);
    if (facts->n_fields > COLUMNS_LISTED + 1)
        mer_page_format(page, "<p class=\"soft\">And %s columns more.</p>\n",
                        mer_numeral_count(facts->n_fields - 1 - COLUMNS_LISTED).text);
}

/* A warning; the first opens the list. */
static void begin_warning(struct mer_page *page, size_t *n)
{
    mer_page_put(page, (*n)++ == 0 ? "<ul class=\"findings\">\n<li>" : "<li>");
}

static void warn_of_columns(struct mer_page *page, const struct mer_facts *facts, size_t *n)
{
    for (size_t i = 0; i + 1 < facts->n_fields; i++) {
        const struct mer_prepare_column *const column = &facts->columns[i];
        if (!column->is_leak || column->left_out != MER_LEFT_OUT_NOT)
            continue;
        begin_warning(page, n);
        mer_page_put(page, "Column ");
        put_name(page, column->name);
        mer_page_put(page,
                     " alone nearly tells the target. If it is not known yet when predictions "
                     "are made, the scores here promise too much: leave it out "
                     "(<code>--leave-out-leaks</code>).</li>\n");
    }
}

/* The share of the rarest class among the held-out rows. */
static double rarest_share(const struct mer_study *study, size_t *ret_rows)
{
    size_t rarest = study->n_rows;
    for (size_t k = 0; k < study->n_classes; k++) {
        size_t n = 0;
        for (size_t i = 0; i < study->n_rows; i++)
            n += (size_t)study->classes[i] == k;
        rarest = n < rarest ? n : rarest;
    }
    *ret_rows = rarest;
    return (double)rarest / (double)study->n_rows;
}

void mer_study_put_warnings(struct mer_page *page, const struct mer_study_view *view)
{
    enum { CLASSES_COUNTED = 50 };
    const struct mer_study *const study = view->study;
    const struct mer_facts *const facts = view->facts;
    size_t n = 0, rows = 0;
    warn_of_columns(page, facts, &n);
    if (study->n_rows < WARNED_ROWS) {
        begin_warning(page, &n);
        mer_page_format(page,
                        "There are only %s held-out rows: differences between settings are mostly "
                        "chance, and the intervals below are wide for a reason.</li>\n",
                        mer_numeral_count(study->n_rows).text);
    }
    if (study->n_classes > 1 && study->n_classes <= CLASSES_COUNTED &&
        rarest_share(study, &rows) < 0.05) {
        begin_warning(page, &n);
        mer_page_format(page,
                        "The rarest class has %s of %s rows. Accuracy hides how it fares: look at "
                        "its precision and recall.</li>\n",
                        mer_numeral_count(rows).text, mer_numeral_count(study->n_rows).text);
    }
    if (mer_facts_row_keeper(facts)) {
        begin_warning(page, &n);
        mer_page_format(
            page,
            "The model holds its training rows (<code>%s</code>): whoever has the model "
            "has them.</li>\n",
            mer_facts_row_keeper(facts)->name);
    }
    if (facts->n_trials > 1 && strcmp(facts->trials[0].family->name, "baseline") == 0) {
        begin_warning(page, &n);
        mer_page_put(page, "Nothing that was tried does better than a guess that looks at no "
                           "column.</li>\n");
    }
    if (n > 0)
        mer_page_put(page, "</ul>\n");
}
