/* Gradient boosting as a family: what it learns, keeps to, refuses, and that its bytes depend on
 * nothing but data, seed and settings. */
#include "gbdt_table.h"

static struct mer_alloc alloc;
static struct mer_ctx ctx;

static int begin(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    ctx = (struct mer_ctx){.alloc = &alloc, .cpu = mer_cpu_detect()};
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(alloc.used, 0);
    return 0;
}

/* A sixth of the cells of the first column missing, the last column saying so; a group of 6 levels,
 * sometimes none, that matters; weights, some of them 0. */
static void complicate(struct boost_table *table, uint64_t seed)
{
    const size_t n_dense = table->design.n_dense;
    uint64_t state = seed;
    for (size_t f = 0; f < n_dense; f++)
        table->indicators[f] = MER_NO_INDICATOR;
    table->indicators[0] = (uint32_t)n_dense - 1;
    for (size_t i = 0; i < table->design.n_rows; i++) {
        double *x = table->dense + i * n_dense;
        x[n_dense - 1] = next_uniform(&state) < 0.16 ? 2 : -0.5;
        table->levels[i] = (int32_t)(next_uniform(&state) * 7) - 1;
        table->weights[i] = i % 11 == 0 ? 0 : 0.5 + next_uniform(&state);
        table->values[i] += table->levels[i] % 3 + (x[n_dense - 1] > 0 ? 2 : 0);
        if (table->target.n_classes == 2)
            table->classes[i] = table->values[i] > 3;
    }
    table->group_start[1] = 6;
    table->design.n_groups = 1;
    table->design.codes = table->levels;
    table->design.group_start = table->group_start;
    table->design.indicators = table->indicators;
    table->target.weights = table->weights;
}

static void more_rounds_bring_the_loss_down_also_on_new_rows(void **state)
{
    (void)state;
    const size_t classes[] = {0, 2, 4};
    for (size_t c = 0; c < 3; c++) {
        struct boost_table train, test;
        boost_table_init(&train, &alloc, 4000, 6, classes[c], 1);
        boost_table_init(&test, &alloc, 2000, 6, classes[c], 2);
        double losses[3];
        const char *rounds[] = {"1", "20", "100"};
        for (size_t i = 0; i < 3; i++) {
            struct mer_model *model = fit_gbdt(&ctx, &train, SETTINGS({"n_estimators", rounds[i]}));
            losses[i] = loss_of(&ctx, model, &test);
            gbdt_family()->free(&ctx, model);
        }
        assert_true(losses[1] < 0.6 * losses[0] && losses[2] < losses[1]);
        /* The noise, uniform in a unit interval, has the variance 1 / 12. */
        assert_true(classes[c] || losses[2] < 1.2 / 12);
        boost_table_release(&train);
        boost_table_release(&test);
    }
}

static void stages_end_with_what_is_predicted_and_begin_with_what_looks_at_no_column(void **state)
{
    enum { ROWS = 500, ROUNDS = 7, STAGES = 3 };
    const size_t classes[] = {0, 2, 4};
    const uint32_t rounds[STAGES] = {0, 4, ROUNDS};
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct boost_table table;
        double stages[STAGES * ROWS * 4], predicted[ROWS * 4];
        boost_table_init(&table, &alloc, ROWS, 6, classes[c], 1);
        if (classes[c] != 4)
            complicate(&table, 3);
        const size_t n = ROWS * mer_target_outputs(table.target.task, classes[c]);
        struct mer_model *model = fit_gbdt(&ctx, &table, SETTINGS({"n_estimators", "7"}));
        const struct mer_family *const family = gbdt_family();
        assert_int_equal(family->n_rounds(model), ROUNDS);
        assert_int_equal(
            family->stages(&ctx, model, &table.design, STAGES, rounds, stages, NULL).code, MER_OK);
        assert_int_equal(family->predict(&ctx, model, &table.design, predicted, NULL).code, MER_OK);
        assert_memory_equal(stages + 2 * n, predicted, n * sizeof *predicted);
        assert_true(memcmp(stages + n, predicted, n * sizeof *predicted) != 0);
        for (size_t i = n / ROWS; i < n; i++)
            assert_true(stages[i] == stages[i - n / ROWS]);
        family->free(&ctx, model);
        boost_table_release(&table);
    }
}

