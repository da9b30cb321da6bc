/* The plan of a search: a state machine that only scores move. */
#include "automl_tables.h"

#include <math.h>

#include "automl/plan.h"

/* Costs that grow with the sum of the parameters. */
static uint64_t made_cost(void *self, const struct mer_family *family,
                          const struct mer_params *params, unsigned rung)
{
    double sum = 0;
    (void)self;
    for (size_t i = 0; i < family->n_params; i++)
        sum += fmin(fabs(params->values[i]), 1000);
    return 1 + ((uint64_t)sum >> (2 * rung));
}

static struct mer_plan_options options_for(enum mer_task task, bool greater_is_better)
{
    return (struct mer_plan_options){.task = task,
                                     .greater_is_better = greater_is_better,
                                     .n_rows = 1000,
                                     .target_scale = 1,
                                     .cost = made_cost};
}

static void begin_plan(struct mer_plan *plan, enum mer_task task, bool greater_is_better)
{
    const struct mer_plan_options options = options_for(task, greater_is_better);
    mer_plan_init(plan, &options);
}

/* A score that wants trees of depth 11, and is noisy in a fixed way. */
static double made_score(const struct mer_candidate *candidate)
{
    if (strcmp(candidate->family->name, "tree") != 0)
        return 50;
    return fabs(candidate->params.values[0] - 11) + 0.01 * candidate->params.values[1];
}

/* Tells the same score for each of three folds. */
static void tell(struct mer_plan *plan, size_t id, double score)
{
    const double scores[3] = {score, score, score};
    mer_plan_tell(plan, id, scores, isnan(score) ? 0 : 3, 0);
}

static void every_family_that_is_searched_and_can_do_the_task_comes_in_the_first_round(void **state)
{
    (void)state;
    struct mer_plan plan;
    size_t id;
    begin_plan(&plan, MER_TASK_MULTICLASS, false);
    const size_t n_first = plan.n_candidates;
    for (size_t f = 0; f < MER_N_FAMILIES; f++) {
        size_t n_of_family = 0;
        for (size_t i = 0; i < n_first; i++)
            n_of_family += plan.candidates[i].family == MER_FAMILIES[f];
        if (MER_FAMILIES[f]->capabilities & MER_BY_NAME)
            assert_int_equal(n_of_family, 0);
        else
            assert_true(n_of_family > 0 || !(MER_FAMILIES[f]->capabilities & MER_CAN_MULTICLASS));
    }
    for (size_t i = 0; i < n_first; i++) {
        assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_TRIAL);
        assert_int_equal(id, i);
        assert_true(i == 0 || plan.candidates[i - 1].cost <= plan.candidates[i].cost);
    }
    /* Nothing more before the scores are there. */
    assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_WAIT);
    for (size_t i = n_first; i-- > 0;)
        tell(&plan, i, (double)i);
    assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_TRIAL);
    assert_int_equal(id, n_first);
}

static size_t run_to_the_end(struct mer_plan *plan)
{
    size_t id, n = 0;
    while (mer_plan_ask(plan, &id) == MER_ASK_TRIAL) {
        tell(plan, id, made_score(&plan->candidates[id]));
        n++;
    }
    assert_int_equal(mer_plan_ask(plan, &id), MER_ASK_DONE);
    return n;
}

static void a_plan_ends_never_repeats_itself_and_comes_near_the_best(void **state)
{
    (void)state;
    struct mer_plan plan, again;
    begin_plan(&plan, MER_TASK_REGRESSION, false);
    begin_plan(&again, MER_TASK_REGRESSION, false);
    const size_t n = run_to_the_end(&plan);
    assert_int_equal(run_to_the_end(&again), n);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(plan.candidates[i].family, again.candidates[i].family);
        assert_memory_equal(&plan.candidates[i].params, &again.candidates[i].params,
                            sizeof(struct mer_params));
        for (size_t j = 0; j < i; j++)
            assert_true(plan.candidates[i].family != plan.candidates[j].family ||
                        memcmp(&plan.candidates[i].params, &plan.candidates[j].params,
                               sizeof(struct mer_params)) != 0);
    }
    const struct mer_candidate *best = mer_plan_best(&plan);
    assert_string_equal(best->family->name, "tree");
    assert_true(fabs(best->params.values[0] - 11) <= 1);
}

static void refining_tries_neighbours_of_the_best(void **state)
{
    (void)state;
    struct mer_plan plan;
    begin_plan(&plan, MER_TASK_BINARY, false);
    const size_t n = run_to_the_end(&plan);
    /* Depth 11 is in no table: it was reached by a step. */
    bool reached = false;
    for (size_t i = 0; i < n; i++)
        reached = reached || (strcmp(plan.candidates[i].family->name, "tree") == 0 &&
                              plan.candidates[i].params.values[0] == 11);
    assert_true(reached);
}

