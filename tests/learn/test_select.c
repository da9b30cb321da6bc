/* Which features matter: what is found, applied, saved, and what a hostile file could say of it. */
#include "loaded_model.h"
#include "same_bytes.h"

#include "core/math.h"
#include "learn/select.h"

enum { ROWS = 400, DENSE = 12, GROUPS = 2, MATTERS = 3 };

static struct table table;
static struct mer_alloc alloc;
static const struct mer_ctx ctx = {.alloc = &alloc};

static int start(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    return 0;
}

/* Nothing is left behind. */
static int end(void **state)
{
    (void)state;
    return alloc.used != 0;
}

/* Of a target that columns 0 and 1 and group 0 tell; the others are noise. */
static void make_table(enum mer_task task)
{
    static const double SHIFTS[] = {-1, 0, 1, 2};
    mer_rng rng;
    mer_rng_init(&rng, 4, 0);
    table_init(&table, ROWS, DENSE, GROUPS, task == MER_TASK_REGRESSION ? 0 : 2, false);
    for (size_t i = 0; i < ROWS; i++) {
        double *x = table.dense + i * DENSE;
        for (size_t j = 0; j < DENSE; j++)
            x[j] = mer_rng_normal(&rng);
        for (size_t g = 0; g < GROUPS; g++)
            table.codes[i * GROUPS + g] = (int32_t)mer_rng_below(&rng, 3);
        const double y =
            x[0] + x[0] * x[1] + SHIFTS[table.codes[i * GROUPS]] + 0.3 * mer_rng_normal(&rng);
        if (task == MER_TASK_REGRESSION)
            table.values[i] = y;
        else
            table.classes[i] = y > 0;
    }
}

static void learn(double share, struct mer_selection *ret)
{
    assert_int_equal(
        mer_selection_learn(&ctx, &table.design, &table.target, ROWS, share, 7, ret, NULL).code,
        MER_OK);
}

static void noise_is_left_out_and_what_tells_the_target_is_kept(void **state)
{
    struct mer_selection selection;
    (void)state;
    for (enum mer_task task = MER_TASK_REGRESSION; task <= MER_TASK_BINARY; task++) {
        make_table(task);
        learn(0.9, &selection);
        assert_non_null(selection.kept);
        assert_true(selection.kept[0] && selection.kept[1] && selection.kept[DENSE]);
        assert_true(selection.n_kept_dense + selection.n_kept_groups <= MATTERS + 3);
        mer_selection_release(&ctx, &selection);
    }
}

static void a_larger_share_keeps_less(void **state)
{
    struct mer_selection few, many;
    (void)state;
    make_table(MER_TASK_REGRESSION);
    learn(1, &few);
    learn(0.3, &many);
    for (size_t i = 0; i < DENSE + GROUPS; i++)
        assert_true(few.kept[i] <= many.kept[i]);
    assert_true(few.n_kept_dense < many.n_kept_dense);
    mer_selection_release(&ctx, &few);
    mer_selection_release(&ctx, &many);
}

static void a_target_of_noise_leaves_all_or_some_but_never_none(void **state)
{
    struct mer_selection selection;
    (void)state;
    make_table(MER_TASK_REGRESSION);
    mer_rng rng;
    mer_rng_init(&rng, 5, 0);
    for (size_t i = 0; i < ROWS; i++)
        table.values[i] = mer_rng_normal(&rng);
    learn(1, &selection);
    assert_true(!selection.kept || selection.n_kept_dense + selection.n_kept_groups > 0);
    mer_selection_release(&ctx, &selection);
}

static void a_column_stays_with_what_says_where_it_was_missing(void **state)
{
    static uint32_t indicators[DENSE];
    struct mer_selection selection;
    (void)state;
    make_table(MER_TASK_REGRESSION);
    for (size_t j = 0; j < DENSE; j++)
        indicators[j] = MER_NO_INDICATOR;
    indicators[0] = 5; /* noise, but that of a column that matters */
    table.design.indicators = indicators;
    learn(1, &selection);
    assert_true(selection.kept[0] && selection.kept[5]);
    const struct mer_design shape = mer_selection_shape(&selection, &table.design);
    size_t at = 0;
    for (size_t j = 0; j < 5; j++)
        at += selection.kept[j];
    assert_int_equal(shape.indicators[0], at);
    mer_selection_release(&ctx, &selection);
}

static void what_is_kept_is_what_a_design_has(void **state)
{
    struct mer_selection selection;
    struct mer_selected selected;
    (void)state;
    make_table(MER_TASK_REGRESSION);
    learn(0.9, &selection);
    assert_int_equal(mer_selection_apply(&ctx, &selection, &table.design, &selected, NULL).code,
                     MER_OK);
    for (size_t i = 0; i < ROWS; i++) {
        size_t at = 0;
        for (size_t j = 0; j < DENSE; j++)
            if (selection.kept[j])
                assert_true(selected.design.dense[i * selected.design.n_dense + at++] ==
                            table.dense[i * DENSE + j]);
        assert_int_equal(at, selected.design.n_dense);
        assert_int_equal(selected.design.codes[i * selected.design.n_groups],
                         table.codes[i * GROUPS]);
    }
    mer_selected_release(&ctx, &selected);
    mer_selection_release(&ctx, &selection);
}

