/* One card for each column: what is in it, drawn. */
#include <stdio.h>

#include "core/math.h"
#include "explain/chart.h"
#include "explain/profile_page.h"

static const double WIDTH = 320;
static const double WIDEST = 64; /* bar of a single value */

void mer_profile_link(struct mer_page *page, const struct mer_profile *profile, size_t column)
{
    const struct mer_column_profile *const found = &profile->columns[column];
    if (column >= MER_PAGE_CARDS_MAX) {
        mer_page_name(page, found->name, found->n_name);
        return;
    }
    mer_page_format(page, "<a href=\"#c%zu\">", column + 1);
    mer_page_name(page, found->name, found->n_name);
    mer_page_put(page, "</a>");
}

/* The box of the quartiles with its whiskers, which end at the last value inside the fences. */
static void draw_box(struct mer_page *page, const struct mer_number_profile *numbers,
                     const struct mer_axes *axes, double y)
{
    const double low = axes->x_low, high = axes->x_high;
    const double from = fmax(fmax(numbers->minimum, numbers->low_fence), low);
    const double to = fmin(fmin(numbers->maximum, numbers->high_fence), high);
    const double q1 = fmax(numbers->quartiles[0], low), q3 = fmin(numbers->quartiles[2], high);
    const double left = mer_axes_x(axes, q1), right = mer_axes_x(axes, q3);
    const double median = mer_axes_x(axes, fmin(fmax(numbers->quartiles[1], low), high));
    mer_chart_line(page, "wh", mer_axes_x(axes, from), y, mer_axes_x(axes, to), y);
    mer_chart_rectangle(page, "bx", left, y - 4, fmax(right - left, 1.5), 8);
    mer_chart_line(page, "md", median, y - 6, median, y + 6);
}

static void describe_histogram(struct mer_page *page, const struct mer_column_profile *column)
{
    const struct mer_number_profile *const numbers = &column->numbers;
    const char *const unit = column->type == MER_TYPE_TEXT ? " bytes" : "";
    mer_page_format(page, "From %s to %s%s; half of the values lie between %s and %s.",
                    mer_numeral_value(column->type, numbers->minimum).text,
                    mer_numeral_value(column->type, numbers->maximum).text, unit,
                    mer_numeral_value(column->type, numbers->quartiles[0]).text,
                    mer_numeral_value(column->type, numbers->quartiles[2]).text);
}

/* Whole numbers, each with a bin of its own: the bin's middle is the number. */
static bool is_discrete(const struct mer_column_profile *column)
{
    return column->type != MER_TYPE_NUMBER && column->numbers.histogram.width == 1 &&
           column->numbers.histogram.low != floor(column->numbers.histogram.low);
}

static void draw_bins(struct mer_page *page, const struct mer_column_profile *column,
                      const struct mer_axes *axes)
{
    const struct mer_histogram *const histogram = &column->numbers.histogram;
    const double bottom = axes->top + axes->height;
    for (size_t i = 0; i < histogram->n_bins; i++) {
        if (histogram->counts[i] == 0)
            continue;
        const double x1 = mer_axes_x(axes, histogram->low + (double)i * histogram->width);
        const double x2 = mer_axes_x(axes, histogram->low + (double)(i + 1) * histogram->width);
        /* A single value in a crowd is still seen. */
        const double height = fmax(bottom - mer_axes_y(axes, (double)histogram->counts[i]), 0.75);
        /* Values of their own stand apart; bins of a range touch. */
        const double width =
            is_discrete(column) ? fmin((x2 - x1) * 0.86, WIDEST) : fmax(x2 - x1 - 1, 0.6);
        mer_chart_rectangle(page, "fa", (x1 + x2 - width) / 2, bottom - height, width, height);
    }
    mer_page_put(page, "\n");
}

/* Every value where there is room for it, else the ends of the drawing; an arrow where values lie
 * beyond. */