/* The less a setting is held back, the better it scores. */
static double reckless_score(const struct mer_candidate *candidate)
{
    const struct mer_family *family = candidate->family;
    const struct mer_params *params = &candidate->params;

    if (strcmp(family->name, "gbdt") != 0)
        return 50;
    return mer_params_get(family->params, family->n_params, params, "reg_lambda") +
           mer_params_get(family->params, family->n_params, params, "subsample") -
           mer_params_get(family->params, family->n_params, params, "learning_rate");
}

static void refining_stays_within_what_is_searched(void **state)
{
    (void)state;
    struct mer_plan plan;
    struct mer_space space;
    size_t id, n_at_a_bound = 0;
    begin_plan(&plan, MER_TASK_BINARY, false);
    mer_space_default(UINT64_MAX, &space);
    while (mer_plan_ask(&plan, &id) == MER_ASK_TRIAL) {
        const struct mer_candidate *candidate = &plan.candidates[id];
        const struct mer_space_family *own = mer_space_find(&space, candidate->family);
        tell(&plan, id, reckless_score(candidate));
        /* Of other families the portfolio has values that mean something of their own. */
        if (strcmp(candidate->family->name, "gbdt") != 0)
            continue;
        assert_non_null(own);
        for (size_t d = 0; d < own->n_dims; d++) {
            const double value = candidate->params.values[own->dims[d].param];
            const double slack = 1e-9 * fabs(value);
            assert_true(value >= own->dims[d].low - slack && value <= own->dims[d].high + slack);
            n_at_a_bound += value == own->dims[d].low;
        }
    }
    assert_true(n_at_a_bound > 0);
}

static void a_failed_trial_is_never_the_best_and_a_second_telling_is_ignored(void **state)
{
    (void)state;
    struct mer_plan plan;
    size_t id;
    begin_plan(&plan, MER_TASK_BINARY, true);
    assert_null(mer_plan_best(&plan));
    assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_TRIAL);
    tell(&plan, id, NAN);
    assert_null(mer_plan_best(&plan));
    tell(&plan, id, 7);
    assert_null(mer_plan_best(&plan));
    assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_TRIAL);
    tell(&plan, id, 0.5);
    assert_ptr_equal(mer_plan_best(&plan), &plan.candidates[id]);
    assert_true(mer_plan_better(&plan, 0.6, 0.5));
    assert_true(mer_plan_better(&plan, 0.5, NAN));
    assert_false(mer_plan_better(&plan, NAN, 0.5));
    assert_false(mer_plan_better(&plan, NAN, NAN));
}

static void a_family_far_behind_is_not_tried_further(void **state)
{
    (void)state;
    struct mer_plan plan;
    size_t id, n_first, n_linear = 0;
    begin_plan(&plan, MER_TASK_BINARY, false);
    n_first = plan.n_candidates;
    while (mer_plan_ask(&plan, &id) == MER_ASK_TRIAL) {
        const char *name = plan.candidates[id].family->name;
        const bool is_linear = strcmp(name, "linear") == 0;
        n_linear += is_linear && id >= n_first;
        tell(&plan, id, is_linear ? 0.69 : strcmp(name, "baseline") == 0 ? 0.7 : 0.1);
    }
    assert_true(plan.n_told > n_first);
    assert_int_equal(n_linear, 0);
}

static void among_settings_that_noise_cannot_tell_apart_the_plainest_is_kept(void **state)
{
    (void)state;
    struct mer_plan plan;
    size_t id;
    begin_plan(&plan, MER_TASK_BINARY, false);
    while (mer_plan_ask(&plan, &id) == MER_ASK_TRIAL) {
        const struct mer_candidate *candidate = &plan.candidates[id];
        const bool is_linear = strcmp(candidate->family->name, "linear") == 0;
        const double alpha = candidate->params.values[0], l1_ratio = candidate->params.values[1];
        /* Without noise 10 would be a little better than 1, and 0.1 clearly worse. */
        const double noise[3] = {0.02, -0.03, 0.0};
        double scores[3];
        for (size_t f = 0; f < 3; f++)
            scores[f] = !is_linear || l1_ratio > 0 ? 0.6
                        : alpha == 10              ? 0.3 - 0.001 + noise[f]
                        : alpha == 1               ? 0.3
                                                   : 0.4;
        mer_plan_tell(&plan, id, scores, 3, 0);
    }
    const struct mer_candidate *best = mer_plan_best(&plan), *choice = mer_plan_choice(&plan);
    assert_true(best->params.values[0] == 10);
    assert_true(choice->params.values[0] == 1);
}