/* Fits with so many threads and that instruction set, and keeps the saved form. */
static void fit_and_save(const struct boost_table *table, const struct setting *settings,
                         size_t n_threads, enum mer_cpu_level level, struct saved_model *ret)
{
    struct mer_ctx own = {.alloc = &alloc, .cpu = level};
    mer_err err;
    assert_int_equal(mer_team_new(&alloc, n_threads, &own.team, &err).code, MER_OK);
    struct mer_model *model = fit_gbdt(&own, table, settings);
    assert_int_equal(saved_model_fill(&own, gbdt_family(), model, ret, &err).code, MER_OK);
    gbdt_family()->free(&own, model);
    mer_team_free(own.team);
}

static void assert_same_for_all(const struct boost_table *table, const struct setting *settings)
{
    const size_t n_threads[] = {1, 2, 3, 8};
    struct saved_model first, other;
    fit_and_save(table, settings, 1, MER_CPU_PLAIN, &first);
    for (size_t t = 0; t < 4; t++) {
        for (int level = 0; level <= (int)mer_cpu_detect(); level++) {
            fit_and_save(table, settings, n_threads[t], (enum mer_cpu_level)level, &other);
            assert_same_bundles(&first.bundle, &other.bundle);
            saved_model_release(&other);
        }
    }
    saved_model_release(&first);
}

static void the_bytes_do_not_depend_on_threads_or_instruction_sets(void **state)
{
    (void)state;
    const size_t classes[] = {0, 2, 5};
    for (size_t c = 0; c < 3; c++) {
        struct boost_table table;
        boost_table_init(&table, &alloc, 3000, 7, classes[c], 5);
        complicate(&table, 6);
        assert_same_for_all(&table,
                            SETTINGS({"n_estimators", "8"}, {"subsample", "0.7"},
                                     {"colsample_bytree", "0.6"}, {"early_stopping_rounds", "5"}));
        boost_table_release(&table);
    }
}

static void the_bytes_of_large_leaves_do_not_depend_on_threads_either(void **state)
{
    (void)state;
    struct boost_table table;
    /* More columns than a group has, more rows than one thread splits alone. */
    boost_table_init(&table, &alloc, 90000, 20, 2, 9);
    assert_same_for_all(&table, SETTINGS({"n_estimators", "2"}, {"max_leaves", "40"}));
    boost_table_release(&table);
}

static void saved_models_predict_the_same_after_loading(void **state)
{
    (void)state;
    const size_t classes[] = {0, 2, 3};
    for (size_t c = 0; c < 3; c++) {
        struct boost_table table;
        struct saved_model saved;
        struct mer_model *loaded = NULL;
        mer_err err;
        boost_table_init(&table, &alloc, 1500, 7, classes[c], 12);
        complicate(&table, 13);
        struct mer_model *model = fit_gbdt(&ctx, &table, SETTINGS({"n_estimators", "10"}));
        assert_int_equal(saved_model_fill(&ctx, gbdt_family(), model, &saved, &err).code, MER_OK);
        assert_int_equal(saved_model_load(&ctx, gbdt_family(), &saved, table.target.task,
                                          classes[c], &table.design, &loaded, &err)
                             .code,
                         MER_OK);
        double *a = predict_gbdt(&ctx, model, &table);
        double *b = predict_gbdt(&ctx, loaded, &table);
        const size_t n = mer_target_outputs(table.target.task, classes[c]) * 1500;
        assert_memory_equal(a, b, n * sizeof(double));
        /* A model of one task is none of another. */
        const enum mer_task other =
            table.target.task == MER_TASK_BINARY ? MER_TASK_REGRESSION : MER_TASK_BINARY;
        struct mer_model *wrong = NULL;
        assert_int_equal(
            saved_model_load(&ctx, gbdt_family(), &saved, other, 2, &table.design, &wrong, &err)
                .code,
            MER_ERR_DATA);
        mer_free(&alloc, a);
        mer_free(&alloc, b);
        saved_model_release(&saved);
        gbdt_family()->free(&ctx, loaded);
        gbdt_family()->free(&ctx, model);
        boost_table_release(&table);
    }
}

