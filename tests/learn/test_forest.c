/* Random forests and extremely randomised trees. */
#include "tree_table.h"

#include "every_failure.h"

static struct table table;
static double outputs[TABLE_ROWS * TABLE_CLASSES];
static double other_outputs[TABLE_ROWS * TABLE_CLASSES];

static const char *const NAMES[] = {"random_forest", "extra_trees"};
static const size_t CLASS_COUNTS[] = {0, 2, 5};

struct grown {
    const struct mer_family *family;
    struct mer_alloc alloc;
    struct mer_team *team;
    struct mer_ctx ctx;
    struct mer_model *model;
    struct saved_model saved;
};

static struct mer_params settings_of(const struct mer_family *family,
                                     const struct setting *settings)
{
    struct mer_params params;
    mer_params_default(family->params, family->n_params, &params);
    for (; settings && settings->name; settings++)
        assert_int_equal(mer_params_set(family->params, family->n_params, settings->name,
                                        settings->value, &params, NULL)
                             .code,
                         MER_OK);
    return params;
}

static void grow(const char *name, const struct setting *settings, size_t n_threads,
                 struct grown *ret)
{
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target, .seed = 11};
    mer_err err = {0};
    *ret = (struct grown){.family = mer_family_find(name)};
    assert_non_null(ret->family);
    const struct mer_params params = settings_of(ret->family, settings);
    mer_alloc_init(&ret->alloc, SIZE_MAX);
    assert_int_equal(mer_team_new(&ret->alloc, n_threads, &ret->team, NULL).code, MER_OK);
    ret->ctx = (struct mer_ctx){.alloc = &ret->alloc,
                                .team = ret->team,
                                .cpu = n_threads == 1 ? MER_CPU_PLAIN : mer_cpu_detect()};
    if (!mer_is_ok(ret->family->fit(&ret->ctx, &params, &data, &ret->model, &err)))
        fail_msg("%s", err.message);
    assert_int_equal(saved_model_fill(&ret->ctx, ret->family, ret->model, &ret->saved, NULL).code,
                     MER_OK);
}

static void grown_release(struct grown *grown)
{
    saved_model_release(&grown->saved);
    grown->family->free(&grown->ctx, grown->model);
    mer_team_free(grown->team);
    assert_int_equal(grown->alloc.used, 0);
}

static void ask(const struct grown *grown, const struct mer_design *design, double *ret)
{
    assert_int_equal(grown->family->predict(&grown->ctx, grown->model, design, ret, NULL).code,
                     MER_OK);
}

static const void *array_of(const struct grown *grown, const char *name, size_t *ret_n)
{
    const struct mer_array *array = mer_bundle_find(&grown->saved.bundle, name);
    assert_non_null(array);
    *ret_n = array->shape[0];
    return array->data;
}

/* Of the predictions for all rows. */
static size_t outputs_bytes(void)
{
    return TABLE_ROWS * (table.target.n_classes ? table.target.n_classes : 1) * sizeof *outputs;
}

/* The mean squared error, or the share of wrong classes, over rows begin .. end - 1. */
static double error_of(const double *predictions, size_t begin, size_t end)
{
    const size_t n_classes = table.target.n_classes;
    double error = 0;
    for (size_t row = begin; row < end; row++) {
        const double *p = predictions + (row - begin) * (n_classes ? n_classes : 1);
        size_t best = 0;
        if (!n_classes)
            error += (p[0] - table.values[row]) * (p[0] - table.values[row]);
        for (size_t k = 1; k < n_classes; k++)
            best = p[k] > p[best] ? k : best;
        if (n_classes)
            error += best != (size_t)table.classes[row];
    }
    return error / (double)(end - begin);
}

enum { N_TRAIN = 2000 };

/* Rows that the forest did not see. */
static struct mer_design test_rows(void)
{
    struct mer_design design = table.design;
    design.n_rows = TABLE_ROWS - N_TRAIN;
    design.dense += N_TRAIN * design.n_dense;
    design.codes += N_TRAIN * design.n_groups;
    return design;
}

static double test_error(const struct grown *grown)
{
    const struct mer_design design = test_rows();
    ask(grown, &design, outputs);
    return error_of(outputs, N_TRAIN, TABLE_ROWS);
}