/* The trials of a plan with rungs, so many at a time, told in their order. */
static size_t run_with_rungs(struct mer_plan *plan, size_t n_at_a_time)
{
    struct mer_plan_options options = options_for(MER_TASK_REGRESSION, false);
    size_t id, n_told = 0, n_asked = 0;
    options.n_rungs = 2;
    mer_plan_init(plan, &options);
    for (;;) {
        while (n_asked - n_told < n_at_a_time && mer_plan_ask(plan, &id) == MER_ASK_TRIAL)
            assert_int_equal(id, n_asked++);
        if (n_told == n_asked)
            return n_told;
        const struct mer_candidate *candidate = &plan->candidates[n_told];
        tell(plan, n_told++, made_score(candidate) + 0.1 * candidate->rung);
    }
}

static void with_rungs_the_best_third_goes_on_to_more_rows(void **state)
{
    (void)state;
    struct mer_plan plan;
    size_t n_of_rung[3] = {0};
    const size_t n = run_with_rungs(&plan, 1);
    for (size_t i = 0; i < n; i++) {
        const struct mer_candidate *candidate = &plan.candidates[i];
        n_of_rung[candidate->rung]++;
        assert_true((candidate->origin == SIZE_MAX) == (candidate->rung == 2));
        if (candidate->origin == SIZE_MAX)
            continue;
        const struct mer_candidate *origin = &plan.candidates[candidate->origin];
        assert_true(origin->rung == candidate->rung + 1 && origin->promoted && origin->told);
        assert_ptr_equal(origin->family, candidate->family);
        assert_memory_equal(&origin->params, &candidate->params, sizeof(candidate->params));
        assert_true(candidate->cost <= 4 * origin->cost && candidate->cost >= origin->cost);
    }
    assert_true(n_of_rung[2] > n_of_rung[1] && n_of_rung[1] > n_of_rung[0] && n_of_rung[0] > 1);
    const struct mer_candidate *best = mer_plan_best(&plan);
    assert_int_equal(best->rung, 0);
    assert_true(fabs(best->params.values[0] - 11) <= 1);
}

static void a_search_that_saw_samples_alone_has_a_choice_all_the_same(void **state)
{
    (void)state;
    struct mer_plan plan;
    (void)run_with_rungs(&plan, 1);
    /* As where few trials were asked for: none of all rows, and too little left for a refit. */
    for (size_t i = 0; i < plan.n_candidates; i++)
        plan.candidates[i].told = plan.candidates[i].told && plan.candidates[i].rung == 2;
    plan.refit_limit = 0;
    for (size_t i = 0; i < plan.n_candidates; i++)
        plan.candidates[i].refit_cost = 1;
    const struct mer_candidate *choice = mer_plan_choice(&plan);
    assert_non_null(choice);
    assert_ptr_equal(choice, mer_plan_best(&plan));
}

static void with_rungs_one_and_two_workers_have_the_same_plan(void **state)
{
    (void)state;
    struct mer_plan one, two;
    const size_t n = run_with_rungs(&one, 1);
    assert_int_equal(run_with_rungs(&two, MER_PLAN_LAG), n);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(one.candidates[i].family, two.candidates[i].family);
        assert_int_equal(one.candidates[i].rung, two.candidates[i].rung);
        assert_memory_equal(&one.candidates[i].params, &two.candidates[i].params,
                            sizeof(struct mer_params));
    }
}

static void only_the_families_that_are_wanted_are_tried(void **state)
{
    (void)state;
    struct mer_plan plan;
    size_t id, n_knn = 0, n_linear = 0;
    struct mer_plan_options options = options_for(MER_TASK_BINARY, false);
    for (size_t f = 0; f < MER_N_FAMILIES; f++)
        if (strcmp(MER_FAMILIES[f]->name, "linear") == 0 ||
            strcmp(MER_FAMILIES[f]->name, "knn") == 0)
            options.families |= (uint64_t)1 << f;
    mer_plan_init(&plan, &options);
    while (mer_plan_ask(&plan, &id) == MER_ASK_TRIAL) {
        const char *name = plan.candidates[id].family->name;
        n_knn += strcmp(name, "knn") == 0;
        n_linear += strcmp(name, "linear") == 0;
        tell(&plan, id, (double)id);
    }
    assert_true(n_knn > 0 && n_linear > 0);
    assert_int_equal(n_knn + n_linear, plan.n_told);
}

static void one_setting_is_one_trial(void **state)
{
    (void)state;
    const struct mer_family *family = mer_family_find("tree");
    struct mer_params params;
    struct mer_plan plan;
    size_t id;
    mer_params_default(family->params, family->n_params, &params);
    const struct mer_plan_options options = options_for(MER_TASK_BINARY, false);
    mer_plan_init_one(&plan, &options, family, &params);
    assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_TRIAL);
    tell(&plan, id, 1);
    assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_DONE);
    assert_int_equal(mer_plan_ask(&plan, &id), MER_ASK_DONE);
}