static void trees_keep_to_their_limits(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 5000, 6, 0, 17);
    const char *policies[] = {"lossguide", "depthwise"};
    for (size_t p = 0; p < 2; p++) {
        struct mer_model *model =
            fit_gbdt(&ctx, &table,
                     SETTINGS({"n_estimators", "12"}, {"max_leaves", "21"}, {"max_depth", "6"},
                              {"min_child_samples", "33"}, {"grow_policy", policies[p]}));
        struct mer_ensemble ensemble = ensemble_of(&ctx, model, &table);
        assert_int_equal(ensemble.n_trees, 12);
        for (size_t t = 0; t < 12; t++) {
            size_t depth[64] = {0};
            size_t n_leaves = 0;
            for (int64_t n = ensemble.tree_starts[t]; n < ensemble.tree_starts[t + 1]; n++) {
                const size_t own = (size_t)(n - ensemble.tree_starts[t]);
                n_leaves += ensemble.features[n] < 0;
                assert_true((double)ensemble.covers[n] >= 33);
                if (ensemble.features[n] < 0)
                    continue;
                depth[ensemble.left[n]] = depth[ensemble.left[n] + 1] = depth[own] + 1;
                assert_true(depth[own] < 6 && ensemble.gains[n] > 0);
            }
            assert_in_range(n_leaves, 2, 21);
        }
        mer_ensemble_release(&alloc, &ensemble);
        gbdt_family()->free(&ctx, model);
    }
    boost_table_release(&table);
}

/* Rows of the other class among rows that are told apart beyond doubt: their Hessian vanishes. */
static void leaves_of_classes_stay_within_bounds_where_the_hessian_vanishes(void **state)
{
    (void)state;
    for (size_t n_classes = 2; n_classes <= 3; n_classes++) {
        struct boost_table table;
        boost_table_init(&table, &alloc, 300, 5, n_classes, 19);
        for (size_t i = 0; i < 300; i++)
            table.classes[i] = (int32_t)(table.dense[i * 5] * (double)n_classes);
        for (size_t i = 0; i < 300; i += 60)
            table.classes[i] = table.classes[i] == 0;
        struct mer_model *model = fit_gbdt(
            &ctx, &table,
            SETTINGS({"n_estimators", "40"}, {"max_leaves", "4"}, {"learning_rate", "0.8"},
                     {"min_child_samples", "1"}, {"min_child_weight", "0"}, {"reg_lambda", "1e-6"},
                     {"subsample", "0.5"}, {"colsample_bytree", "0.2"}));
        struct mer_ensemble ensemble = ensemble_of(&ctx, model, &table);
        double largest = 0;
        for (int64_t n = 0; n < ensemble.tree_starts[ensemble.n_trees]; n++)
            largest = fmax(largest, fabs((double)ensemble.values[n]));
        assert_true(largest > 8 && largest <= 0.8 * 20);
        mer_ensemble_release(&alloc, &ensemble);
        gbdt_family()->free(&ctx, model);
        boost_table_release(&table);
    }
}

static void level_by_level_every_level_is_full_before_the_next(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 5000, 6, 0, 18);
    struct mer_model *model = fit_gbdt(
        &ctx, &table,
        SETTINGS({"n_estimators", "1"}, {"max_leaves", "16"}, {"grow_policy", "depthwise"}));
    struct mer_ensemble ensemble = ensemble_of(&ctx, model, &table);
    size_t n_leaves, depth;
    mer_ensemble_measure(&ensemble, &n_leaves, &depth);
    assert_int_equal(n_leaves, 16);
    assert_int_equal(depth, 4);
    mer_ensemble_release(&alloc, &ensemble);
    gbdt_family()->free(&ctx, model);
    boost_table_release(&table);
}

