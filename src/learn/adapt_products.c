/* Which products of two columns to add: those whose part that the columns do not explain goes with
 * the part of the target that they do not explain. Columns are looked at that go with the target
 * themselves, or whose squares do; products of the strongest COLUMNS_MAX of them. All sums run in
 * the order of the rows.
 */
#include <math.h>
#include <string.h>

#include "core/math.h"
#include "core/sort.h"
#include "learn/adapt.h"
#include "learn/ranked_pair.h"

enum {
    COLUMNS_MAX = 16,
    PAIRS_MAX = COLUMNS_MAX * (COLUMNS_MAX + 1) / 2,
    MAINS = COLUMNS_MAX + 1, /* and the constant */
    TARGETS_MAX = 4,         /* classes that are looked at, the first, which are frequent */
    ROWS_MAX = 20000
};

/* Transformed columns are clipped to this, lest one row decide. */
static const double CLIP = 5;
/* Products that explain less than so many times what noise would are not worth a column. */
static const double GAIN_MIN = 6;

struct search {
    const double *dense;
    size_t stride;
    size_t n_usable;
    const struct mer_target *target;
    size_t n_targets;
    size_t step; /* every step-th row */
    size_t n_rows;
    double target_means[TARGETS_MAX];
    double target_squares[TARGETS_MAX];
    uint32_t columns[COLUMNS_MAX];
    size_t n_columns;
};

static double clipped(double x)
{
    return x > CLIP ? CLIP : x < -CLIP ? -CLIP : x;
}

static double cell(const struct search *search, size_t i, size_t column)
{
    return clipped(search->dense[i * search->step * search->stride + column]);
}

static double wanted(const struct search *search, size_t i, size_t t)
{
    const struct mer_target *target = search->target;
    const size_t row = i * search->step;
    if (target->task == MER_TASK_REGRESSION)
        return target->values[row] - search->target_means[t];
    const int32_t class = target->task == MER_TASK_BINARY ? 1 : (int32_t)t;
    return (target->classes[row] == class) - search->target_means[t];
}

static void find_target_means(struct search *search)
{
    for (size_t t = 0; t < search->n_targets; t++) {
        double sum = 0;
        for (size_t i = 0; i < search->n_rows; i++)
            sum += wanted(search, i, t);
        search->target_means[t] = sum / (double)search->n_rows;
        for (size_t i = 0; i < search->n_rows; i++) {
            const double y = wanted(search, i, t);
            search->target_squares[t] += y * y;
        }
    }
}

/* The greatest share of a target's variance that a column, or its square, explains alone. */
static double relevance(const struct search *search, size_t column)
{
    const double n = (double)search->n_rows;
    double best = 0;
    for (int power = 1; power <= 2; power++) {
        double sum = 0, squares = 0, moments[TARGETS_MAX] = {0};
        for (size_t i = 0; i < search->n_rows; i++) {
            const double x = cell(search, i, column), value = power == 1 ? x : x * x;
            sum += value;
            squares += value * value;
            for (size_t t = 0; t < search->n_targets; t++)
                moments[t] += value * wanted(search, i, t);
        }
        const double variance = squares - sum * sum / n;
        for (size_t t = 0; t < search->n_targets && variance > 1e-9 * n; t++)
            if (search->target_squares[t] > 0)
                best = fmax(best, moments[t] * moments[t] / variance / search->target_squares[t]);
    }
    return best;
}

static mer_status find_columns(const struct mer_ctx *ctx, struct search *search, mer_err *err)
{
    struct mer_ranked_pair *ranked = NULL;
    mer_status status = mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, search->n_usable, sizeof *ranked, &ranked, err));
    for (size_t j = 0; j < search->n_usable; j++) {
        MER_GUARD_GOTO(mer_ctx_check_cancel(ctx, err), out);
        ranked[j] = (struct mer_ranked_pair){.gain = relevance(search, j), .a = (uint32_t)j};
    }
    mer_sort(ranked, search->n_usable, sizeof *ranked, mer_compare_pairs);
    while (search->n_columns < COLUMNS_MAX && search->n_columns < search->n_usable &&
           ranked[search->n_columns].gain > 0) {
        search->columns[search->n_columns] = ranked[search->n_columns].a;
        search->n_columns++;
    }
out:
    mer_free(ctx->alloc, ranked);
    return status;
}

/* Sums over the rows: of the columns with each other, and of all pairs with columns and targets. */
struct moments {
    double mains[MAINS][MAINS];         /* factored later */
    double targets[TARGETS_MAX][MAINS]; /* solved later */
    double pairs[PAIRS_MAX][MAINS];
    double pair_squares[PAIRS_MAX];
    double pair_targets[PAIRS_MAX][TARGETS_MAX];
};

static void sum_row(const struct search *search, size_t i, struct moments *moments)
{
    double x[MAINS], y[TARGETS_MAX];
    const size_t n = search->n_columns + 1;
    x[0] = 1;
    for (size_t j = 1; j < n; j++)
        x[j] = cell(search, i, search->columns[j - 1]);
    for (size_t t = 0; t < search->n_targets; t++)
        y[t] = wanted(search, i, t);
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k <= j; k++)
            moments->mains[j][k] += x[j] * x[k];
        for (size_t t = 0; t < search->n_targets; t++)
            moments->targets[t][j] += x[j] * y[t];
    }
    for (size_t a = 1, p = 0; a < n; a++)
        for (size_t b = 1; b <= a; b++, p++) {
            const double product = x[a] * x[b];
            moments->pair_squares[p] += product * product;
            for (size_t j = 0; j < n; j++)
                moments->pairs[p][j] += product * x[j];
            for (size_t t = 0; t < search->n_targets; t++)
                moments->pair_targets[p][t] += product * y[t];
        }
}

