/* Every metric against stored values of scikit-learn 1.2.1, and what happens at the edges. */
#include "metric/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "core/math.h"

struct stored_value {
    const char *data;
    bool weighted;
    const char *metric;
    double value;
};

#include "sklearn_values.h"

enum { N_STORED = sizeof SKLEARN_VALUES / sizeof SKLEARN_VALUES[0] };

/* Arrays made by the same generator as in make_sklearn_values.py. */
struct arrays {
    size_t n;
    size_t n_classes;
    int32_t *classes;
    double *values;
    double *predictions;
    double *weights;
};

static double uniform(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) * 0x1p-53;
}

static void *need(size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);
    assert_non_null(memory);
    return memory;
}

static void arrays_free(struct arrays *arrays)
{
    free(arrays->classes);
    free(arrays->values);
    free(arrays->predictions);
    free(arrays->weights);
    free(arrays);
}

static void make_weights(uint64_t *state, struct arrays *arrays)
{
    arrays->weights = need(arrays->n, sizeof(double));
    for (size_t i = 0; i < arrays->n; i++)
        arrays->weights[i] = i % 7 == 3 ? 0.0 : 0.25 + uniform(state);
}

static void normalise(double *p, size_t n)
{
    double total = 0;
    for (size_t k = 0; k < n; k++)
        total += p[k];
    for (size_t k = 0; k < n; k++)
        p[k] /= total;
}

static struct arrays *make_classification(uint64_t seed, size_t n, size_t n_classes,
                                          double decimals)
{
    struct arrays *arrays = need(1, sizeof *arrays);
    uint64_t state = seed;
    *arrays = (struct arrays){.n = n, .n_classes = n_classes};
    arrays->classes = need(n, sizeof(int32_t));
    arrays->predictions = need(n * n_classes, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        double *p = arrays->predictions + i * n_classes;
        arrays->classes[i] = (int32_t)(uniform(&state) * (double)n_classes);
        for (size_t k = 0; k < n_classes; k++) {
            const double score = uniform(&state) + (k == (size_t)arrays->classes[i] ? 0.5 : 0.0);
            p[k] = floor(score * decimals) / decimals + 1.0 / 1024;
        }
        normalise(p, n_classes);
    }
    make_weights(&state, arrays);
    return arrays;
}

static struct arrays *make_regression(uint64_t seed, size_t n)
{
    struct arrays *arrays = need(1, sizeof *arrays);
    uint64_t state = seed;
    *arrays = (struct arrays){.n = n};
    arrays->values = need(n, sizeof(double));
    arrays->predictions = need(n, sizeof(double));
    for (size_t i = 0; i < n; i++)
        arrays->values[i] = 10 * uniform(&state);
    for (size_t i = 0; i < n; i++)
        arrays->predictions[i] = arrays->values[i] * 0.75 + 3 * uniform(&state);
    make_weights(&state, arrays);
    return arrays;
}

/* Four classes, of which 2 is never true and 3 neither true nor predicted. */
static struct arrays *make_absent_class(uint64_t seed, size_t n)
{
    struct arrays *arrays = make_classification(seed, n, 4, 8);
    for (size_t i = 0; i < n; i++) {
        arrays->classes[i] %= 2;
        arrays->predictions[4 * i + 3] = 0;
        normalise(arrays->predictions + 4 * i, 4);
    }
    return arrays;
}

/* Probabilities of exactly 0 and 1, some of them wrong. */
static struct arrays *make_certain(uint64_t seed, size_t n)
{
    struct arrays *arrays = make_classification(seed, n, 2, 8);
    for (size_t i = 0; i < n; i++) {
        double *p = arrays->predictions + 2 * i;
        const double largest = p[0] > p[1] ? p[0] : p[1];
        p[0] = p[0] == largest ? 1 : 0;
        p[1] = p[1] == largest ? 1 : 0;
        normalise(p, 2);
    }
    return arrays;
}

