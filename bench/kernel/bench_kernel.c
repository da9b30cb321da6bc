/* Fits a kernel machine on random numbers and lets it predict, and prints how long each took.
 *
 *   bench_kernel N_ROWS N_DENSE N_LEVELS [--threads N] [--level plain|avx2|avx512] [--repeat N]
 *                [NAME=VALUE ...]
 *
 * The rows have N_DENSE numbers and, unless N_LEVELS is 0, one group of so many levels. It is
 * fitted to the first FIT_ROWS of them and predicts all. "gflops" counts the products and sums of
 * the two products of matrices alone (rows with waves, waves with coefficients), not the cosines.
 */
#include "../raw_files.h"
#include "core/rng.h"
#include "core/team.h"
#include "learn/family.h"

enum { FIT_ROWS = 4000 };

struct table {
    size_t n_rows;
    size_t n_dense;
    size_t n_levels;
    double *dense;
    double *values;
    int32_t *codes;
    uint32_t group_start[2];
};

static void make(struct table *table)
{
    const size_t n = table->n_rows;
    mer_rng rng;
    mer_rng_init(&rng, 1, 0);
    table->dense = calloc(n * table->n_dense + 1, sizeof(double));
    table->values = calloc(n, sizeof(double));
    table->codes = calloc(n, sizeof(int32_t));
    if (!table->dense || !table->values || !table->codes)
        stop("no memory", "the table");
    for (size_t i = 0; i < n * table->n_dense; i++)
        table->dense[i] = mer_rng_normal(&rng);
    for (size_t i = 0; i < n; i++) {
        table->codes[i] = table->n_levels ? (int32_t)mer_rng_below(&rng, table->n_levels) : 0;
        table->values[i] = mer_rng_normal(&rng) + (table->codes[i] & 1) +
                           (table->n_dense ? table->dense[i * table->n_dense] : 0);
    }
    table->group_start[1] = (uint32_t)table->n_levels;
}

static struct mer_design design_of(const struct table *table, size_t n_rows)
{
    return (struct mer_design){.n_rows = n_rows,
                               .n_dense = table->n_dense,
                               .dense = table->dense,
                               .n_groups = table->n_levels ? 1 : 0,
                               .codes = table->codes,
                               .group_start = table->group_start};
}

static void run(const struct mer_ctx *ctx, const struct mer_family *family,
                const struct mer_params *params, const struct table *table)
{
    const size_t n_fit = table->n_rows < FIT_ROWS ? table->n_rows : FIT_ROWS;
    const struct mer_design few = design_of(table, n_fit), all = design_of(table, table->n_rows);
    const struct mer_target target = {.task = MER_TASK_REGRESSION, .values = table->values};
    const struct mer_fit_data data = {.design = &few, .target = &target, .seed = 1};
    const double n_waves = mer_params_get(family->params, family->n_params, params, "n_components");
    double *predictions = calloc(table->n_rows, sizeof(double));
    struct mer_model *model = NULL;
    mer_err err;

    if (!predictions)
        stop("no memory", "the predictions");
    const double start = now_s();
    check_status(family->fit(ctx, params, &data, &model, &err), &err);
    const double fitted = now_s();
    check_status(family->predict(ctx, model, &all, predictions, &err), &err);
    const double seconds = now_s() - fitted;
    printf("{\"fit_seconds\": %.4f, \"predict_seconds\": %.4f, \"rows_per_second\": %.0f, "
           "\"gflops\": %.2f}\n",
           fitted - start, seconds, (double)table->n_rows / seconds,
           2e-9 * (double)table->n_rows * n_waves *
               ((double)table->n_dense + (table->n_levels ? 0.5 : 0) + 1) / seconds);
    family->free(ctx, model);
    free(predictions);
}

int main(int argc, char **argv)
{
    const struct mer_family *family = mer_family_find("kernel");
    struct table table = {0};
    struct mer_params params;
    struct mer_alloc alloc;
    struct mer_team *team = NULL;
    size_t n_threads = 1, n_repeats = 1;
    enum mer_cpu_level level = mer_cpu_detect();
    mer_err err;

    if (argc < 4)
        stop("usage", "N_ROWS N_DENSE N_LEVELS [options] [NAME=VALUE ...]");
    table.n_rows = parse_count(argv[1]);
    table.n_dense = parse_count(argv[2]);
    table.n_levels = parse_count(argv[3]);
    mer_params_default(family->params, family->n_params, &params);
    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value) {
            *value = '\0';
            check_status(
                mer_params_set(family->params, family->n_params, argv[i], value + 1, &params, &err),
                &err);
        } else if (i + 1 == argc)
            stop("unknown argument", argv[i]);
        else if (strcmp(argv[i], "--threads") == 0)
            n_threads = parse_count(argv[++i]);
        else if (strcmp(argv[i], "--repeat") == 0)
            n_repeats = parse_count(argv[++i]);
        else if (strcmp(argv[i], "--level") == 0)
            level = parse_level(argv[++i]);
        else
            stop("unknown option", argv[i]);
    }
    make(&table);
    mer_alloc_init(&alloc, SIZE_MAX);
    check_status(mer_team_new(&alloc, n_threads, &team, &err), &err);
    const struct mer_ctx ctx = {.alloc = &alloc, .team = team, .cpu = level};
    for (size_t i = 0; i < n_repeats; i++)
        run(&ctx, family, &params, &table);
    mer_team_free(team);
    free(table.dense);
    free(table.values);
    free(table.codes);
    return 0;
}
