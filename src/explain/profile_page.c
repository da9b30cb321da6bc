#include "explain/profile_page.h"

#include <stdio.h>
#include <string.h>

#include "core/math.h"
#include "explain/chart.h"

enum { FINDINGS_OF_A_KIND = 6 };

static void put_types(struct mer_page *page, const struct mer_frame *frame)
{
    size_t counts[MER_TYPE_COUNT] = {0};
    const char *separator = "";
    for (size_t i = 0; i < frame->n_columns; i++)
        counts[frame->columns[i].type]++;
    for (int type = 0; type < MER_TYPE_COUNT; type++) {
        if (counts[type] == 0)
            continue;
        mer_page_format(page, "%s%s %s", separator, mer_numeral_count(counts[type]).text,
                        mer_type_name((enum mer_type)type));
        separator = ", ";
    }
}

static void put_tiles(struct mer_page *page, const struct mer_profile *profile)
{
    const struct mer_frame *const frame = profile->frame;
    const double n_cells = (double)frame->n_rows * (double)frame->n_columns;
    mer_page_put(page, "<ul class=\"tiles\">\n");
    mer_page_tile(page, mer_numeral_count(frame->n_rows).text, "rows");
    mer_page_tile(page, mer_numeral_count(frame->n_columns).text, "columns");
    mer_page_tile(page,
                  mer_numeral_share(n_cells > 0 ? (double)profile->gaps.n_cells / n_cells : 0).text,
                  "of all cells missing");
    mer_page_tile(page, mer_numeral_count(profile->gaps.n_rows).text, "rows with a gap");
    mer_page_tile(page, mer_numeral_count(profile->n_copies).text, "copies of other rows");
    mer_page_put(page, "</ul>\n");
}

struct finding_list {
    struct mer_page *page;
    const struct mer_profile *profile;
    size_t counts[MER_FINDING_COUNT];
};

static void put_finding(struct mer_page *page, const struct mer_profile *profile,
                        const struct mer_found *found)
{
    const struct mer_numeral count = mer_numeral_count(found->n);
    const char *const n = count.text;
    if (found->column != SIZE_MAX)
        mer_profile_link(page, profile, found->column);
    switch (found->what) {
    case MER_FINDING_COUNT:
        break;
    case MER_FINDING_NO_ROWS:
        mer_page_put(page, "The table has no rows.");
        break;
    case MER_FINDING_COPIES:
        mer_page_format(page,
                        "%s rows (%s) are the same as an earlier one in every column; %s different "
                        "rows stand there more than once.",
                        n, mer_numeral_share(found->value).text,
                        mer_numeral_count(profile->n_copied).text);
        break;
    case MER_FINDING_SAME_COLUMN:
        mer_page_put(page, " holds the same as ");
        mer_profile_link(page, profile, found->other);
        mer_page_put(page, " in every row.");
        break;
    case MER_FINDING_NO_VALUE:
        mer_page_put(page, " has no value at all.");
        break;
    case MER_FINDING_CONSTANT:
        mer_page_put(page, " has the same value in every row.");
        break;
    case MER_FINDING_IDENTIFIER:
        mer_page_format(
            page, " names or numbers the rows (%s different values): nothing to learn from.", n);
        break;
    case MER_FINDING_MISSING:
        mer_page_format(page, " is missing in %s of the rows.",
                        mer_numeral_share(found->value).text);
        break;
    case MER_FINDING_INFINITE:
        mer_page_format(page, " is infinite in %s rows.", n);
        break;
    case MER_FINDING_OUTLIERS:
        mer_page_format(page, " has %s %s far away from all others.", n,
                        found->n == 1 ? "value" : "values");
        break;
    case MER_FINDING_MANY_LEVELS:
        mer_page_format(page, " has %s levels.", n);
        break;
    case MER_FINDING_CORRELATED:
        mer_page_put(page, " and ");
        mer_profile_link(page, profile, found->other);
        mer_page_format(page, " tell nearly the same (correlation %s).",
                        mer_numeral(found->value, 3).text);
        break;
    }
}

static void list_finding(void *self, const struct mer_found *found)
{
    struct finding_list *const list = self;
    if (++list->counts[found->what] > FINDINGS_OF_A_KIND)
        return;
    mer_page_put(list->page, "<li>");
    put_finding(list->page, list->profile, found);
    mer_page_put(list->page, "</li>\n");
}

