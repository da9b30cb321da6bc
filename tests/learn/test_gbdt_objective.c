/* Objectives: gradients against finite differences of the loss, the best constant, and the loss
 * that is reached against XGBoost's. */
#include "gbdt_table.h"

#include "learn/gbdt_objective.h"
#include "xgboost_losses.h"

enum { ROWS = 512, PADDED = ROWS + 64 };

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

struct rows {
    double values[PADDED];
    double scores[PADDED];
    double weights[PADDED];
    int32_t classes[PADDED];
    uint32_t all[ROWS];
    float gh[2 * PADDED];
    struct mer_boost_target target;
};

static void make_rows(struct rows *rows, enum mer_objective_kind kind, double parameter)
{
    uint64_t state = 5;
    *rows = (struct rows){0};
    for (size_t i = 0; i < ROWS; i++) {
        rows->values[i] = 0.2 + 3 * next_uniform(&state);
        rows->scores[i] = 4 * next_uniform(&state) - 1;
        rows->weights[i] = 0.5 + next_uniform(&state);
        rows->classes[i] = next_uniform(&state) < 0.4;
        rows->all[i] = (uint32_t)i;
    }
    rows->target = (struct mer_boost_target){.kind = kind,
                                             .parameter = parameter,
                                             .n_rows = ROWS,
                                             .n_classes = 2,
                                             .values = rows->values,
                                             .weights = rows->weights};
    if (kind == MER_OBJECTIVE_LOGISTIC) {
        rows->target.values = NULL;
        rows->target.classes = rows->classes;
    }
}

static void gradients_of(struct rows *rows)
{
    const struct mer_gbdt_kernels *kernels = mer_gbdt_kernels(ctx.cpu);
    const struct mer_boost_target *target = &rows->target;
    if (target->kind == MER_OBJECTIVE_SQUARED)
        kernels->squared(rows->scores, target->values, target->weights, 0, ROWS, rows->gh);
    else if (target->kind == MER_OBJECTIVE_LOGISTIC)
        kernels->logistic(rows->scores, target->classes, target->weights, 0, ROWS, rows->gh);
    else
        mer_objective(target->kind)->gradients(target, rows->scores, 0, ROWS, rows->gh);
}

static double parameter_of(enum mer_objective_kind kind)
{
    return kind == MER_OBJECTIVE_HUBER      ? 0.7
           : kind == MER_OBJECTIVE_QUANTILE ? 0.3
           : kind == MER_OBJECTIVE_TWEEDIE  ? 1.4
                                            : 0;
}

static void gradients_are_the_slopes_of_the_loss(void **state)
{
    (void)state;
    static struct rows rows;
    const double step = 1e-5;
    for (int kind = 0; kind < MER_OBJECTIVE_MULTINOMIAL; kind++) {
        make_rows(&rows, (enum mer_objective_kind)kind,
                  parameter_of((enum mer_objective_kind)kind));
        const struct mer_objective *objective = mer_objective((enum mer_objective_kind)kind);
        /* The squared error's gradient leaves the factor 2 to the learning rate, and Poisson's
         * Hessian is enlarged. */
        const double factor = kind == MER_OBJECTIVE_SQUARED ? 0.5 : 1;
        const double enlarged = kind == MER_OBJECTIVE_POISSON ? mer_exp(0.7) : 1;
        gradients_of(&rows);
        for (size_t i = 0; i < ROWS; i++) {
            const double s = rows.scores[i];
            const double below = objective->loss(&rows.target, i, s - step);
            const double here = objective->loss(&rows.target, i, s);
            const double above = objective->loss(&rows.target, i, s + step);
            const double g = factor * (above - below) / (2 * step);
            const double w = rows.weights[i];
            /* Not at a kink. */
            if (fabs((above - here) - (here - below)) > 1e-6)
                continue;
            assert_true(fabs((double)rows.gh[2 * i] - w * g) < 1e-4 * (1 + fabs(g)));
            const bool smooth = kind == MER_OBJECTIVE_SQUARED || kind >= MER_OBJECTIVE_POISSON;
            const double wide = 1e-3;
            const double h = factor * enlarged *
                             (objective->loss(&rows.target, i, s + wide) - 2 * here +
                              objective->loss(&rows.target, i, s - wide)) /
                             (wide * wide);
            if (smooth)
                assert_true(fabs((double)rows.gh[2 * i + 1] - w * h) < 1e-3 * (1 + fabs(h)));
        }
    }
}