static void missing_values_go_where_they_belong(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 2000, 6, 0, 21);
    for (size_t f = 0; f < 6; f++)
        table.indicators[f] = MER_NO_INDICATOR;
    table.indicators[0] = 5;
    table.design.indicators = table.indicators;
    for (size_t i = 0; i < 2000; i++) {
        const bool missing = i % 5 == 0;
        table.dense[i * 6 + 5] = missing ? 1 : -1;
        if (missing)
            table.dense[i * 6] = 0.5; /* as if imputed */
        /* What is missing is like the large values, and the imputed one is not. */
        table.values[i] = missing || table.dense[i * 6] > 0.8 ? 1 : 0;
    }
    struct mer_model *model =
        fit_gbdt(&ctx, &table, SETTINGS({"n_estimators", "60"}, {"max_leaves", "2"}));
    assert_true(loss_of(&ctx, model, &table) < 0.01);
    gbdt_family()->free(&ctx, model);
    boost_table_release(&table);
}

static void predictions_are_monotone_where_they_have_to_be(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 4000, 6, 0, 25);
    /* A wave on a slope in x0, a falling wave in x1. */
    for (size_t i = 0; i < 4000; i++) {
        const double *x = table.dense + i * 6;
        table.values[i] = 2 * x[0] + mer_sin(20 * x[0]) - x[1] + mer_sin(15 * x[1]) + x[2];
    }
    const int8_t monotone[6] = {1, -1, 0, 0, 0, 0};
    const struct mer_params params = gbdt_params(SETTINGS({"n_estimators", "60"}));
    const struct mer_fit_data data = {
        .design = &table.design, .target = &table.target, .monotone = monotone};
    struct mer_model *model = NULL;
    mer_err err;
    assert_int_equal(gbdt_family()->fit(&ctx, &params, &data, &model, &err).code, MER_OK);
    /* Rows in groups of 50 that differ in one column only. */
    for (size_t column = 0; column < 2; column++) {
        for (size_t i = 0; i < 4000; i++) {
            double *x = table.dense + i * 6;
            memcpy(x, table.dense + i / 50 * 50 * 6, 6 * sizeof *x);
            x[column] = (double)(i % 50) / 50;
        }
        double *predictions = predict_gbdt(&ctx, model, &table);
        bool varies = false;
        for (size_t i = 0; i < 4000; i++) {
            if (i % 50 == 0)
                continue;
            const double step = predictions[i] - predictions[i - 1];
            assert_true(monotone[column] * step >= 0);
            varies |= step != 0;
        }
        assert_true(varies);
        mer_free(&alloc, predictions);
    }
    gbdt_family()->free(&ctx, model);
    boost_table_release(&table);
}

