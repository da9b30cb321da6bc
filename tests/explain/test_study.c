/* Studies of models: scores and intervals, curves, importance, and the page that shows them. */
#include "automl/automl_tables.h"

#include "explain/study_page.h"
#include "explain/well_formed.h"

struct studied {
    struct mer_frame frame;
    struct mer_schema schema;
    struct mer_pipeline *pipeline;
    struct mer_facts facts;
    struct mer_study study;
};

static struct studied study_table(struct mer_frame frame, const char *family)
{
    struct studied studied = {.frame = frame};
    const struct mer_search_options options = {.target = "y",
                                               .family = mer_family_find(family),
                                               .seed = 9,
                                               .visit = mer_study_visit,
                                               .visitor = &studied.study};
    assert_ok(mer_schema_of_frame(&ctx, &studied.frame, NULL, 0, &studied.schema, &err));
    mer_study_init(&studied.study, &alloc, &studied.frame);
    assert_ok(
        mer_search_fit(&ctx, &studied.frame, &studied.schema, &options, &studied.pipeline, &err));
    assert_ok(mer_facts_of_pipeline(&ctx, studied.pipeline, &studied.facts, &err));
    assert_ok(mer_study_finish(&ctx, &studied.study, 9, &err));
    return studied;
}

static void release(struct studied *studied)
{
    mer_study_release(&studied->study);
    mer_facts_release(&studied->facts);
    mer_pipeline_free(&ctx, studied->pipeline);
    mer_schema_release(&studied->schema);
    mer_frame_release(&studied->frame);
}

static const struct mer_study_score *score(const struct studied *studied, const char *name)
{
    for (size_t i = 0; i < studied->study.n_scores; i++)
        if (strcmp(studied->study.scores[i].metric->name, name) == 0)
            return &studied->study.scores[i];
    fail_msg("no score %s", name);
    return NULL;
}

/* Free with mer_free. */
static char *show(const struct studied *studied)
{
    const struct mer_study_source source = {.model_digest = "00ff", .version = "1"};
    struct mer_buf buf;
    char *copy;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    assert_ok(mer_study_page(&ctx, &studied->study, &studied->facts, &source, &buf, &err));
    assert_ok(mer_alloc_text(&alloc, (const char *)buf.bytes, buf.n, &copy, &err));
    mer_buf_release(&buf);
    return copy;
}

static void has_sections(const char *page)
{
    static const char *const sections[] = {"scores",      "predictions", "importance", "search",
                                           "leaderboard", "data",        "provenance"};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        char wanted[60];
        (void)snprintf(wanted, sizeof wanted, "<section id=\"%s\">", sections[i]);
        assert_non_null(strstr(page, wanted));
    }
}

static void every_held_out_row_is_studied_once(void **state)
{
    (void)state;
    struct studied studied = study_table(make_table(600, 'b', 3), "linear");
    const struct mer_study *const study = &studied.study;
    size_t counts[2] = {0}, truth[2] = {0};
    int32_t *classes;
    double *values;
    assert_int_equal(study->n_rows, 600);
    assert_ok(mer_facts_truth(&ctx, &studied.facts, &studied.frame, &values, &classes, &err));
    for (size_t i = 0; i < 600; i++) {
        counts[study->classes[i]]++;
        truth[classes[i]]++;
        assert_near(study->predictions[2 * i] + study->predictions[2 * i + 1], 1);
    }
    assert_int_equal(counts[0], truth[0]);
    assert_int_equal(counts[1], truth[1]);
    mer_free(&alloc, classes);
    release(&studied);
}

static void intervals_are_as_wide_as_theory_says(void **state)
{
    (void)state;
    struct studied studied = study_table(make_table(600, 'b', 3), "linear");
    const struct mer_study_score *const accuracy = score(&studied, "accuracy");
    const double p = accuracy->value;
    const double expected = 2 * 1.96 * sqrt(p * (1 - p) / 600);
    assert_true(accuracy->low < p && p < accuracy->high);
    assert_true(fabs((accuracy->high - accuracy->low) / expected - 1) < 0.2);
    const struct mer_study_score *const auc = score(&studied, "auc");
    assert_true(auc->low < auc->value && auc->value < auc->high && auc->high <= 1.01);
    release(&studied);
}

