/* Building, asking and saving ensembles. */
#include "ensemble_random.h"

#include "every_failure.h"

static const struct random_shape MIXED = {.seed = 3,
                                          .n_dense = 4,
                                          .n_groups = 2,
                                          .widths = {7, 300},
                                          .n_outputs = 3,
                                          .n_values = 1,
                                          .n_trees = 20,
                                          .n_leaves = 40,
                                          .n_thresholds = 50,
                                          .chain = 0.3};

static struct mer_alloc alloc;

static int setup(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    return 0;
}

static int nothing_is_left(void **state)
{
    (void)state;
    return alloc.used == 0 ? 0 : -1;
}

/* One dense column and one group of ten levels: x <= 1 (missing right), then levels 2 and none. */
static const uint8_t SET[] = {1 << 2, 1 << 2};
static const struct mer_ensemble_node NODES[] = {
    {.feature = 0, .left = 3, .threshold = 1, .gain = 8, .cover = 10},
    {.feature = MER_ENSEMBLE_LEAF, .cover = 99}, /* nothing leads here */
    {.feature = MER_ENSEMBLE_LEAF, .cover = 99},
    {.feature = MER_ENSEMBLE_LEAF, .cover = 4},
    {.feature = 1, .left = 5, .set = 0, .gain = 2, .cover = 6},
    {.feature = MER_ENSEMBLE_LEAF, .cover = 1},
    {.feature = MER_ENSEMBLE_LEAF, .cover = 5},
};
static const double VALUES[] = {9, 9, 9, 1, 9, 20, 300};
static const struct mer_ensemble_tree TREE = {
    .n_nodes = 7, .nodes = NODES, .values = VALUES, .sets = SET};
static const uint32_t GROUP_START[] = {0, 10};
static const struct mer_design SHAPE = {.n_dense = 1, .n_groups = 1, .group_start = GROUP_START};

static void small_ensemble(struct mer_ensemble *ret)
{
    struct mer_ensemble_builder builder;
    assert_int_equal(mer_ensemble_builder_init(&alloc, &SHAPE, 1, 1, &builder, NULL).code, MER_OK);
    builder.ensemble.base[0] = 0.5;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(mer_ensemble_builder_add(&builder, &TREE, NULL).code, MER_OK);
    assert_int_equal(mer_ensemble_builder_finish(&builder, ret, NULL).code, MER_OK);
}

static void scores_add_the_leaves_that_a_row_reaches(void **state)
{
    (void)state;
    struct mer_ensemble ensemble;
    small_ensemble(&ensemble);
    static const float numbers[] = {1, 1.0000001f, 2, NAN, -INFINITY, INFINITY, 5};
    static const int32_t codes[] = {0, 2, 3, -1, 2, 9, 1000};
    static const double expected[] = {2.5, 40.5, 600.5, 40.5, 2.5, 600.5, 40.5};
    double scores[7];
    int32_t leaves[14];
    double margins[14];
    const struct mer_ensemble_rows rows = {.n_rows = 7,
                                           .dense = numbers,
                                           .is_float32 = true,
                                           .row_stride = 1,
                                           .codes = codes,
                                           .code_row_stride = 1};
    mer_ensemble_predict_plain(&ensemble, &rows, scores);
    mer_ensemble_leaves(&ensemble, &rows, leaves);
    mer_ensemble_margins(&ensemble, &rows, margins);
    for (size_t row = 0; row < 7; row++) {
        assert_true(scores[row] == expected[row]);
        assert_int_equal(leaves[2 * row], expected[row] < 3 ? 1 : expected[row] < 50 ? 3 : 4);
        assert_true(margins[2 * row] + margins[2 * row + 1] + 0.5 == expected[row]);
    }
    ensemble.averaged = true;
    mer_ensemble_predict_plain(&ensemble, &rows, scores);
    assert_true(scores[0] == 1.5);
    mer_ensemble_release(&alloc, &ensemble);
}

static void importance_counts_gain_splits_and_cover(void **state)
{
    (void)state;
    struct mer_ensemble ensemble;
    small_ensemble(&ensemble);
    static const double expected[][2] = {{16, 4}, {2, 2}, {20, 12}};
    for (int by = MER_IMPORTANCE_GAIN; by <= MER_IMPORTANCE_COVER; by++) {
        double importance[2];
        mer_ensemble_importance(&ensemble, (enum mer_importance)by, importance);
        assert_memory_equal(importance, expected[by], sizeof importance);
    }
    mer_ensemble_release(&alloc, &ensemble);
}

