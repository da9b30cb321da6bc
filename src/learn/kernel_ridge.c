#include "learn/kernel_ridge.h"

#include <string.h>

#include "core/math.h"
#include "core/team.h"
#include "learn/calibration.h"
#include "learn/linear_cholesky.h"

enum {
    BLOCK_ROWS = 64,
    BLOCK_COLUMNS = 32,
    CHUNK_ROWS = 4096,   /* mapped at a time */
    LEFT_OUT_ROWS = 4096 /* leave-one-out scores are made for this many, evenly spaced */
};

static const double ALPHAS[] = {1e-3, 1e-2, 1e-1, 1, 10};
/* Where the calibration of scores between 0 and 1 begins. */
static const struct mer_calibration CALIBRATION_START = {.slope = 4, .prior_weight = 0.3};
enum { N_ALPHAS = sizeof ALPHAS / sizeof ALPHAS[0] };

struct fit {
    const struct mer_ctx *ctx;
    const struct mer_linear_kernels *kernels;
    const struct mer_kernel_map *map;
    const struct mer_design *design;
    const struct mer_target *target;
    size_t n; /* map->n_padded */
    size_t n_outputs;

    double *scratch; /* [team][BLOCK_ROWS][n_scratch] */
    /* The rows that are worked on: every `step`-th from `first`. */
    size_t first;
    size_t step;
    size_t n_rows;
    double *z;       /* [n_rows][n], times the root of the row's weight */
    double *roots;   /* [n_rows] of the weights */
    double *wanted;  /* [n_rows][n_outputs], times the root */
    double *gram;    /* [n][n] lower triangle of the sum of z z' */
    double *moments; /* [n_outputs][n] sums of wanted times z */
    double *sum;     /* [n] sum of z by weight */
    double *means;   /* [n_outputs] of what is wanted */
    double total_weight;

    double *factor;     /* [n][n] */
    double *scores;     /* [n_rows][n_outputs] of the rows left out */
    double *candidates; /* [n_outputs][n] coefficients */
};

static double weight_of(const struct fit *fit, size_t row)
{
    return fit->target->weights ? fit->target->weights[row] : 1.0;
}

/* What output k of the row should be. */
static double wanted_of(const struct fit *fit, size_t row, size_t k)
{
    const struct mer_target *target = fit->target;
    switch (target->task) {
    case MER_TASK_REGRESSION:
        return target->values[row];
    case MER_TASK_BINARY:
        return target->classes[row] == 1;
    case MER_TASK_MULTICLASS:
        break;
    }
    return (size_t)target->classes[row] == k;
}

static void map_block(void *argument, size_t task, size_t worker)
{
    const struct fit *fit = argument;
    const size_t begin = task * BLOCK_ROWS, left = fit->n_rows - begin;
    const size_t n_rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    double *const scratch = fit->scratch + worker * BLOCK_ROWS * fit->map->n_scratch;
    mer_kernel_map_apply(fit->map, fit->ctx->cpu, fit->design, fit->first + begin * fit->step,
                         fit->step, n_rows, scratch, fit->z + begin * fit->n);
    for (size_t r = begin; r < begin + n_rows; r++) {
        const size_t row = fit->first + r * fit->step;
        const double root = sqrt(weight_of(fit, row));
        fit->roots[r] = root;
        if (fit->target->weights)
            fit->kernels->scale(root, fit->z + r * fit->n, fit->n, fit->z + r * fit->n);
        for (size_t k = 0; k < fit->n_outputs; k++)
            fit->wanted[r * fit->n_outputs + k] = root * wanted_of(fit, row, k);
    }
}