static void label_histogram(struct mer_page *page, const struct mer_column_profile *column,
                            const struct mer_axes *axes, double y)
{
    enum { LABELS_MAX = 11 };
    const struct mer_histogram *const histogram = &column->numbers.histogram;
    const double shift = is_discrete(column) ? 0.5 : 0;
    const double last = axes->x_high - shift;
    char text[120];
    if (shift > 0 && histogram->n_bins <= LABELS_MAX && column->type == MER_TYPE_INTEGER &&
        fabs(last) < 1000 && !histogram->n_below && !histogram->n_above) {
        for (size_t i = 0; i < histogram->n_bins; i++) {
            const double value = histogram->low + (double)i + 0.5;
            mer_chart_text(page, "m", mer_axes_x(axes, value), y,
                           mer_numeral_value(column->type, value).text);
        }
        return;
    }
    (void)snprintf(text, sizeof text, "%s%s",
                   mer_numeral_value(column->type, axes->x_low + shift).text,
                   histogram->n_below ? " \xe2\x97\x82" : "");
    mer_chart_text(page, "", axes->left, y, text);
    (void)snprintf(text, sizeof text, "%s%s", histogram->n_above ? "\xe2\x96\xb8 " : "",
                   mer_numeral_value(column->type, last).text);
    mer_chart_text(page, "e", axes->left + axes->width, y, text);
    mer_page_put(page, "\n");
}

static size_t largest(const size_t *counts, size_t n)
{
    size_t most = 0;
    for (size_t i = 0; i < n; i++)
        most = counts[i] > most ? counts[i] : most;
    return most;
}

static void bins_as_table(struct mer_page *page, const struct mer_column_profile *column)
{
    static const char *const headings[] = {"From", "Up to", "#Rows", NULL};
    const struct mer_histogram *const histogram = &column->numbers.histogram;
    const double shift = is_discrete(column) ? 0.5 : 0; /* both ends are the value itself */
    mer_page_data(page, "Rows by value", headings);
    if (histogram->n_below)
        mer_page_format(page, "<tr><td>below</td><td>%s</td><td class=\"n\">%s</td></tr>\n",
                        mer_numeral_value(column->type, histogram->low).text,
                        mer_numeral_count(histogram->n_below).text);
    for (size_t i = 0; i < histogram->n_bins; i++) {
        const double from = histogram->low + (double)i * histogram->width;
        if (histogram->counts[i] == 0)
            continue;
        mer_page_format(page, "<tr><td>%s</td><td>%s</td><td class=\"n\">%s</td></tr>\n",
                        mer_numeral_value(column->type, from + shift).text,
                        mer_numeral_value(column->type, from + histogram->width - shift).text,
                        mer_numeral_count(histogram->counts[i]).text);
    }
    if (histogram->n_above)
        mer_page_format(page, "<tr><td>above</td><td>%s</td><td class=\"n\">%s</td></tr>\n",
                        mer_numeral_value(column->type, histogram->low + (double)histogram->n_bins *
                                                                             histogram->width)
                            .text,
                        mer_numeral_count(histogram->n_above).text);
    mer_page_data_end(page);
}

static void put_histogram(struct mer_page *page, const struct mer_column_profile *column)
{
    const struct mer_histogram *const histogram = &column->numbers.histogram;
    const double high = histogram->low + (double)histogram->n_bins * histogram->width;
    const struct mer_axes axes = {.left = 1,
                                  .top = 6,
                                  .width = WIDTH - 2,
                                  .height = 78,
                                  .x_low = histogram->low,
                                  .x_high = high,
                                  .y_low = 0,
                                  .y_high = (double)largest(histogram->counts, histogram->n_bins)};
    mer_page_put(page, "<figure>");
    mer_chart_begin(page, WIDTH, 122, false);
    mer_page_put(page, column->type == MER_TYPE_TEXT ? "Lengths of texts in " : "Distribution of ");
    mer_page_text(page, column->name, column->n_name, MER_PAGE_NAME_BYTES);
    mer_chart_describe(page);
    describe_histogram(page, column);
    mer_chart_draw(page);
    draw_bins(page, column, &axes);
    mer_chart_line(page, "ax", axes.left, 84, axes.left + axes.width, 84);
    draw_box(page, &column->numbers, &axes, 96);
    label_histogram(page, column, &axes, 118);
    mer_chart_end(page);
    mer_page_put(page, "</figure>\n");
}

/* The level's name; a truth value's word. */
static struct mer_cell level_name(const struct mer_column *column, size_t level)
{
    if (column->type == MER_TYPE_BOOLEAN)
        return level ? (struct mer_cell){"true", 4} : (struct mer_cell){"false", 5};
    return mer_column_level(column, level);
}

struct bar {
    struct mer_cell name; /* bytes NULL: `words` instead */
    char words[64];
    size_t n;
    bool is_rest;
};

