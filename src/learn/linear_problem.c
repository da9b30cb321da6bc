/* Setting a problem up: weights, centring, how rows are cut; and taking its solution out. */
#include "learn/linear_problem.h"

#include <string.h>

#include "core/math.h"
#include "core/team.h"

enum {
    PARTS_MAX = 32,
    /* Doubles in all parts together: 32 MB. Wide problems have fewer parts. */
    PARTS_DOUBLES_MAX = 1 << 22,
    /* A part of a sparse problem is mostly zeros that are added all the same: fewer of them. */
    PARTS_DOUBLES_SPARSE_MAX = 1 << 19
};

void mer_linear_load(const struct mer_linear_kernels *kernels, const struct mer_design *design,
                     size_t first_row, size_t n_rows, const double *shift, double *block,
                     size_t n_padded)
{
    const size_t n_dense = mer_design_uncondensed(design);
    if (n_padded == 0)
        return;
    const double *from = design->dense + first_row * design->n_dense;
    if (design->n_condensed == 0) {
        kernels->load(from, n_rows, n_dense, shift, block, n_padded);
        return;
    }
    for (size_t r = 0; r < n_rows; r++)
        kernels->load(from + r * design->n_dense, 1, n_dense, shift, block + r * n_padded,
                      n_padded);
}

static mer_status fill_weights(struct mer_linear_problem *problem, const double *class_weights,
                               mer_err *err)
{
    const struct mer_target *target = problem->target;
    const size_t n_rows = problem->design->n_rows;
    for (size_t row = 0; row < n_rows; row++) {
        double weight = target->weights ? target->weights[row] : 1.0;
        if (class_weights)
            weight *= class_weights[target->classes[row]];
        problem->weights[row] = weight;
    }
    problem->total_weight = mer_sum(problem->weights, n_rows);
    if (!(problem->total_weight > 0 && isfinite(problem->total_weight)))
        return mer_fail(err, MER_ERR_DATA,
                        "the weights of the rows have no finite sum above zero to learn from");
    return mer_ok();
}

static void sum_part(void *argument, size_t part, size_t worker)
{
    const struct mer_linear_problem *problem = argument;
    const struct mer_design *design = problem->design;
    const size_t n_padded = problem->n_dense_padded;
    double *block = problem->scratch + worker * problem->n_scratch;
    double *sums = problem->parts + part * problem->n_theta;
    const size_t end = mer_linear_part_start(problem->n_blocks, part + 1, problem->n_parts);

    memset(sums, 0, n_padded * sizeof *sums);
    for (size_t b = mer_linear_part_start(problem->n_blocks, part, problem->n_parts); b < end;
         b++) {
        const size_t row = b * MER_LINEAR_BLOCK_ROWS;
        const size_t n_rows = mer_linear_block_rows(problem, b);
        /* The shift is still zero. */
        mer_linear_load(problem->kernels, design, row, n_rows, problem->shift, block, n_padded);
        problem->kernels->accumulate(problem->weights + row, 1, n_rows, 1, block, n_padded,
                                     n_padded, sums, n_padded);
    }
}

/* Weighted means of the dense columns. */
static mer_status find_shift(struct mer_linear_problem *problem, mer_err *err)
{
    const size_t n_padded = problem->n_dense_padded;
    mer_team_run(problem->ctx->team, sum_part, problem, problem->n_parts);
    for (size_t p = 0; p < problem->n_parts; p++)
        problem->kernels->axpy(1.0, problem->parts + p * problem->n_theta, n_padded,
                               problem->shift);
    for (size_t j = 0; j < n_padded; j++) {
        problem->shift[j] /= problem->total_weight;
        if (!isfinite(problem->shift[j]))
            return mer_fail(err, MER_ERR_DATA,
                            "the numbers of feature %zu are too large for a linear model", j);
    }
    return mer_ok();
}

/* MER_ERR_DATA where sizes overflow. */
static mer_status find_shape(struct mer_linear_problem *problem, mer_err *err)
{
    const struct mer_design *design = problem->design;
    const size_t n_outputs = problem->n_outputs;
    size_t n_dense_theta, n_lit_theta, n_theta, n_state;

    if (design->n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "there is no row to learn from");
    problem->n_dense = mer_design_uncondensed(design);
    problem->n_dense_padded = mer_lanes_pad(problem->n_dense);
    problem->n_lit_columns = mer_design_onehot(design) + design->n_sparse + 1;
    if (!mer_size_mul(problem->n_dense_padded, n_outputs, &n_dense_theta) ||
        !mer_size_mul(problem->n_lit_columns, n_outputs, &n_lit_theta) ||
        !mer_size_add(n_dense_theta, n_lit_theta, &n_theta) ||
        !mer_size_mul(design->n_rows, n_outputs, &n_state) ||
        n_theta > SIZE_MAX / PARTS_MAX / sizeof(double) / MER_LINEAR_BLOCK_ROWS)
        return mer_fail(err, MER_ERR_DATA, "the table is too large for a linear model");
    problem->n_lit_theta = n_dense_theta;
    problem->n_weights = n_theta - n_outputs;
    problem->n_theta = mer_lanes_pad(n_theta);
    problem->n_blocks = (design->n_rows - 1) / MER_LINEAR_BLOCK_ROWS + 1;
    problem->n_parts = mer_linear_parts(problem, problem->n_theta);
    /* The block, the block times weights, scores, and the lit columns of one row. */
    problem->n_scratch = MER_LINEAR_BLOCK_ROWS * (2 * problem->n_dense_padded + n_outputs) +
                         mer_lanes_pad(design->n_groups + 1);
    return mer_ok();
}

