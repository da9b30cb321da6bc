/* The linear family as its users see it: what weights, threads, odd tables and limits do. */
#include "linear_table.h"

#include "core/log.h"

static struct table table, other;

static const size_t CLASS_COUNTS[] = {0, 2, 4};

static struct mer_fit_data data_of(const struct table *t)
{
    return (struct mer_fit_data){.design = &t->design, .target = &t->target};
}

/* Fits and predicts on the same rows. */
static mer_status fit_and_predict(const struct mer_ctx *ctx, const struct table *t,
                                  const char *const *settings, double *ret_outputs, mer_err *err)
{
    const struct mer_params params = linear_params(settings);
    const struct mer_fit_data data = data_of(t);
    struct mer_model *model = NULL;
    MER_GUARD(linear_family()->fit(ctx, &params, &data, &model, err));
    const mer_status status = linear_family()->predict(ctx, model, &t->design, ret_outputs, err);
    linear_family()->free(ctx, model);
    return status;
}

static void assert_valid_outputs(const struct table *t, const double *outputs)
{
    const size_t n = mer_target_outputs(t->target.task, t->target.n_classes);
    for (size_t row = 0; row < t->design.n_rows; row++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) {
            assert_true(isfinite(outputs[row * n + k]));
            sum += outputs[row * n + k];
        }
        if (t->target.task != MER_TASK_REGRESSION)
            assert_true(fabs(sum - 1) < 1e-12);
    }
}

static double outputs[TABLE_ROWS * TABLE_CLASSES], other_outputs[TABLE_ROWS * TABLE_CLASSES];

static void fit_and_predict_plainly(const struct table *t, const char *const *settings,
                                    double *ret_outputs)
{
    struct mer_alloc alloc;
    mer_err err = {0};
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    if (fit_and_predict(&ctx, t, settings, ret_outputs, &err).code != MER_OK)
        fail_msg("%s", err.message);
    assert_int_equal(alloc.used, 0);
    assert_valid_outputs(t, ret_outputs);
}

static const char *const LASSO[] = {"alpha", "5", "l1_ratio", "0.7", NULL};
static const char *const *const SETTINGS[] = {NULL, LASSO};

static void threads_and_instruction_sets_do_not_show_in_predictions(void **state)
{
    (void)state;
    for (size_t c = 0; c < 6; c++) {
        make_random_table(&table, 1500, 37, 2, CLASS_COUNTS[c / 2], true);
        const size_t n = 1500 * mer_target_outputs(table.target.task, table.target.n_classes);
        fit_and_predict_plainly(&table, SETTINGS[c % 2], outputs);
        for (int level = 0; level <= (int)mer_cpu_detect(); level++)
            for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
                struct mer_alloc alloc;
                struct mer_team *team = NULL;
                mer_alloc_init(&alloc, SIZE_MAX);
                assert_int_equal(mer_team_new(&alloc, n_threads, &team, NULL).code, MER_OK);
                const struct mer_ctx ctx = {
                    .alloc = &alloc, .team = team, .cpu = (enum mer_cpu_level)level};
                assert_int_equal(
                    fit_and_predict(&ctx, &table, SETTINGS[c % 2], other_outputs, NULL).code,
                    MER_OK);
                assert_memory_equal(outputs, other_outputs, n * sizeof *outputs);
                mer_team_free(team);
                assert_int_equal(alloc.used, 0);
            }
    }
}

/* `other` gets row i of `table` as often as its weight says. */
static void repeat_rows(void)
{
    const size_t n_dense = table.design.n_dense, n_groups = table.design.n_groups;
    size_t to = 0;
    table_init(&other, 0, n_dense, n_groups, table.target.n_classes, false);
    for (size_t row = 0; row < table.design.n_rows; row++)
        for (double left = table.weights[row]; left > 0; left--, to++) {
            memcpy(other.dense + to * n_dense, table.dense + row * n_dense,
                   n_dense * sizeof(double));
            memcpy(other.codes + to * n_groups, table.codes + row * n_groups,
                   n_groups * sizeof(int32_t));
            other.values[to] = table.values[row];
            other.classes[to] = table.classes[row];
        }
    other.design.n_rows = to;
}