static void a_fit_goes_on_from_a_model(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 3000, 6, 3, 31);
    struct mer_model *first = fit_gbdt(&ctx, &table, SETTINGS({"n_estimators", "10"}));
    struct mer_model *whole = fit_gbdt(&ctx, &table, SETTINGS({"n_estimators", "25"}));
    const struct mer_params params = gbdt_params(SETTINGS({"n_estimators", "15"}));
    const struct mer_fit_data data = {
        .design = &table.design, .target = &table.target, .seed = 3, .start = first};
    struct mer_model *more = NULL;
    mer_err err;
    assert_int_equal(gbdt_family()->fit(&ctx, &params, &data, &more, &err).code, MER_OK);
    struct mer_ensemble ensemble = ensemble_of(&ctx, more, &table);
    assert_int_equal(ensemble.n_trees, 75);
    /* Those that were there are the first ones, as they were. */
    struct mer_ensemble before = ensemble_of(&ctx, first, &table);
    assert_memory_equal(ensemble.features, before.features,
                        before.n_nodes * sizeof *before.features);
    assert_memory_equal(ensemble.thresholds, before.thresholds,
                        before.n_nodes * sizeof *before.thresholds);
    assert_memory_equal(ensemble.left, before.left, before.n_nodes * sizeof *before.left);
    assert_memory_equal(ensemble.values, before.values, before.n_nodes * sizeof *before.values);
    mer_ensemble_release(&alloc, &before);
    mer_ensemble_release(&alloc, &ensemble);
    const double loss = loss_of(&ctx, more, &table);
    assert_true(loss < loss_of(&ctx, first, &table));
    assert_true(fabs(loss / loss_of(&ctx, whole, &table) - 1) < 0.02);
    /* Not from a model for another target. */
    struct mer_target other = table.target;
    other.task = MER_TASK_REGRESSION;
    const struct mer_fit_data wrong = {.design = &table.design, .target = &other, .start = first};
    struct mer_model *none = NULL;
    assert_int_equal(gbdt_family()->fit(&ctx, &params, &wrong, &none, &err).code, MER_ERR_DATA);
    gbdt_family()->free(&ctx, more);
    gbdt_family()->free(&ctx, whole);
    gbdt_family()->free(&ctx, first);
    boost_table_release(&table);
}

static uint64_t tick(void *self)
{
    return ++*(uint64_t *)self;
}

/* The trees are the first of the whole model's. */
static void assert_beginning(struct mer_model *part, struct mer_model *whole, size_t n_rounds,
                             const struct boost_table *table)
{
    struct mer_ensemble own = ensemble_of(&ctx, part, table);
    struct mer_ensemble all = ensemble_of(&ctx, whole, table);
    assert_int_equal(own.n_trees, 3 * n_rounds);
    assert_memory_equal(own.values, all.values, own.n_nodes * sizeof *own.values);
    assert_memory_equal(own.thresholds, all.thresholds, own.n_nodes * sizeof *own.thresholds);
    mer_ensemble_release(&alloc, &own);
    mer_ensemble_release(&alloc, &all);
}

static void a_deadline_leaves_the_rounds_that_there_are_once_they_are_enough(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 400, 5, 3, 37);
    const struct setting *const settings = SETTINGS({"n_estimators", "12"}, {"max_leaves", "8"});
    const struct mer_params params = gbdt_params(settings);
    struct mer_model *whole = fit_gbdt(&ctx, &table, settings);
    size_t n_late = 0, n_cut = 0;
    uint32_t n_rounds = 0;
    for (uint64_t deadline = 1; n_rounds < 12; deadline++) {
        uint64_t ticks = 0;
        const struct mer_clock clock = {.now_ns = tick, .self = &ticks};
        const struct mer_ctx limited = {.alloc = &alloc, .clock = &clock, .deadline_ns = deadline};
        struct mer_fit_data data = {.design = &table.design,
                                    .target = &table.target,
                                    .seed = 3,
                                    .least_rounds = 6,
                                    .ret_n_rounds = &n_rounds};
        struct mer_model *model = NULL;
        mer_err err = {0};
        enum mer_code code = gbdt_family()->fit(&limited, &params, &data, &model, &err).code;
        if (code == MER_OK) {
            assert_in_range(n_rounds, 6, 12);
            assert_string_equal(err.message, "");
            assert_beginning(model, whole, n_rounds, &table);
            gbdt_family()->free(&ctx, model);
            n_cut += n_rounds < 12;
        } else {
            assert_int_equal(code, MER_ERR_BUDGET);
            n_late++;
        }
        /* Who does not say that a part is enough gets all or nothing. */
        ticks = 0;
        data.least_rounds = 0;
        const bool is_whole = code == MER_OK && n_rounds == 12;
        code = gbdt_family()->fit(&limited, &params, &data, &model, &err).code;
        assert_int_equal(code, is_whole ? MER_OK : MER_ERR_BUDGET);
        if (code == MER_OK)
            gbdt_family()->free(&ctx, model);
    }
    assert_true(n_late > 5 && n_cut > 5);
    gbdt_family()->free(&ctx, whole);
    boost_table_release(&table);
}