static void curves_enclose_the_area_that_the_metric_tells(void **state)
{
    struct mer_curve roc, precision;
    double area = 0;
    (void)state;
    struct studied studied = study_table(make_table(600, 'b', 3), "linear");
    assert_ok(mer_study_curves(&ctx, &studied.study, &roc, &precision, &err));
    for (size_t i = 1; i < roc.n; i++) {
        assert_true(roc.x[i] >= roc.x[i - 1] && roc.y[i] >= roc.y[i - 1]);
        area += (roc.x[i] - roc.x[i - 1]) * (roc.y[i] + roc.y[i - 1]) / 2;
    }
    assert_true(fabs(area - score(&studied, "auc")->value) < 0.01);
    assert_near(roc.x[roc.n - 1], 1);
    assert_near(roc.y[roc.n - 1], 1);
    assert_near(precision.x[precision.n - 1], 1);
    release(&studied);
}

static void rounds_of_boosting_bring_both_losses_down(void **state)
{
    (void)state;
    struct studied studied = study_table(make_table(600, 'b', 3), "gbdt");
    const struct mer_study *const study = &studied.study;
    const struct mer_rounds *const rounds = &study->rounds[0];
    const size_t last = rounds->n_points - 1;
    assert_int_equal(study->n_boosted, 1);
    assert_int_equal(rounds->at[0], 0);
    assert_int_equal(rounds->n_held_out, 600);
    assert_true(rounds->held_out[last] < 0.9 * rounds->held_out[0]);
    assert_true(mer_rounds_loss(study, rounds->train[last], rounds->n_train) <
                mer_rounds_loss(study, rounds->held_out[last], rounds->n_held_out));
    /* All rows are looked at, so the last is the model's own loss before calibration. */
    if (!study->plain)
        assert_near(mer_rounds_loss(study, rounds->held_out[last], 600),
                    score(&studied, "log_loss")->value);
    char *page = show(&studied);
    assert_non_null(strstr(page, "<h3>Rounds of boosting</h3>"));
    mer_free(&alloc, page);
    release(&studied);
    studied = study_table(make_table(600, 'b', 3), "linear");
    assert_int_equal(studied.study.n_boosted, 0);
    page = show(&studied);
    assert_null(strstr(page, "Rounds of boosting"));
    mer_free(&alloc, page);
    release(&studied);
}

static void calibration_keeps_means_and_counts(void **state)
{
    struct mer_calibration calibration;
    double actual = 0, predicted = 0;
    size_t n = 0, n_true = 0;
    (void)state;
    struct studied studied = study_table(make_table(600, 'b', 3), "tree");
    assert_ok(mer_study_calibration(&ctx, &studied.study, &calibration, &err));
    for (size_t i = 0; i < calibration.n_bins; i++) {
        n += calibration.bins[i].n;
        actual += calibration.bins[i].actual * (double)calibration.bins[i].n;
        predicted += calibration.bins[i].predicted * (double)calibration.bins[i].n;
    }
    for (size_t i = 0; i < 600; i++) {
        n_true += studied.study.classes[i] == 1;
        predicted -= studied.study.predictions[2 * i + 1];
    }
    assert_int_equal(n, 600);
    assert_near(actual, (double)n_true);
    assert_true(fabs(predicted) < 1e-9);
    release(&studied);
}

/* y follows `signal`; `noise` and `copy` have nothing to do with it. */
static struct mer_frame table_with_a_signal(char task)
{
    struct mer_buf buf;
    const char *text;
    mer_rng rng;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    mer_rng_init(&rng, 5, 0);
    assert_ok(mer_buf_text(&buf, "noise,signal,fixed,level,y\n", &err));
    for (int i = 0; i < 500; i++) {
        const int noise = (int)mer_rng_below(&rng, 1000), signal = (int)mer_rng_below(&rng, 1000);
        const char level = (char)('a' + (int)mer_rng_below(&rng, 3));
        const int y = signal + (level == 'a' ? 300 : 0) + (int)mer_rng_below(&rng, 200);
        assert_ok(mer_buf_printf(&buf, &err, "%d.5,%d.25,7,%c,", noise, signal, level));
        assert_ok(task == 'r'
                      ? mer_buf_printf(&buf, &err, "%d.5\n", y)
                      : mer_buf_text(&buf, y > 650 ? "canarybig\n" : "canarysmall\n", &err));
    }
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    mer_buf_release(&buf);
    return frame;
}