static void a_weight_counts_like_repeating_the_row(void **state)
{
    static const char *const balanced[] = {"class_weight", "balanced", "alpha", "0.5", NULL};
    (void)state;
    for (size_t c = 0; c < 6; c++) {
        const size_t n_classes = CLASS_COUNTS[c / 2];
        const char *const *settings = c % 2 == 0 ? LASSO : n_classes ? balanced : NULL;
        struct fitted weighted, repeated;
        make_random_table(&table, 400, 6, 2, n_classes, true);
        for (size_t row = 0; row < 400; row++)
            table.weights[row] = (double)(row % 4); /* a weight of zero leaves the row out */
        repeat_rows();
        fit_plainly(&table, settings, &weighted);
        fit_plainly(&other, settings, &repeated);
        assert_true(fitted_difference(&weighted, &repeated) < 1e-6);
    }
}

static void balanced_classes_weigh_the_same(void **state)
{
    static const char *const balanced[] = {"class_weight", "balanced", NULL};
    struct fitted fitted, weighted;
    double counts[2] = {0};
    (void)state;
    make_random_table(&table, 600, 4, 2, 2, false);
    for (size_t row = 0; row < 600; row++) {
        table.classes[row] = row % 7 == 0; /* a rare class */
        counts[table.classes[row]]++;
    }
    fit_plainly(&table, balanced, &fitted);
    table.target.weights = table.weights;
    for (size_t row = 0; row < 600; row++)
        table.weights[row] = 600 / (2 * counts[table.classes[row]]);
    fit_plainly(&table, NULL, &weighted);
    assert_true(fitted_difference(&fitted, &weighted) < 1e-9);
}

static void separable_classes_stay_finite(void **state)
{
    static const char *const weak[] = {"alpha", "1e-8", NULL};
    static const char *const weak_lasso[] = {"alpha", "1e-6", "l1_ratio", "1", NULL};
    (void)state;
    for (size_t n_classes = 2; n_classes <= 4; n_classes += 2) {
        make_random_table(&table, 300, 5, 1, n_classes, false);
        for (size_t row = 0; row < 300; row++)
            table.classes[row] = class_of(2 + table.dense[row * 5], n_classes);
        for (size_t i = 0; i < 2; i++) {
            fit_and_predict_plainly(&table, i ? weak_lasso : weak, outputs);
            for (size_t row = 0; row < 300; row++)
                assert_true(outputs[row * n_classes + (size_t)table.classes[row]] > 0.5);
        }
    }
}

/* Columns twice, a constant column, an indicator for every row and all but no penalty. */
static void dependent_columns_are_no_trouble(void **state)
{
    static const char *const weak[] = {"alpha", "1e-8", NULL};
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        make_random_table(&table, 500, 8, 2, CLASS_COUNTS[c], false);
        for (size_t row = 0; row < 500; row++) {
            memcpy(table.dense + row * 8 + 4, table.dense + row * 8, 3 * sizeof(double));
            table.dense[row * 8 + 7] = 3;
            table.codes[row * 2] = (int32_t)(row % 3);
        }
        fit_and_predict_plainly(&table, weak, outputs);
        /* The same predictions as without them. */
        other = table;
        other.design.dense = other.dense;
        other.design.codes = other.codes;
        other.design.group_start = other.group_start;
        other.design.n_dense = 4;
        for (size_t row = 0; row < 500; row++)
            memmove(other.dense + row * 4, other.dense + row * 8, 4 * sizeof(double));
        fit_and_predict_plainly(&other, weak, other_outputs);
        const size_t n_outputs = mer_target_outputs(table.target.task, table.target.n_classes);
        assert_true(largest_difference(outputs, other_outputs, 500 * n_outputs) < 1e-3);
    }
}

static void tables_without_dense_columns_groups_or_either_can_be_learnt(void **state)
{
    static const size_t shapes[][2] = {{0, 0}, {0, 2}, {3, 0}, {40, 1}};
    (void)state;
    for (size_t c = 0; c < 3; c++)
        for (size_t s = 0; s < 4; s++)
            for (size_t n_rows = 1; n_rows <= 65; n_rows += 16) { /* fewer rows than columns too */
                make_random_table(&table, n_rows, shapes[s][0], shapes[s][1], CLASS_COUNTS[c],
                                  false);
                fit_and_predict_plainly(&table, NULL, outputs);
                fit_and_predict_plainly(&table, LASSO, outputs);
            }
}