static void early_stopping_keeps_the_best_round_and_the_curve(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 1500, 6, 2, 35);
    uint64_t noise = 77;
    for (size_t i = 0; i < 1500; i++)
        if (next_uniform(&noise) < 0.3)
            table.classes[i] = next_uniform(&noise) < 0.5;
    struct mer_model *model =
        fit_gbdt(&ctx, &table,
                 SETTINGS({"n_estimators", "500"}, {"early_stopping_rounds", "10"},
                          {"validation_fraction", "0.3"}));
    struct saved_model saved;
    mer_err err;
    assert_int_equal(saved_model_fill(&ctx, gbdt_family(), model, &saved, &err).code, MER_OK);
    const struct mer_array *curve = NULL;
    assert_int_equal(
        mer_bundle_get(&saved.bundle, "model/validation_losses", MER_DTYPE_F64, 1, &curve, &err)
            .code,
        MER_OK);
    const double *losses = curve->data;
    const size_t n = curve->shape[0];
    size_t best = 0;
    for (size_t i = 0; i < n; i++)
        if (losses[i] < losses[best])
            best = i;
    struct mer_ensemble ensemble = ensemble_of(&ctx, model, &table);
    assert_int_equal(ensemble.n_trees, best);
    assert_int_equal(n, best + 10 + 1);
    assert_in_range(best, 5, 300);
    mer_ensemble_release(&alloc, &ensemble);
    saved_model_release(&saved);
    gbdt_family()->free(&ctx, model);
    boost_table_release(&table);
}

static void rows_without_weight_do_not_count_and_two_of_weight_one_are_one_of_two(void **state)
{
    (void)state;
    struct boost_table once, twice;
    boost_table_init(&once, &alloc, 1000, 5, 0, 41);
    boost_table_init(&twice, &alloc, 2000, 5, 0, 41);
    for (size_t i = 0; i < 1000; i++) {
        once.weights[i] = i % 2 ? 2 : 1;
        memcpy(twice.dense + i * 5, once.dense + i * 5, 5 * sizeof(double));
        memcpy(twice.dense + (1000 + i) * 5, once.dense + i * 5, 5 * sizeof(double));
        twice.values[i] = twice.values[1000 + i] = once.values[i];
        twice.weights[1000 + i] = i % 2 ? 1 : 0;
    }
    once.target.weights = once.weights;
    twice.target.weights = twice.weights;
    const struct setting *settings =
        SETTINGS({"n_estimators", "40"}, {"min_child_samples", "1"}, {"min_child_weight", "20"});
    struct mer_model *a = fit_gbdt(&ctx, &once, settings);
    struct mer_model *b = fit_gbdt(&ctx, &twice, settings);
    assert_true(fabs(loss_of(&ctx, a, &once) / loss_of(&ctx, b, &once) - 1) < 0.05);
    /* What stands in rows without weight does not matter. */
    struct saved_model before, after;
    fit_and_save(&twice, settings, 1, ctx.cpu, &before);
    for (size_t i = 0; i < 1000; i += 2)
        twice.values[1000 + i] = -5;
    fit_and_save(&twice, settings, 1, ctx.cpu, &after);
    size_t n_same = 0;
    for (size_t i = 0; i < before.bundle.n_arrays && i < after.bundle.n_arrays; i++)
        n_same += before.bundle.arrays[i].n_bytes == after.bundle.arrays[i].n_bytes &&
                  memcmp(before.bundle.arrays[i].data, after.bundle.arrays[i].data,
                         before.bundle.arrays[i].n_bytes) == 0;
    assert_int_equal(n_same, before.bundle.n_arrays);
    saved_model_release(&before);
    saved_model_release(&after);
    gbdt_family()->free(&ctx, a);
    gbdt_family()->free(&ctx, b);
    boost_table_release(&once);
    boost_table_release(&twice);
}