static struct arrays *make_named(const char *name)
{
    if (strcmp(name, "binary") == 0)
        return make_classification(1, 301, 2, 8);
    if (strcmp(name, "binary_fine") == 0)
        return make_classification(2, 1000, 2, 1 << 20);
    if (strcmp(name, "binary_certain") == 0)
        return make_certain(3, 100);
    if (strcmp(name, "multiclass") == 0)
        return make_classification(4, 500, 5, 8);
    if (strcmp(name, "absent_class") == 0)
        return make_absent_class(5, 200);
    if (strcmp(name, "regression") == 0)
        return make_regression(6, 400);
    assert_string_equal(name, "regression_odd");
    return make_regression(7, 33);
}

static struct mer_scored scored_of(const struct arrays *arrays, bool weighted)
{
    return (struct mer_scored){
        .n = arrays->n,
        .n_classes = arrays->n_classes,
        .truth_values = arrays->values,
        .truth_classes = arrays->classes,
        .predictions = arrays->predictions,
        .weights = weighted ? arrays->weights : NULL,
    };
}

/* The score, or a failed test; no memory is left behind. */
static double score_of(const char *name, const struct mer_scored *scored)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_metric *metric = mer_metric_find(name);
    assert_non_null(metric);
    double score = 12345;
    mer_err err = {0};
    if (!mer_is_ok(metric->score(&ctx, scored, &score, &err)))
        fail_msg("%s: %s", name, err.message);
    assert_int_equal(alloc.used, 0);
    return score;
}

static enum mer_code code_of(const char *name, const struct mer_scored *scored)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    double score = 12345;
    mer_err err = {0};
    const mer_status status = mer_metric_find(name)->score(&ctx, scored, &score, &err);
    if (!mer_is_ok(status)) {
        assert_true(score == 12345);
        assert_true(err.message[0] != '\0');
    }
    assert_int_equal(alloc.used, 0);
    return status.code;
}

static void every_metric_agrees_with_scikit_learn_to_1e_12(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_STORED; i++) {
        const struct stored_value *stored = &SKLEARN_VALUES[i];
        struct arrays *arrays = make_named(stored->data);
        const struct mer_scored scored = scored_of(arrays, stored->weighted);
        const double score = score_of(stored->metric, &scored);
        if (!(fabs(score - stored->value) <= 1e-12 * fabs(stored->value)))
            fail_msg("%s of %s%s: %.17g, stored %.17g", stored->metric, stored->data,
                     stored->weighted ? " with weights" : "", score, stored->value);
        arrays_free(arrays);
    }
}

static void no_metric_is_without_a_stored_value(void **state)
{
    (void)state;
    for (size_t m = 0; m < MER_N_METRICS; m++) {
        size_t n = 0;
        for (size_t i = 0; i < N_STORED; i++)
            n += strcmp(SKLEARN_VALUES[i].metric, MER_METRICS[m].name) == 0;
        if (n < 2)
            fail_msg("%s has %zu stored values", MER_METRICS[m].name, n);
        assert_ptr_equal(mer_metric_find(MER_METRICS[m].name), &MER_METRICS[m]);
    }
    assert_null(mer_metric_find("logloss"));
}

static void scores_do_not_depend_on_how_often_they_are_taken(void **state)
{
    (void)state;
    struct arrays *arrays = make_named("multiclass");
    const struct mer_scored scored = scored_of(arrays, true);
    const double first = score_of("log_loss", &scored);
    const double second = score_of("log_loss", &scored);
    assert_memory_equal(&first, &second, sizeof first);
    arrays_free(arrays);
}

