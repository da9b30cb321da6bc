/* Differences of dates: how long before something another thing happened often says more than when
 * either did. Of the first MER_DATES_MAX dates of a table each has the days since those before it.
 */
#include <math.h>

#include "automl/prepare_internal.h"

#define MICROSECONDS_A_DAY 86400000000.0

static bool is_date(enum mer_type type)
{
    return type == MER_TYPE_DATE || type == MER_TYPE_DATETIME;
}

size_t mer_date_column(const struct mer_prepare *prepare, size_t k)
{
    for (size_t i = 0; i < prepare->n_columns; i++) {
        const struct mer_learned_column *column = &prepare->columns[i];
        if (is_date(column->type) && column->left_out == MER_LEFT_OUT_NOT && k-- == 0)
            return i;
    }
    return SIZE_MAX;
}

static double days_of(const struct mer_learned_column *learned, const struct mer_column *column,
                      size_t row)
{
    const double value =
        (double)(mer_column_has(column, row) ? column->data.integers[row] : learned->fill_time);
    return learned->type == MER_TYPE_DATE ? value : value / MICROSECONDS_A_DAY;
}

double mer_days_between(const struct mer_learned_column *from, const struct mer_column *from_cells,
                        const struct mer_learned_column *to, const struct mer_column *to_cells,
                        size_t row)
{
    return days_of(to, to_cells, row) - days_of(from, from_cells, row);
}

static size_t row_at(const uint32_t *rows, size_t i)
{
    return rows ? rows[i] : i;
}

/* Mean and deviation of a difference over the rows; false: it is always the same. */
static bool scale_of(const struct mer_frame *frame, const uint32_t *sources,
                     const struct mer_learning *learned, size_t from, size_t to,
                     const uint32_t *rows, size_t n_rows, struct mer_part_scale *part)
{
    const struct mer_column *const from_cells = &frame->columns[sources[from]];
    const struct mer_column *const to_cells = &frame->columns[sources[to]];
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n_rows; i++)
        sum += mer_days_between(&learned[from].column, from_cells, &learned[to].column, to_cells,
                                row_at(rows, i));
    part->mean = sum / (double)n_rows;
    for (size_t i = 0; i < n_rows; i++) {
        const double rest = mer_days_between(&learned[from].column, from_cells, &learned[to].column,
                                             to_cells, row_at(rows, i)) -
                            part->mean;
        squares += rest * rest;
    }
    part->scale = sqrt(squares / (double)n_rows);
    return part->scale > 1e-9 * (1 + fabs(part->mean)) && isfinite(part->scale);
}

void mer_since_learn(const struct mer_frame *frame, const uint32_t *sources, size_t n_columns,
                     const uint32_t *rows, size_t n_rows, struct mer_learning *learned)
{
    size_t dates[MER_DATES_MAX], n_dates = 0;

    for (size_t i = 0; i < n_columns && n_dates < MER_DATES_MAX; i++)
        if (is_date(learned[i].column.type) && learned[i].column.left_out == MER_LEFT_OUT_NOT)
            dates[n_dates++] = i;
    for (size_t b = 1; b < n_dates; b++)
        for (size_t a = 0; a < b; a++) {
            struct mer_learning *learning = &learned[dates[b]];
            struct mer_part_scale part = {.part = (enum mer_part)((size_t)MER_PART_SINCE + a)};
            if (scale_of(frame, sources, learned, dates[a], dates[b], rows, n_rows, &part))
                learning->parts[learning->n_parts++] = part;
        }
}