static void quantiles_have_their_share_of_rows_below(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 4000, 6, 0, 51);
    const char *levels[] = {"0.1", "0.5", "0.9"};
    for (size_t l = 0; l < 3; l++) {
        struct mer_model *model =
            fit_gbdt(&ctx, &table,
                     SETTINGS({"objective", "quantile"}, {"quantile_alpha", levels[l]},
                              {"n_estimators", "60"}));
        double *predictions = predict_gbdt(&ctx, model, &table);
        size_t below = 0;
        for (size_t i = 0; i < 4000; i++)
            below += table.values[i] < predictions[i];
        const double level = l == 0 ? 0.1 : l == 1 ? 0.5 : 0.9;
        assert_true(fabs((double)below / 4000 - level) < 0.03);
        mer_free(&alloc, predictions);
        gbdt_family()->free(&ctx, model);
    }
    boost_table_release(&table);
}

static void rare_classes_weigh_as_much_when_balanced(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 4000, 6, 2, 61);
    for (size_t i = 0; i < 4000; i++)
        table.classes[i] = table.values[i] > 3.6; /* few */
    const char *choices[] = {"none", "balanced"};
    double mean[2] = {0, 0};
    for (size_t c = 0; c < 2; c++) {
        struct mer_model *model =
            fit_gbdt(&ctx, &table, SETTINGS({"class_weight", choices[c]}, {"n_estimators", "2"}));
        double *predictions = predict_gbdt(&ctx, model, &table);
        for (size_t i = 0; i < 4000; i++)
            mean[c] += predictions[2 * i + 1] / 4000;
        mer_free(&alloc, predictions);
        gbdt_family()->free(&ctx, model);
    }
    assert_true(mean[0] < 0.15 && mean[1] > 0.3);
    boost_table_release(&table);
}

static void other_libraries_names_are_understood(void **state)
{
    (void)state;
    const struct mer_params ours = gbdt_params(
        SETTINGS({"n_estimators", "7"}, {"learning_rate", "0.3"}, {"max_leaves", "9"},
                 {"min_child_samples", "5"}, {"reg_lambda", "2"}, {"reg_alpha", "0.5"},
                 {"min_split_gain", "0.1"}, {"subsample", "0.5"}, {"colsample_bytree", "0.4"},
                 {"min_child_weight", "3"}, {"early_stopping_rounds", "2"}));
    const struct mer_params lightgbm = gbdt_params(SETTINGS(
        {"num_iterations", "7"}, {"shrinkage_rate", "0.3"}, {"num_leaves", "9"},
        {"min_data_in_leaf", "5"}, {"lambda_l2", "2"}, {"lambda_l1", "0.5"},
        {"min_gain_to_split", "0.1"}, {"bagging_fraction", "0.5"}, {"feature_fraction", "0.4"},
        {"min_sum_hessian_in_leaf", "3"}, {"early_stopping_round", "2"}));
    const struct mer_params xgboost = gbdt_params(SETTINGS(
        {"num_boost_round", "7"}, {"eta", "0.3"}, {"max_leaves", "9"}, {"min_samples_leaf", "5"},
        {"lambda", "2"}, {"alpha", "0.5"}, {"gamma", "0.1"}, {"subsample", "0.5"},
        {"colsample_bytree", "0.4"}, {"min_child_weight", "3"}, {"n_iter_no_change", "2"}));
    assert_memory_equal(&ours, &lightgbm, sizeof ours);
    assert_memory_equal(&ours, &xgboost, sizeof ours);
}

