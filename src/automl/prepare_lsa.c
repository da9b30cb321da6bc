/* Randomised subspace iteration on a sparse matrix A: an orthonormal basis of what A and its
 * transpose make of random columns, turned about and about, then the small problem that is left.
 * Every sum is made by one task in a fixed order, so that teams give the same bits. */
#include "automl/prepare_text.h"

#include <string.h>

#include "core/math.h"
#include "core/rng.h"
#include "core/team.h"
#include "learn/linear_kernels.h"

enum {
    MORE = 8, /* columns beyond those wanted: they make the last ones exact */
    WIDTH = MER_COMPONENTS_MAX + MORE,
    TURNS = 2,
    SWEEPS = 12, /* of Jacobi's method, which converges quadratically */
    TASK_ROWS = 256
};

/* What is less than this of a column's square, after those before it were taken out, is rounding.
 */
static const double LEAST = 1e-20;

struct lsa {
    const struct mer_ctx *ctx;
    const struct mer_linear_kernels *kernels;
    struct mer_csr matrix;
    struct mer_csr transposed;
    double *tall;    /* [n_rows][WIDTH] */
    double *wide;    /* [n_columns][WIDTH] */
    double *grams;   /* [tasks][WIDTH][WIDTH] */
    double *scratch; /* [team size][TASK_ROWS][WIDTH] */
    _Alignas(64) double gram[WIDTH][WIDTH];
    /* What the tasks work on. */
    const struct mer_csr *from;
    const double *source;
    double *target;
    size_t n_target;
};

static size_t tasks_of(size_t n_rows)
{
    return (n_rows + TASK_ROWS - 1) / TASK_ROWS;
}

static size_t end_of(size_t task, size_t n_rows)
{
    const size_t end = (task + 1) * TASK_ROWS;
    return end < n_rows ? end : n_rows;
}

static void multiply_task(void *argument, size_t task, size_t worker)
{
    const struct lsa *lsa = argument;
    const struct mer_csr *const from = lsa->from;

    (void)worker;
    if (!mer_is_ok(mer_ctx_check_cancel(lsa->ctx, NULL)))
        return;
    for (size_t i = task * TASK_ROWS; i < end_of(task, from->n_rows); i++) {
        double *const sums = lsa->target + i * WIDTH;
        memset(sums, 0, WIDTH * sizeof *sums);
        for (size_t e = from->start[i]; e < from->start[i + 1]; e++)
            lsa->kernels->axpy(from->values[e], lsa->source + (size_t)from->columns[e] * WIDTH,
                               WIDTH, sums);
    }
}

/* target = from times source. */
static void multiply(struct lsa *lsa, const struct mer_csr *from, const double *source,
                     double *target)
{
    lsa->from = from;
    lsa->source = source;
    lsa->target = target;
    mer_team_run(lsa->ctx->team, multiply_task, lsa, tasks_of(from->n_rows));
}

static void gram_task(void *argument, size_t task, size_t worker)
{
    const struct lsa *lsa = argument;
    double *const gram = lsa->grams + task * WIDTH * WIDTH;
    const double *const rows = lsa->target + task * TASK_ROWS * WIDTH;

    (void)worker;
    memset(gram, 0, WIDTH * WIDTH * sizeof *gram);
    lsa->kernels->accumulate(rows, WIDTH, end_of(task, lsa->n_target) - task * TASK_ROWS, WIDTH,
                             rows, WIDTH, WIDTH, gram, WIDTH);
}

/* gram = the columns of x[n][WIDTH] times each other. */
static void find_gram(struct lsa *lsa, double *x, size_t n)
{
    lsa->target = x;
    lsa->n_target = n;
    mer_team_run(lsa->ctx->team, gram_task, lsa, tasks_of(n));
    memset(lsa->gram, 0, sizeof lsa->gram);
    for (size_t t = 0; t < tasks_of(n); t++)
        lsa->kernels->axpy(1, lsa->grams + t * WIDTH * WIDTH, (size_t)WIDTH * WIDTH,
                           &lsa->gram[0][0]);
}

/* Replaces the gram matrix by its Cholesky factor; a column that depends on those before it gets a
 * pivot of zero. */
static void factor(double gram[WIDTH][WIDTH])
{
    for (size_t j = 0; j < WIDTH; j++) {
        double pivot = gram[j][j];
        const double all = pivot;
        for (size_t k = 0; k < j; k++)
            pivot -= gram[j][k] * gram[j][k];
        gram[j][j] = pivot > 1e-13 * all && pivot > LEAST ? sqrt(pivot) : 0;
        for (size_t i = j + 1; i < WIDTH; i++) {
            double sum = gram[i][j];
            for (size_t k = 0; k < j; k++)
                sum -= gram[i][k] * gram[j][k];
            gram[i][j] = gram[j][j] > 0 ? sum / gram[j][j] : 0;
        }
    }
}

