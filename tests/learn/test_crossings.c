/* Crossed categories: what is found, applied, saved, and what a hostile file could say of it. */
#include "loaded_model.h"
#include "same_bytes.h"

#include "learn/crossings.h"

enum { ROWS = 600, DENSE = 2, GROUPS = 4, WIDTH = 4 };

static struct mer_alloc alloc;
static const struct mer_ctx ctx = {.alloc = &alloc};
static struct table table;
static int32_t codes[ROWS * GROUPS];
static uint32_t starts[GROUPS + 1];

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

/* A target that says whether two categories agree, which neither tells alone; some are missing. */
static void make_table(bool tells)
{
    mer_rng rng;
    mer_rng_init(&rng, 11, 0);
    table_init(&table, ROWS, DENSE, 0, 2, false);
    for (size_t g = 0; g <= GROUPS; g++)
        starts[g] = (uint32_t)(g * WIDTH);
    table.design.n_groups = GROUPS;
    table.design.codes = codes;
    table.design.group_start = starts;
    for (size_t i = 0; i < ROWS; i++) {
        int32_t *own = codes + i * GROUPS;
        for (size_t g = 0; g < GROUPS; g++)
            own[g] = (int32_t)mer_rng_below(&rng, WIDTH + 1) - 1;
        for (size_t j = 0; j < DENSE; j++)
            table.dense[i * DENSE + j] = mer_rng_normal(&rng);
        const bool is_noise = mer_rng_uniform(&rng) < 0.1;
        table.classes[i] = (tells ? own[1] % 2 == own[3] % 2 : own[0] > 1) != is_noise;
    }
}

static void learn(size_t n_wanted, struct mer_crossings *ret)
{
    assert_int_equal(
        mer_crossings_learn(&ctx, &table.design, &table.target, ROWS, n_wanted, ret, NULL).code,
        MER_OK);
}

static void what_two_categories_tell_together_is_found(void **state)
{
    struct mer_crossings crossings;
    (void)state;
    make_table(true);
    learn(8, &crossings);
    assert_int_equal(crossings.n, 1);
    assert_int_equal(crossings.pairs[0], 1);
    assert_int_equal(crossings.pairs[1], 3);
    mer_crossings_release(&ctx, &crossings);
}

static void what_one_category_tells_alone_is_not_crossed(void **state)
{
    struct mer_crossings crossings;
    (void)state;
    make_table(false);
    learn(8, &crossings);
    assert_int_equal(crossings.n, 0);
    assert_null(crossings.pairs);
    mer_crossings_release(&ctx, &crossings);
}

static void a_crossing_has_a_level_for_each_pair_of_levels(void **state)
{
    struct mer_crossings crossings;
    struct mer_crossed crossed;
    (void)state;
    make_table(true);
    learn(1, &crossings);
    assert_int_equal(mer_crossings_apply(&ctx, &crossings, &table.design, &crossed, NULL).code,
                     MER_OK);
    assert_int_equal(crossed.design.n_groups, GROUPS + 1);
    assert_int_equal(mer_design_onehot(&crossed.design), GROUPS * WIDTH + WIDTH * WIDTH);
    for (size_t i = 0; i < ROWS; i++) {
        const int32_t *own = crossed.codes + i * (GROUPS + 1);
        assert_memory_equal(own, codes + i * GROUPS, GROUPS * sizeof *own);
        assert_int_equal(own[GROUPS], own[1] < 0 || own[3] < 0 ? -1 : own[1] * WIDTH + own[3]);
    }
    mer_crossed_release(&ctx, &crossed);
    mer_crossings_release(&ctx, &crossings);
}

static void too_many_levels_are_not_crossed(void **state)
{
    struct mer_crossings crossings;
    (void)state;
    make_table(true);
    for (size_t g = 0; g <= GROUPS; g++)
        starts[g] = (uint32_t)(g * 40);
    learn(8, &crossings);
    assert_int_equal(crossings.n, 0);
    mer_crossings_release(&ctx, &crossings);
}

static struct mer_model *fit(const struct mer_ctx *context, const char *name, const char *number)
{
    return fit_with(context, &table, mer_family_find(name), "crossings", number);
}

static double accuracy(const char *number)
{
    static double predictions[2 * ROWS];
    const struct mer_family *const family = mer_family_find("linear");
    struct mer_model *model = fit(&ctx, "linear", number);
    size_t n_right = 0;
    assert_int_equal(family->predict(&ctx, model, &table.design, predictions, NULL).code, MER_OK);
    family->free(&ctx, model);
    for (size_t i = 0; i < ROWS; i++)
        n_right += (predictions[2 * i + 1] > 0.5) == (table.classes[i] == 1);
    return (double)n_right / ROWS;
}

static void a_linear_model_learns_what_it_could_not(void **state)
{
    (void)state;
    make_table(true);
    assert_true(accuracy("0") < 0.7);
    assert_true(accuracy("2") > 0.8);
}

static void a_loaded_model_predicts_the_same_and_a_broken_one_is_refused(void **state)
{
    static const char *const NAMES[] = {"linear", "gbdt", "kernel"};
    struct loading loading;
    (void)state;
    make_table(true);
    for (size_t f = 0; f < sizeof NAMES / sizeof NAMES[0]; f++) {
        const struct mer_family *const family = mer_family_find(NAMES[f]);
        assert_survives_saving(&ctx, family, fit(&ctx, NAMES[f], "2"), &table, &table.design);
    }
    struct mer_model *model = fit(&ctx, "linear", "2");
    loading_start(&loading, &ctx, mer_family_find("linear"), model, &table);
    struct mer_array *array =
        (struct mer_array *)(uintptr_t)mer_bundle_find(&loading.saved.bundle, "model/crossings");
    assert_non_null(array);
    uint32_t *pairs = (uint32_t *)(uintptr_t)array->data;
    pairs[1] = GROUPS; /* a category that is not there */
    assert_refused(&loading);
    pairs[1] = 1; /* with itself */
    assert_refused(&loading);
    pairs[0] = 3; /* the higher one first */
    assert_refused(&loading);
    pairs[0] = 1;
    pairs[1] = 3;
    array->shape[1] = 1;
    assert_refused(&loading);
    array->shape[1] = 2;
    array->shape[0] = 0;
    assert_refused(&loading);
    array->shape[0] = 1;
    saved_model_release(&loading.saved);
    mer_family_find("linear")->free(&ctx, model);
}

static void fit_and_predict(const struct mer_ctx *context, double *outputs)
{
    struct mer_model *model = fit(context, "linear", "3");
    assert_int_equal(
        mer_family_find("linear")->predict(context, model, &table.design, outputs, NULL).code,
        MER_OK);
    mer_family_find("linear")->free(context, model);
}

static void threads_and_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    make_table(true);
    assert_same_bytes(fit_and_predict, 2 * ROWS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(what_two_categories_tell_together_is_found),
        TEST(what_one_category_tells_alone_is_not_crossed),
        TEST(a_crossing_has_a_level_for_each_pair_of_levels),
        TEST(too_many_levels_are_not_crossed),
        TEST(a_linear_model_learns_what_it_could_not),
        TEST(a_loaded_model_predicts_the_same_and_a_broken_one_is_refused),
        TEST(threads_and_instruction_sets_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