static const struct mer_family *family_of(const char *name)
{
    const struct mer_family *const family = mer_family_find(name);
    assert_non_null(family);
    return family;
}

static struct mer_model *fit(const struct mer_ctx *context, const char *name, const char *share)
{
    return fit_with(context, &table, mer_family_find(name), "select", share);
}

static const char *const NAMES[] = {"linear", "gbdt", "random_forest", "extra_trees", "kernel"};

static void families_say_what_they_use_and_save_it(void **state)
{
    (void)state;
    make_table(MER_TASK_REGRESSION);
    for (size_t f = 0; f < sizeof NAMES / sizeof NAMES[0]; f++) {
        const struct mer_family *const family = family_of(NAMES[f]);
        struct mer_model *plain = fit(&ctx, NAMES[f], "0");
        assert_null(family->kept(plain));
        family->free(&ctx, plain);
        struct mer_model *model = fit(&ctx, NAMES[f], "0.9");
        assert_non_null(family->kept(model));
        assert_true(family->kept(model)[0]);
        assert_survives_saving(&ctx, family, model, &table, &table.design);
    }
}

static void a_broken_selection_is_refused(void **state)
{
    struct loading loading;
    (void)state;
    make_table(MER_TASK_REGRESSION);
    struct mer_model *model = fit(&ctx, "linear", "0.9");
    loading_start(&loading, &ctx, family_of("linear"), model, &table);
    struct mer_array *array =
        (struct mer_array *)(uintptr_t)mer_bundle_find(&loading.saved.bundle, "model/selected");
    assert_non_null(array);
    unsigned char *bytes = (unsigned char *)(uintptr_t)array->data;
    unsigned char kept[DENSE + GROUPS];
    memcpy(kept, bytes, sizeof kept);
    bytes[1] = 2; /* neither yes nor no */
    assert_refused(&loading);
    memset(bytes, 0, sizeof kept); /* nothing */
    assert_refused(&loading);
    memset(bytes, 1, sizeof kept); /* more columns than there are coefficients for */
    assert_refused(&loading);
    memcpy(bytes, kept, sizeof kept);
    array->shape[0]--; /* not read: the shape is refused */
    assert_refused(&loading);
    array->shape[0]++;
    saved_model_release(&loading.saved);
    assert_survives_saving(&ctx, family_of("linear"), model, &table, &table.design);
}

static void a_fit_that_goes_on_keeps_the_selection(void **state)
{
    const struct mer_family *const family = family_of("gbdt");
    (void)state;
    make_table(MER_TASK_REGRESSION);
    struct mer_model *first = fit(&ctx, "gbdt", "0.9"), *model = NULL;
    const struct mer_fit_data data = {
        .design = &table.design, .target = &table.target, .seed = 1, .start = first};
    struct mer_params params;
    mer_params_default(family->params, family->n_params, &params);
    assert_int_equal(family->fit(&ctx, &params, &data, &model, NULL).code, MER_OK);
    assert_memory_equal(family->kept(model), family->kept(first), DENSE + GROUPS);
    family->free(&ctx, model);
    family->free(&ctx, first);
}

static void fit_and_predict(const struct mer_ctx *context, double *outputs)
{
    struct mer_model *model = fit(context, "extra_trees", "0.9");
    assert_int_equal(
        family_of("extra_trees")->predict(context, model, &table.design, outputs, NULL).code,
        MER_OK);
    family_of("extra_trees")->free(context, model);
}

static void threads_and_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    make_table(MER_TASK_REGRESSION);
    assert_same_bytes(fit_and_predict, ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(noise_is_left_out_and_what_tells_the_target_is_kept, start,
                                        end),
        cmocka_unit_test_setup_teardown(a_larger_share_keeps_less, start, end),
        cmocka_unit_test_setup_teardown(a_target_of_noise_leaves_all_or_some_but_never_none, start,
                                        end),
        cmocka_unit_test_setup_teardown(a_column_stays_with_what_says_where_it_was_missing, start,
                                        end),
        cmocka_unit_test_setup_teardown(what_is_kept_is_what_a_design_has, start, end),
        cmocka_unit_test_setup_teardown(families_say_what_they_use_and_save_it, start, end),
        cmocka_unit_test_setup_teardown(a_broken_selection_is_refused, start, end),
        cmocka_unit_test_setup_teardown(a_fit_that_goes_on_keeps_the_selection, start, end),
        cmocka_unit_test_setup_teardown(threads_and_instruction_sets_give_the_same_bytes, start,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