static size_t n_column_blocks(const struct fit *fit)
{
    return (fit->n + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
}

/* The Gram matrix grows by the rows at hand, a block of its rows at a time, the longest first. The
 * last task is the other sums. Rows are added in their order whatever the number of threads. */
static void sum_block(void *argument, size_t task, size_t worker)
{
    const struct fit *fit = argument;
    const size_t n = fit->n, n_blocks = n_column_blocks(fit);
    (void)worker;
    for (size_t r = 0; r < fit->n_rows; r += BLOCK_ROWS) {
        const size_t n_rows = fit->n_rows - r < BLOCK_ROWS ? fit->n_rows - r : BLOCK_ROWS;
        const double *z = fit->z + r * n;
        if (task == n_blocks) {
            fit->kernels->accumulate(fit->roots + r, 1, n_rows, 1, z, n, n, fit->sum, n);
            fit->kernels->accumulate(fit->wanted + r * fit->n_outputs, fit->n_outputs, n_rows,
                                     fit->n_outputs, z, n, n, fit->moments, n);
            continue;
        }
        const size_t k = (n_blocks - 1 - task) * BLOCK_COLUMNS;
        const size_t n_columns = n - k < BLOCK_COLUMNS ? n - k : BLOCK_COLUMNS;
        fit->kernels->accumulate(z + k, n, n_rows, n_columns, z, n, k + n_columns,
                                 fit->gram + k * n, n);
    }
}

static mer_status sum_rows(struct fit *fit, mer_err *err)
{
    const size_t n_rows = fit->design->n_rows;
    fit->step = 1;
    for (fit->first = 0; fit->first < n_rows; fit->first += CHUNK_ROWS) {
        MER_GUARD(mer_ctx_check_cancel(fit->ctx, err));
        fit->n_rows = n_rows - fit->first < CHUNK_ROWS ? n_rows - fit->first : CHUNK_ROWS;
        mer_team_run(fit->ctx->team, map_block, fit, (fit->n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS);
        mer_team_run(fit->ctx->team, sum_block, fit, n_column_blocks(fit) + 1);
    }
    return mer_ok();
}

static mer_status find_means(struct fit *fit, mer_err *err)
{
    fit->total_weight = 0;
    for (size_t row = 0; row < fit->design->n_rows; row++) {
        const double weight = weight_of(fit, row);
        fit->total_weight += weight;
        for (size_t k = 0; k < fit->n_outputs; k++)
            fit->means[k] += weight * wanted_of(fit, row, k);
    }
    if (!(fit->total_weight > 0 && isfinite(fit->total_weight)))
        return mer_fail(err, MER_ERR_DATA,
                        "the weights of the rows have no finite sum above zero to learn from");
    for (size_t k = 0; k < fit->n_outputs; k++)
        fit->means[k] /= fit->total_weight;
    return mer_ok();
}

/* Takes the means out of the sums; from here on `sum` is the mean of z. */
static void centre_sums(struct fit *fit)
{
    const size_t n = fit->n;
    for (size_t k = 0; k < fit->n_outputs; k++)
        fit->kernels->axpy(-fit->means[k], fit->sum, n, fit->moments + k * n);
    for (size_t i = 0; i < n; i++) {
        const double share = fit->sum[i] / fit->total_weight;
        for (size_t j = 0; j <= i; j++)
            fit->gram[i * n + j] -= share * fit->sum[j];
    }
    for (size_t i = 0; i < n; i++)
        fit->sum[i] /= fit->total_weight;
}

/* Factors the penalised matrix and solves for the coefficients. */
static void solve(struct fit *fit, double alpha)
{
    const size_t n = fit->n;
    memcpy(fit->factor, fit->gram, n * n * sizeof *fit->factor);
    for (size_t i = 0; i < n; i++)
        fit->factor[i * n + i] += alpha;
    mer_cholesky(fit->ctx, fit->kernels, n, fit->factor);
    for (size_t k = 0; k < fit->n_outputs; k++)
        mer_cholesky_solve(fit->kernels, n, fit->factor, fit->moments + k * n,
                           fit->candidates + k * n);
}

/* Solves for one block of columns, `rest` being what is left for it: all rows at a time, since for
 * one row each step waits for the one before. */
static void whiten_block(const struct fit *fit, size_t n_rows, size_t b, size_t n_columns,
                         double rest[BLOCK_COLUMNS][BLOCK_ROWS])
{
    for (size_t i = 0; i < n_columns; i++) {
        const double *row = fit->factor + (b + i) * fit->n + b;
        for (size_t j = 0; j < i; j++)
            fit->kernels->axpy(-row[j], rest[j], mer_lanes_pad(n_rows), rest[i]);
        for (size_t r = 0; r < n_rows; r++)
            rest[i][r] /= row[i];
    }
}

/* Replaces rows z by inverse(L) z, block by block, so that most of it is products of matrices. */
static void whiten(const struct fit *fit, size_t n_rows, double *z)
{
    const size_t n = fit->n;
    double product[BLOCK_ROWS * BLOCK_COLUMNS];
    double rest[BLOCK_COLUMNS][BLOCK_ROWS] __attribute__((aligned(64))) = {{0}};
    for (size_t b = 0; b < n; b += BLOCK_COLUMNS) {
        const size_t n_columns = n - b < BLOCK_COLUMNS ? n - b : BLOCK_COLUMNS;
        fit->kernels->dot(z, n, n_rows, fit->factor + b * n, n, n_columns, b, product,
                          BLOCK_COLUMNS);
        for (size_t r = 0; r < n_rows; r++)
            for (size_t i = 0; i < n_columns; i++)
                rest[i][r] = z[r * n + b + i] - product[r * BLOCK_COLUMNS + i];
        whiten_block(fit, n_rows, b, n_columns, rest);
        for (size_t r = 0; r < n_rows; r++)
            for (size_t i = 0; i < n_columns; i++)
                z[r * n + b + i] = rest[i][r];
    }
}

/* Scores of the rows at hand, each as if it had been left out. Uses a copy of their z. */
struct leaving {
    const struct fit *fit;
    double *copies; /* [team][BLOCK_ROWS][n] */
};

static void leave_block(void *argument, size_t task, size_t worker)
{
    const struct leaving *leaving = argument;
    const struct fit *fit = leaving->fit;
    const size_t n = fit->n, n_outputs = fit->n_outputs;
    const size_t begin = task * BLOCK_ROWS, left = fit->n_rows - begin;
    const size_t n_rows = left < BLOCK_ROWS ? left : BLOCK_ROWS;
    double *const z = leaving->copies + worker * BLOCK_ROWS * n;
    double *const scores = fit->scores + begin * n_outputs;

    memcpy(z, fit->z + begin * n, n_rows * n * sizeof *z);
    for (size_t r = 0; r < n_rows; r++)
        fit->kernels->axpy(-fit->roots[begin + r], fit->sum, n, z + r * n);
    fit->kernels->dot(z, n, n_rows, fit->candidates, n, n_outputs, n, scores, n_outputs);
    whiten(fit, n_rows, z);
    for (size_t r = 0; r < n_rows; r++) {
        const double root = fit->roots[begin + r];
        double hat = root * root / fit->total_weight;
        double squares;
        fit->kernels->dot(z + r * n, n, 1, z + r * n, n, 1, n, &squares, 1);
        hat += squares;
        const double stays = 1 - hat > 1e-6 ? 1 - hat : 1e-6;
        for (size_t k = 0; k < n_outputs; k++) {
            double *const score = &scores[r * n_outputs + k];
            const double row_wanted =
                root > 0 ? fit->wanted[(begin + r) * n_outputs + k] / root : 0;
            const double fitted = fit->means[k] + (root > 0 ? *score / root : 0);
            *score = row_wanted - (row_wanted - fitted) / stays;
        }
    }
}

/* The loss of the scores left out, and for classes what calibrates them. */
static double loss_left_out(const struct fit *fit, const double *log_shares,
                            struct mer_calibration *ret_calibration)
{
    const size_t n_outputs = fit->n_outputs;
    if (fit->target->task != MER_TASK_REGRESSION) {
        const struct mer_calibrated_scores scores = {.scores = fit->scores,
                                                     .roots = fit->roots,
                                                     .classes = fit->target->classes,
                                                     .step = fit->step,
                                                     .n_rows = fit->n_rows,
                                                     .n_classes = fit->target->n_classes,
                                                     .log_shares = log_shares};
        *ret_calibration = CALIBRATION_START;
        return mer_calibrate(&scores, ret_calibration);
    }
    double loss = 0;
    for (size_t r = 0; r < fit->n_rows * n_outputs; r++) {
        const double root = fit->roots[r];
        const double residual = root * fit->scores[r] - fit->wanted[r];
        loss += residual * residual;
    }
    return loss;
}

/* Tries the penalties, keeps the best one's coefficients. */
static mer_status choose(struct fit *fit, double alpha, struct mer_kernel_ridge *ridge,
                         mer_err *err)
{
    struct leaving leaving = {.fit = fit};
    double least = INFINITY;
    mer_status status = mer_ok();
    MER_GUARD(mer_alloc_array(fit->ctx->alloc, mer_team_size(fit->ctx->team),
                              BLOCK_ROWS * fit->n * sizeof(double), &leaving.copies, err));
    const size_t n_rows = fit->design->n_rows;
    fit->first = 0;
    fit->step = (n_rows + LEFT_OUT_ROWS - 1) / LEFT_OUT_ROWS;
    fit->n_rows = (n_rows + fit->step - 1) / fit->step;
    if (n_rows > CHUNK_ROWS) /* else they are still there */
        mer_team_run(fit->ctx->team, map_block, fit, (fit->n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS);
    for (size_t a = 0; a < (alpha > 0 ? 1 : N_ALPHAS); a++) {
        struct mer_calibration calibration = {0};
        MER_GUARD_GOTO(mer_ctx_check_cancel(fit->ctx, err), done);
        solve(fit, alpha > 0 ? alpha : ALPHAS[a]);
        mer_team_run(fit->ctx->team, leave_block, &leaving,
                     (fit->n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS);
        const double loss = loss_left_out(fit, ridge->log_shares, &calibration);
        if (a > 0 && !(loss < least))
            continue;
        least = loss;
        ridge->alpha = alpha > 0 ? alpha : ALPHAS[a];
        ridge->calibration = calibration;
        memcpy(ridge->coefficients, fit->candidates, fit->n_outputs * fit->n * sizeof(double));
    }
    for (size_t k = 0; k < fit->n_outputs; k++) {
        double shift;
        fit->kernels->dot(fit->sum, fit->n, 1, ridge->coefficients + k * fit->n, fit->n, 1, fit->n,
                          &shift, 1);
        ridge->intercepts[k] = fit->means[k] - shift;
    }
done:
    mer_free(fit->ctx->alloc, leaving.copies);
    return status;
}

static mer_status allocate(struct fit *fit, mer_err *err)
{
    struct mer_alloc *alloc = fit->ctx->alloc;
    const size_t n = fit->n, n_outputs = fit->n_outputs;
    const size_t n_rows = fit->design->n_rows < LEFT_OUT_ROWS ? fit->design->n_rows : LEFT_OUT_ROWS;
    const size_t n_scratch = BLOCK_ROWS * fit->map->n_scratch;
    MER_GUARD(mer_alloc_array(alloc, mer_team_size(fit->ctx->team), n_scratch * sizeof(double),
                              &fit->scratch, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, n * sizeof(double), &fit->z, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(double), &fit->roots, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, n_outputs * sizeof(double), &fit->wanted, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, n_outputs * sizeof(double), &fit->scores, err));
    MER_GUARD(mer_alloc_zero(alloc, n, n * sizeof(double), &fit->gram, err));
    MER_GUARD(mer_alloc_array(alloc, n, n * sizeof(double), &fit->factor, err));
    MER_GUARD(mer_alloc_zero(alloc, n_outputs, n * sizeof(double), &fit->moments, err));
    MER_GUARD(mer_alloc_array(alloc, n_outputs, n * sizeof(double), &fit->candidates, err));
    MER_GUARD(mer_alloc_zero(alloc, n, sizeof(double), &fit->sum, err));
    return mer_alloc_zero(alloc, n_outputs, sizeof(double), &fit->means, err);
}

static void release(const struct fit *fit)
{
    double *const arrays[] = {fit->scratch, fit->z,     fit->roots,     fit->wanted,
                              fit->scores,  fit->gram,  fit->factor,    fit->moments,
                              fit->sum,     fit->means, fit->candidates};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        mer_free(fit->ctx->alloc, arrays[i]);
}

static mer_status new_ridge(const struct fit *fit, struct mer_kernel_ridge *ridge, mer_err *err)
{
    struct mer_alloc *alloc = fit->ctx->alloc;
    *ridge = (struct mer_kernel_ridge){.n_outputs = fit->n_outputs};
    MER_GUARD(
        mer_alloc_array(alloc, fit->n_outputs, fit->n * sizeof(double), &ridge->coefficients, err));
    MER_GUARD(mer_alloc_array(alloc, fit->n_outputs, sizeof(double), &ridge->intercepts, err));
    return mer_alloc_zero(alloc, fit->target->n_classes, sizeof(double), &ridge->log_shares, err);
}

/* A class that has no row, or next to none, counts as this share. */
#define SHARE_MIN 1e-9

static void find_shares(const struct fit *fit, double *log_shares)
{
    for (size_t row = 0; fit->target->classes && row < fit->design->n_rows; row++)
        log_shares[fit->target->classes[row]] += weight_of(fit, row) / fit->total_weight;
    for (size_t k = 0; k < fit->target->n_classes; k++)
        log_shares[k] = mer_ln(fmax(log_shares[k], SHARE_MIN));
}

mer_status mer_kernel_ridge_fit(const struct mer_ctx *ctx, const struct mer_kernel_map *map,
                                const struct mer_design *design, const struct mer_target *target,
                                double alpha, struct mer_kernel_ridge *ret_ridge, mer_err *err)
{
    struct fit fit = {.ctx = ctx,
                      .kernels = mer_linear_kernels(ctx->cpu),
                      .map = map,
                      .design = design,
                      .target = target,
                      .n = map->n_padded,
                      .n_outputs = mer_kernel_outputs(target->task, target->n_classes)};
    mer_status status;
    MER_GUARD_GOTO(new_ridge(&fit, ret_ridge, err), done);
    MER_GUARD_GOTO(allocate(&fit, err), done);
    MER_GUARD_GOTO(find_means(&fit, err), done);
    find_shares(&fit, ret_ridge->log_shares);
    MER_GUARD_GOTO(sum_rows(&fit, err), done);
    centre_sums(&fit);
    MER_GUARD_GOTO(choose(&fit, alpha, ret_ridge, err), done);
done:
    release(&fit);
    return status;
}

void mer_kernel_ridge_release(const struct mer_ctx *ctx, struct mer_kernel_ridge *ridge)
{
    mer_free(ctx->alloc, ridge->coefficients);
    mer_free(ctx->alloc, ridge->intercepts);
    mer_free(ctx->alloc, ridge->log_shares);
    *ridge = (struct mer_kernel_ridge){0};
}

uint64_t mer_kernel_ridge_cost(const struct mer_design *design, enum mer_task task,
                               size_t n_classes, size_t n_waves, bool chooses_alpha)
{
    /* Nanoseconds of one core: a product and sum in a kernel, one of a column that is lit, a
     * cosine, a product and sum while factoring. */
    static const double KERNEL_NS = 0.08, LIT_NS = 0.1, COSINE_NS = 0.6, FACTOR_NS = 0.2;
    const double rows = (double)design->n_rows;
    const double left_out = fmin(rows, LEFT_OUT_ROWS);
    const double n = (double)mer_kernel_map_features(design, n_waves);
    const double waves = (double)n_waves;
    const double n_alphas = chooses_alpha ? N_ALPHAS : 1;
    const double outputs = (double)mer_kernel_outputs(task, n_classes);
    const double map_row = waves * ((double)mer_lanes_pad(design->n_dense) * KERNEL_NS +
                                    (double)design->n_groups * LIT_NS + COSINE_NS);
    const double sum_row = n * (n / 2 + outputs + 1) * KERNEL_NS;
    const double leave_row = n * (n / 2 + outputs) * KERNEL_NS;
    const double solving = n * n * (n / 3 * FACTOR_NS + 2 * outputs);
    return 1 + (uint64_t)((rows * (map_row + sum_row) + left_out * map_row +
                           n_alphas * (left_out * leave_row + solving)) /
                          1000);
}