static void nodes_come_in_breadth_first_order_without_those_that_nothing_reaches(void **state)
{
    (void)state;
    struct mer_ensemble ensemble;
    size_t n_leaves, depth;
    small_ensemble(&ensemble);
    mer_ensemble_measure(&ensemble, &n_leaves, &depth);
    assert_int_equal(ensemble.n_nodes, 10);
    assert_int_equal(n_leaves, 6);
    assert_int_equal(depth, 2);
    static const int32_t left[] = {1, 0, 3, 0, 0};
    assert_memory_equal(ensemble.left + 5, left, sizeof left);
    assert_true(ensemble.values[0] == 0); /* a split has none */
    mer_ensemble_release(&alloc, &ensemble);
}

static void assert_same_saved(const struct mer_ensemble *a, const struct mer_ensemble *b)
{
    struct saved_model first, second;
    save_ensemble(&alloc, a, &first);
    save_ensemble(&alloc, b, &second);
    assert_int_equal(first.bundle.n_arrays, second.bundle.n_arrays);
    for (size_t i = 0; i < first.bundle.n_arrays; i++) {
        assert_int_equal(first.bundle.arrays[i].n_bytes, second.bundle.arrays[i].n_bytes);
        assert_memory_equal(first.bundle.arrays[i].data, second.bundle.arrays[i].data,
                            first.bundle.arrays[i].n_bytes);
    }
    saved_model_release(&first);
    saved_model_release(&second);
}

static void a_loaded_ensemble_saves_the_same_bytes(void **state)
{
    (void)state;
    struct random_shape shapes[] = {MIXED, MIXED, MIXED};
    shapes[1].n_values = shapes[1].n_outputs;
    shapes[1].averaged = true;
    shapes[2].n_trees = 0;
    for (size_t i = 0; i < 3; i++) {
        struct mer_ensemble ensemble, loaded;
        struct saved_model saved;
        uint32_t group_start[RANDOM_MAX_GROUPS + 1];
        struct mer_design design;
        int64_t n_trees = -1;
        random_ensemble(&alloc, &shapes[i], &ensemble);
        random_design(&shapes[i], group_start, &design);
        save_ensemble(&alloc, &ensemble, &saved);
        const struct mer_json *object = mer_json_root(saved.document);
        assert_int_equal(mer_ensemble_load(&alloc, &saved.bundle, PREFIX, object, &design,
                                           shapes[i].n_outputs, &loaded, NULL)
                             .code,
                         MER_OK);
        assert_true(mer_json_integer(mer_json_get(object, "n_trees"), &n_trees));
        assert_int_equal(n_trees, shapes[i].n_trees);
        assert_int_equal(loaded.averaged, shapes[i].averaged);
        assert_same_saved(&ensemble, &loaded);
        saved_model_release(&saved);
        mer_ensemble_release(&alloc, &ensemble);
        mer_ensemble_release(&alloc, &loaded);
    }
}

static void trees_can_be_taken_back_and_taken_over(void **state)
{
    (void)state;
    struct mer_ensemble whole, again;
    struct mer_ensemble_builder builder;
    uint32_t group_start[RANDOM_MAX_GROUPS + 1];
    struct mer_design design;
    random_ensemble(&alloc, &MIXED, &whole);
    random_design(&MIXED, group_start, &design);
    assert_int_equal(
        mer_ensemble_builder_init(&alloc, &design, MIXED.n_outputs, 1, &builder, NULL).code,
        MER_OK);
    memcpy(builder.ensemble.base, whole.base, MIXED.n_outputs * sizeof(double));
    assert_int_equal(mer_ensemble_builder_append(&builder, &whole, 0, 7, NULL).code, MER_OK);
    assert_int_equal(mer_ensemble_builder_append(&builder, &whole, 2, 19, NULL).code, MER_OK);
    mer_ensemble_builder_truncate(&builder, 7);
    assert_int_equal(mer_ensemble_builder_append(&builder, &whole, 7, 20, NULL).code, MER_OK);
    assert_int_equal(mer_ensemble_builder_append(&builder, &whole, 7, 21, NULL).code,
                     MER_ERR_INTERNAL);
    assert_int_equal(mer_ensemble_builder_finish(&builder, &again, NULL).code, MER_OK);
    assert_same_saved(&whole, &again);
    mer_ensemble_release(&alloc, &whole);
    mer_ensemble_release(&alloc, &again);
}