static void auc_counts_ties_as_half(void **state)
{
    (void)state;
    const int32_t classes[] = {0, 1, 0, 1};
    const double all_same[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    const double half_tied[] = {0.9, 0.1, 0.5, 0.5, 0.5, 0.5, 0.2, 0.8};
    struct mer_scored scored = {
        .n = 4, .n_classes = 2, .truth_classes = classes, .predictions = all_same};
    assert_true(score_of("auc", &scored) == 0.5);
    scored.predictions = half_tied;
    assert_true(score_of("auc", &scored) == 0.875);
}

/* The definition itself, pair by pair. */
static void auc_is_the_share_of_pairs_in_the_right_order(void **state)
{
    (void)state;
    struct arrays *arrays = make_named("binary");
    const struct mer_scored scored = scored_of(arrays, false);
    double right = 0, pairs = 0;
    for (size_t i = 0; i < arrays->n; i++) {
        for (size_t j = 0; j < arrays->n; j++) {
            if (arrays->classes[i] != 1 || arrays->classes[j] != 0)
                continue;
            const double above = arrays->predictions[2 * i + 1] - arrays->predictions[2 * j + 1];
            right += above > 0 ? 1 : above == 0 ? 0.5 : 0;
            pairs++;
        }
    }
    assert_true(score_of("auc", &scored) == right / pairs);
    arrays_free(arrays);
}

static void metrics_that_are_not_defined_are_nan(void **state)
{
    (void)state;
    const int32_t ones[] = {1, 1};
    const double p[] = {0.4, 0.6, 0.3, 0.7};
    const struct mer_scored one_class = {
        .n = 2, .n_classes = 2, .truth_classes = ones, .predictions = p};
    assert_true(isnan(score_of("auc", &one_class)));
    assert_true(score_of("average_precision", &one_class) == 1);
    assert_true(score_of("accuracy", &one_class) == 1);

    const double below[] = {-1, 2};
    const double above[] = {1, 2};
    struct mer_scored negative = {.n = 2, .truth_values = below, .predictions = above};
    assert_true(isnan(score_of("msle", &negative)));
    negative.n = 1;
    assert_true(isnan(score_of("r2", &negative)));

    struct arrays *absent = make_named("absent_class");
    const struct mer_scored scored = scored_of(absent, false);
    assert_true(isnan(score_of("auc", &scored)));
    arrays_free(absent);
}

static void no_rows_and_no_weight_are_nan_for_every_metric(void **state)
{
    (void)state;
    const double zeros[] = {0, 0, 0, 0};
    const double p[] = {0.4, 0.6, 0.3, 0.7};
    const int32_t classes[] = {0, 1};
    for (size_t m = 0; m < MER_N_METRICS; m++) {
        const bool values = MER_METRICS[m].tasks & MER_METRIC_REGRESSION;
        struct mer_scored scored = {.n_classes = values ? 0 : 2,
                                    .truth_values = p,
                                    .truth_classes = classes,
                                    .predictions = p};
        assert_true(isnan(score_of(MER_METRICS[m].name, &scored)));
        scored.n = 2;
        scored.weights = zeros;
        /* max_error has no weights, as in scikit-learn. */
        if (strcmp(MER_METRICS[m].name, "max_error") != 0)
            assert_true(isnan(score_of(MER_METRICS[m].name, &scored)));
    }
}

static void a_constant_truth_has_r2_of_zero_or_one(void **state)
{
    (void)state;
    const double truth[] = {3, 3, 3};
    const double wrong[] = {3, 3, 4};
    struct mer_scored scored = {.n = 3, .truth_values = truth, .predictions = truth};
    assert_true(score_of("r2", &scored) == 1);
    assert_true(score_of("explained_variance", &scored) == 1);
    scored.predictions = wrong;
    assert_true(score_of("r2", &scored) == 0);
    assert_true(score_of("explained_variance", &scored) == 0);
}

static void sums_of_a_million_rows_lose_nothing(void **state)
{
    (void)state;
    enum { N = 1000000 };
    double *truth = need(N, sizeof *truth);
    double *prediction = need(N, sizeof *prediction);
    for (size_t i = 0; i < N; i++)
        prediction[i] = i == 0 ? 1e8 : 0.1;
    const struct mer_scored scored = {.n = N, .truth_values = truth, .predictions = prediction};
    const double exact = (1e8 + (N - 1) * 0.1) / N;
    assert_true(fabs(score_of("mae", &scored) - exact) <= 4e-16 * exact);
    free(truth);
    free(prediction);
}

static void bad_numbers_and_classes_are_refused(void **state)
{
    (void)state;
    const int32_t classes[] = {0, 1};
    const int32_t outside[] = {0, 2};
    const int32_t negative_class[] = {-1, 0};
    const double p[] = {0.4, 0.6, 0.3, 0.7};
    const double broken[] = {0.4, NAN, 0.3, INFINITY};
    const double negative_weight[] = {1, -1};
    const struct mer_scored good = {
        .n = 2, .n_classes = 2, .truth_classes = classes, .truth_values = p, .predictions = p};
    for (size_t m = 0; m < MER_N_METRICS; m++) {
        const char *name = MER_METRICS[m].name;
        const bool values = MER_METRICS[m].tasks & MER_METRIC_REGRESSION;
        struct mer_scored scored = good;
        scored.n_classes = values ? 0 : 2;
        assert_int_equal(code_of(name, &scored), MER_OK);
        scored.predictions = broken;
        assert_int_equal(code_of(name, &scored), MER_ERR_DATA);
        scored.predictions = p;
        scored.weights = negative_weight;
        assert_int_equal(code_of(name, &scored), MER_ERR_DATA);
        scored.weights = NULL;
        scored.truth_classes = outside;
        assert_int_equal(code_of(name, &scored), values ? MER_OK : MER_ERR_DATA);
        scored.truth_classes = negative_class;
        assert_int_equal(code_of(name, &scored), values ? MER_OK : MER_ERR_DATA);
        scored.n_classes = values ? 2 : 0;
        assert_int_equal(code_of(name, &scored), MER_ERR_USAGE);
        scored.n_classes = 1;
        assert_int_equal(code_of(name, &scored), MER_ERR_USAGE);
    }
}

static void failed_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    struct arrays *classes = make_named("multiclass");
    struct arrays *values = make_named("regression");
    struct arrays *binary = make_named("binary");
    for (size_t m = 0; m < MER_N_METRICS; m++) {
        const struct mer_metric *metric = &MER_METRICS[m];
        const struct mer_scored scored = scored_of(metric->tasks & MER_METRIC_REGRESSION   ? values
                                                   : metric->tasks & MER_METRIC_MULTICLASS ? classes
                                                                                           : binary,
                                                   true);
        enum mer_code code = MER_ERR_MEMORY;
        for (uint64_t fail_at = 1; code != MER_OK; fail_at++) {
            struct mer_alloc alloc;
            mer_alloc_init(&alloc, SIZE_MAX);
            alloc.fail_at = fail_at;
            const struct mer_ctx ctx = {.alloc = &alloc};
            double score;
            code = metric->score(&ctx, &scored, &score, NULL).code;
            assert_true(code == MER_OK || code == MER_ERR_MEMORY);
            assert_int_equal(alloc.used, 0);
            assert_true(fail_at < 100);
        }
    }
    arrays_free(classes);
    arrays_free(values);
    arrays_free(binary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_agrees_with_scikit_learn_to_1e_12),
        cmocka_unit_test(no_metric_is_without_a_stored_value),
        cmocka_unit_test(scores_do_not_depend_on_how_often_they_are_taken),
        cmocka_unit_test(auc_counts_ties_as_half),
        cmocka_unit_test(auc_is_the_share_of_pairs_in_the_right_order),
        cmocka_unit_test(metrics_that_are_not_defined_are_nan),
        cmocka_unit_test(no_rows_and_no_weight_are_nan_for_every_metric),
        cmocka_unit_test(a_constant_truth_has_r2_of_zero_or_one),
        cmocka_unit_test(sums_of_a_million_rows_lose_nothing),
        cmocka_unit_test(bad_numbers_and_classes_are_refused),
        cmocka_unit_test(failed_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
