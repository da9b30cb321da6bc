/* A threshold between two classes is learned where it helps, kept in the model, and refused where
 * it was tampered with. */
#include "automl_tables.h"

#include "automl/threshold.h"
#include "core/math.h"

enum { N = 4000 };

static double p[2 * N];
static int32_t classes[N];

/* One row in ten is of class 1; probabilities are what they say. */
static void draw(size_t n, uint64_t seed)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < n; i++) {
        const double odds = 1.5 * mer_rng_normal(&rng) - 3;
        p[2 * i + 1] = mer_sigmoid(odds);
        p[2 * i] = 1 - p[2 * i + 1];
        classes[i] = mer_rng_uniform(&rng) < p[2 * i + 1];
    }
}

static struct mer_threshold learn(enum mer_threshold_choice choice, const char *metric, size_t n,
                                  const double *weights)
{
    const struct mer_thresholding from = {.choice = choice,
                                          .given = 0.25,
                                          .metric = mer_metric_find(metric),
                                          .scored = {.n = n,
                                                     .n_classes = 2,
                                                     .truth_classes = classes,
                                                     .predictions = p,
                                                     .weights = weights},
                                          .seed = 3};
    struct mer_threshold learned;
    assert_ok(mer_threshold_learn(&ctx, &from, &learned, &err));
    assert_true(mer_threshold_is_sound(&learned, 2));
    return learned;
}

static double score(const char *metric, double threshold)
{
    const struct mer_scored scored = {
        .n = N, .n_classes = 2, .truth_classes = classes, .predictions = p, .threshold = threshold};
    double value;
    assert_ok(mer_metric_find(metric)->score(&ctx, &scored, &value, &err));
    return value;
}

static void a_rare_class_is_predicted_from_a_lower_probability_on(void **state)
{
    static const char *const metrics[] = {"f1", "balanced_accuracy", "f1_macro", "mcc"};
    (void)state;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        draw(N, 5);
        const struct mer_threshold learned = learn(MER_THRESHOLD_BY_METRIC, metrics[i], N, NULL);
        assert_string_equal(learned.metric, metrics[i]);
        assert_true(learned.value > 0.02 && learned.value < 0.4);
        assert_true(learned.score_after > learned.score_before);
        /* On rows that nobody has seen. */
        draw(N, 6);
        assert_true(score(metrics[i], learned.value) > score(metrics[i], 0) + 0.02);
    }
    /* Where mistakes are counted, half is right for probabilities that are what they say. */
    draw(N, 5);
    assert_true(learn(MER_THRESHOLD_BY_METRIC, "accuracy", N, NULL).value == 0);
}

static void other_metrics_have_none_unless_it_is_asked_for(void **state)
{
    (void)state;
    draw(N, 5);
    assert_true(learn(MER_THRESHOLD_BY_METRIC, "log_loss", N, NULL).value == 0);
    assert_true(learn(MER_THRESHOLD_BY_METRIC, "precision", N, NULL).value == 0);
    const struct mer_threshold learned = learn(MER_THRESHOLD_AUTO, "log_loss", N, NULL);
    assert_string_equal(learned.metric, "balanced_accuracy");
    /* The best for balanced accuracy is the share of the class. */
    assert_true(learned.value > 0.04 && learned.value < 0.2);
    const struct mer_threshold given = learn(MER_THRESHOLD_GIVEN, "log_loss", N, NULL);
    assert_true(given.value == 0.25 && !given.metric);
}

static void few_rows_and_rows_without_weight_teach_none(void **state)
{
    static double weights[N];
    (void)state;
    draw(N, 5);
    assert_true(learn(MER_THRESHOLD_AUTO, "f1", 49, NULL).value == 0);
    assert_true(learn(MER_THRESHOLD_AUTO, "f1", N, weights).value == 0);
}

static void weights_move_it(void **state)
{
    static double weights[N];
    (void)state;
    draw(N, 5);
    for (size_t i = 0; i < N; i++)
        weights[i] = classes[i] ? 9 : 1;
    const struct mer_threshold weighed = learn(MER_THRESHOLD_BY_METRIC, "accuracy", N, weights);
    assert_true(weighed.value > 0.04 && weighed.value < 0.2);
}

static void the_rule_is_the_same_everywhere(void **state)
{
    static const double rows[][3] = {{0.7, 0.3, 0}, {0.5, 0.5, 0}, {0.2, 0.3, 0.5}};
    (void)state;
    assert_int_equal(mer_threshold_class(0, rows[0], 2), 0);
    assert_int_equal(mer_threshold_class(0.3, rows[0], 2), 1);
    assert_int_equal(mer_threshold_class(0.30001, rows[0], 2), 0);
    assert_int_equal(mer_threshold_class(0, rows[1], 2), 0);
    assert_int_equal(mer_threshold_class(0.1, rows[2], 3), 2);
}

static void it_is_in_the_model_and_tampered_ones_are_refused(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(600, 'b', 5);
    const struct mer_search_options options = {.seed = 1,
                                               .n_folds = 3,
                                               .family = mer_family_find("linear"),
                                               .threshold_choice = MER_THRESHOLD_GIVEN,
                                               .threshold = 0.25};
    struct mer_pipeline *pipeline = fit(&frame, &options), *loaded = NULL;
    struct mer_bundle bundle = save(pipeline);
    assert_ok(mer_pipeline_load(&ctx, &bundle, &loaded, &err));
    assert_true(loaded->threshold.value == 0.25);
    mer_pipeline_free(&ctx, loaded);
    static const char *const bad[] = {"1.25", "0.0 ", "-0.2", "null", "{}  ", "9e99"};
    char *json = (char *)(uintptr_t)bundle.json;
    char *const at = strstr(json, "\"threshold\":{\"value\":0.25}");
    assert_non_null(at);
    char *copy;
    assert_ok(mer_alloc_array(&alloc, bundle.n_json + 1, 1, &copy, &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mer_bundle changed = bundle;
        memcpy(copy, bundle.json, bundle.n_json + 1);
        memcpy(copy + (at - json) + strlen("\"threshold\":{\"value\":"), bad[i], 4);
        changed.json = copy;
        if (mer_pipeline_load(&ctx, &changed, &loaded, &err).code != MER_ERR_DATA)
            fail_msg("not refused: %s", bad[i]);
    }
    mer_free(&alloc, copy);
    mer_bundle_release(&bundle);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);

    frame = make_table(100, 'm', 5);
    assert_code(try_fit(&frame, &options, &loaded), MER_ERR_USAGE);
    mer_frame_release(&frame);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rare_class_is_predicted_from_a_lower_probability_on),
        TEST(other_metrics_have_none_unless_it_is_asked_for),
        TEST(few_rows_and_rows_without_weight_teach_none),
        TEST(weights_move_it),
        TEST(the_rule_is_the_same_everywhere),
        TEST(it_is_in_the_model_and_tampered_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
