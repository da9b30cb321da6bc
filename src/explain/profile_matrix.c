/* What goes across columns: where cells are missing, and which columns go together. */
#include <stdio.h>

#include "core/math.h"
#include "explain/chart.h"
#include "explain/profile_page.h"

static const double NAMES = 150; /* room for names, left of a matrix */

static void put_row_name(struct mer_page *page, const struct mer_profile *profile, size_t column,
                         double y)
{
    const struct mer_column_profile *const found = &profile->columns[column];
    mer_chart_name(page, 0, y, NAMES - 8, found->name, found->n_name);
}

static void gaps_as_table(struct mer_page *page, const struct mer_profile *profile)
{
    static const char *const headings[] = {"Column", "#Missing", "#Share", NULL};
    const struct mer_gaps *const gaps = &profile->gaps;
    mer_page_data(page, "Missing cells by column", headings);
    for (size_t i = 0; i < gaps->n_columns; i++) {
        const struct mer_column_profile *const column = &profile->columns[gaps->columns[i]];
        mer_page_put(page, "<tr><th scope=\"row\">");
        mer_profile_link(page, profile, gaps->columns[i]);
        mer_page_format(
            page, "</th><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
            mer_numeral_count(column->n_missing).text,
            mer_numeral_share((double)column->n_missing / (double)profile->frame->n_rows).text);
    }
    mer_page_data_end(page);
}

/* A row of the map for each column: the table from its first row, left, to its last. */
static void draw_gap_map(struct mer_page *page, const struct mer_profile *profile)
{
    const struct mer_gaps *const gaps = &profile->gaps;
    const double row = 18, cell = 9;
    const double width = NAMES + cell * (double)gaps->n_blocks;
    mer_page_put(page, "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                       "aria-label=\"Where cells are missing\">");
    mer_chart_begin(page, width + 62, row * (double)gaps->n_columns + 22, true);
    mer_page_put(page, "Where cells are missing");
    mer_chart_describe(page);
    mer_page_format(page,
                    "A row for each of %zu columns, from the first row of the table, left, to the "
                    "last; the darker, the more is missing.",
                    gaps->n_columns);
    mer_chart_draw(page);
    for (size_t i = 0; i < gaps->n_columns; i++) {
        const struct mer_column_profile *const column = &profile->columns[gaps->columns[i]];
        const double y = row * (double)i;
        put_row_name(page, profile, gaps->columns[i], y + 13);
        mer_chart_rectangle(page, "fg", NAMES, y + 1, cell * (double)gaps->n_blocks, row - 2);
        for (size_t b = 0; b < gaps->n_blocks; b++) {
            const double share = (double)gaps->shares[i][b];
            if (share > 0)
                mer_chart_shade(page, "fb", NAMES + cell * (double)b, y + 1, cell, row - 2,
                                0.15 + 0.85 * share);
        }
        mer_chart_text(
            page, "", width + 8, y + 13,
            mer_numeral_share((double)column->n_missing / (double)profile->frame->n_rows).text);
        mer_page_put(page, "\n");
    }
    const double y = row * (double)gaps->n_columns + 15;
    mer_chart_text(page, "", NAMES, y, "row 1");
    char last[64];
    (void)snprintf(last, sizeof last, "row %s", mer_numeral_count(profile->frame->n_rows).text);
    mer_chart_text(page, "e", width, y, last);
    mer_chart_end(page);
    mer_page_put(page, "</div></figure>\n");
}

static void put_pattern(struct mer_page *page, const struct mer_profile *profile,
                        const struct mer_gap_pattern *pattern)
{
    const struct mer_gaps *const gaps = &profile->gaps;
    const char *separator = "";
    mer_page_put(page, "<tr><td>");
    for (size_t i = 0; i < gaps->n_columns; i++) {
        if (!((pattern->columns >> i) & 1))
            continue;
        mer_page_put(page, separator);
        mer_profile_link(page, profile, gaps->columns[i]);
        separator = ", ";
    }
    if (pattern->columns >> 63)
        mer_page_format(page, "%sothers", separator);
    mer_page_format(
        page, "</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
        mer_numeral_count(pattern->n_rows).text,
        mer_numeral_share((double)pattern->n_rows / (double)profile->frame->n_rows).text);
}

