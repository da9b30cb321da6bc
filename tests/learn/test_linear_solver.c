/* The solvers of the linear family against scikit-learn's optima and against finite differences. */
#include "linear_table.h"

#include "every_failure.h"
#include "learn/linear_hessian.h"
#include "learn/linear_solver.h"

struct stored_optimum {
    size_t n_classes;
    bool weighted;
    bool balanced;
    double alpha;
    double l1_ratio;
    double coefficients[TABLE_CLASSES * STORED_FEATURES]; /* [n_outputs][STORED_FEATURES] */
    double intercepts[TABLE_CLASSES];
};

#include "sklearn_linear.h"

enum { N_OPTIMA = sizeof SKLEARN_OPTIMA / sizeof SKLEARN_OPTIMA[0] };

static struct table table;

static void the_family_reaches_the_optima_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_OPTIMA; i++) {
        const struct stored_optimum *stored = &SKLEARN_OPTIMA[i];
        char alpha[32], l1_ratio[32];
        const char *const settings[] = {
            "alpha",    alpha, "l1_ratio", l1_ratio, stored->balanced ? "class_weight" : NULL,
            "balanced", NULL};
        struct fitted fitted;
        snprintf(alpha, sizeof alpha, "%g", stored->alpha);
        snprintf(l1_ratio, sizeof l1_ratio, "%g", stored->l1_ratio);
        make_stored_table(&table, stored->n_classes, stored->weighted);
        fit_plainly(&table, settings, &fitted);
        assert_int_equal(fitted.n_features, STORED_FEATURES);
        assert_true(largest_difference(fitted.coefficients, stored->coefficients,
                                       fitted.n_outputs * STORED_FEATURES) < 1e-4);
        assert_true(largest_difference(fitted.intercepts, stored->intercepts, fitted.n_outputs) <
                    1e-4);
    }
}

/* Everything that a solver needs, on one thread. */
struct setting {
    struct mer_alloc alloc;
    struct mer_ctx ctx;
    struct mer_linear_problem problem;
    double *theta;
};

static void setting_init(struct setting *setting, double alpha, double l1_ratio)
{
    mer_alloc_init(&setting->alloc, SIZE_MAX);
    setting->ctx = (struct mer_ctx){.alloc = &setting->alloc};
    assert_int_equal(mer_linear_problem_init(&setting->ctx, &table.design, &table.target, NULL,
                                             alpha, l1_ratio, &setting->problem, NULL)
                         .code,
                     MER_OK);
    assert_int_equal(mer_alloc_array(&setting->alloc, setting->problem.n_theta, sizeof(double),
                                     &setting->theta, NULL)
                         .code,
                     MER_OK);
    mer_linear_start(&setting->problem, setting->theta);
}

static void setting_release(struct setting *setting)
{
    mer_free(&setting->alloc, setting->theta);
    mer_linear_problem_release(&setting->problem);
    assert_int_equal(setting->alloc.used, 0);
}

static double *new_vector(struct setting *setting, size_t n)
{
    double *vector = NULL;
    assert_int_equal(mer_alloc_zero(&setting->alloc, n, sizeof(double), &vector, NULL).code,
                     MER_OK);
    return vector;
}

static mer_linear_solver *const SOLVERS[] = {mer_linear_newton, mer_linear_truncated_newton};

static void each_solver_reaches_the_optima_of_scikit_learn(void **state)
{
    static const struct mer_linear_limits limits = {.max_iterations = 500, .tolerance = 1e-13};
    (void)state;
    for (size_t i = 0; i < 2 * N_OPTIMA; i++) {
        const struct stored_optimum *stored = &SKLEARN_OPTIMA[i / 2];
        if (stored->balanced)
            continue; /* class weights are the family's */
        struct setting setting;
        struct mer_linear_outcome outcome;
        struct fitted fitted;
        make_stored_table(&table, stored->n_classes, stored->weighted);
        setting_init(&setting, stored->alpha, stored->l1_ratio);
        assert_int_equal(
            SOLVERS[i % 2](&setting.problem, &limits, setting.theta, &outcome, NULL).code, MER_OK);
        assert_true(outcome.converged);
        mer_linear_finish(&setting.problem, setting.theta, fitted.coefficients, fitted.intercepts);
        const size_t n_outputs = setting.problem.n_outputs;
        assert_true(largest_difference(fitted.coefficients, stored->coefficients,
                                       n_outputs * STORED_FEATURES) < 1e-6);
        assert_true(largest_difference(fitted.intercepts, stored->intercepts, n_outputs) < 1e-6);
        setting_release(&setting);
    }
}

