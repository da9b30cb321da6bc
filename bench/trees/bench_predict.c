/* Predicts with trees that another program has grown, and prints how long it took.
 *
 *   bench_predict FOLDER N_COLUMNS N_OUTPUTS [--threads N] [--level plain|avx2|avx512] [--repeat N]
 *
 * FOLDER holds the rows as x.f32 [n_rows][n_columns], and the trees in arrays as in ensemble.h:
 * tree_starts.i64, tree_output.i32, features.i32 (-1: leaf), thresholds.f64, missing_left.u8,
 * left.i32, values.f64. The scores go to scores.f64 [n_rows][n_outputs].
 */
#include "../raw_files.h"
#include "core/team.h"
#include "learn/ensemble_predict.h"

enum { SINGLE_ROWS = 1000, SINGLE_ROUNDS = 100 };

static struct mer_ensemble_node *read_nodes(const char *folder, size_t *ret_n)
{
    size_t n, n_left, n_thresholds, n_missing;
    const int32_t *features = read_array(folder, "features.i32", sizeof *features, &n);
    const int32_t *left = read_array(folder, "left.i32", sizeof *left, &n_left);
    const double *thresholds =
        read_array(folder, "thresholds.f64", sizeof *thresholds, &n_thresholds);
    const uint8_t *missing_left = read_array(folder, "missing_left.u8", 1, &n_missing);
    struct mer_ensemble_node *nodes = calloc(n + 1, sizeof *nodes);
    if (!nodes || n_left != n || n_thresholds != n || n_missing != n)
        stop("wrong sizes", folder);
    for (size_t i = 0; i < n; i++)
        nodes[i] = (struct mer_ensemble_node){.feature = features[i],
                                              .left = (uint32_t)left[i],
                                              .threshold = thresholds[i],
                                              .missing_left = missing_left[i]};
    *ret_n = n;
    return nodes;
}

static void read_ensemble(struct mer_alloc *alloc, const char *folder, size_t n_columns,
                          size_t n_outputs, struct mer_ensemble *ret)
{
    const uint32_t group_start[] = {0};
    const struct mer_design shape = {.n_dense = n_columns, .group_start = group_start};
    struct mer_ensemble_builder builder;
    mer_err err;
    size_t n_nodes, n_starts, n_values, n_trees;
    const struct mer_ensemble_node *nodes = read_nodes(folder, &n_nodes);
    const int64_t *starts = read_array(folder, "tree_starts.i64", sizeof *starts, &n_starts);
    const int32_t *output = read_array(folder, "tree_output.i32", sizeof *output, &n_trees);
    const double *values = read_array(folder, "values.f64", sizeof *values, &n_values);
    if (n_values != n_nodes || n_starts != n_trees + 1 || starts[n_trees] != (int64_t)n_nodes)
        stop("wrong sizes", folder);
    check_status(mer_ensemble_builder_init(alloc, &shape, n_outputs, 1, &builder, &err), &err);
    for (size_t t = 0; t < n_trees; t++) {
        const struct mer_ensemble_tree tree = {.n_nodes = (size_t)(starts[t + 1] - starts[t]),
                                               .nodes = nodes + starts[t],
                                               .values = values + starts[t],
                                               .output = output[t]};
        check_status(mer_ensemble_builder_add(&builder, &tree, &err), &err);
    }
    check_status(mer_ensemble_builder_finish(&builder, ret, &err), &err);
}

static double time_single_rows(struct mer_alloc *alloc, const struct mer_ensemble_compact *compact,
                               const struct mer_ensemble_rows *rows, double *scores)
{
    void *scratch = NULL;
    mer_err err;
    const size_t n = rows->n_rows < SINGLE_ROWS ? rows->n_rows : SINGLE_ROWS;
    check_status(mer_alloc_bytes(alloc, mer_ensemble_row_scratch(compact), &scratch, &err), &err);
    double best = 1e9;
    for (size_t round = 0; round < SINGLE_ROUNDS; round++) {
        const double start = now_s();
        for (size_t row = 0; row < n; row++)
            mer_ensemble_score_row(compact, rows, row, scratch, scores);
        const double seconds = now_s() - start;
        best = seconds < best ? seconds : best;
    }
    mer_free(alloc, scratch);
    return best / (double)n;
}

int main(int argc, char **argv)
{
    struct mer_alloc alloc;
    struct mer_team *team = NULL;
    struct mer_ensemble ensemble;
    struct mer_ensemble_compact *compact = NULL;
    size_t n_threads = 2;
    size_t n_repeats = 3;
    enum mer_cpu_level level = mer_cpu_detect();
    mer_err err;
    if (argc < 4)
        stop("usage", "bench_predict FOLDER N_COLUMNS N_OUTPUTS [options]");
    for (int i = 4; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--threads") == 0)
            n_threads = parse_count(argv[i + 1]);
        else if (strcmp(argv[i], "--repeat") == 0)
            n_repeats = parse_count(argv[i + 1]);
        else
            level = parse_level(argv[i + 1]);
    }
    const size_t n_columns = parse_count(argv[2]);
    const size_t n_outputs = parse_count(argv[3]);
    size_t n_numbers;
    const float *x = read_array(argv[1], "x.f32", sizeof *x, &n_numbers);
    const struct mer_ensemble_rows rows = {.n_rows = n_numbers / n_columns,
                                           .dense = x,
                                           .is_float32 = true,
                                           .row_stride = n_columns,
                                           .column_stride = 1};
    double *scores = calloc(rows.n_rows * n_outputs + 1, sizeof *scores);
    if (!scores)
        stop("no memory", "scores");
    mer_alloc_init(&alloc, SIZE_MAX);
    check_status(mer_team_new(&alloc, n_threads, &team, &err), &err);
    const struct mer_ctx ctx = {.alloc = &alloc, .team = team, .cpu = level};
    read_ensemble(&alloc, argv[1], n_columns, n_outputs, &ensemble);
    const double start = now_s();
    check_status(mer_ensemble_compact_new(&alloc, &ensemble, &compact, &err), &err);
    printf("{\"layout_s\": %.6f, \"batch_s\": [", now_s() - start);
    for (size_t i = 0; i < n_repeats; i++) {
        const double begin = now_s();
        check_status(mer_ensemble_scores(&ctx, compact, &rows, scores, &err), &err);
        printf("%s%.6f", i ? ", " : "", now_s() - begin);
    }
    write_file(argv[1], "scores.f64", scores, rows.n_rows * n_outputs * sizeof *scores);
    printf("], \"row_us\": %.4f}\n", 1e6 * time_single_rows(&alloc, compact, &rows, scores));
    mer_ensemble_compact_free(&alloc, compact);
    mer_ensemble_release(&alloc, &ensemble);
    mer_team_free(team);
    return 0;
}