static void what_the_model_needs_is_important_and_noise_is_not(void **state)
{
    static const char tasks[] = "rb";
    (void)state;
    for (int t = 0; t < 2; t++) {
        struct studied studied = study_table(table_with_a_signal(tasks[t]), "linear");
        double half[4], mean[4];
        assert_int_equal(studied.study.n_columns, 4);
        for (size_t i = 0; i < 4; i++)
            mean[i] = mer_importance_mean(&studied.study, &studied.study.importance[i], &half[i]);
        assert_true(mean[1] - half[1] > 0.2); /* signal */
        assert_true(mean[3] - half[3] > 0);   /* level */
        assert_true(mean[1] > mean[3]);
        assert_true(fabs(mean[0]) < 0.05 * mean[1]); /* noise */
        assert_near(mean[2], 0);                     /* constant, left out */
        if (tasks[t] == 'r') /* two rows' squared distance is twice the variance */
            assert_true(fabs(mean[1] - 2 * 0.8) < 0.3);
        release(&studied);
    }
}

static void a_study_is_the_same_for_any_number_of_threads(void **state)
{
    static const char tasks[] = "bmr";
    (void)state;
    for (int t = 0; t < 3; t++) {
        char *first = NULL;
        for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
            assert_ok(mer_team_new(&alloc, n_threads, &ctx.team, &err));
            struct studied studied = study_table(make_table(400, tasks[t], 3), "tree");
            char *const page = show(&studied);
            assert_true(assert_well_formed(page) > 200);
            has_sections(page);
            release(&studied);
            mer_team_free(ctx.team);
            ctx.team = NULL;
            if (!first) {
                first = page;
                continue;
            }
            assert_string_equal(page, first);
            mer_free(&alloc, page);
        }
        mer_free(&alloc, first);
    }
}

static void labels_of_a_sensitive_target_are_numbered(void **state)
{
    (void)state;
    struct studied studied = study_table(table_with_a_signal('b'), "tree");
    char *page = show(&studied);
    assert_non_null(strstr(page, "canarybig"));
    mer_free(&alloc, page);
    studied.study.is_sensitive = true;
    page = show(&studied);
    assert_null(strstr(page, "canary"));
    mer_free(&alloc, page);
    release(&studied);
    studied = study_table(table_with_a_signal('r'), "tree");
    page = show(&studied);
    assert_non_null(strstr(page, "Residuals"));
    mer_free(&alloc, page);
    studied.study.is_sensitive = true;
    page = show(&studied);
    assert_null(strstr(page, "Residuals"));
    assert_true(assert_well_formed(page) > 50);
    mer_free(&alloc, page);
    release(&studied);
}

static void true_and_predicted_values_fill_the_squares(void **state)
{
    struct mer_density density;
    struct mer_number_profile residuals;
    size_t n = 0;
    (void)state;
    struct studied studied = study_table(table_with_a_signal('r'), "linear");
    assert_ok(mer_study_density(&ctx, &studied.study, &density, &err));
    assert_ok(mer_study_residuals(&ctx, &studied.study, &residuals, &err));
    for (size_t y = 0; y < MER_DENSITY; y++)
        for (size_t x = 0; x < MER_DENSITY; x++)
            n += density.counts[y][x];
    assert_int_equal(n, 500);
    assert_int_equal(residuals.n, 500);
    assert_near(sqrt(score(&studied, "mse")->value), score(&studied, "rmse")->value);
    assert_true(fabs(residuals.deviation - score(&studied, "rmse")->value) < 1);
    release(&studied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_held_out_row_is_studied_once, begin, end),
        cmocka_unit_test_setup_teardown(intervals_are_as_wide_as_theory_says, begin, end),
        cmocka_unit_test_setup_teardown(curves_enclose_the_area_that_the_metric_tells, begin, end),
        cmocka_unit_test_setup_teardown(rounds_of_boosting_bring_both_losses_down, begin, end),
        cmocka_unit_test_setup_teardown(calibration_keeps_means_and_counts, begin, end),
        cmocka_unit_test_setup_teardown(what_the_model_needs_is_important_and_noise_is_not, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_study_is_the_same_for_any_number_of_threads, begin, end),
        cmocka_unit_test_setup_teardown(labels_of_a_sensitive_target_are_numbered, begin, end),
        cmocka_unit_test_setup_teardown(true_and_predicted_values_fill_the_squares, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
