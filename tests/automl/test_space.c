/* Search spaces, and what an estimator proposes in them. */
#include "automl_tables.h"

#include <math.h>

#include "automl/space.h"
#include "automl/tpe.h"

static struct mer_space read_space(const char *text)
{
    struct mer_space space;
    assert_ok(mer_space_read(&ctx, text, strlen(text), &space, &err));
    return space;
}

static void a_space_has_the_ranges_choices_and_values_that_were_written(void **state)
{
    (void)state;
    const struct mer_space space = read_space(
        "{\"gbdt\":{\"learning_rate\":{\"low\":0.01,\"high\":0.25},\"max_leaves\":{\"low\":4,"
        "\"high\":64,\"log\":false},\"colsample_bytree\":{\"choices\":[0.5,1]},\"max_bin\":63},"
        "\"linear\":{}}");
    assert_int_equal(space.n_families, 2);
    const struct mer_space_family *own = mer_space_find(&space, mer_family_find("gbdt"));
    assert_non_null(own);
    assert_int_equal(own->n_dims, 3);
    const struct mer_params low = mer_space_params(own, (double[]){0, 0, 0});
    const struct mer_params middle = mer_space_params(own, (double[]){0.5, 0.5, 0.9});
    const struct mer_params high = mer_space_params(own, (double[]){1, 1, 1});
    const struct mer_family *family = own->family;
#define VALUE(setting, name) mer_params_get(family->params, family->n_params, &(setting), name)
    assert_near(VALUE(low, "learning_rate"), 0.01);
    assert_near(VALUE(middle, "learning_rate"), 0.05); /* its scale is logarithmic by itself */
    assert_near(VALUE(high, "learning_rate"), 0.25);
    assert_near(VALUE(low, "max_leaves"), 4);
    assert_near(VALUE(middle, "max_leaves"), 34);
    assert_near(VALUE(high, "max_leaves"), 64);
    assert_near(VALUE(low, "colsample_bytree"), 0.5);
    assert_near(VALUE(middle, "colsample_bytree"), 1);
    assert_near(VALUE(low, "max_bin"), 63);
    /* Nobody said how many rounds: the smaller the steps, the more. */
    assert_near(VALUE(low, "n_estimators"), 2000);
    assert_near(VALUE(high, "n_estimators"), 160);
    double x[MER_SPACE_DIMS_MAX];
    mer_space_locate(own, &middle, x);
    assert_near(x[0], 0.5);
    assert_near(x[1], 0.5);
    assert_near(x[2], 0.75);
    assert_int_equal(mer_space_find(&space, mer_family_find("linear"))->n_dims, 0);
    assert_null(mer_space_find(&space, mer_family_find("tree")));
}

static void a_space_that_is_wrong_is_refused_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"[]", "JSON object of model families"},
        {"{}", "JSON object of model families"},
        {"{\"gdbt\":{}}", "no model family 'gdbt'"},
        {"{\"gbdt\":5}", "not a JSON object"},
        {"{\"gbdt\":{\"leafs\":5}}", "no parameter 'leafs'"},
        {"{\"gbdt\":{\"max_leaves\":1}}", "max_leaves must be an integer from 2"},
        {"{\"gbdt\":{\"max_leaves\":{\"low\":4}}}", "needs both low and high"},
        {"{\"gbdt\":{\"max_leaves\":{\"low\":4,\"high\":4}}}", "not below its high"},
        {"{\"gbdt\":{\"max_leaves\":{\"low\":4,\"high\":8,\"step\":2}}}", "cannot have 'step'"},
        {"{\"gbdt\":{\"max_leaves\":{\"low\":4,\"high\":8,\"choices\":[4]}}}",
         "choices and a range"},
        {"{\"gbdt\":{\"max_leaves\":{\"choices\":[]}}}", "1 to 16 values"},
        {"{\"gbdt\":{\"max_leaves\":{\"choices\":[4,4]}}}", "a choice twice"},
        {"{\"gbdt\":{\"max_leaves\":{\"low\":4,\"high\":8,\"log\":1}}}", "neither true nor false"},
        {"{\"gbdt\":{\"max_leaves\":4,\"num_leaves\":4}}", "said twice"},
        {"{\"gbdt\":{\"grow_policy\":{\"low\":0,\"high\":1}}}", "cannot have 'low'"},
        {"{\"linear\":{\"l1_ratio\":{\"low\":0,\"high\":1,\"log\":true}}}",
         "logarithmic from zero"},
        {"{\"tree\":{},\"tree\":{}}", "search space"},
        {"{\"tree\":{}", "search space"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mer_space space;
        assert_code(mer_space_read(&ctx, rows[i].text, strlen(rows[i].text), &space, &err),
                    MER_ERR_DATA);
        if (!strstr(err.message, rows[i].message))
            fail_msg("%s: %s", rows[i].text, err.message);
    }
}