static const size_t CLASS_COUNTS[] = {0, 2, 4};

/* A point where no probability is saturated, and a direction; padding is zero in both. */
static void choose_point(const struct setting *setting, double *theta, double *direction)
{
    const struct mer_linear_problem *problem = &setting->problem;
    mer_rng rng;
    mer_rng_init(&rng, 12, problem->n_theta);
    for (size_t i = 0; i < problem->n_weights + problem->n_outputs; i++) {
        const bool is_padding =
            i < problem->n_lit_theta && i % problem->n_dense_padded >= table.design.n_dense;
        theta[i] = is_padding ? 0 : 0.1 * mer_rng_normal(&rng);
        direction[i] = is_padding ? 0 : mer_rng_normal(&rng);
    }
}

static void derivatives_are_those_of_finite_differences(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct setting setting;
        make_random_table(&table, 333, 5, 2, CLASS_COUNTS[c], true);
        setting_init(&setting, 0.7, 0.25);
        struct mer_linear_problem *problem = &setting.problem;
        const size_t n = problem->n_theta;
        double *direction = new_vector(&setting, n), *moved = new_vector(&setting, n);
        double *below = new_vector(&setting, n), *above = new_vector(&setting, n);
        double *gradient = new_vector(&setting, n), *product = new_vector(&setting, n);
        choose_point(&setting, setting.theta, direction);

        const double step = 1e-5;
        for (size_t i = 0; i < n; i++)
            moved[i] = setting.theta[i] - step * direction[i];
        const double loss_below = mer_linear_evaluate(problem, moved, below);
        for (size_t i = 0; i < n; i++)
            moved[i] = setting.theta[i] + step * direction[i];
        const double loss_above = mer_linear_evaluate(problem, moved, above);
        (void)mer_linear_evaluate(problem, setting.theta, gradient);
        mer_linear_times_hessian(problem, direction, product);

        double slope = 0;
        for (size_t i = 0; i < n; i++) {
            slope += gradient[i] * direction[i];
            assert_true(fabs((above[i] - below[i]) / (2 * step) - product[i]) < 1e-4);
        }
        assert_true(fabs((loss_above - loss_below) / (2 * step) - slope) <
                    1e-6 * fabs(slope) + 1e-6);
        double *const vectors[] = {direction, moved, below, above, gradient, product};
        for (size_t i = 0; i < 6; i++)
            mer_free(&setting.alloc, vectors[i]);
        setting_release(&setting);
    }
}

static void the_matrix_is_what_the_product_multiplies_by(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        struct setting setting;
        make_random_table(&table, 1100, 11, 2, CLASS_COUNTS[c], true);
        setting_init(&setting, 0.7, 0.25);
        struct mer_linear_problem *problem = &setting.problem;
        const size_t n = problem->n_theta;
        double *unit = new_vector(&setting, n), *column = new_vector(&setting, n);
        double *matrix = new_vector(&setting, mer_linear_hessian_parts(problem) * n * n);
        choose_point(&setting, setting.theta, unit);
        (void)mer_linear_evaluate(problem, setting.theta, column);
        mer_linear_hessian(problem, matrix);
        for (size_t j = 0; j < n; j++) {
            memset(unit, 0, n * sizeof *unit);
            unit[j] = 1;
            mer_linear_times_hessian(problem, unit, column);
            for (size_t i = j; i < n; i++)
                assert_true(fabs(matrix[i * n + j] - column[i]) < 1e-9);
        }
        mer_free(&setting.alloc, matrix);
        mer_free(&setting.alloc, column);
        mer_free(&setting.alloc, unit);
        setting_release(&setting);
    }
}

