/* What the solvers of the linear family see: a smooth convex loss over blocks of rows, plus a
 * penalty.
 *
 *     F(theta) = sum_i s_i loss_i(theta) + alpha ((1 - l1_ratio) / 2 |w|^2 + l1_ratio |w|_1)
 *
 * with loss = half the squared residual, the logistic loss of one output, the multinomial loss of
 * one output a class, the squared hinge of one output's margin, or the square of what a residual
 * has beyond epsilon. Intercepts are part of theta and not penalised.
 *
 * theta has n_theta entries, aligned, in two parts:
 *
 *   dense   [n_outputs][n_dense_padded]   weights of the dense columns; padding stays zero
 *   lit     [n_lit_columns][n_outputs]    weights of the indicators, then of the sparse columns,
 *                                         column by column, and in the last column, which every row
 *                                         lights, the intercepts
 *
 * Inside, dense columns are centred by their weighted means, which changes nothing but the
 * intercept and makes the problem better conditioned.
 *
 * Rows are cut into blocks and blocks into parts; their number depends on shapes alone. Each part
 * sums on its own, and parts are added in their order: any number of threads gives the same bits.
 */
#ifndef MER_LEARN_LINEAR_PROBLEM_H
#define MER_LEARN_LINEAR_PROBLEM_H

#include "core/ctx.h"
#include "learn/design.h"
#include "learn/linear_kernels.h"

enum { MER_LINEAR_BLOCK_ROWS = 64 };

enum mer_linear_loss {
    MER_LOSS_SQUARED,
    MER_LOSS_LOGISTIC,
    MER_LOSS_MULTINOMIAL,
    MER_LOSS_SQUARED_HINGE,
    MER_LOSS_EPSILON_INSENSITIVE
};

struct mer_linear_problem {
    const struct mer_ctx *ctx;
    const struct mer_linear_kernels *kernels;
    const struct mer_design *design;
    const struct mer_target *target;
    enum mer_linear_loss loss; /* by the task; support vector machines set theirs after init */
    double epsilon;            /* of MER_LOSS_EPSILON_INSENSITIVE */
    size_t n_outputs;          /* 1 but for the multinomial loss */
    size_t n_dense;            /* without condensed columns */
    size_t n_dense_padded;
    size_t n_lit_columns; /* indicators, sparse columns and the intercept */
    size_t n_lit_theta;   /* index in theta of the lit part */
    size_t n_weights;     /* index in theta of the intercepts; what is before them is penalised */
    size_t n_theta;       /* a multiple of MER_LANES; padding stays zero */
    double ridge;         /* alpha (1 - l1_ratio): the factor of |w|^2 / 2 */
    double lasso;         /* alpha l1_ratio: the factor of |w|_1 */
    double total_weight;  /* sum of s */
    double *weights;      /* s [n_rows]: sample weights times class weights */
    double *shift;        /* [n_dense_padded]: what centres the dense columns */
    /* [n_rows][n_outputs], of the last evaluation: probabilities of the multinomial loss; else the
     * second derivative of s_i loss_i. */
    double *curvature;
    size_t n_blocks;
    size_t n_parts;
    double *parts;       /* [n_parts][n_theta]: each part's sums */
    double *part_losses; /* [n_parts] */
    double *scratch;     /* [team size][n_scratch]: a worker's block */
    size_t n_scratch;
};

/* Centres, weighs and cuts. `class_weights` [n_classes] or NULL. Release in any case. */
MER_MUST_CHECK mer_status
mer_linear_problem_init(const struct mer_ctx *ctx, const struct mer_design *design,
                        const struct mer_target *target, const double *class_weights, double alpha,
                        double l1_ratio, struct mer_linear_problem *ret_problem, mer_err *err);
void mer_linear_problem_release(struct mer_linear_problem *problem);

/* Rows of block b: all blocks are full but the last. */
static inline size_t mer_linear_block_rows(const struct mer_linear_problem *problem, size_t b)
{
    const size_t left = problem->design->n_rows - b * MER_LINEAR_BLOCK_ROWS;
    return left < MER_LINEAR_BLOCK_ROWS ? left : MER_LINEAR_BLOCK_ROWS;
}

/* Loads dense columns of rows, without condensed ones, into a block[n_rows][n_padded]. */
void mer_linear_load(const struct mer_linear_kernels *kernels, const struct mer_design *design,
                     size_t first_row, size_t n_rows, const double *shift, double *block,
                     size_t n_padded);

/* The codes of row `row`; NULL where there are none. */
static inline const int32_t *mer_linear_codes(const struct mer_linear_problem *problem, size_t row)
{
    const struct mer_design *design = problem->design;
    return design->n_groups ? design->codes + row * design->n_groups : NULL;
}

/* Whether a pass should end early. */
static inline bool mer_linear_is_cancelled(const struct mer_linear_problem *problem)
{
    return mer_ctx_check_cancel(problem->ctx, NULL).code != MER_OK;
}

/* Part p of n has items [start(p), start(p + 1)). */
static inline size_t mer_linear_part_start(size_t n_items, size_t part, size_t n_parts)
{
    return n_items / n_parts * part + n_items % n_parts * part / n_parts;
}

/* How many parts the rows are cut into where each one sums that many doubles. */
size_t mer_linear_parts(const struct mer_linear_problem *problem, size_t n_doubles);

/* The best constant prediction: where solvers start. */
void mer_linear_start(const struct mer_linear_problem *problem, double *ret_theta);

/* The passes over the rows below, and mer_linear_hessian(), end early, with a result of no meaning,
 * once ctx is cancelled: check that before it is used.
 *
 * The smooth part of F (loss and ridge) and its gradient [n_theta]; remembers the curvature. A loss
 * that overflows is an infinity or NaN. */
double mer_linear_evaluate(struct mer_linear_problem *problem, const double *theta,
                           double *ret_gradient);
/* The second derivative of the smooth part, at the last evaluation, times a vector. */
void mer_linear_times_hessian(struct mer_linear_problem *problem, const double *vector,
                              double *ret_product);

/* alpha l1_ratio |w|_1. */
double mer_linear_lasso(const struct mer_linear_problem *problem, const double *theta);
/* The centred theta as coefficients[n_outputs][n_features] and intercepts[n_outputs] of the columns
 * as they are. The multinomial loss does not know the sum of the intercepts: it is made zero. */
void mer_linear_finish(const struct mer_linear_problem *problem, const double *theta,
                       double *ret_coefficients, double *ret_intercepts);

#endif