static void forests_are_better_than_one_tree(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++)
        for (size_t c = 0; c < 3; c++) {
            struct grown one, many;
            make_mixed_table(&table, TABLE_ROWS, CLASS_COUNTS[c], 5);
            table.design.n_rows = N_TRAIN;
            grow(NAMES[f], SETTINGS({"n_estimators", "1"}), 1, &one);
            grow(NAMES[f], SETTINGS({"n_estimators", "60"}), 1, &many);
            const double error = test_error(&many);
            if (!(error < 0.9 * test_error(&one)))
                fail_msg("%s, %zu classes: %g", NAMES[f], CLASS_COUNTS[c], error);
            grown_release(&one);
            grown_release(&many);
        }
}

static void threads_and_instruction_set_change_no_byte(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++)
        for (size_t c = 0; c < 3; c++) {
            struct grown one, many;
            make_mixed_table(&table, TABLE_ROWS, CLASS_COUNTS[c], 5);
            const struct setting *settings =
                f == 0 ? SETTINGS({"n_estimators", "40"}, {"oob_score", "true"})
                       : SETTINGS({"n_estimators", "40"});
            grow(NAMES[f], settings, 1, &one);
            grow(NAMES[f], settings, 3, &many);
            assert_same_bundles(&one.saved.bundle, &many.saved.bundle);
            ask(&one, &table.design, outputs);
            ask(&many, &table.design, other_outputs);
            assert_memory_equal(outputs, other_outputs, outputs_bytes());
            grown_release(&one);
            grown_release(&many);
        }
}

static void a_loaded_forest_predicts_the_same(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct grown grown;
        struct mer_model *loaded = NULL;
        make_mixed_table(&table, TABLE_ROWS, CLASS_COUNTS[c], 5);
        grow("random_forest", SETTINGS({"n_estimators", "10"}), 1, &grown);
        assert_int_equal(saved_model_load(&grown.ctx, grown.family, &grown.saved, table.target.task,
                                          CLASS_COUNTS[c], &table.design, &loaded, NULL)
                             .code,
                         MER_OK);
        ask(&grown, &table.design, outputs);
        assert_int_equal(
            grown.family->predict(&grown.ctx, loaded, &table.design, other_outputs, NULL).code,
            MER_OK);
        assert_memory_equal(outputs, other_outputs, outputs_bytes());
        grown.family->free(&grown.ctx, loaded);
        grown_release(&grown);
    }
}

/* Classes 1, or values, that one of 40 thresholds of two columns explains best. */
static void make_small_table(size_t n_rows, size_t n_classes, bool weighted, uint64_t seed)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, 0);
    table_init(&table, n_rows, 2, 0, n_classes, weighted);
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t j = 0; j < 2; j++)
            table.dense[2 * row + j] = (double)mer_rng_below(&rng, 40);
        const double surface = table.dense[2 * row] / 40 + mer_rng_uniform(&rng);
        table.values[row] = surface;
        table.classes[row] = n_classes ? (int32_t)(surface * (double)n_classes / 2) : 0;
        table.weights[row] = 0.5 + mer_rng_uniform(&rng);
    }
}

/* What a side of a split contributes: the squares of its classes, or of its sum, over its weight.
 */
static double side_score(size_t column, double threshold, bool left)
{
    double sums[TABLE_CLASSES] = {0};
    double weight = 0;
    double squares = 0;
    for (size_t row = 0; row < table.design.n_rows; row++) {
        if (column < 2 && (table.dense[2 * row + column] <= threshold) != left)
            continue;
        const double w = table.target.weights ? table.weights[row] : 1;
        sums[table.classes[row]] += w * (table.target.n_classes ? 1 : table.values[row]);
        weight += w;
    }
    for (size_t k = 0; k < TABLE_CLASSES; k++)
        squares += sums[k] * sums[k];
    return weight > 0 ? squares / weight : 0;
}