static void put_patterns(struct mer_page *page, const struct mer_profile *profile)
{
    static const char *const headings[] = {"Missing together", "#Rows", "#Share", NULL};
    const struct mer_gaps *const gaps = &profile->gaps;
    mer_page_table(page, "What is missing in the same row, most frequent first", headings);
    for (size_t i = 0; i < gaps->n_patterns; i++)
        put_pattern(page, profile, &gaps->patterns[i]);
    mer_page_table_end(page);
    if (gaps->n_all_patterns > gaps->n_patterns)
        mer_page_format(page, "<p class=\"note\">And %s combinations more.</p>\n",
                        mer_numeral_count(gaps->n_all_patterns - gaps->n_patterns).text);
}

void mer_profile_gap_map(struct mer_page *page, const struct mer_profile *profile)
{
    const struct mer_gaps *const gaps = &profile->gaps;
    mer_page_section(page, "missing", "Missing values");
    mer_page_format(page, "<p>%s of %s rows have a gap, in %s of %s columns.</p>\n",
                    mer_numeral_count(gaps->n_rows).text,
                    mer_numeral_count(profile->frame->n_rows).text,
                    mer_numeral_count(gaps->n_all_columns).text,
                    mer_numeral_count(profile->frame->n_columns).text);
    if (gaps->n_all_columns > gaps->n_columns)
        mer_page_format(page, "<p class=\"note\">The %zu columns with most gaps are shown.</p>\n",
                        gaps->n_columns);
    mer_page_put(page, "<div class=\"side\"><div>");
    draw_gap_map(page, profile);
    gaps_as_table(page, profile);
    mer_page_put(page, "</div><div>");
    put_patterns(page, profile);
    mer_page_put(page, "</div></div>\n");
    mer_page_section_end(page);
}

/* The value that a cell of the matrix shows: signed for two numbers. */
static double shown(const struct mer_association *pair)
{
    return isnan(pair->first) || fabs(pair->second) > fabs(pair->first) ? pair->second
                                                                        : pair->first;
}

static struct mer_numeral hundredths(double r)
{
    struct mer_numeral numeral;
    if (isnan(r)) {
        (void)snprintf(numeral.text, sizeof numeral.text, "\xe2\x80\x93");
        return numeral;
    }
    const long n = (long)floor(fabs(r) * 100 + 0.5);
    (void)snprintf(numeral.text, sizeof numeral.text, "%s%ld.%02ld",
                   r < 0 && n > 0 ? "\xe2\x88\x92" : "", n / 100, n % 100);
    return numeral;
}