/* The gram matrix's factor, which it holds, becomes its inverse: with zeros for columns that depend
 * on others. */
static void invert(double factor[WIDTH][WIDTH])
{
    double inverse[WIDTH][WIDTH] = {0};
    for (size_t j = 0; j < WIDTH; j++) {
        if (!(factor[j][j] > 0))
            continue;
        inverse[j][j] = 1 / factor[j][j];
        for (size_t i = j + 1; i < WIDTH; i++) {
            double sum = 0;
            for (size_t k = j; k < i; k++)
                sum -= factor[i][k] * inverse[k][j];
            inverse[i][j] = factor[i][i] > 0 ? sum / factor[i][i] : 0;
        }
    }
    memcpy(factor, inverse, sizeof inverse);
}

static void solve_task(void *argument, size_t task, size_t worker)
{
    const struct lsa *lsa = argument;
    const size_t n = end_of(task, lsa->n_target) - task * TASK_ROWS;
    double *const rows = lsa->target + task * TASK_ROWS * WIDTH;
    double *const scratch = lsa->scratch + worker * TASK_ROWS * WIDTH;

    lsa->kernels->dot(rows, WIDTH, n, &lsa->gram[0][0], WIDTH, WIDTH, WIDTH, scratch, WIDTH);
    memcpy(rows, scratch, n * WIDTH * sizeof *rows);
}

/* Makes the columns of x[n][WIDTH] orthonormal, or zero. A second turn takes out what rounding in
 * squares leaves. */
static void make_orthonormal(struct lsa *lsa, double *x, size_t n, size_t n_turns)
{
    for (size_t turn = 0; turn < n_turns; turn++) {
        find_gram(lsa, x, n);
        factor(lsa->gram);
        invert(lsa->gram);
        mer_team_run(lsa->ctx->team, solve_task, lsa, tasks_of(n));
    }
}

/* Columns of 1 and -1, by chance. */
static void draw(struct lsa *lsa, uint64_t seed)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, mer_rng_stream("text directions", 0));
    for (size_t j = 0; j < lsa->matrix.n_columns; j++) {
        uint64_t bits = mer_rng_u64(&rng);
        for (size_t c = 0; c < WIDTH; c++, bits >>= 1)
            lsa->wide[j * WIDTH + c] = bits & 1 ? 1 : -1;
    }
}

/* Rotates rows and columns p and q of a symmetric matrix so that they part; v collects rotations.
 */
static void rotate(double a[WIDTH][WIDTH], double v[WIDTH][WIDTH], size_t p, size_t q)
{
    if (fabs(a[p][q]) < 1e-300)
        return;
    const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t k = 0; k < WIDTH; k++) {
        const double kp = a[k][p], kq = a[k][q];
        a[k][p] = c * kp - s * kq;
        a[k][q] = s * kp + c * kq;
    }
    for (size_t k = 0; k < WIDTH; k++) {
        const double pk = a[p][k], qk = a[q][k], vp = v[k][p], vq = v[k][q];
        a[p][k] = c * pk - s * qk;
        a[q][k] = s * pk + c * qk;
        v[k][p] = c * vp - s * vq;
        v[k][q] = s * vp + c * vq;
    }
}