/* Sizes for each way to look through the bins: sorted rows, few bins, all bins. */
static void the_first_split_is_the_best_of_all(void **state)
{
    (void)state;
    static const size_t sizes[] = {9, 20, 100, 380, 900};
    for (size_t i = 0; i < 300; i++) {
        struct grown grown;
        size_t n;
        double best = 0;
        make_small_table(sizes[i % 5], CLASS_COUNTS[i / 5 % 3], i / 15 % 2, i);
        grow("random_forest",
             SETTINGS({"n_estimators", "1"}, {"bootstrap", "false"}, {"max_features", "1"},
                      {"max_depth", "1"}),
             1, &grown);
        for (size_t column = 0; column < 2; column++)
            for (double threshold = 0.5; threshold < 40; threshold++)
                best = fmax(best, side_score(column, threshold, true) +
                                      side_score(column, threshold, false));
        const double gain = best - side_score(2, 0, true);
        const float *gains = array_of(&grown, "model/gains", &n);
        if (n != 1 || !(fabs(gains[0] - gain) <= 1e-6 * (1 + fabs(gain))))
            fail_msg("table %zu: gain %g, best %g", i, (double)gains[0], gain);
        grown_release(&grown);
    }
}

static void leaves_hold_the_rows_that_they_must(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++)
        for (size_t c = 0; c < 3; c++) {
            struct grown grown;
            size_t n;
            make_mixed_table(&table, TABLE_ROWS, CLASS_COUNTS[c], 5);
            table.target.weights = NULL;
            grow(NAMES[f],
                 SETTINGS({"n_estimators", "5"}, {"min_samples_leaf", "30"}, {"max_depth", "4"}), 1,
                 &grown);
            const float *covers = array_of(&grown, "model/covers", &n);
            for (size_t node = 0; node < n; node++)
                assert_true(covers[node] >= 30);
            assert_true(n > 5 && n <= 5 * 31);
            grown_release(&grown);
        }
}

static double oob_of(const struct grown *grown)
{
    double score = -1;
    assert_true(
        mer_json_number(mer_json_get(mer_json_root(grown->saved.document), "oob_score"), &score));
    return score;
}

static void out_of_bag_scores_are_near_those_of_new_rows(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct grown grown;
        make_mixed_table(&table, TABLE_ROWS, CLASS_COUNTS[c], 5);
        table.design.n_rows = N_TRAIN;
        table.target.weights = NULL;
        grow("random_forest", SETTINGS({"n_estimators", "80"}, {"oob_score", "true"}), 2, &grown);
        const double error = test_error(&grown);
        double variance = 1;
        if (CLASS_COUNTS[c] == 0) {
            double mean = 0;
            variance = 0;
            for (size_t row = N_TRAIN; row < TABLE_ROWS; row++)
                mean += table.values[row] / (TABLE_ROWS - N_TRAIN);
            for (size_t row = N_TRAIN; row < TABLE_ROWS; row++)
                variance += (table.values[row] - mean) * (table.values[row] - mean) /
                            (TABLE_ROWS - N_TRAIN);
        }
        if (!(fabs(oob_of(&grown) - (1 - error / variance)) < 0.05))
            fail_msg("%zu classes: %g, new rows %g", CLASS_COUNTS[c], oob_of(&grown),
                     1 - error / variance);
        grown_release(&grown);
    }
}

static void missing_numbers_take_a_side(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct grown grown;
        mer_rng rng;
        mer_rng_init(&rng, 3, 0);
        table_init(&table, 1000, 1, 0, 2, false);
        for (size_t row = 0; row < 1000; row++) {
            table.dense[row] = row % 3 ? mer_rng_uniform(&rng) : NAN;
            table.classes[row] = row % 3 ? table.dense[row] > 0.7 : row % 3 == 0;
        }
        grow(NAMES[f], SETTINGS({"n_estimators", "20"}), 1, &grown);
        ask(&grown, &table.design, outputs);
        assert_true(error_of(outputs, 0, 1000) < 0.01);
        grown_release(&grown);
    }
}

static void out_of_bag_scores_without_a_bag_are_refused(void **state)
{
    (void)state;
    const struct mer_family *family = mer_family_find("extra_trees");
    const struct mer_params params = settings_of(family, SETTINGS({"oob_score", "true"}));
    mer_err err = {0};
    assert_int_equal(family->check(&params, MER_TASK_BINARY, &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "bootstrap"));
}