/* The bars of a column: levels that may be named, then all others together. */
static size_t make_bars(const struct mer_profile *profile, size_t index,
                        struct bar ret_bars[MER_PROFILE_LEVELS + 2])
{
    const struct mer_column_profile *const column = &profile->columns[index];
    size_t n = 0, n_named_rows = 0;
    for (size_t k = 0; k < column->levels.n_levels; k++) {
        const struct mer_level_count *const level = &column->levels.levels[k];
        /* Truth values are no names. */
        if (level->n < profile->min_rows && column->type != MER_TYPE_BOOLEAN)
            break;
        ret_bars[n++] = (struct bar){
            .name = level_name(&profile->frame->columns[index], level->level), .n = level->n};
        n_named_rows += level->n;
    }
    const size_t n_present = profile->frame->n_rows - column->n_missing;
    if (n_present > n_named_rows) {
        struct bar *const rest = &ret_bars[n++];
        const size_t n_levels = column->n_distinct - (n - 1);
        *rest = (struct bar){.n = n_present - n_named_rows, .is_rest = true};
        (void)snprintf(rest->words, sizeof rest->words, "%s %s%s", mer_numeral_count(n_levels).text,
                       n > 1 ? "other" : "rare", n_levels == 1 ? " level" : " levels");
    }
    return n;
}

static void put_bar_name(struct mer_page *page, const struct bar *bar)
{
    if (bar->is_rest)
        mer_page_put(page, bar->words);
    else
        mer_page_name(page, bar->name.bytes, bar->name.n);
}

static void bars_as_table(struct mer_page *page, const struct bar *bars, size_t n, size_t n_present)
{
    static const char *const headings[] = {"Level", "#Rows", "#Share", NULL};
    mer_page_data(page, "Rows by level", headings);
    for (size_t i = 0; i < n; i++) {
        mer_page_put(page, "<tr><th scope=\"row\">");
        put_bar_name(page, &bars[i]);
        mer_page_format(page, "</th><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                        mer_numeral_count(bars[i].n).text,
                        mer_numeral_share((double)bars[i].n / (double)n_present).text);
    }
    mer_page_data_end(page);
}

static void put_bars(struct mer_page *page, const struct mer_profile *profile, size_t index,
                     const struct bar *bars, size_t n)
{
    const struct mer_column_profile *const column = &profile->columns[index];
    const double row = 19, names = 118, room = WIDTH - names - 52;
    const size_t n_present = profile->frame->n_rows - column->n_missing;
    size_t most = 1;
    for (size_t i = 0; i < n; i++)
        most = bars[i].n > most ? bars[i].n : most;
    mer_page_put(page, "<figure>");
    mer_chart_begin(page, WIDTH, row * (double)n + 4, false);
    mer_page_put(page, "Levels of ");
    mer_page_text(page, column->name, column->n_name, MER_PAGE_NAME_BYTES);
    mer_chart_describe(page);
    mer_page_format(page, "%s levels; ", mer_numeral_count(column->n_distinct).text);
    mer_page_put(page, "the most frequent is ");
    if (bars[0].is_rest)
        mer_page_put(page, "not named");
    else
        mer_page_text(page, bars[0].name.bytes, bars[0].name.n, MER_PAGE_NAME_BYTES);
    mer_page_format(page, " with %s of the rows that have one.",
                    mer_numeral_share((double)bars[0].n / (double)n_present).text);
    mer_chart_draw(page);
    for (size_t i = 0; i < n; i++) {
        const double y = row * (double)i + 3, w = room * (double)bars[i].n / (double)most;
        if (bars[i].is_rest)
            mer_chart_text(page, "", 0, y + 12, bars[i].words);
        else
            mer_chart_name(page, 0, y + 12, names - 6, bars[i].name.bytes, bars[i].name.n);
        mer_chart_rectangle(page, bars[i].is_rest ? "fg" : "fa", names, y + 1, fmax(w, 1), row - 5);
        mer_chart_text(page, "", names + fmax(w, 1) + 5, y + 12,
                       mer_numeral_share((double)bars[i].n / (double)n_present).text);
        mer_page_put(page, "\n");
    }
    mer_chart_end(page);
    mer_page_put(page, "</figure>\n");
    bars_as_table(page, bars, n, n_present);
}

static void put_fact(struct mer_page *page, const char *name, const char *value)
{
    mer_page_format(page, "<div><dt>%s</dt><dd>%s</dd></div>", name, value);
}