/* The eigenvectors of the gram matrix, largest eigenvalue first: order[i] is the column in v. */
static void find_axes(struct lsa *lsa, double v[WIDTH][WIDTH], size_t order[WIDTH])
{
    for (size_t i = 0; i < WIDTH; i++)
        for (size_t j = 0; j < WIDTH; j++)
            v[i][j] = i == j;
    for (size_t sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t p = 0; p < WIDTH; p++)
            for (size_t q = p + 1; q < WIDTH; q++)
                rotate(lsa->gram, v, p, q);
    for (size_t i = 0; i < WIDTH; i++) {
        size_t at = i;
        for (; at > 0 && lsa->gram[order[at - 1]][order[at - 1]] < lsa->gram[i][i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* With Q orthonormal and Z = A'Q: the right singular vectors of Q'A are Z times the axes of Z'Z,
 * each divided by its length. */
static size_t put_directions(struct lsa *lsa, size_t n_wanted, float *ret_directions)
{
    double axes[WIDTH][WIDTH], values[WIDTH];
    size_t order[WIDTH], n = 0;

    find_gram(lsa, lsa->wide, lsa->matrix.n_columns);
    find_axes(lsa, axes, order);
    const double largest = lsa->gram[order[0]][order[0]];
    while (n < n_wanted && lsa->gram[order[n]][order[n]] > 1e-9 * largest &&
           lsa->gram[order[n]][order[n]] > LEAST) {
        values[n] = lsa->gram[order[n]][order[n]];
        n++;
    }
    memset(lsa->gram, 0, sizeof lsa->gram);
    for (size_t c = 0; c < n; c++) {
        const double length = sqrt(values[c]);
        for (size_t k = 0; k < WIDTH; k++)
            lsa->gram[c][k] = axes[k][order[c]] / length;
    }
    lsa->target = lsa->wide;
    lsa->n_target = lsa->matrix.n_columns;
    mer_team_run(lsa->ctx->team, solve_task, lsa, tasks_of(lsa->n_target));
    for (size_t j = 0; j < lsa->matrix.n_columns; j++)
        for (size_t c = 0; c < n; c++)
            ret_directions[j * n + c] = (float)lsa->wide[j * WIDTH + c];
    return n;
}

/* Rows and columns change places: a counting sort, in which rows keep their order. */
static void transpose(const struct mer_csr *matrix, size_t *start, uint32_t *columns, float *values)
{
    const size_t n = matrix->start[matrix->n_rows];

    memset(start, 0, (matrix->n_columns + 1) * sizeof *start);
    for (size_t e = 0; e < n; e++)
        start[matrix->columns[e] + 1]++;
    for (size_t j = 0; j < matrix->n_columns; j++)
        start[j + 1] += start[j];
    for (size_t i = 0; i < matrix->n_rows; i++)
        for (size_t e = matrix->start[i]; e < matrix->start[i + 1]; e++) {
            const size_t at = start[matrix->columns[e]]++;
            columns[at] = (uint32_t)i;
            values[at] = matrix->values[e];
        }
    for (size_t j = matrix->n_columns; j > 0; j--)
        start[j] = start[j - 1];
    start[0] = 0;
}

static size_t iterate(struct lsa *lsa, size_t n_wanted, uint64_t seed, float *ret_directions)
{
    const size_t n_rows = lsa->matrix.n_rows;

    draw(lsa, seed);
    for (size_t turn = 0; turn <= TURNS; turn++) {
        multiply(lsa, &lsa->matrix, lsa->wide, lsa->tall);
        make_orthonormal(lsa, lsa->tall, n_rows, turn < TURNS ? 1 : 2);
        multiply(lsa, &lsa->transposed, lsa->tall, lsa->wide);
        if (turn < TURNS)
            make_orthonormal(lsa, lsa->wide, lsa->matrix.n_columns, 1);
    }
    return put_directions(lsa, n_wanted, ret_directions);
}

mer_status mer_lsa_directions(const struct mer_ctx *ctx, const struct mer_csr *matrix,
                              size_t n_components, uint64_t seed, float *ret_directions,
                              size_t *ret_n, mer_err *err)
{
    const size_t n_entries = matrix->start[matrix->n_rows];
    const size_t n_most = matrix->n_rows > matrix->n_columns ? matrix->n_rows : matrix->n_columns;
    struct mer_alloc *alloc = ctx->alloc;
    struct lsa *lsa;
    size_t *start = NULL;
    uint32_t *columns = NULL;
    float *values = NULL;
    mer_status status;

    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *lsa, &lsa, err));
    lsa->ctx = ctx;
    lsa->kernels = mer_linear_kernels(ctx->cpu);
    lsa->matrix = *matrix;
    MER_GUARD_GOTO(mer_alloc_array(alloc, matrix->n_columns + 1, sizeof *start, &start, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_entries, sizeof *columns, &columns, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_entries, sizeof *values, &values, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, matrix->n_rows, WIDTH * sizeof(double), &lsa->tall, err),
                   done);
    MER_GUARD_GOTO(
        mer_alloc_array(alloc, matrix->n_columns, WIDTH * sizeof(double), &lsa->wide, err), done);
    MER_GUARD_GOTO(
        mer_alloc_array(alloc, tasks_of(n_most), WIDTH * WIDTH * sizeof(double), &lsa->grams, err),
        done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, mer_team_size(ctx->team),
                                   TASK_ROWS * WIDTH * sizeof(double), &lsa->scratch, err),
                   done);
    transpose(matrix, start, columns, values);
    lsa->transposed = (struct mer_csr){.n_rows = matrix->n_columns,
                                       .n_columns = matrix->n_rows,
                                       .start = start,
                                       .columns = columns,
                                       .values = values};
    const size_t n = iterate(lsa, n_components, seed, ret_directions);
    status = mer_ctx_check_cancel(ctx, err);
    if (mer_is_ok(status))
        *ret_n = n;
done:
    mer_free(alloc, lsa->scratch);
    mer_free(alloc, lsa->grams);
    mer_free(alloc, lsa->wide);
    mer_free(alloc, lsa->tall);
    mer_free(alloc, lsa);
    mer_free(alloc, start);
    mer_free(alloc, columns);
    mer_free(alloc, values);
    return status;
}