/* The last columns of a table as a sparse block without its zeros, and for those who do not take it
 * as condensed columns. */
enum { SPARSE_COLUMNS = 6 };
struct sparse_table {
    double dense[200 * 10];
    size_t start[200 + 1];
    uint32_t columns[200 * SPARSE_COLUMNS];
    float values[200 * SPARSE_COLUMNS];
};

static void make_sparse(struct table *t, struct sparse_table *sparse)
{
    size_t n = 0;
    for (size_t i = 0; i < t->design.n_rows; i++) {
        sparse->start[i] = n;
        for (size_t j = 0; j < t->design.n_dense; j++) {
            double *x = &t->dense[i * t->design.n_dense + j];
            *x = (double)(float)*x;
            const bool is_sparse = j + SPARSE_COLUMNS >= t->design.n_dense;
            if (is_sparse && (i + j) % 3 != 0)
                *x = 0;
            if (is_sparse && *x != 0) {
                sparse->columns[n] = (uint32_t)(j + SPARSE_COLUMNS - t->design.n_dense);
                sparse->values[n++] = (float)*x;
            }
            sparse->dense[i * t->design.n_dense + j] = is_sparse ? 1e9 : *x;
        }
    }
    sparse->start[t->design.n_rows] = n;
}

static void sparse_columns_are_worth_what_dense_ones_are(void **state)
{
    (void)state;
    static struct table t;
    static struct sparse_table sparse;
    static double dense_outputs[200 * TABLE_CLASSES], sparse_outputs[200 * TABLE_CLASSES];
    static const size_t n_classes[] = {0, 2, TABLE_CLASSES};
    static const char *const settings[] = {"alpha", "0.5", "tolerance", "1e-14", NULL};

    for (size_t c = 0; c < 3; c++) {
        make_random_table(&t, 200, 10, TABLE_GROUPS, n_classes[c], true);
        make_sparse(&t, &sparse);
        fit_and_predict_plainly(&t, settings, dense_outputs);
        t.design.dense = sparse.dense;
        t.design.n_condensed = SPARSE_COLUMNS;
        t.design.n_sparse = SPARSE_COLUMNS;
        t.design.sparse_row = SPARSE_COLUMNS;
        t.design.sparse_start = sparse.start;
        t.design.sparse_columns = sparse.columns;
        t.design.sparse_values = sparse.values;
        fit_and_predict_plainly(&t, settings, sparse_outputs);
        for (size_t i = 0; i < 200 * (n_classes[c] ? n_classes[c] : 1); i++)
            assert_true(fabs(dense_outputs[i] - sparse_outputs[i]) < 1e-4);
    }
}

static void without_features_the_prediction_is_the_mean_or_the_shares(void **state)
{
    double mean = 0;
    size_t counts[4] = {0};
    (void)state;
    make_random_table(&table, 200, 0, 0, 0, false);
    fit_and_predict_plainly(&table, NULL, outputs);
    for (size_t row = 0; row < 200; row++)
        mean += table.values[row] / 200;
    assert_true(fabs(outputs[0] - mean) < 1e-12);
    make_random_table(&table, 200, 0, 0, 4, false);
    fit_and_predict_plainly(&table, NULL, outputs);
    for (size_t row = 0; row < 200; row++)
        counts[table.classes[row]]++;
    for (size_t k = 0; k < 4; k++)
        assert_true(fabs(outputs[k] - (double)counts[k] / 200) < 1e-8);
}

static void a_class_without_rows_gets_almost_nothing(void **state)
{
    (void)state;
    make_random_table(&table, 300, 3, 1, 4, false);
    for (size_t row = 0; row < 300; row++)
        table.classes[row] = table.classes[row] == 2 ? 1 : table.classes[row];
    fit_and_predict_plainly(&table, NULL, outputs);
    for (size_t row = 0; row < 300; row++)
        assert_true(outputs[row * 4 + 2] < 1e-3);
}