static void nodes_that_are_no_tree_are_not_added(void **state)
{
    (void)state;
    struct mer_ensemble_builder builder;
    struct mer_ensemble_node nodes[7];
    struct mer_ensemble_tree tree = TREE;
    tree.nodes = nodes;
    assert_int_equal(mer_ensemble_builder_init(&alloc, &SHAPE, 1, 1, &builder, NULL).code, MER_OK);
    for (uint32_t left = 0; left < 8; left += 7) { /* a cycle; behind the end */
        memcpy(nodes, NODES, sizeof nodes);
        nodes[4].left = left;
        assert_int_equal(mer_ensemble_builder_add(&builder, &tree, NULL).code, MER_ERR_INTERNAL);
        assert_int_equal(builder.ensemble.n_trees, 0);
    }
    mer_ensemble_builder_release(&builder);
    assert_int_equal(mer_ensemble_builder_init(&alloc, &SHAPE, 3, 2, &builder, NULL).code,
                     MER_ERR_INTERNAL);
}

static void scores_that_could_be_infinite_are_refused(void **state)
{
    (void)state;
    struct mer_ensemble_builder builder;
    struct mer_ensemble ensemble;
    static const double values[7] = {0, 0, 0, 1e308, 0, 0, -1e308};
    struct mer_ensemble_tree tree = TREE;
    tree.values = values;
    assert_int_equal(mer_ensemble_builder_init(&alloc, &SHAPE, 1, 1, &builder, NULL).code, MER_OK);
    assert_int_equal(mer_ensemble_builder_add(&builder, &tree, NULL).code, MER_OK);
    assert_true(mer_ensemble_is_finite(&builder.ensemble));
    assert_int_equal(mer_ensemble_builder_add(&builder, &tree, NULL).code, MER_OK);
    assert_int_equal(mer_ensemble_builder_finish(&builder, &ensemble, NULL).code, MER_ERR_DATA);
    mer_ensemble_builder_release(&builder);
}

static mer_status build_and_load(struct mer_alloc *failing, mer_err *err)
{
    struct mer_ensemble_builder builder;
    struct mer_ensemble ensemble = {0};
    struct mer_ensemble loaded = {0};
    struct saved_model saved;
    MER_GUARD(mer_ensemble_builder_init(failing, &SHAPE, 1, 1, &builder, err));
    mer_status status = mer_ensemble_builder_add(&builder, &TREE, err);
    if (mer_is_ok(status))
        status = mer_ensemble_builder_finish(&builder, &ensemble, err);
    mer_ensemble_builder_release(&builder);
    if (mer_is_ok(status)) {
        save_ensemble(&alloc, &ensemble, &saved);
        status = mer_ensemble_load(failing, &saved.bundle, PREFIX, mer_json_root(saved.document),
                                   &SHAPE, 1, &loaded, err);
        saved_model_release(&saved);
    }
    mer_ensemble_release(failing, &ensemble);
    mer_ensemble_release(failing, &loaded);
    return status;
}

static void nothing_leaks_when_memory_runs_out(void **state)
{
    (void)state;
    mer_test_every_failure(build_and_load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scores_add_the_leaves_that_a_row_reaches, setup,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(importance_counts_gain_splits_and_cover, setup,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(
            nodes_come_in_breadth_first_order_without_those_that_nothing_reaches, setup,
            nothing_is_left),
        cmocka_unit_test_setup_teardown(a_loaded_ensemble_saves_the_same_bytes, setup,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(trees_can_be_taken_back_and_taken_over, setup,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(nodes_that_are_no_tree_are_not_added, setup,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(scores_that_could_be_infinite_are_refused, setup,
                                        nothing_is_left),
        cmocka_unit_test_setup_teardown(nothing_leaks_when_memory_runs_out, setup, nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