static void every_family_that_is_searched_has_a_space_inside_of_what_it_takes(void **state)
{
    (void)state;
    struct mer_space space;
    mer_space_default(UINT64_MAX, &space);
    assert_true(space.n_families >= 7);
    for (size_t i = 0; i < space.n_families; i++) {
        const struct mer_space_family *own = &space.families[i];
        for (int at = 0; at <= 10; at++) {
            double x[MER_SPACE_DIMS_MAX], again[MER_SPACE_DIMS_MAX];
            for (size_t d = 0; d < own->n_dims; d++)
                x[d] = at / 10.0;
            const struct mer_params params = mer_space_params(own, x);
            assert_true(mer_params_valid(own->family->params, own->family->n_params, &params));
            mer_space_locate(own, &params, again);
            for (size_t d = 0; d < own->n_dims; d++) {
                const enum mer_param_type type = own->family->params[own->dims[d].param].type;
                assert_true(own->dims[d].n_choices > 0 || type == MER_PARAM_INTEGER ||
                            fabs(again[d] - x[d]) < 1e-9);
            }
        }
    }
}

/* Best where the family is the tree, its depth 11 and its leaves small. */
static double made_loss(const struct mer_space *space, const struct mer_point *point)
{
    const struct mer_space_family *own = &space->families[point->family];
    const struct mer_params params = mer_space_params(own, point->x);
    if (strcmp(own->family->name, "tree") != 0)
        return 30 + point->x[0];
    return fabs(mer_params_get(own->family->params, own->family->n_params, &params, "max_depth") -
                11) +
           10 * point->x[1] + 5 * fabs(point->x[2] - 0.3);
}

static double best_of(const struct mer_space *space, uint64_t usable, uint64_t seed, bool by_chance,
                      size_t *ret_n_trees)
{
    struct mer_point points[60];
    double losses[60];
    for (size_t n = 0; n < 60; n++) {
        const struct mer_tpe tpe = {space, usable, points, n};
        struct mer_point point;
        mer_rng rng;
        mer_rng_init(&rng, seed, n);
        if (by_chance || n < 10)
            mer_space_draw(space, usable, &rng, &point);
        else
            mer_tpe_suggest(&tpe, &rng, &point);
        assert_true((usable >> point.family) & 1);
        for (size_t d = 0; d < space->families[point.family].n_dims; d++)
            assert_true(point.x[d] >= 0 && point.x[d] <= 1);
        *ret_n_trees += strcmp(space->families[point.family].family->name, "tree") == 0;
        const double loss = made_loss(space, &point);
        size_t at = n;
        for (; at > 0 && losses[at - 1] > loss; at--) {
            losses[at] = losses[at - 1];
            points[at] = points[at - 1];
        }
        losses[at] = loss;
        points[at] = point;
    }
    return losses[0];
}

static void the_estimator_comes_nearer_than_chance_and_tries_the_better_family_more(void **state)
{
    (void)state;
    struct mer_space space;
    double estimated = 0, drawn = 0;
    size_t n_estimated = 0, n_drawn = 0;
    mer_space_default(UINT64_MAX, &space);
    const uint64_t usable = ((uint64_t)1 << space.n_families) - 1;
    for (uint64_t seed = 0; seed < 10; seed++) {
        estimated += best_of(&space, usable, seed, false, &n_estimated);
        drawn += best_of(&space, usable, seed, true, &n_drawn);
    }
    if (!(estimated < 0.6 * drawn))
        fail_msg("the estimator has %g, chance %g", estimated, drawn);
    assert_true(n_estimated > 2 * n_drawn);
}

static void the_same_points_and_seed_propose_the_same(void **state)
{
    (void)state;
    struct mer_space space;
    size_t n = 0, again = 0;
    mer_space_default(UINT64_MAX, &space);
    const uint64_t usable = ((uint64_t)1 << space.n_families) - 1;
    const double a = best_of(&space, usable, 5, false, &n);
    const double b = best_of(&space, usable, 5, false, &again);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(n, again);
    /* Families that may not be tried are not, whatever did best before. */
    n = 0;
    (void)best_of(&space, 1, 5, false, &n);
}

static void the_programs_own_space_has_what_adapts_linear_models(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double first, last;
    } rows[] = {{"transform", 0, 4}, {"products", 0, 64}, {"log_target", 0, 2}};
    const struct mer_family *family = mer_family_find("linear");
    struct mer_space space;
    mer_space_default(UINT64_MAX, &space);
    const struct mer_space_family *own = mer_space_find(&space, family);
    double x[MER_SPACE_DIMS_MAX] = {0};
    assert_non_null(own);
    const struct mer_params first = mer_space_params(own, x);
    for (size_t i = 0; i < MER_SPACE_DIMS_MAX; i++)
        x[i] = 0.999;
    const struct mer_params last = mer_space_params(own, x);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_near(mer_params_get(family->params, family->n_params, &first, rows[i].name),
                    rows[i].first);
        assert_near(mer_params_get(family->params, family->n_params, &last, rows[i].name),
                    rows[i].last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_programs_own_space_has_what_adapts_linear_models, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_space_has_the_ranges_choices_and_values_that_were_written,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_space_that_is_wrong_is_refused_with_what_is_wrong, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            every_family_that_is_searched_has_a_space_inside_of_what_it_takes, begin, end),
        cmocka_unit_test_setup_teardown(
            the_estimator_comes_nearer_than_chance_and_tries_the_better_family_more, begin, end),
        cmocka_unit_test_setup_teardown(the_same_points_and_seed_propose_the_same, begin, end),
    };
    return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