/* Cholesky's factor in place, slightly damped, for columns may be combinations of others. */
static void factor(struct moments *moments, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j; i < n; i++) {
            double rest = moments->mains[i][j] * (i == j ? 1 + 1e-9 : 1);
            for (size_t k = 0; k < j; k++)
                rest -= moments->mains[i][k] * moments->mains[j][k];
            moments->mains[i][j] = i == j ? sqrt(fmax(rest, 1e-9)) : rest / moments->mains[j][j];
        }
    }
}

static void solve_lower(const struct moments *moments, size_t n, double *x)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= moments->mains[i][k] * x[k];
        x[i] /= moments->mains[i][i];
    }
}

static double product_of(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* How many times what noise would each pair explains of what the columns leave; their number. */
static size_t rank_pairs(const struct search *search, struct moments *moments,
                         struct mer_ranked_pair ranked[PAIRS_MAX])
{
    const size_t n = search->n_columns + 1;
    double left[TARGETS_MAX];
    size_t p = 0;
    factor(moments, n);
    for (size_t t = 0; t < search->n_targets; t++) {
        solve_lower(moments, n, moments->targets[t]);
        left[t] =
            search->target_squares[t] - product_of(moments->targets[t], moments->targets[t], n);
    }
    for (size_t a = 1; a < n; a++)
        for (size_t b = 1; b <= a; b++, p++) {
            solve_lower(moments, n, moments->pairs[p]);
            const double own =
                moments->pair_squares[p] - product_of(moments->pairs[p], moments->pairs[p], n);
            ranked[p] =
                (struct mer_ranked_pair){.a = search->columns[b - 1], .b = search->columns[a - 1]};
            for (size_t t = 0; t < search->n_targets; t++) {
                const double common = moments->pair_targets[p][t] -
                                      product_of(moments->pairs[p], moments->targets[t], n);
                if (own > 1e-6 * moments->pair_squares[p] && left[t] > 0)
                    ranked[p].gain = fmax(ranked[p].gain, common * common / own / left[t]);
            }
            ranked[p].gain *= (double)search->n_rows;
        }
    mer_sort(ranked, p, sizeof *ranked, mer_compare_pairs);
    return p;
}

/* Mean and deviation of a product; false: it does not vary. */
static bool scale_of(const struct search *search, const struct mer_ranked_pair *pair,
                     double ret_scale[2])
{
    const double n = (double)search->n_rows;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < search->n_rows; i++)
        sum += cell(search, i, pair->a) * cell(search, i, pair->b);
    for (size_t i = 0; i < search->n_rows; i++) {
        const double rest = cell(search, i, pair->a) * cell(search, i, pair->b) - sum / n;
        squares += rest * rest;
    }
    ret_scale[0] = sum / n;
    ret_scale[1] = sqrt(squares / n);
    return ret_scale[1] > 1e-9;
}

static mer_status find_pairs(const struct mer_ctx *ctx, struct search *search, size_t n_wanted,
                             struct mer_adapter *adapter, mer_err *err)
{
    struct mer_ranked_pair ranked[PAIRS_MAX];
    struct moments *moments = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *moments, &moments, err));
    for (size_t i = 0; i < search->n_rows; i++)
        sum_row(search, i, moments);
    const size_t n = rank_pairs(search, moments, ranked);
    mer_free(ctx->alloc, moments);
    MER_GUARD(
        mer_alloc_zero(ctx->alloc, 2 * n_wanted, sizeof *adapter->factors, &adapter->factors, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, 2 * n_wanted, sizeof *adapter->product_scales,
                             &adapter->product_scales, err));
    for (size_t p = 0; p < n && adapter->n_products < n_wanted && ranked[p].gain >= GAIN_MIN; p++) {
        const size_t at = 2 * adapter->n_products;
        if (!scale_of(search, &ranked[p], adapter->product_scales + at))
            continue;
        adapter->factors[at] = ranked[p].a;
        adapter->factors[at + 1] = ranked[p].b;
        adapter->n_products++;
    }
    return mer_ok();
}

mer_status mer_adapter_find_products(const struct mer_ctx *ctx, const struct mer_design *design,
                                     const double *dense, const struct mer_target *target,
                                     size_t n_wanted, struct mer_adapter *adapter, mer_err *err)
{
    struct search search = {.dense = dense,
                            .stride = design->n_dense,
                            .n_usable = mer_design_uncondensed(design),
                            .target = target,
                            .n_targets = target->task != MER_TASK_MULTICLASS ? 1
                                         : target->n_classes < TARGETS_MAX   ? target->n_classes
                                                                             : TARGETS_MAX,
                            .step = (design->n_rows + ROWS_MAX - 1) / ROWS_MAX};
    search.n_rows = (design->n_rows + search.step - 1) / search.step;
    find_target_means(&search);
    MER_GUARD(find_columns(ctx, &search, err));
    return find_pairs(ctx, &search, n_wanted, adapter, err);
}
