/* How strongly two variables go together. */
#include <string.h>

#include "core/math.h"
#include "explain/association_variable.h"

enum { PAIR_ROWS_MIN = 3 };

void mer_ranks(const double *values, const uint32_t *order, size_t n, double *ret_ranks)
{
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && values[order[end]] == values[order[i]])
            end++;
        const double rank = ((double)i + (double)end + 1) / 2;
        for (; i < end; i++)
            ret_ranks[order[i]] = rank;
    }
}

/* In eight sums that a vector can hold, added up in a fixed order. */
static double dot(const double *x, const double *y, size_t n)
{
    double sums[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            sums[k] += x[i + k] * y[i + k];
    double rest = 0;
    for (; i < n; i++)
        rest += x[i] * y[i];
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) +
           ((sums[1] + sums[5]) + (sums[3] + sums[7])) + rest;
}

void mer_normalise(double *x, size_t n)
{
    double largest = 0;
    const double mean = mer_sum(x, n) / (double)n;
    for (size_t i = 0; i < n; i++) {
        x[i] -= mean;
        largest = fmax(largest, fabs(x[i]));
    }
    if (!(largest > 0) || !isfinite(largest))
        return;
    for (size_t i = 0; i < n; i++) /* so that squares neither overflow nor vanish */
        x[i] /= largest;
    const double length = sqrt(dot(x, x, n));
    for (size_t i = 0; i < n; i++)
        x[i] /= length;
}

