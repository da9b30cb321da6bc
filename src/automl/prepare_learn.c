/* What is learned of one column from the training rows: its median, its deviation, its levels. All
 * sums are in the order of the rows, so they do not depend on threads.
 */
#include <stdlib.h>
#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "core/sort.h"

/* The share of rows that a column is scaled for at least. */
static const double DIFFERING_MIN = 0.04;

/* The rows to learn from. */
struct learning_rows {
    const uint32_t *rows; /* NULL: 0 .. n - 1 */
    size_t n;
};

static size_t row_at(const struct learning_rows *rows, size_t i)
{
    return rows->rows ? rows->rows[i] : i;
}

double mer_cell_number(const struct mer_column *column, size_t row)
{
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        return (column->data.bits[row / 8] >> (row % 8)) & 1;
    case MER_TYPE_INTEGER:
        return (double)column->data.integers[row];
    default:
        return column->data.numbers[row];
    }
}

/* The lower median of n > 0 values, a value that occurs; by quickselect with Hoare's partition,
 * which reorders them. */
static double median(double *values, size_t n)
{
    const size_t k = (n - 1) / 2;
    size_t low = 0, high = n - 1;

    while (low < high) {
        const double pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;; i++, j--) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            const double swapped = values[i];
            values[i] = values[j];
            values[j] = swapped;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[k];
}

static void add_part(struct mer_learning *learning, enum mer_part part, double mean, double scale)
{
    learning->parts[learning->n_parts++] =
        (struct mer_part_scale){.part = part, .mean = mean, .scale = scale};
}

/* The indicator's mean and deviation follow from the counts. */
static void add_missing_part(struct mer_learning *learning, size_t n_missing, size_t n)
{
    if (n_missing == 0)
        return;
    const double share = (double)n_missing / (double)n;
    add_part(learning, MER_PART_MISSING, share, sqrt(share * (1 - share)));
}

static void leave_out(struct mer_learned_column *column, enum mer_left_out left_out,
                      enum mer_column_role role, enum mer_column_reason reason)
{
    column->left_out = left_out;
    column->role = role;
    column->reason = reason;
}

static void leave_out_if_nothing(struct mer_learning *learning)
{
    if (learning->n_parts == 0)
        leave_out(&learning->column, MER_LEFT_OUT_CONSTANT, MER_COLUMN_CONSTANT,
                  MER_BECAUSE_ONE_VALUE);
}

static void leave_out_without_value(struct mer_learned_column *column)
{
    leave_out(column, MER_LEFT_OUT_NO_VALUE, MER_COLUMN_CONSTANT, MER_BECAUSE_NO_VALUE);
}

/* Present values in row order into `values`; their number. */
static size_t gather_numbers(const struct mer_column *column, const struct learning_rows *rows,
                             double *values)
{
    size_t n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const size_t row = row_at(rows, i);
        if (mer_column_has(column, row))
            values[n++] = mer_cell_number(column, row);
    }
    return n;
}

/* Clips n values to the finite ones among them, whose range goes to *ret_low and *ret_high; false
 * when there is none. */
static bool clip_to_finite(double *values, size_t n, double *ret_low, double *ret_high)
{
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < n; i++) {
        if (fabs(values[i]) > MER_LARGEST)
            continue;
        if (values[i] < low)
            low = values[i];
        if (values[i] > high)
            high = values[i];
    }
    if (low > high)
        return false;
    for (size_t i = 0; i < n; i++)
        values[i] = values[i] < low ? low : values[i] > high ? high : values[i];
    *ret_low = low;
    *ret_high = high;
    return true;
}

/* Whether integers number the rows: no two alike, and at least half of their range in use. */
static bool numbers_rows(double *values, size_t n, double low, double high)
{
    const double range = high - low + 1; /* the integers that there are room for */

    if (n < MER_IDENTIFIER_INTEGER_ROWS_MIN || range < (double)n || range > 2 * (double)n)
        return false;
    mer_sort(values, n, sizeof(*values), mer_compare_doubles);
    for (size_t i = 1; i < n; i++)
        if (values[i] == values[i - 1])
            return false;
    return true;
}