static void put_number_facts(struct mer_page *page, const struct mer_column_profile *column)
{
    const struct mer_number_profile *const numbers = &column->numbers;
    const enum mer_type type = column->type;
    const bool is_time = type != MER_TYPE_NUMBER && type != MER_TYPE_INTEGER;
    mer_page_put(page, "<dl class=\"facts\">");
    put_fact(page, "Minimum", mer_numeral_value(type, numbers->minimum).text);
    put_fact(page, "Median", mer_numeral_value(type, numbers->quartiles[1]).text);
    put_fact(page, "Maximum", mer_numeral_value(type, numbers->maximum).text);
    put_fact(page, "Lower quartile", mer_numeral_value(type, numbers->quartiles[0]).text);
    put_fact(page, "Mean",
             is_time ? mer_numeral_value(type, numbers->mean).text
                     : mer_numeral(numbers->mean, 4).text);
    put_fact(page, "Upper quartile", mer_numeral_value(type, numbers->quartiles[2]).text);
    if (!is_time) {
        put_fact(page, "Deviation", mer_numeral(numbers->deviation, 4).text);
        put_fact(page, "Zeros", mer_numeral_count(numbers->n_zero).text);
        put_fact(page, "Outliers", mer_numeral_count(numbers->n_low + numbers->n_high).text);
    }
    mer_page_put(page, "</dl>\n");
}

static void put_tags(struct mer_page *page, const struct mer_profile *profile, size_t index)
{
    const struct mer_column_profile *const column = &profile->columns[index];
    const size_t n_rows = profile->frame->n_rows;
    mer_page_format(page, "<p><span class=\"tag\">%s</span>", mer_type_name(column->type));
    mer_page_format(page, "<span class=\"tag\">%s different</span>",
                    mer_numeral_count(column->n_distinct).text);
    if (column->n_missing)
        mer_page_format(page, "<span class=\"tag w\">%s missing</span>",
                        mer_numeral_share((double)column->n_missing / (double)n_rows).text);
    if (column->numbers.n_infinite)
        mer_page_format(page, "<span class=\"tag w\">%s infinite</span>",
                        mer_numeral_count(column->numbers.n_infinite).text);
    if (column->constant)
        mer_page_put(page, "<span class=\"tag w\">constant</span>");
    if (column->identifier)
        mer_page_put(page, "<span class=\"tag w\">identifier</span>");
    if (column->sensitive)
        mer_page_put(page, "<span class=\"tag w\">sensitive</span>");
    if (column->same_as != SIZE_MAX) {
        mer_page_put(page, "<span class=\"tag w\">same as ");
        mer_profile_link(page, profile, column->same_as);
        mer_page_put(page, "</span>");
    }
    mer_page_put(page, "</p>\n");
}

static void put_contents(struct mer_page *page, const struct mer_profile *profile, size_t index)
{
    const struct mer_column_profile *const column = &profile->columns[index];
    if (column->n_missing == profile->frame->n_rows) {
        mer_page_put(page, "<p class=\"note\">No value.</p>\n");
    } else if (column->sensitive) {
        mer_page_put(page, "<p class=\"note\">Marked as sensitive: no value is shown.</p>\n");
    } else if (column->identifier) {
        mer_page_put(page, "<p class=\"note\">Names or numbers the rows: no value is shown.</p>\n");
    } else if (column->type == MER_TYPE_CATEGORICAL || column->type == MER_TYPE_BOOLEAN) {
        struct bar bars[MER_PROFILE_LEVELS + 2];
        const size_t n = make_bars(profile, index, bars);
        put_bars(page, profile, index, bars, n);
    } else if (column->numbers.n > 0) {
        put_histogram(page, column);
        if (column->type == MER_TYPE_TEXT)
            mer_page_put(page, "<p class=\"note\">Lengths in bytes; no text is shown.</p>\n");
        else
            put_number_facts(page, column);
        bins_as_table(page, column);
    }
}

void mer_profile_cards(struct mer_page *page, const struct mer_profile *profile)
{
    const size_t n_columns = profile->frame->n_columns;
    mer_page_put(page, "<div class=\"cards\">\n");
    for (size_t i = 0; i < n_columns && i < MER_PAGE_CARDS_MAX; i++) {
        mer_page_format(page, "<article class=\"card\" id=\"c%zu\">\n<h3>", i + 1);
        mer_page_name(page, profile->columns[i].name, profile->columns[i].n_name);
        mer_page_put(page, "</h3>\n");
        put_tags(page, profile, i);
        put_contents(page, profile, i);
        mer_page_put(page, "</article>\n");
    }
    mer_page_put(page, "</div>\n");
    if (n_columns > MER_PAGE_CARDS_MAX)
        mer_page_format(page,
                        "<p class=\"note\">The first %d of %s columns are drawn; the table below "
                        "has all.</p>\n",
                        MER_PAGE_CARDS_MAX, mer_numeral_count(n_columns).text);
}