/* Loads the forest with one number of an array, or its length, changed. */
static enum mer_code load_changed(struct grown *grown, const char *name, size_t at, double value)
{
    struct mer_model *loaded = NULL;
    struct mer_array *array = NULL;
    for (size_t i = 0; i < grown->saved.bundle.n_arrays; i++)
        if (strcmp(grown->saved.bundle.arrays[i].name, name) == 0)
            array = &grown->saved.bundle.arrays[i];
    assert_non_null(array);
    double *data;
    memcpy(&data, &array->data, sizeof data);
    const double kept = data[at];
    data[at] = value;
    const mer_status status =
        saved_model_load(&grown->ctx, grown->family, &grown->saved, table.target.task,
                         table.target.n_classes, &table.design, &loaded, NULL);
    data[at] = kept;
    grown->family->free(&grown->ctx, loaded);
    return status.code;
}

static void what_holds_no_probabilities_does_not_load(void **state)
{
    (void)state;
    for (size_t c = 1; c < 3; c++) {
        struct grown grown;
        size_t n;
        const size_t n_values = CLASS_COUNTS[c] == 2 ? 1 : CLASS_COUNTS[c];
        make_mixed_table(&table, 500, CLASS_COUNTS[c], 5);
        grow("random_forest", SETTINGS({"n_estimators", "3"}), 1, &grown);
        const double *values = array_of(&grown, "model/values", &n);
        assert_int_equal(load_changed(&grown, "model/values", 0, values[0]), MER_OK);
        assert_int_equal(load_changed(&grown, "model/values", 0, 1.5), MER_ERR_DATA);
        assert_int_equal(load_changed(&grown, "model/values", 0, -0.5), MER_ERR_DATA);
        if (n_values > 1)
            assert_int_equal(load_changed(&grown, "model/values", 0, values[0] > 0.5 ? 0 : 1),
                             MER_ERR_DATA);
        assert_int_equal(load_changed(&grown, "model/prior", 0, 1.5), MER_ERR_DATA);
        assert_int_equal(load_changed(&grown, "model/base", 0, 1), MER_ERR_DATA);
        grown_release(&grown);
    }
}

static mer_status fit_and_predict(struct mer_alloc *alloc, mer_err *err)
{
    const struct mer_ctx ctx = {.alloc = alloc};
    const struct mer_family *family = mer_family_find("random_forest");
    const struct mer_params params =
        settings_of(family, SETTINGS({"n_estimators", "2"}, {"oob_score", "true"}));
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_model *model = NULL;
    MER_GUARD(family->fit(&ctx, &params, &data, &model, err));
    const mer_status status = family->predict(&ctx, model, &table.design, outputs, err);
    family->free(&ctx, model);
    return status;
}

static void nothing_leaks_when_memory_runs_out(void **state)
{
    (void)state;
    make_mixed_table(&table, 200, 2, 5);
    mer_test_every_failure(fit_and_predict);
}

static void a_cancelled_fit_says_so(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_cancel cancel = {2};
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cancel = &cancel};
    const struct mer_family *family = mer_family_find("extra_trees");
    const struct mer_params params = settings_of(family, NULL);
    make_mixed_table(&table, 200, 2, 5);
    const struct mer_fit_data data = {.design = &table.design, .target = &table.target};
    struct mer_model *model = NULL;
    assert_int_equal(family->fit(&ctx, &params, &data, &model, NULL).code, MER_ERR_CANCELLED);
    assert_int_equal(alloc.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forests_are_better_than_one_tree),
        cmocka_unit_test(threads_and_instruction_set_change_no_byte),
        cmocka_unit_test(a_loaded_forest_predicts_the_same),
        cmocka_unit_test(the_first_split_is_the_best_of_all),
        cmocka_unit_test(leaves_hold_the_rows_that_they_must),
        cmocka_unit_test(out_of_bag_scores_are_near_those_of_new_rows),
        cmocka_unit_test(missing_numbers_take_a_side),
        cmocka_unit_test(out_of_bag_scores_without_a_bag_are_refused),
        cmocka_unit_test(what_holds_no_probabilities_does_not_load),
        cmocka_unit_test(nothing_leaks_when_memory_runs_out),
        cmocka_unit_test(a_cancelled_fit_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