static void numbers_too_large_are_refused(void **state)
{
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    for (size_t c = 0; c < 6; c++) {
        mer_err err = {0};
        make_random_table(&table, 100, 3, 1, CLASS_COUNTS[c / 2], true);
        for (size_t row = 0; row < 100; row++) {
            table.dense[row * 3 + 1] = row % 2 ? 1e308 : -1e308;
            table.values[row] = row % 2 ? 1e300 : 3;
            if (c % 2) /* too small a sum of weights: none */
                table.weights[row] = 0;
        }
        const mer_status status = fit_and_predict(&ctx, &table, NULL, outputs, &err);
        if (mer_is_ok(status)) /* possible where the number itself says nothing about the class */
            assert_valid_outputs(&table, outputs);
        else
            assert_int_equal(status.code, MER_ERR_DATA);
        assert_true(c % 2 == 0 || !mer_is_ok(status));
        assert_int_equal(alloc.used, 0);
    }
}

static void count_warnings(void *self, const char *line, size_t n)
{
    (void)n;
    *(size_t *)self += strstr(line, "not converged") != NULL;
}

static void a_fit_cut_short_is_used_and_warned_about(void **state)
{
    static const char *const one_step[] = {"max_iter", "1", NULL};
    const struct mer_log_options options = {0};
    size_t n_warnings = 0;
    const struct mer_log_sink sink = {
        .level = MER_LOG_WARNING, .write = count_warnings, .self = &n_warnings};
    struct mer_alloc alloc;
    struct mer_log *log = NULL;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_int_equal(mer_log_new(&alloc, &options, &log, NULL).code, MER_OK);
    assert_int_equal(mer_log_add_sink(log, &sink, NULL).code, MER_OK);
    const struct mer_ctx ctx = {.alloc = &alloc, .log = log};
    make_random_table(&table, 300, 3, 1, 4, false);
    assert_int_equal(fit_and_predict(&ctx, &table, one_step, outputs, NULL).code, MER_OK);
    assert_valid_outputs(&table, outputs);
    assert_int_equal(n_warnings, 1);
    assert_int_equal(fit_and_predict(&ctx, &table, NULL, outputs, NULL).code, MER_OK);
    assert_int_equal(n_warnings, 1);
    mer_log_free(log);
}

static void a_fit_stops_on_request(void **state)
{
    struct mer_cancel cancel = {0};
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    cancel.signal = 2;
    const struct mer_ctx ctx = {.alloc = &alloc, .cancel = &cancel};
    for (size_t c = 0; c < 6; c++) {
        make_random_table(&table, 300, 3, 1, CLASS_COUNTS[c / 2], false);
        assert_int_equal(fit_and_predict(&ctx, &table, SETTINGS[c % 2], outputs, NULL).code,
                         MER_ERR_CANCELLED);
        assert_int_equal(alloc.used, 0);
    }
}

static void class_weights_are_refused_for_regression(void **state)
{
    static const char *const balanced[] = {"class_weight", "balanced", NULL};
    const struct mer_params params = linear_params(balanced);
    mer_err err = {0};
    (void)state;
    assert_int_equal(linear_family()->check(&params, MER_TASK_REGRESSION, &err).code,
                     MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "class_weight"));
    assert_int_equal(linear_family()->check(&params, MER_TASK_BINARY, &err).code, MER_OK);
}

static void the_cost_grows_with_the_table(void **state)
{
    const struct mer_params params = linear_params(NULL);
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        uint64_t before = 0;
        for (size_t n_rows = 100; n_rows <= 1500; n_rows += 700) {
            make_random_table(&table, n_rows, 30, 2, CLASS_COUNTS[c], false);
            const uint64_t cost = linear_family()->cost(&params, &table.design, &table.target);
            assert_true(cost > before);
            before = cost;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_instruction_sets_do_not_show_in_predictions),
        cmocka_unit_test(a_weight_counts_like_repeating_the_row),
        cmocka_unit_test(balanced_classes_weigh_the_same),
        cmocka_unit_test(separable_classes_stay_finite),
        cmocka_unit_test(sparse_columns_are_worth_what_dense_ones_are),
        cmocka_unit_test(dependent_columns_are_no_trouble),
        cmocka_unit_test(tables_without_dense_columns_groups_or_either_can_be_learnt),
        cmocka_unit_test(without_features_the_prediction_is_the_mean_or_the_shares),
        cmocka_unit_test(a_class_without_rows_gets_almost_nothing),
        cmocka_unit_test(numbers_too_large_are_refused),
        cmocka_unit_test(a_fit_cut_short_is_used_and_warned_about),
        cmocka_unit_test(a_fit_stops_on_request),
        cmocka_unit_test(class_weights_are_refused_for_regression),
        cmocka_unit_test(the_cost_grows_with_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