/* A column that says the same in nearly all rows, as counts of a rare word do, would make a few
 * rows stand far out if its deviation became 1. It is scaled as if more of them differed. */
static double widen(const double *values, size_t n, double usual, size_t n_rows)
{
    size_t n_differ = 0;
    for (size_t i = 0; i < n; i++)
        n_differ += values[i] != usual;
    const double share = (double)n_differ / (double)n_rows;
    return share > 0 && share < DIFFERING_MIN
               ? sqrt(DIFFERING_MIN * (1 - DIFFERING_MIN) / (share * (1 - share)))
               : 1;
}

static void learn_number(const struct mer_column *column, const struct learning_rows *rows,
                         double *values, struct mer_learning *ret)
{
    struct mer_learned_column *learned = &ret->column;
    const size_t n = gather_numbers(column, rows, values);

    if (!clip_to_finite(values, n, &learned->low, &learned->high)) {
        leave_out_without_value(learned);
        return;
    }
    const double n_missing = (double)(rows->n - n);
    const double sum = mer_sum(values, n);
    learned->fill = median(values, n);
    const double mean = (sum + n_missing * learned->fill) / (double)rows->n;

    if (column->type == MER_TYPE_INTEGER && n == rows->n && !ret->is_said_feature &&
        numbers_rows(values, n, learned->low, learned->high)) {
        leave_out(learned, MER_LEFT_OUT_IDENTIFIER, MER_COLUMN_IDENTIFIER,
                  MER_BECAUSE_NUMBERS_ROWS);
        return;
    }
    const double widening = widen(values, n, learned->fill, rows->n);
    for (size_t i = 0; i < n; i++)
        values[i] = (values[i] - mean) * (values[i] - mean);
    const double fill_square = (learned->fill - mean) * (learned->fill - mean);
    const double scale = sqrt((mer_sum(values, n) + n_missing * fill_square) / (double)rows->n);
    if (learned->low < learned->high && scale > 0)
        add_part(ret, MER_PART_VALUE, mean, widening * scale);
    add_missing_part(ret, rows->n - n, rows->n);
    leave_out_if_nothing(ret);
}

/* The median of the present values, false when there is none. */
static bool time_median(const struct mer_column *column, const struct learning_rows *rows,
                        double *values, size_t *ret_n, int64_t *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < rows->n; i++)
        if (mer_column_has(column, row_at(rows, i)))
            values[n++] = (double)column->data.integers[row_at(rows, i)];
    *ret_n = n;
    if (n == 0)
        return false;
    const double middle = median(values, n);
    /* A double may round up to 2^63, which is no int64. */
    *ret = middle >= 0x1p63 ? INT64_MAX : (int64_t)middle;
    return true;
}

/* The parts of row i, of the median where it is missing. */
static void row_parts(const struct mer_column *column, const struct learning_rows *rows, size_t i,
                      int64_t fill, double parts[MER_PART_COUNT])
{
    const size_t row = row_at(rows, i);
    const int64_t value = mer_column_has(column, row) ? column->data.integers[row] : fill;
    mer_date_parts(column->type, value, fill, parts);
}