static double bounded(double r)
{
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

static double correlation(double *x, double *y, size_t n)
{
    if (n < PAIR_ROWS_MIN)
        return (double)NAN;
    mer_normalise(x, n);
    mer_normalise(y, n);
    /* Of length 0 where all were equal. */
    if (!(dot(x, x, n) > 0.5) || !(dot(y, y, n) > 0.5))
        return (double)NAN;
    return bounded(dot(x, y, n));
}

/* The values of `a` in rows where `b` is there too, or their ranks among those rows. */
static size_t common(const struct mer_variable *a, const struct mer_variable *b, bool ranks,
                     size_t n_rows, struct mer_pair_scratch *scratch, double *ret)
{
    const double *by_row = a->values;
    size_t n = 0;
    if (ranks) { /* an order without some of its rows is still an order */
        for (size_t i = 0; i < a->n_present; i++)
            if (!isnan(b->values[a->order[i]]))
                scratch->order[n++] = a->order[i];
        mer_ranks(a->values, scratch->order, n, scratch->by_row);
        by_row = scratch->by_row;
    }
    n = 0;
    for (size_t row = 0; row < n_rows; row++)
        if (!isnan(a->values[row]) && !isnan(b->values[row]))
            ret[n++] = by_row[row];
    return n;
}

static void compare_numbers(const struct mer_variable *a, const struct mer_variable *b,
                            size_t n_rows, struct mer_pair_scratch *scratch,
                            struct mer_association *ret)
{
    if (!a->has_missing && !b->has_missing) {
        if (a->is_flat || b->is_flat) {
            ret->first = ret->second = (double)NAN;
            return;
        }
        ret->first = bounded(dot(a->scores, b->scores, n_rows));
        ret->second = bounded(dot(a->ranks, b->ranks, n_rows));
        return;
    }
    size_t n = common(a, b, false, n_rows, scratch, scratch->x);
    (void)common(b, a, false, n_rows, scratch, scratch->y);
    ret->first = correlation(scratch->x, scratch->y, n);
    n = common(a, b, true, n_rows, scratch, scratch->x);
    (void)common(b, a, true, n_rows, scratch, scratch->y);
    ret->second = correlation(scratch->x, scratch->y, n);
}

static double cramers_v(const struct mer_variable *a, const struct mer_variable *b, size_t n_rows,
                        uint32_t *counts)
{
    double row_sums[MER_ASSOCIATION_LEVELS + 1] = {0},
                                             column_sums[MER_ASSOCIATION_LEVELS + 1] = {0};
    double n = 0, sum = 0, n_a = 0, n_b = 0;

    memset(counts, 0, a->n_codes * b->n_codes * sizeof(*counts));
    for (size_t row = 0; row < n_rows; row++)
        if (a->codes[row] >= 0 && b->codes[row] >= 0)
            counts[(size_t)a->codes[row] * b->n_codes + (size_t)b->codes[row]]++;
    for (size_t i = 0; i < a->n_codes; i++)
        for (size_t k = 0; k < b->n_codes; k++) {
            row_sums[i] += counts[i * b->n_codes + k];
            column_sums[k] += counts[i * b->n_codes + k];
        }
    for (size_t i = 0; i < a->n_codes; i++) {
        n += row_sums[i];
        n_a += row_sums[i] > 0;
    }
    for (size_t k = 0; k < b->n_codes; k++)
        n_b += column_sums[k] > 0;
    if (n < PAIR_ROWS_MIN || n_a < 2 || n_b < 2)
        return (double)NAN;
    for (size_t i = 0; i < a->n_codes; i++)
        for (size_t k = 0; k < b->n_codes; k++) {
            const double count = counts[i * b->n_codes + k];
            if (count > 0)
                sum += count * count / (row_sums[i] * column_sums[k]);
        }
    /* sum - 1 is chi squared over n. */
    const double phi = fmax(0, sum - 1 - (n_a - 1) * (n_b - 1) / (n - 1));
    const double width_a = n_a - (n_a - 1) * (n_a - 1) / (n - 1);
    const double width_b = n_b - (n_b - 1) * (n_b - 1) / (n - 1);
    const double width = fmin(width_a, width_b) - 1;
    return width > 0 ? bounded(sqrt(phi / width)) : (double)NAN;
}

static double correlation_ratio(const struct mer_variable *category,
                                const struct mer_variable *number, size_t n_rows,
                                struct mer_pair_scratch *scratch)
{
    double *const x = scratch->x, *const sums = scratch->sums;
    uint32_t *const counts = scratch->counts;
    double n_groups = 0, between = 0, total = 0;
    size_t n = 0;

    for (size_t row = 0; row < n_rows; row++)
        if (category->codes[row] >= 0 && !isnan(number->values[row]))
            x[n++] = number->values[row];
    if (n < PAIR_ROWS_MIN)
        return (double)NAN;
    mer_normalise(x, n);
    memset(sums, 0, category->n_codes * sizeof(*sums));
    memset(counts, 0, category->n_codes * sizeof(*counts));
    n = 0;
    for (size_t row = 0; row < n_rows; row++)
        if (category->codes[row] >= 0 && !isnan(number->values[row])) {
            total += x[n] * x[n];
            sums[category->codes[row]] += x[n++];
            counts[category->codes[row]]++;
        }
    for (size_t k = 0; k < category->n_codes; k++)
        if (counts[k] > 0) {
            n_groups++;
            between += sums[k] * sums[k] / counts[k];
        }
    if (n_groups < 2 || (double)n <= n_groups || !(total > 0.5))
        return (double)NAN;
    const double within = fmax(0, total - between) / ((double)n - n_groups);
    return sqrt(fmin(1, fmax(0, (between - (n_groups - 1) * within) / total)));
}

void mer_variables_compare(const struct mer_variable *a, const struct mer_variable *b,
                           size_t n_rows, struct mer_pair_scratch *scratch,
                           struct mer_association *ret)
{
    ret->a = a->column;
    ret->b = b->column;
    if (a->is_number && b->is_number) {
        ret->kind = MER_ASSOCIATION_NUMBERS;
        compare_numbers(a, b, n_rows, scratch, ret);
        return;
    }
    if (!a->is_number && !b->is_number) {
        ret->kind = MER_ASSOCIATION_CATEGORIES;
        ret->first = cramers_v(a, b, n_rows, scratch->counts);
    } else {
        ret->kind = MER_ASSOCIATION_MIXED;
        ret->first = a->is_number ? correlation_ratio(b, a, n_rows, scratch)
                                  : correlation_ratio(a, b, n_rows, scratch);
    }
    ret->second = ret->first;
}

double mer_association_strength(const struct mer_association *association)
{
    const double first = fabs(association->first), second = fabs(association->second);
    return isnan(first) ? second : isnan(second) ? first : fmax(first, second);
}