/* A table with many columns alike is told of once: what is more of each kind is counted. */
static void put_more(struct mer_page *page, const size_t counts[MER_FINDING_COUNT])
{
    static const char *const what[MER_FINDING_COUNT] = {
        [MER_FINDING_SAME_COLUMN] = "columns hold the same as another",
        [MER_FINDING_NO_VALUE] = "columns have no value at all",
        [MER_FINDING_CONSTANT] = "columns have the same value in every row",
        [MER_FINDING_IDENTIFIER] = "columns name or number the rows",
        [MER_FINDING_MISSING] = "columns are missing in a fifth of the rows or more",
        [MER_FINDING_INFINITE] = "columns have infinite values",
        [MER_FINDING_OUTLIERS] = "columns have a few values far away from all others",
        [MER_FINDING_MANY_LEVELS] = "columns have more than 100 levels",
        [MER_FINDING_CORRELATED] = "of the strongest pairs tell nearly the same",
    };
    for (int k = 0; k < MER_FINDING_COUNT; k++)
        if (counts[k] > FINDINGS_OF_A_KIND && what[k])
            mer_page_format(page, "<li>%s more %s.</li>\n",
                            mer_numeral_count(counts[k] - FINDINGS_OF_A_KIND).text, what[k]);
}

static void put_findings(struct mer_page *page, const struct mer_profile *profile)
{
    struct finding_list list = {.page = page, .profile = profile};
    size_t n = 0;
    mer_page_section(page, "findings", "What stands out");
    mer_page_put(page, "<ul class=\"findings\">\n");
    mer_findings_each(profile, list_finding, &list);
    put_more(page, list.counts);
    for (int k = 0; k < MER_FINDING_COUNT; k++)
        n += list.counts[k];
    if (n == 0)
        mer_page_put(page, "<li class=\"good\">No copies, no constant or doubled columns, no "
                           "column with a fifth missing, no lonely outliers.</li>\n");
    mer_page_put(page, "</ul>\n");
    mer_page_section_end(page);
}

static void put_value_cell(struct mer_page *page, const struct mer_column_profile *column,
                           double value)
{
    const bool shows =
        mer_profile_shows(column) && mer_profile_is_measured(column->type) && column->numbers.n > 0;
    mer_page_cell(page, shows ? mer_numeral_value(column->type, value).text : "");
}

static void put_column_table(struct mer_page *page, const struct mer_profile *profile)
{
    static const char *const headings[] = {"Column",   "Type",      "#Missing", "#Different",
                                           "#Minimum", "#Quartile", "#Median",  "#Quartile",
                                           "#Maximum", "#Outliers", NULL};
    const size_t n_rows = profile->frame->n_rows;
    mer_page_section(page, "table", "All columns");
    mer_page_table(page, "Every column in numbers", headings);
    for (size_t i = 0; i < profile->frame->n_columns && i < MER_PAGE_ROWS_MAX; i++) {
        const struct mer_column_profile *const column = &profile->columns[i];
        const struct mer_number_profile *const numbers = &column->numbers;
        mer_page_put(page, "<tr><th scope=\"row\">");
        mer_profile_link(page, profile, i);
        mer_page_format(page, "</th><td>%s</td>", mer_type_name(column->type));
        mer_page_cell(
            page, n_rows ? mer_numeral_share((double)column->n_missing / (double)n_rows).text : "");
        mer_page_cell(page, mer_numeral_count(column->n_distinct).text);
        put_value_cell(page, column, numbers->minimum);
        for (int q = 0; q < 3; q++)
            put_value_cell(page, column, numbers->quartiles[q]);
        put_value_cell(page, column, numbers->maximum);
        mer_page_cell(page, mer_profile_shows(column) && mer_profile_is_measured(column->type)
                                ? mer_numeral_count(numbers->n_low + numbers->n_high).text
                                : "");
        mer_page_put(page, "</tr>\n");
    }
    mer_page_table_end(page);
    if (profile->frame->n_columns > MER_PAGE_ROWS_MAX)
        mer_page_format(page,
                        "<p class=\"note\">The first %d of %s columns; describe --json has "
                        "all.</p>\n",
                        MER_PAGE_ROWS_MAX, mer_numeral_count(profile->frame->n_columns).text);
    mer_page_section_end(page);
}

static bool has_outliers(const struct mer_profile *profile)
{
    for (size_t i = 0; i < profile->frame->n_columns; i++)
        if (profile->columns[i].numbers.n_low + profile->columns[i].numbers.n_high > 0 &&
            mer_profile_shows(&profile->columns[i]) &&
            mer_profile_is_measured(profile->columns[i].type))
            return true;
    return false;
}

/* Nothing on a side where there are no outliers. */
static void put_far_value(struct mer_page *page, const struct mer_column_profile *column,
                          double value, size_t n)
{
    if (n > 0)
        put_value_cell(page, column, value);
    else
        mer_page_cell(page, "");
}