static void learn_time(const struct mer_column *column, const struct learning_rows *rows,
                       double *scratch, struct mer_learning *ret)
{
    double parts[MER_PART_COUNT], first[MER_PART_COUNT];
    double mean[MER_PART_COUNT] = {0}, squares[MER_PART_COUNT] = {0};
    bool varies[MER_PART_COUNT] = {0};
    size_t n_present;

    if (!time_median(column, rows, scratch, &n_present, &ret->column.fill_time)) {
        leave_out_without_value(&ret->column);
        return;
    }
    const int64_t fill = ret->column.fill_time;
    row_parts(column, rows, 0, fill, first);
    for (size_t i = 0; i < rows->n; i++) {
        row_parts(column, rows, i, fill, parts);
        for (size_t p = 0; p < MER_PART_COUNT; p++) {
            mean[p] += parts[p];
            varies[p] = varies[p] || parts[p] != first[p];
        }
    }
    for (size_t p = 0; p < MER_PART_COUNT; p++)
        mean[p] /= (double)rows->n;
    for (size_t i = 0; i < rows->n; i++) {
        row_parts(column, rows, i, fill, parts);
        for (size_t p = 0; p < MER_PART_COUNT; p++)
            squares[p] += (parts[p] - mean[p]) * (parts[p] - mean[p]);
    }
    for (enum mer_part p = 0; p < MER_PART_COUNT; p++) {
        const double scale = sqrt(squares[p] / (double)rows->n);
        if (p == MER_PART_MISSING)
            add_missing_part(ret, rows->n - n_present, rows->n);
        else if (varies[p] && scale > 0 && mer_part_fits(p, column->type))
            add_part(ret, p, mean[p], scale);
    }
    leave_out_if_nothing(ret);
}

struct level_count {
    int32_t code;
    uint32_t count;
};

/* More frequent first, then in the order of the frame's dictionary: first appearance. */
static int compare_counts(const void *a, const void *b)
{
    const struct level_count *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->code > y->code) - (x->code < y->code);
}

static uint32_t rare_minimum(size_t n_rows)
{
    const size_t share = n_rows / 1000;
    return share < MER_RARE_MIN   ? MER_RARE_MIN
           : share > MER_RARE_MAX ? MER_RARE_MAX
                                  : (uint32_t)share;
}

/* Decides from the counts which levels are kept; `counts` holds the levels seen. */
static mer_status keep_levels(struct mer_alloc *alloc, struct level_count *counts, size_t n_seen,
                              size_t n_present, size_t n_rows, struct mer_learning *ret,
                              mer_err *err)
{
    struct mer_learned_column *learned = &ret->column;
    const uint32_t rare_min = rare_minimum(n_rows);
    size_t n_kept = 0, n_covered = 0;

    if (n_present == 0) {
        leave_out_without_value(learned);
        return mer_ok();
    }
    if (n_present >= MER_IDENTIFIER_ROWS_MIN && !ret->is_said_feature &&
        (double)n_seen > MER_IDENTIFIER_SHARE * (double)n_present) {
        leave_out(learned, MER_LEFT_OUT_IDENTIFIER, MER_COLUMN_IDENTIFIER, MER_BECAUSE_OWN_VALUE);
        return mer_ok();
    }
    mer_sort(counts, n_seen, sizeof(*counts), compare_counts);
    while (n_kept < n_seen && n_kept < MER_LEVELS_MAX && counts[n_kept].count >= rare_min)
        n_covered += counts[n_kept++].count;
    learned->n_levels = n_kept;
    ret->has_many_levels = n_seen > MER_LEVELS_MAX;
    learned->has_rare = n_covered < n_present;
    learned->has_missing = n_present < n_rows;
    if (mer_learned_width(learned) < 2) {
        if (n_seen > 1)
            leave_out(learned, MER_LEFT_OUT_IDENTIFIER, MER_COLUMN_IDENTIFIER,
                      MER_BECAUSE_NO_LEVEL);
        else
            leave_out(learned, MER_LEFT_OUT_CONSTANT, MER_COLUMN_CONSTANT, MER_BECAUSE_ONE_VALUE);
        learned->n_levels = 0;
        return mer_ok();
    }
    MER_GUARD(mer_alloc_array(alloc, n_kept, sizeof(*ret->levels), &ret->levels, err));
    for (size_t i = 0; i < n_kept; i++)
        ret->levels[i] = counts[i].code;
    return mer_ok();
}

static mer_status learn_levels(struct mer_alloc *alloc, const struct mer_column *column,
                               const struct learning_rows *rows, struct mer_learning *ret,
                               mer_err *err)
{
    struct level_count *counts;
    size_t n_present = 0, n_seen = 0;

    MER_GUARD(mer_alloc_zero(alloc, column->n_levels, sizeof(*counts), &counts, err));
    for (size_t i = 0; i < rows->n; i++) {
        const int32_t code = column->data.codes[row_at(rows, i)];
        if (code >= 0) {
            counts[code].count++;
            n_present++;
        }
    }
    for (size_t i = 0; i < column->n_levels; i++)
        if (counts[i].count > 0)
            counts[n_seen++] = (struct level_count){(int32_t)i, counts[i].count};
    const mer_status status = keep_levels(alloc, counts, n_seen, n_present, rows->n, ret, err);
    mer_free(alloc, counts);
    return status;
}