size_t mer_linear_parts(const struct mer_linear_problem *problem, size_t n_doubles)
{
    const size_t n_most = problem->design->n_sparse ? PARTS_DOUBLES_SPARSE_MAX : PARTS_DOUBLES_MAX;
    size_t n_parts = n_most / n_doubles;
    if (n_parts > PARTS_MAX)
        n_parts = PARTS_MAX;
    if (n_parts > problem->n_blocks)
        n_parts = problem->n_blocks;
    return n_parts ? n_parts : 1;
}

static mer_status allocate(struct mer_linear_problem *problem, mer_err *err)
{
    struct mer_alloc *alloc = problem->ctx->alloc;
    const size_t n_rows = problem->design->n_rows;
    MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(double), &problem->weights, err));
    MER_GUARD(mer_alloc_zero(alloc, problem->n_dense_padded, sizeof(double), &problem->shift, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows * problem->n_outputs, sizeof(double),
                              &problem->curvature, err));
    MER_GUARD(mer_alloc_array(alloc, problem->n_parts * problem->n_theta, sizeof(double),
                              &problem->parts, err));
    MER_GUARD(mer_alloc_array(alloc, problem->n_parts, sizeof(double), &problem->part_losses, err));
    return mer_alloc_array(alloc, mer_team_size(problem->ctx->team),
                           problem->n_scratch * sizeof(double), &problem->scratch, err);
}

mer_status mer_linear_problem_init(const struct mer_ctx *ctx, const struct mer_design *design,
                                   const struct mer_target *target, const double *class_weights,
                                   double alpha, double l1_ratio,
                                   struct mer_linear_problem *ret_problem, mer_err *err)
{
    static const enum mer_linear_loss losses[] = {[MER_TASK_REGRESSION] = MER_LOSS_SQUARED,
                                                  [MER_TASK_BINARY] = MER_LOSS_LOGISTIC,
                                                  [MER_TASK_MULTICLASS] = MER_LOSS_MULTINOMIAL};
    *ret_problem = (struct mer_linear_problem){
        .ctx = ctx,
        .kernels = mer_linear_kernels(ctx->cpu),
        .design = design,
        .target = target,
        .loss = losses[target->task],
        .n_outputs = target->task == MER_TASK_MULTICLASS ? target->n_classes : 1,
        .ridge = alpha * (1 - l1_ratio),
        .lasso = alpha * l1_ratio,
    };
    MER_GUARD(find_shape(ret_problem, err));
    MER_GUARD(allocate(ret_problem, err));
    MER_GUARD(fill_weights(ret_problem, class_weights, err));
    return find_shift(ret_problem, err);
}

void mer_linear_problem_release(struct mer_linear_problem *problem)
{
    struct mer_alloc *alloc = problem->ctx->alloc;
    mer_free(alloc, problem->scratch);
    mer_free(alloc, problem->part_losses);
    mer_free(alloc, problem->parts);
    mer_free(alloc, problem->curvature);
    mer_free(alloc, problem->shift);
    mer_free(alloc, problem->weights);
}

/* The weighted mean of the target, nothing for a hinge, or the logarithms of the classes' weights,
 * each class given one more row of mean weight so that an absent one is no infinity. */
void mer_linear_start(const struct mer_linear_problem *problem, double *ret_theta)
{
    const struct mer_target *target = problem->target;
    const size_t n_rows = problem->design->n_rows;
    double *intercepts = ret_theta + problem->n_weights;

    memset(ret_theta, 0, problem->n_theta * sizeof *ret_theta);
    if (problem->loss == MER_LOSS_SQUARED_HINGE)
        return;
    if (problem->loss == MER_LOSS_SQUARED || problem->loss == MER_LOSS_EPSILON_INSENSITIVE) {
        for (size_t row = 0; row < n_rows; row++)
            intercepts[0] += problem->weights[row] / problem->total_weight * target->values[row];
        return;
    }
    const double one_row = problem->total_weight / (double)n_rows;
    if (problem->loss == MER_LOSS_LOGISTIC) {
        double second = 0;
        for (size_t row = 0; row < n_rows; row++)
            second += target->classes[row] == 1 ? problem->weights[row] : 0;
        intercepts[0] = mer_ln((second + one_row) / (problem->total_weight - second + one_row));
        return;
    }
    for (size_t k = 0; k < problem->n_outputs; k++)
        intercepts[k] = one_row;
    for (size_t row = 0; row < n_rows; row++)
        intercepts[target->classes[row]] += problem->weights[row];
    for (size_t k = 0; k < problem->n_outputs; k++)
        intercepts[k] = mer_ln(intercepts[k]);
}

void mer_linear_finish(const struct mer_linear_problem *problem, const double *theta,
                       double *ret_coefficients, double *ret_intercepts)
{
    const size_t n_dense = problem->n_dense;
    const size_t n_onehot = problem->n_lit_columns - 1; /* and sparse columns */
    const size_t n_outputs = problem->n_outputs;
    double mean = 0;

    for (size_t k = 0; k < n_outputs; k++) {
        double *coefficients = ret_coefficients + k * (n_dense + n_onehot);
        double intercept = theta[problem->n_weights + k];
        for (size_t j = 0; j < n_dense; j++) {
            coefficients[j] = theta[k * problem->n_dense_padded + j];
            intercept -= coefficients[j] * problem->shift[j];
        }
        for (size_t c = 0; c < n_onehot; c++)
            coefficients[n_dense + c] = theta[problem->n_lit_theta + c * n_outputs + k];
        ret_intercepts[k] = intercept;
        mean += intercept / (double)n_outputs;
    }
    if (problem->loss == MER_LOSS_MULTINOMIAL)
        for (size_t k = 0; k < n_outputs; k++)
            ret_intercepts[k] -= mean;
}