static void put_outliers(struct mer_page *page, const struct mer_profile *profile)
{
    enum { ROWS = 100 };
    static const char *const headings[] = {"Column",       "#Below", "#Lowest",  "#Lower fence",
                                           "#Upper fence", "#Above", "#Highest", NULL};
    size_t n = 0;
    mer_page_section(page, "outliers", "Outliers");
    mer_page_put(page,
                 "<p class=\"soft\">Values further from the median than 3.5 robust standard "
                 "deviations (1.4826 times the median absolute deviation). In a skewed column "
                 "they are its tail; few and far away, they are worth a look.</p>\n");
    mer_page_table(page, "Outliers by column", headings);
    for (size_t i = 0; i < profile->frame->n_columns && n < ROWS; i++) {
        const struct mer_column_profile *const column = &profile->columns[i];
        const struct mer_number_profile *const numbers = &column->numbers;
        if (numbers->n_low + numbers->n_high == 0 || !mer_profile_shows(column) ||
            !mer_profile_is_measured(column->type))
            continue;
        n++;
        mer_page_put(page, "<tr><th scope=\"row\">");
        mer_profile_link(page, profile, i);
        mer_page_put(page, "</th>");
        mer_page_cell(page, mer_numeral_count(numbers->n_low).text);
        put_far_value(page, column, numbers->minimum, numbers->n_low);
        put_far_value(page, column, numbers->low_fence, numbers->n_low);
        put_far_value(page, column, numbers->high_fence, numbers->n_high);
        mer_page_cell(page, mer_numeral_count(numbers->n_high).text);
        put_far_value(page, column, numbers->maximum, numbers->n_high);
        mer_page_put(page, "</tr>\n");
    }
    mer_page_table_end(page);
    mer_page_section_end(page);
}

static void put_nav(struct mer_page *page, const struct mer_profile *profile)
{
    mer_page_put(page, "</header>\n<nav aria-label=\"Sections\"><ul>"
                       "<li><a href=\"#findings\">What stands out</a></li>"
                       "<li><a href=\"#columns\">Columns</a></li>");
    if (profile->gaps.n_all_columns)
        mer_page_put(page, "<li><a href=\"#missing\">Missing values</a></li>");
    if (profile->associations.n_shown)
        mer_page_put(page, "<li><a href=\"#correlations\">Correlations</a></li>");
    if (has_outliers(profile))
        mer_page_put(page, "<li><a href=\"#outliers\">Outliers</a></li>");
    mer_page_put(page, "<li><a href=\"#table\">All columns</a></li>"
                       "<li><a href=\"#about\">About</a></li></ul></nav>\n<main>\n");
}

static void put_about(struct mer_page *page, const struct mer_profile *profile,
                      const struct mer_profile_source *source)
{
    mer_page_section(page, "about", "About this page");
    mer_page_format(
        page,
        "<p>Column names come from the table. A level is named where %zu rows or more "
        "have it; of texts only the lengths are shown, of columns that name the rows "
        "and of columns marked as sensitive no value. Extremes and quartiles are values "
        "out of the table: pass this page on only to those who may see them.</p>\n",
        profile->min_rows);
    mer_page_put(page, "<dl class=\"facts\">");
    if (source->n_bytes)
        mer_page_format(page, "<div><dt>Bytes</dt><dd>%s</dd></div>",
                        mer_numeral_count(source->n_bytes).text);
    if (source->signer) {
        mer_page_put(page, "<div><dt>Signed by</dt><dd>");
        mer_page_name(page, source->signer, strlen(source->signer));
        mer_page_put(page, "</dd></div>");
    }
    if (source->version)
        mer_page_format(page, "<div><dt>Made by</dt><dd>merlon %s</dd></div>", source->version);
    mer_page_put(page, "</dl>\n");
    if (source->digest)
        mer_page_format(page, "<p class=\"note\">SHA-256 of the table <code>%s</code></p>\n",
                        source->digest);
    mer_page_section_end(page);
}

mer_status mer_profile_page(const struct mer_profile *profile,
                            const struct mer_profile_source *source, struct mer_buf *buf,
                            mer_err *err)
{
    struct mer_page page;
    mer_page_begin(&page, buf, "Table", source->title ? source->title : "A table", err);
    mer_page_put(&page, "<p class=\"lead\">");
    put_types(&page, profile->frame);
    mer_page_put(&page, "</p>\n");
    put_tiles(&page, profile);
    put_nav(&page, profile);
    put_findings(&page, profile);
    mer_page_section(&page, "columns", "Columns");
    mer_profile_cards(&page, profile);
    mer_page_section_end(&page);
    if (profile->gaps.n_all_columns)
        mer_profile_gap_map(&page, profile);
    if (profile->associations.n_shown)
        mer_profile_matrix(&page, profile);
    if (has_outliers(profile))
        put_outliers(&page, profile);
    put_column_table(&page, profile);
    put_about(&page, profile, source);
    mer_page_put(&page, "</main>\n");
    return mer_page_end(&page);
}