static void the_first_score_is_the_best_constant(void **state)
{
    (void)state;
    static struct rows rows;
    for (int kind = 0; kind < MER_OBJECTIVE_MULTINOMIAL; kind++) {
        double base, losses[3];
        if (kind == MER_OBJECTIVE_HUBER)
            continue; /* it begins at the median, which is near */
        make_rows(&rows, (enum mer_objective_kind)kind,
                  parameter_of((enum mer_objective_kind)kind));
        mer_err err;
        assert_int_equal(mer_objective_base(&ctx, &rows.target, rows.all, ROWS, &base, &err).code,
                         MER_OK);
        for (int side = 0; side < 3; side++) {
            for (size_t i = 0; i < ROWS; i++)
                rows.scores[i] = base + (side - 1) * 0.02;
            losses[side] = mer_objective_loss(&rows.target, rows.scores, PADDED, rows.all, ROWS);
        }
        assert_true(losses[1] <= losses[0] && losses[1] <= losses[2]);
    }
}

static void quantiles_are_those_of_the_definition(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3};
    assert_true(mer_weighted_quantile(values, NULL, 5, 0.5) == 3);
    assert_true(mer_weighted_quantile(values, NULL, 5, 0.25) == 2);
    assert_true(mer_weighted_quantile(values, NULL, 5, 0.9) > 4.59);
    double weighted[] = {3, 1, 2};
    double weights[] = {1, 1, 10};
    assert_true(mer_weighted_quantile(weighted, weights, 3, 0.5) == 2);
    assert_true(mer_weighted_quantile(weighted, weights, 3, 0.99) == 3);
    assert_true(mer_weighted_quantile(values, NULL, 0, 0.5) == 0);
}

static double loss_like_xgboosts(const char *name, const double *values, const double *predictions,
                                 const int32_t *classes, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        const double y = values[i], p = predictions[i];
        sum += strcmp(name, "squared") == 0    ? (y - p) * (y - p)
               : strcmp(name, "absolute") == 0 ? fabs(y - p)
               : strcmp(name, "poisson") == 0  ? p - y * mer_ln(p)
               : strcmp(name, "gamma") == 0    ? y / p + mer_ln(p)
               : strcmp(name, "tweedie") == 0  ? 2 * sqrt(p) + 2 * y / sqrt(p)
                                               : -mer_ln(predictions[2 * i + (size_t)classes[i]]);
    }
    return sum / (double)n;
}

static void every_objective_reaches_the_loss_of_xgboost(void **state)
{
    (void)state;
    for (size_t o = 0; o < sizeof XGBOOST_LOSSES / sizeof XGBOOST_LOSSES[0]; o++) {
        const char *name = XGBOOST_LOSSES[o].objective;
        const bool logistic = strcmp(name, "logistic") == 0;
        const bool positive =
            !logistic && strcmp(name, "squared") != 0 && strcmp(name, "absolute") != 0;
        struct boost_table table;
        boost_table_init(&table, &alloc, 4000, 6, logistic ? 2 : 0, 101);
        for (size_t i = 0; positive && i < 4000; i++)
            table.values[i] = fabs(table.values[i]) + 0.1;
        /* One minimum in each step: Hessians of 1 are rows. */
        struct mer_model *model = fit_gbdt(
            &ctx, &table,
            SETTINGS({"n_estimators", "40"}, {"max_leaves", "31"}, {"min_child_samples", "1"},
                     {"min_child_weight", "1"}, {"reg_lambda", "1"},
                     /* XGBoost 1.7 does not shrink leaves that are medians. */
                     {"learning_rate", strcmp(name, "absolute") ? "0.1" : "1"},
                     {"objective", logistic ? "auto" : name}));
        double *predictions = predict_gbdt(&ctx, model, &table);
        const double loss =
            loss_like_xgboosts(name, table.values, predictions, table.classes, 4000);
        /* Less is fine: the bins are not quite the same. */
        if (loss > XGBOOST_LOSSES[o].loss + 0.005 * fabs(XGBOOST_LOSSES[o].loss))
            fail_msg("%s: loss %.6f, XGBoost's is %.6f", name, loss, XGBOOST_LOSSES[o].loss);
        mer_free(&alloc, predictions);
        gbdt_family()->free(&ctx, model);
        boost_table_release(&table);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(gradients_are_the_slopes_of_the_loss),
        TEST(the_first_score_is_the_best_constant),
        TEST(quantiles_are_those_of_the_definition),
        TEST(every_objective_reaches_the_loss_of_xgboost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