/* What columns of a type are unless their values say otherwise. */
static void say_usual_role(struct mer_learned_column *column, unsigned hints)
{
    static const struct {
        enum mer_column_role role;
        enum mer_column_reason reason;
    } usual[MER_TYPE_COUNT] = {
        [MER_TYPE_BOOLEAN] = {MER_COLUMN_BOOLEAN, MER_BECAUSE_TRUTH},
        [MER_TYPE_INTEGER] = {MER_COLUMN_NUMBER, MER_BECAUSE_NUMBERS},
        [MER_TYPE_NUMBER] = {MER_COLUMN_NUMBER, MER_BECAUSE_NUMBERS},
        [MER_TYPE_CATEGORICAL] = {MER_COLUMN_CATEGORY, MER_BECAUSE_LEVELS},
        [MER_TYPE_TEXT] = {MER_COLUMN_TEXT, MER_BECAUSE_WORDS},
        [MER_TYPE_DATE] = {MER_COLUMN_TIME, MER_BECAUSE_TIMES},
        [MER_TYPE_TIME] = {MER_COLUMN_TIME, MER_BECAUSE_TIMES},
        [MER_TYPE_DATETIME] = {MER_COLUMN_TIME, MER_BECAUSE_TIMES},
    };
    column->role = usual[column->type].role;
    column->reason = usual[column->type].reason;
    if (column->type == MER_TYPE_CATEGORICAL && (hints & MER_HINT_ORDERED)) {
        column->role = MER_COLUMN_ORDINAL;
        column->reason = MER_BECAUSE_ORDERED;
    }
}

void mer_learning_leave_out(struct mer_learning *learning, enum mer_left_out left_out,
                            enum mer_column_role role, enum mer_column_reason reason)
{
    learning->column = (struct mer_learned_column){.type = learning->column.type,
                                                   .left_out = left_out,
                                                   .role = role,
                                                   .reason = reason,
                                                   .is_leak = learning->column.is_leak};
    learning->n_parts = 0;
}

mer_status mer_learn_column(struct mer_alloc *alloc, const struct mer_column *column,
                            unsigned hints, const uint32_t *rows, size_t n_rows, double *scratch,
                            struct mer_learning *ret, mer_err *err)
{
    const struct learning_rows learning_rows = {rows, n_rows};
    mer_status status = mer_ok();

    *ret = (struct mer_learning){.column = {.type = column->type}};
    ret->is_said_feature = (hints & MER_HINT_FEATURE) != 0;
    say_usual_role(&ret->column, hints);
    if (mer_type_is_number(column->type))
        learn_number(column, &learning_rows, scratch, ret);
    else if (mer_type_is_time(column->type))
        learn_time(column, &learning_rows, scratch, ret);
    else if (column->type == MER_TYPE_CATEGORICAL)
        status = learn_levels(alloc, column, &learning_rows, ret, err);
    else
        mer_learn_text(column, (hints & MER_HINT_TEXT) != 0, rows, n_rows, scratch, ret);
    ret->column.is_leak = (hints & MER_HINT_LEAK) != 0;
    if ((hints & MER_HINT_LEAVE_OUT) && ret->column.left_out == MER_LEFT_OUT_NOT) {
        ret->column.left_out = MER_LEFT_OUT_LEAK;
        ret->column.reason = MER_BECAUSE_LEAK;
    }
    /* Nothing of a column that is no feature stays in the model. */
    if (ret->column.left_out != MER_LEFT_OUT_NOT)
        mer_learning_leave_out(ret, ret->column.left_out, ret->column.role, ret->column.reason);
    return status;
}