/* At the optimum each weight's gradient balances the penalty: equal to it where the weight is not
 * zero, at most it where it is. */
static void assert_is_optimum_of_lasso(struct setting *setting, size_t *ret_n_zero)
{
    struct mer_linear_problem *problem = &setting->problem;
    double *gradient = new_vector(setting, problem->n_theta);
    (void)mer_linear_evaluate(problem, setting->theta, gradient);
    *ret_n_zero = 0;
    for (size_t i = 0; i < problem->n_theta; i++) {
        const double weight = setting->theta[i];
        const double penalty = i < problem->n_weights ? problem->lasso : 0;
        if (weight == 0)
            assert_true(fabs(gradient[i]) <= penalty + 1e-3);
        else
            assert_true(fabs(gradient[i] + (weight > 0 ? penalty : -penalty)) < 1e-3);
        *ret_n_zero += i < problem->n_weights && weight == 0;
    }
    mer_free(&setting->alloc, gradient);
}

static void both_solvers_find_the_same_lasso_on_larger_tables(void **state)
{
    static const struct mer_linear_limits limits = {.max_iterations = 500, .tolerance = 1e-13};
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        double objectives[2];
        make_random_table(&table, 1500, 33, 2, CLASS_COUNTS[c], false);
        for (size_t s = 0; s < 2; s++) {
            struct setting setting;
            struct mer_linear_outcome outcome;
            size_t n_zero;
            setting_init(&setting, 20, 0.9);
            assert_int_equal(
                SOLVERS[s](&setting.problem, &limits, setting.theta, &outcome, NULL).code, MER_OK);
            assert_is_optimum_of_lasso(&setting, &n_zero);
            assert_true(n_zero > 10);
            objectives[s] = outcome.objective;
            setting_release(&setting);
        }
        assert_true(fabs(objectives[0] - objectives[1]) < 1e-9 * objectives[0]);
    }
}

/* Solves the table's problem in a context; theta goes to ret_theta. */
static mer_status solve(const struct mer_ctx *ctx, mer_linear_solver *solver, double l1_ratio,
                        double *ret_theta, size_t *ret_n, mer_err *err)
{
    static const struct mer_linear_limits limits = {.max_iterations = 50, .tolerance = 1e-10};
    struct mer_linear_outcome outcome;
    struct mer_linear_problem problem;
    double *theta = NULL;
    mer_status status;
    MER_GUARD_GOTO(mer_linear_problem_init(ctx, &table.design, &table.target, NULL, 3, l1_ratio,
                                           &problem, err),
                   done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, problem.n_theta, sizeof *theta, &theta, err), done);
    mer_linear_start(&problem, theta);
    MER_GUARD_GOTO(solver(&problem, &limits, theta, &outcome, err), done);
    *ret_n = problem.n_theta;
    memcpy(ret_theta, theta, problem.n_theta * sizeof *theta);
done:
    mer_free(ctx->alloc, theta);
    mer_linear_problem_release(&problem);
    return status;
}

static double thetas[2][2 * TABLE_CLASSES * TABLE_FEATURES];

static void threads_and_instruction_sets_do_not_show_in_the_result(void **state)
{
    (void)state;
    for (size_t c = 0; c < 12; c++) {
        mer_linear_solver *const solver = SOLVERS[c % 2];
        const double l1_ratio = c / 2 % 2 ? 0.8 : 0;
        make_random_table(&table, 1500, 21, 2, CLASS_COUNTS[c / 4], true);
        for (int level = 0; level <= (int)mer_cpu_detect(); level++)
            for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
                const bool is_first = level == 0 && n_threads == 1;
                struct mer_alloc alloc;
                struct mer_team *team = NULL;
                size_t n = 0;
                mer_alloc_init(&alloc, SIZE_MAX);
                assert_int_equal(mer_team_new(&alloc, n_threads, &team, NULL).code, MER_OK);
                const struct mer_ctx ctx = {
                    .alloc = &alloc, .team = team, .cpu = (enum mer_cpu_level)level};
                assert_int_equal(solve(&ctx, solver, l1_ratio, thetas[!is_first], &n, NULL).code,
                                 MER_OK);
                if (!is_first)
                    assert_memory_equal(thetas[0], thetas[1], n * sizeof(double));
                mer_team_free(team);
                assert_int_equal(alloc.used, 0);
            }
    }
}