static void impossible_settings_and_targets_are_refused_with_the_reason(void **state)
{
    (void)state;
    const struct mer_family *family = gbdt_family();
    mer_err err;
    struct mer_params params = gbdt_params(SETTINGS({"objective", "poisson"}));
    assert_int_equal(family->check(&params, MER_TASK_BINARY, &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "poisson"));
    assert_int_equal(family->check(&params, MER_TASK_REGRESSION, &err).code, MER_OK);
    params = gbdt_params(SETTINGS({"class_weight", "balanced"}));
    assert_int_equal(family->check(&params, MER_TASK_REGRESSION, &err).code, MER_ERR_USAGE);
    params = gbdt_params(SETTINGS({"early_stopping_rounds", "200"}));
    assert_int_equal(family->check(&params, MER_TASK_REGRESSION, &err).code, MER_ERR_USAGE);

    struct boost_table table;
    boost_table_init(&table, &alloc, 200, 5, 0, 71);
    table.values[20] = -1;
    const char *objectives[] = {"poisson", "gamma", "tweedie"};
    for (size_t o = 0; o < 3; o++) {
        const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
        struct mer_model *model = NULL;
        params = gbdt_params(SETTINGS({"objective", objectives[o]}));
        assert_int_equal(family->fit(&ctx, &params, &data, &model, &err).code, MER_ERR_DATA);
        assert_non_null(strstr(err.message, objectives[o]));
    }
    boost_table_release(&table);
}

static void tables_that_teach_nothing_give_a_constant(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 30, 5, 0, 81);
    for (size_t i = 0; i < 30; i++) {
        table.values[i] = 4;
        for (size_t f = 0; f < 5; f++)
            table.dense[i * 5 + f] = 1;
    }
    struct mer_model *model = fit_gbdt(&ctx, &table, NULL);
    assert_true(loss_of(&ctx, model, &table) == 0);
    gbdt_family()->free(&ctx, model);
    table.design.n_rows = 1;
    model = fit_gbdt(&ctx, &table, NULL);
    assert_true(loss_of(&ctx, model, &table) == 0);
    gbdt_family()->free(&ctx, model);
    boost_table_release(&table);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    struct boost_table table;
    boost_table_init(&table, &alloc, 300, 7, 3, 91);
    complicate(&table, 92);
    const struct mer_params params = gbdt_params(
        SETTINGS({"n_estimators", "2"}, {"early_stopping_rounds", "2"}, {"subsample", "0.8"}));
    for (uint64_t n = 1;; n++) {
        struct mer_alloc failing;
        mer_alloc_init(&failing, SIZE_MAX);
        failing.fail_at = n;
        const struct mer_ctx own = {.alloc = &failing, .cpu = mer_cpu_detect()};
        const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
        struct mer_model *model = NULL;
        mer_err err;
        const mer_status status = gbdt_family()->fit(&own, &params, &data, &model, &err);
        if (mer_is_ok(status)) {
            gbdt_family()->free(&own, model);
            assert_int_equal(failing.used, 0);
            assert_true(n > 20);
            break;
        }
        assert_int_equal(status.code, MER_ERR_MEMORY);
        assert_int_equal(failing.used, 0);
    }
    boost_table_release(&table);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(more_rounds_bring_the_loss_down_also_on_new_rows),
        TEST(stages_end_with_what_is_predicted_and_begin_with_what_looks_at_no_column),
        TEST(the_bytes_do_not_depend_on_threads_or_instruction_sets),
        TEST(the_bytes_of_large_leaves_do_not_depend_on_threads_either),
        TEST(saved_models_predict_the_same_after_loading),
        TEST(trees_keep_to_their_limits),
        TEST(leaves_of_classes_stay_within_bounds_where_the_hessian_vanishes),
        TEST(level_by_level_every_level_is_full_before_the_next),
        TEST(missing_values_go_where_they_belong),
        TEST(predictions_are_monotone_where_they_have_to_be),
        TEST(a_fit_goes_on_from_a_model),
        TEST(a_deadline_leaves_the_rounds_that_there_are_once_they_are_enough),
        TEST(early_stopping_keeps_the_best_round_and_the_curve),
        TEST(rows_without_weight_do_not_count_and_two_of_weight_one_are_one_of_two),
        TEST(quantiles_have_their_share_of_rows_below),
        TEST(rare_classes_weigh_as_much_when_balanced),
        TEST(other_libraries_names_are_understood),
        TEST(impossible_settings_and_targets_are_refused_with_the_reason),
        TEST(tables_that_teach_nothing_give_a_constant),
        TEST(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