/* Of settings that differ in cost. */
static uint64_t depth_cost(void *self, const struct mer_family *family,
                           const struct mer_params *params, unsigned rung)
{
    const size_t depth = mer_params_find(family->params, family->n_params, "max_depth");
    (void)self;
    return 100 +
           ((uint64_t)(depth == SIZE_MAX ? 5000 : 1000 * params->values[depth]) >> (2 * rung));
}

static void what_follows_a_trial_that_was_passed_over_fits_below_it(void **state)
{
    (void)state;
    for (unsigned n_rungs = 0; n_rungs < 2; n_rungs++) {
        struct mer_plan_options options = options_for(MER_TASK_BINARY, false);
        struct mer_plan plan;
        uint64_t units = 0, limit = UINT64_MAX;
        size_t id, n_after = 0;
        options.n_rungs = n_rungs;
        options.cost = depth_cost;
        mer_plan_init(&plan, &options);
        while (mer_plan_ask(&plan, &id) == MER_ASK_TRIAL) {
            const uint64_t cost = plan.candidates[id].cost;
            /* What was known before the plan heard of it may be too much, and is passed over. */
            if ((id >= 20 && cost > 8000 && limit == UINT64_MAX) || units + cost > limit) {
                if (units + cost - 1 < limit)
                    limit = units + cost - 1;
                mer_plan_pass(&plan, id);
                continue;
            }
            tell(&plan, id, made_score(&plan.candidates[id]));
            units += cost;
            n_after += limit < UINT64_MAX;
        }
        assert_true(limit < UINT64_MAX && units <= limit);
        assert_true(n_after > 0);
    }
}

static void settle_leaves(void *self, const struct mer_family *family, struct mer_params *params)
{
    (void)self;
    if (strcmp(family->name, "kernel") == 0)
        params->values[mer_params_find(family->params, family->n_params, "n_components")] = 300;
}

static void settings_that_come_to_the_same_are_tried_once(void **state)
{
    (void)state;
    struct mer_plan_options options = options_for(MER_TASK_BINARY, false);
    struct mer_plan plan;
    options.settle = settle_leaves;
    mer_plan_init(&plan, &options);
    const size_t n = run_to_the_end(&plan);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(plan.candidates[i].family->name, "kernel") == 0 &&
                         strcmp(plan.candidates[j].family->name, "kernel") == 0 &&
                         memcmp(&plan.candidates[i].params, &plan.candidates[j].params,
                                sizeof(struct mer_params)) == 0);
}

static void a_space_of_the_users_is_all_that_is_tried(void **state)
{
    (void)state;
    static const char text[] = "{\"tree\":{\"max_depth\":{\"low\":3,\"high\":9},\"smoothing\":2}}";
    static struct mer_space space;
    struct mer_plan_options options = options_for(MER_TASK_BINARY, false);
    struct mer_plan plan;
    assert_ok(mer_space_read(&ctx, text, strlen(text), &space, &err));
    options.space = &space;
    mer_plan_init(&plan, &options);
    const size_t n = run_to_the_end(&plan);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < n; i++) {
        const struct mer_candidate *candidate = &plan.candidates[i];
        assert_string_equal(candidate->family->name, "tree");
        assert_true(candidate->params.values[0] >= 3 && candidate->params.values[0] <= 9);
        assert_near(mer_params_get(candidate->family->params, candidate->family->n_params,
                                   &candidate->params, "smoothing"),
                    2);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_family_that_is_searched_and_can_do_the_task_comes_in_the_first_round),
        TEST(a_plan_ends_never_repeats_itself_and_comes_near_the_best),
        TEST(refining_tries_neighbours_of_the_best),
        TEST(refining_stays_within_what_is_searched),
        TEST(a_failed_trial_is_never_the_best_and_a_second_telling_is_ignored),
        TEST(a_family_far_behind_is_not_tried_further),
        TEST(among_settings_that_noise_cannot_tell_apart_the_plainest_is_kept),
        TEST(with_rungs_the_best_third_goes_on_to_more_rows),
        TEST(a_search_that_saw_samples_alone_has_a_choice_all_the_same),
        TEST(with_rungs_one_and_two_workers_have_the_same_plan),
        TEST(only_the_families_that_are_wanted_are_tried),
        TEST(one_setting_is_one_trial),
        cmocka_unit_test_setup_teardown(what_follows_a_trial_that_was_passed_over_fits_below_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(settings_that_come_to_the_same_are_tried_once, begin, end),
        cmocka_unit_test_setup_teardown(a_space_of_the_users_is_all_that_is_tried, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