static void each_solver_stops_on_request(void **state)
{
    struct mer_cancel cancel = {.signal = 15};
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .cancel = &cancel};
    make_random_table(&table, 100, 5, 2, 4, false);
    for (size_t c = 0; c < 4; c++) {
        size_t n;
        assert_int_equal(solve(&ctx, SOLVERS[c % 2], c / 2 ? 0.5 : 0, thetas[0], &n, NULL).code,
                         MER_ERR_CANCELLED);
        assert_int_equal(alloc.used, 0);
    }
}

static uint64_t tick(void *self)
{
    return ++*(uint64_t *)self;
}

static void each_solver_ends_at_a_deadline_wherever_it_stands(void **state)
{
    (void)state;
    make_random_table(&table, 200, 5, 2, 4, false);
    for (size_t c = 0; c < 4; c++) {
        enum mer_code code = MER_ERR_BUDGET;
        size_t n = 0;
        /* Each look at the clock moves it on, so that every look is the last once. */
        for (uint64_t deadline = 1; code == MER_ERR_BUDGET; deadline += 1 + deadline / 50) {
            uint64_t ticks = 0;
            const struct mer_clock clock = {.now_ns = tick, .self = &ticks};
            struct mer_alloc alloc;
            mer_alloc_init(&alloc, SIZE_MAX);
            const struct mer_ctx ctx = {.alloc = &alloc, .clock = &clock, .deadline_ns = deadline};
            code = solve(&ctx, SOLVERS[c % 2], c / 2 ? 0.5 : 0, thetas[0], &n, NULL).code;
            assert_true(code == MER_ERR_BUDGET || code == MER_OK);
            assert_int_equal(alloc.used, 0);
        }
        struct mer_alloc alloc;
        mer_alloc_init(&alloc, SIZE_MAX);
        const struct mer_ctx ctx = {.alloc = &alloc};
        assert_int_equal(solve(&ctx, SOLVERS[c % 2], c / 2 ? 0.5 : 0, thetas[1], &n, NULL).code,
                         MER_OK);
        assert_memory_equal(thetas[0], thetas[1], n * sizeof(double));
    }
}

static mer_status newton_scenario(struct mer_alloc *alloc, mer_err *err)
{
    const struct mer_ctx ctx = {.alloc = alloc};
    size_t n;
    return solve(&ctx, mer_linear_newton, 0.5, thetas[0], &n, err);
}

static mer_status truncated_scenario(struct mer_alloc *alloc, mer_err *err)
{
    const struct mer_ctx ctx = {.alloc = alloc};
    size_t n;
    return solve(&ctx, mer_linear_truncated_newton, 0.5, thetas[0], &n, err);
}

static void every_failing_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    make_random_table(&table, 100, 5, 2, 4, false);
    mer_test_every_failure(newton_scenario);
    mer_test_every_failure(truncated_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_family_reaches_the_optima_of_scikit_learn),
        cmocka_unit_test(each_solver_reaches_the_optima_of_scikit_learn),
        cmocka_unit_test(derivatives_are_those_of_finite_differences),
        cmocka_unit_test(the_matrix_is_what_the_product_multiplies_by),
        cmocka_unit_test(both_solvers_find_the_same_lasso_on_larger_tables),
        cmocka_unit_test(threads_and_instruction_sets_do_not_show_in_the_result),
        cmocka_unit_test(each_solver_stops_on_request),
        cmocka_unit_test(each_solver_ends_at_a_deadline_wherever_it_stands),
        cmocka_unit_test(every_failing_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