static void draw_matrix(struct mer_page *page, const struct mer_profile *profile)
{
    enum { WITH_NUMBERS = 14 };
    const struct mer_associations *const found = &profile->associations;
    const size_t n = found->n_shown;
    const double cell = n <= WITH_NUMBERS ? 36 : n <= 24 ? 22 : 16;
    const double top = 8, size = cell * (double)n;
    mer_page_put(page, "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                       "aria-label=\"Matrix of correlations\">");
    mer_chart_begin(page, NAMES + size + 90, top + size + 6, true);
    mer_page_put(page, "Matrix of correlations");
    mer_chart_describe(page);
    mer_page_format(page,
                    "A square for each pair of %zu columns; the darker, the more they go together. "
                    "The strongest pairs stand in the table.",
                    n);
    mer_chart_draw(page);
    for (size_t i = 0; i < n; i++) {
        const struct mer_column_profile *const column = &profile->columns[found->shown[i]];
        const double y = top + cell * (double)i;
        if (i > 0)
            put_row_name(page, profile, found->shown[i], y + cell / 2 + 4);
        for (size_t k = 0; k < i; k++) {
            const double value = shown(&found->cells[k * n + i]);
            const double x = NAMES + cell * (double)k;
            mer_chart_rectangle(page, "fg", x, y, cell - 1, cell - 1);
            mer_chart_shade(page, value < 0 ? "fb" : "fa", x, y, cell - 1, cell - 1, fabs(value));
            if (n <= WITH_NUMBERS && !isnan(value))
                mer_chart_text(page, fabs(value) > 0.65 ? "w s m" : "i s m", x + cell / 2 - 0.5,
                               y + cell / 2 + 3, hundredths(value).text);
        }
        /* The name of what stands in the column of squares below. */
        mer_chart_name(page, NAMES + cell * (double)i + 3, y + cell / 2 + 4,
                       i + 1 < n ? size + 84 - cell * (double)i : 0, column->name, column->n_name);
        mer_page_put(page, "\n");
    }
    mer_chart_end(page);
    mer_page_put(page, "</div></figure>\n"
                       "<ul class=\"key\"><li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\">"
                       "<rect class=\"fa\" width=\"22\" height=\"10\"/></svg>rise together, or go "
                       "together</li><li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><rect "
                       "class=\"fb\" width=\"22\" height=\"10\"/></svg>one falls as the other "
                       "rises</li></ul>\n");
}

static void put_top(struct mer_page *page, const struct mer_profile *profile)
{
    static const char *const headings[] = {"Column",    "and",     "#Strength", "#Pearson",
                                           "#Spearman", "Measure", NULL};
    static const char *const measures[] = {[MER_ASSOCIATION_NUMBERS] = "correlation",
                                           [MER_ASSOCIATION_CATEGORIES] =
                                               "Cram\xc3\xa9r\xe2\x80\x99s V",
                                           [MER_ASSOCIATION_MIXED] = "correlation ratio"};
    const struct mer_associations *const found = &profile->associations;
    mer_page_table(page, "The strongest pairs", headings);
    for (size_t i = 0; i < found->n_top; i++) {
        const struct mer_association *const pair = &found->top[i];
        const bool numbers = pair->kind == MER_ASSOCIATION_NUMBERS;
        mer_page_put(page, "<tr><th scope=\"row\">");
        mer_profile_link(page, profile, pair->a);
        mer_page_put(page, "</th><td>");
        mer_profile_link(page, profile, pair->b);
        mer_page_put(page, "</td>");
        mer_page_cell(page, hundredths(mer_association_strength(pair)).text);
        mer_page_cell(page, numbers ? hundredths(pair->first).text : "");
        mer_page_cell(page, numbers ? hundredths(pair->second).text : "");
        mer_page_format(page, "<td>%s</td></tr>\n", measures[pair->kind]);
    }
    mer_page_table_end(page);
}

void mer_profile_matrix(struct mer_page *page, const struct mer_profile *profile)
{
    const struct mer_associations *const found = &profile->associations;
    mer_page_section(page, "correlations", "Correlations");
    mer_page_put(
        page, "<p class=\"soft\">Pearson and Spearman between numbers, Cram\xc3\xa9r\xe2\x80\x99s "
              "V between categories, the correlation ratio between both; the last two corrected "
              "for the number of levels.");
    if (found->n_rows < profile->frame->n_rows)
        mer_page_format(page, " Measured on a sample of %s rows.",
                        mer_numeral_count(found->n_rows).text);
    if (found->columns_left)
        mer_page_format(page, " Measured among the first %s columns that can be compared.",
                        mer_numeral_count(found->n_columns).text);
    if (found->n_shown < found->n_columns)
        mer_page_format(page, " The %zu columns with the strongest pairs are drawn.",
                        found->n_shown);
    mer_page_put(page, "</p>\n");
    mer_page_put(page, "<div class=\"side\"><div>");
    draw_matrix(page, profile);
    mer_page_put(page, "</div><div>");
    put_top(page, profile);
    mer_page_put(page, "</div></div>\n");
    mer_page_section_end(page);
}
