#include "learn/linear_cost.h"

#include "learn/linear_kernels.h"

/* Longest theta for which a matrix of its square is kept: 32 MB. */
static const double MATRIX_THETA_MAX = 2048;
/* The matrix does not mind badly conditioned problems: worth this factor in time. */
static const double MATRIX_BONUS = 2;

/* Nanoseconds of one core, measured with the AVX2 kernels: a product and sum in a kernel, one of
 * what a row lights, a probability, a product and sum while factoring. */
static const double KERNEL_NS = 0.05, LIT_NS = 1, EXP_NS = 12, FACTOR_NS = 0.15;

/* Several classes that overlap take so many times the steps: measured, and left out of what decides
 * between the two ways. */
static const double MULTINOMIAL = 4;

/* How many Newton steps and passes over the rows a fit takes, roughly. */
enum { STEPS_SQUARED = 2, STEPS = 12, STEPS_LASSO = 15, PASSES_PER_STEP = 1 };
enum { TRUNCATED_SQUARED = 60, TRUNCATED = 500, TRUNCATED_SPARSE = 100, SWEEPS = 50 };

struct mer_linear_cost mer_linear_cost(const struct mer_design *design, enum mer_task task,
                                       size_t n_outputs, bool has_lasso)
{
    const bool squared = task == MER_TASK_REGRESSION;
    const double rows = (double)design->n_rows;
    const double outputs = (double)n_outputs;
    const double dense = (double)mer_lanes_pad(mer_design_uncondensed(design));
    const double lit = (double)design->n_groups + (double)design->sparse_row + 1;
    const double theta =
        outputs * (dense + (double)mer_design_onehot(design) + (double)design->n_sparse + 1);

    const double pass =
        rows * outputs * (2 * dense * KERNEL_NS + 2 * lit * LIT_NS + (squared ? 0 : EXP_NS));
    const double matrix = rows * outputs * outputs *
                          (dense * dense / 2 * KERNEL_NS +
                           lit * (2 * LIT_NS + dense * 2 * KERNEL_NS) + lit * lit / 2 * LIT_NS);
    const double factor = theta * theta * (theta / 3 * FACTOR_NS + (has_lasso ? SWEEPS : 0));
    const double steps = squared ? STEPS_SQUARED : has_lasso ? STEPS_LASSO : STEPS;
    const double newton =
        steps * PASSES_PER_STEP * pass + (squared ? 1 : steps) * (matrix + factor);
    /* Texts have rows of one length each: some hundred passes do. */
    const double n_passes = squared            ? TRUNCATED_SQUARED
                            : design->n_sparse ? TRUNCATED_SPARSE
                                               : TRUNCATED;
    const double truncated = n_passes * pass;

    const bool as_matrix =
        design->n_sparse == 0 && theta <= MATRIX_THETA_MAX && newton <= MATRIX_BONUS * truncated;
    const double nanoseconds = as_matrix ? newton : truncated;
    const double times = !squared && n_outputs > 2 ? MULTINOMIAL : 1;
    return (struct mer_linear_cost){.as_matrix = as_matrix,
                                    .microseconds = 1 + (uint64_t)(times * nanoseconds / 1000)};
}
