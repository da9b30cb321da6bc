/* Intervals and sets hold the truth as often as they say; what was tampered with is refused. */
#include "automl_tables.h"

#include "automl/facts.h"

enum { N_FIT = 600, N_NEW = 4000 };

static bool is_most_probable(const double *probabilities, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++)
        if (probabilities[i] > probabilities[k])
            return false;
    return true;
}

/* The part of the rows of `frame` whose value lies in the interval, or class in the set, of that
 * coverage; *ret_right: whose class is the most probable one. */
static double covered(const struct mer_pipeline *pipeline, const struct mer_frame *frame,
                      double coverage, double *ret_right)
{
    double *predictions, *values, bound;
    int32_t *classes;
    struct mer_facts facts;
    size_t n = 0, n_right = 0;

    assert_ok(mer_facts_of_pipeline(&ctx, pipeline, &facts, &err));
    assert_ok(mer_facts_truth(&ctx, &facts, frame, &values, &classes, &err));
    assert_ok(mer_pipeline_predict(&ctx, pipeline, frame, &predictions, &err));
    assert_ok(mer_conformal_bound(&facts.conformal, coverage, &bound, &err));
    for (size_t i = 0; i < frame->n_rows; i++) {
        if (values) {
            n += fabs(values[i] - predictions[i]) <=
                 mer_conformal_margin(&facts.conformal, bound, predictions[i]);
            continue;
        }
        const double *const p = &predictions[i * pipeline->n_classes];
        const size_t k = (size_t)classes[i];
        const bool is_right = is_most_probable(p, pipeline->n_classes, k);
        n_right += is_right;
        n += is_right || mer_conformal_holds(bound, p[k]);
    }
    *ret_right = (double)n_right / (double)frame->n_rows;
    mer_free(&alloc, predictions);
    mer_free(&alloc, values);
    mer_free(&alloc, classes);
    mer_facts_release(&facts);
    return (double)n / (double)frame->n_rows;
}

static void the_truth_is_covered_as_often_as_is_asked(void **state)
{
    static const double coverages[] = {0.5, 0.8, 0.9, 0.95};
    (void)state;
    for (const char *task = "rbm"; *task; task++) {
        struct mer_frame frame = make_table(N_FIT, *task, 5), new = make_table(N_NEW, *task, 6);
        const struct mer_search_options options = {.seed = 1, .n_folds = 5, .max_trials = 8};
        struct mer_pipeline *pipeline = fit(&frame, &options);
        assert_int_equal(pipeline->conformal.n_rows, N_FIT);
        for (size_t i = 0; i < sizeof coverages / sizeof *coverages; i++) {
            double right;
            const double p = coverages[i], got = covered(pipeline, &new, p, &right);
            /* Both the held-out rows and the new ones are samples. A set is never empty. */
            const double error = sqrt(p * (1 - p) * (1.0 / N_FIT + 1.0 / N_NEW));
            if (fabs(got - fmax(p, right)) > 3 * error)
                fail_msg("task %c: %g covers %g, more than 3 x %g away", *task, p, got, error);
        }
        mer_pipeline_free(&ctx, pipeline);
        mer_frame_release(&new);
        mer_frame_release(&frame);
    }
}

static void a_model_of_one_family_knows_its_errors_too(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(60, 'r', 5);
    struct mer_search_options options = {.seed = 1, .n_folds = 3, .single = true, .max_trials = 4};
    for (int i = 0; i < 2; i++) {
        struct mer_pipeline *pipeline = fit(&frame, &options);
        assert_int_equal(pipeline->n_members, 1);
        assert_int_equal(pipeline->conformal.n_rows, 60);
        mer_pipeline_free(&ctx, pipeline);
        options.family = mer_family_find("linear");
    }
    mer_frame_release(&frame);
}

/* Errors 1 to n on predictions that are all the same. */
static struct mer_conformal learn(size_t n, struct mer_arena *arena)
{
    struct mer_conformal conformal;
    double *predictions, *values;
    assert_ok(mer_alloc_zero(&alloc, n, sizeof *predictions, &predictions, &err));
    assert_ok(mer_alloc_zero(&alloc, n, sizeof *values, &values, &err));
    for (size_t i = 0; i < n; i++)
        values[i] = (i % 2 ? 1 : -1) * (double)((i * 7) % n + 1);
    const struct mer_conformal_rows rows = {
        .predictions = predictions, .n_rows = n, .n_outputs = 1, .n_repeats = 1, .values = values};
    assert_ok(mer_conformal_learn(&ctx, &rows, arena, &conformal, &err));
    mer_free(&alloc, predictions);
    mer_free(&alloc, values);
    return conformal;
}

/* Half the interval where the errors 1 to 99 are the held-out rows', and this one is the bound: it
 * was divided by the mean of the others, and is multiplied by that of all. */
static double margin_of(double error)
{
    return error / ((4950 - error) / 98) * 50;
}

static void the_bound_is_the_error_of_the_right_rank(void **state)
{
    struct mer_arena arena;
    double bound;
    (void)state;
    mer_arena_init(&arena, &alloc);
    const struct mer_conformal conformal = learn(99, &arena);
    /* ceil(100 p) of the errors 1 to 99. */
    assert_ok(mer_conformal_bound(&conformal, 0.9, &bound, &err));
    assert_near(mer_conformal_margin(&conformal, bound, 0), margin_of(90));
    assert_ok(mer_conformal_bound(&conformal, 0.901, &bound, &err));
    assert_near(mer_conformal_margin(&conformal, bound, 12), margin_of(91));
    assert_ok(mer_conformal_bound(&conformal, 0.99, &bound, &err));
    assert_near(mer_conformal_margin(&conformal, bound, -3), margin_of(99));
    assert_code(mer_conformal_bound(&conformal, 0.991, &bound, &err), MER_ERR_USAGE);
    assert_non_null(strstr(err.hint, "0.99 at the most"));
    static const double none[] = {0, 1, -0.5, 1.5, NAN, INFINITY};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_code(mer_conformal_bound(&conformal, none[i], &bound, &err), MER_ERR_USAGE);
    mer_arena_release(&arena);
}

static void few_rows_tell_nothing(void **state)
{
    struct mer_arena arena;
    double bound;
    (void)state;
    mer_arena_init(&arena, &alloc);
    const struct mer_conformal none = learn(19, &arena), some = learn(20, &arena);
    assert_int_equal(none.n_rows, 0);
    assert_int_equal(some.n_rows, 20);
    assert_code(mer_conformal_bound(&none, 0.9, &bound, &err), MER_ERR_USAGE);
    assert_non_null(strstr(err.hint, "fit it again"));
    mer_arena_release(&arena);
}

static void margins_follow_the_usual_error_for_predictions_of_that_size(void **state)
{
    enum { N = 2000 };
    static double predictions[N], values[N];
    struct mer_conformal conformal;
    struct mer_arena arena;
    mer_rng rng;
    double bound;
    (void)state;
    mer_arena_init(&arena, &alloc);
    mer_rng_init(&rng, 9, 0);
    for (size_t i = 0; i < N; i++) {
        predictions[i] = (double)i / N;
        values[i] = predictions[i] + (1 + 9 * predictions[i]) * mer_rng_normal(&rng);
    }
    const struct mer_conformal_rows rows = {
        .predictions = predictions, .n_rows = N, .n_outputs = 1, .n_repeats = 1, .values = values};
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &conformal, &err));
    assert_int_equal(conformal.n_centres, MER_CONFORMAL_BINS_MAX);
    assert_ok(mer_conformal_bound(&conformal, 0.9, &bound, &err));
    const double low = mer_conformal_margin(&conformal, bound, 0.05),
                 high = mer_conformal_margin(&conformal, bound, 0.95);
    assert_true(high > 4 * low && high < 10 * low);
    mer_arena_release(&arena);
}

static void a_row_that_is_held_out_often_counts_once_and_one_of_weight_two_twice(void **state)
{
    enum { N = 200 };
    static double predictions[3 * N], values[3 * N], weights[3 * N];
    struct mer_conformal once, often, heavy;
    struct mer_arena arena;
    mer_rng rng;
    (void)state;
    mer_arena_init(&arena, &alloc);
    mer_rng_init(&rng, 4, 0);
    for (size_t i = 0; i < N; i++) {
        values[i] = values[N + i] = values[2 * N + i] = mer_rng_normal(&rng);
        weights[i] = 2;
    }
    struct mer_conformal_rows rows = {
        .predictions = predictions, .n_rows = N, .n_outputs = 1, .n_repeats = 1, .values = values};
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &once, &err));
    rows.weights = weights;
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &heavy, &err));
    assert_int_equal(heavy.n_rows, N); /* all weigh the same */
    assert_memory_equal(heavy.quantiles, once.quantiles,
                        mer_conformal_n_quantiles(N) * sizeof(double));
    rows.weights = NULL;
    rows.n_rows = 3 * N;
    rows.n_repeats = 3;
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &often, &err));
    assert_int_equal(often.n_rows, N);
    assert_true(fabs(often.quantiles[900] - once.quantiles[900]) < 0.02 * once.quantiles[900]);

    /* Only the rows with large errors weigh much: what is told is of them. */
    for (size_t i = 0; i < N; i++)
        weights[i] = fabs(values[i]) > 1 ? 10 : 0.1;
    rows = (struct mer_conformal_rows){.predictions = predictions,
                                       .n_rows = N,
                                       .n_outputs = 1,
                                       .n_repeats = 1,
                                       .values = values,
                                       .weights = weights};
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &heavy, &err));
    assert_in_range(heavy.n_rows, 40, 90);
    assert_true(mer_conformal_margin(&heavy, heavy.quantiles[500], 0) >
                1.5 * mer_conformal_margin(&once, once.quantiles[500], 0));
    mer_arena_release(&arena);
}

static void sets_count_on_the_most_probable_class_being_in_them(void **state)
{
    enum { N = 4000 };
    static double probabilities[3 * N];
    static int32_t classes[N];
    struct mer_conformal conformal;
    struct mer_arena arena;
    mer_rng rng;
    double bound;
    (void)state;
    mer_arena_init(&arena, &alloc);
    mer_rng_init(&rng, 8, 0);
    for (size_t i = 0; i < N; i++) {
        double *const p = &probabilities[3 * i];
        const double u = mer_rng_uniform(&rng);
        p[0] = 0.4 + 0.4 * mer_rng_uniform(&rng);
        p[1] = (1 - p[0]) * 0.7;
        p[2] = (1 - p[0]) * 0.3;
        classes[i] = u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2;
    }
    const struct mer_conformal_rows rows = {.predictions = probabilities,
                                            .n_rows = N,
                                            .n_outputs = 3,
                                            .n_repeats = 1,
                                            .classes = classes};
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &conformal, &err));
    for (double coverage = 0.5; coverage < 0.96; coverage += 0.15) {
        size_t n_covered = 0, n_right = 0;
        assert_ok(mer_conformal_bound(&conformal, coverage, &bound, &err));
        for (size_t i = 0; i < N; i++) {
            const double *const p = &probabilities[3 * i];
            n_right += classes[i] == 0;
            n_covered += classes[i] == 0 || mer_conformal_holds(bound, p[classes[i]]);
        }
        const double wanted = fmax(coverage, (double)n_right / N);
        assert_true(fabs((double)n_covered / N - wanted) < 0.002);
    }
    mer_arena_release(&arena);
}

/* The shares of the classes as the folds saw them, a row more or less; the model itself says what
 * they are of all rows. */
static void a_model_that_says_the_same_of_all_rows_keeps_the_classes_that_it_needs(void **state)
{
    enum { N = 1000, FOLDS = 5 };
    static double probabilities[3 * N];
    static int32_t classes[N];
    const double shares[] = {0.7, 0.2, 0.1};
    struct mer_conformal conformal;
    struct mer_arena arena;
    double bound;
    (void)state;
    mer_arena_init(&arena, &alloc);
    for (size_t i = 0; i < N; i++) {
        const double off = ((double)(i % FOLDS) - FOLDS / 2) / 2 / N;
        memcpy(&probabilities[3 * i], shares, sizeof shares);
        probabilities[3 * i] -= off;
        probabilities[3 * i + 1] += off;
        classes[i] = i / 100 < 7 ? 0 : i / 100 < 9 ? 1 : 2;
    }
    const struct mer_conformal_rows rows = {.predictions = probabilities,
                                            .n_rows = N,
                                            .n_outputs = 3,
                                            .n_repeats = 1,
                                            .classes = classes};
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &conformal, &err));
    for (double coverage = 0.71; coverage < 0.9; coverage += 0.01) {
        assert_ok(mer_conformal_bound(&conformal, coverage, &bound, &err));
        assert_true(mer_conformal_holds(bound, shares[1]));
        assert_false(mer_conformal_holds(bound, shares[2]));
    }
    mer_arena_release(&arena);
}

static void errors_that_grow_with_time_make_intervals_wider(void **state)
{
    enum { N = 1000 };
    static double predictions[N], values[N];
    static uint8_t late[N];
    struct mer_conformal steady, growing;
    struct mer_arena arena;
    mer_rng rng;
    (void)state;
    mer_arena_init(&arena, &alloc);
    mer_rng_init(&rng, 4, 0);
    for (size_t i = 0; i < N; i++) {
        values[i] = mer_rng_normal(&rng);
        late[i] = i >= N / 2;
    }
    struct mer_conformal_rows rows = {
        .predictions = predictions, .n_rows = N, .n_outputs = 1, .n_repeats = 1, .values = values};
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &steady, &err));
    rows.late = late;
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &growing, &err));
    assert_memory_equal(growing.quantiles, steady.quantiles,
                        mer_conformal_n_quantiles(N) * sizeof(double));
    for (size_t i = N / 2; i < N; i++)
        values[i] *= 1.5;
    assert_ok(mer_conformal_learn(&ctx, &rows, &arena, &growing, &err));
    /* As the later half was to the earlier one, so what comes is taken to be to both. */
    const double margin = mer_conformal_margin(&growing, growing.quantiles[900], 0);
    size_t n_covered = 0;
    for (size_t i = 0; i < N; i++)
        n_covered += fabs(1.5 * mer_rng_normal(&rng)) <= margin;
    assert_in_range(n_covered, 0.9 * N, 0.99 * N);
    mer_arena_release(&arena);
}

/* Thirty settings that know nothing: whoever averages those that happened to do well on the
 * held-out rows takes their errors for smaller than they are. */
static void an_ensemble_that_was_chosen_by_luck_does_not_make_intervals_narrow(void **state)
{
    (void)state;
    double sum = 0, right;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct mer_frame frame = make_table(80, 'r', seed), new = make_table(2000, 'r', 100 + seed);
        const struct mer_search_options options = {.seed = seed, .n_folds = 4, .max_trials = 30};
        struct mer_pipeline *pipeline = fit(&frame, &options);
        sum += covered(pipeline, &new, 0.8, &right) / 6;
        mer_pipeline_free(&ctx, pipeline);
        mer_frame_release(&new);
        mer_frame_release(&frame);
    }
    /* Six calibrations on 80 rows each. */
    assert_true(fabs(sum - 0.8) < 3 * sqrt(0.8 * 0.2 / (6 * 80)));
}

/* Each of 1,600 places has a class of its own, which most of its rows have: with each row more a
 * model knows more of them. */
static struct mer_frame make_places(size_t n_rows, uint64_t seed)
{
    struct mer_buf buf;
    mer_rng rng;
    mer_rng_init(&rng, seed, 0);
    mer_buf_init(&buf, &alloc, (size_t)1 << 22);
    assert_ok(mer_buf_text(&buf, "a,b,y\n", &err));
    for (size_t i = 0; i < n_rows; i++) {
        const unsigned place = (unsigned)mer_rng_below(&rng, 1600);
        const bool is_noise = mer_rng_below(&rng, 5) == 0;
        const unsigned class =
            is_noise ? (unsigned)mer_rng_below(&rng, 3) : (place * 2654435761U >> 13) % 3;
        assert_ok(mer_buf_printf(&buf, &err, "%u,%u,", place % 40, place / 40));
        add_target(&buf, 'm', 0, class);
    }
    return read_made(&buf);
}

/* Its held-out rows tell of a model that was fitted on a share of them. */
static void
what_was_tried_on_a_share_of_the_rows_is_measured_once_it_has_seen_the_rest(void **state)
{
    (void)state;
    struct mer_frame frame = make_places(12000, 3), new = make_places(8000, 4);
    size_t n_of_a_share = 0;
    for (uint64_t units = 50000; units <= 400000; units += 50000) {
        const struct mer_search_options options = {.seed = 5, .n_folds = 1, .units = units};
        struct mer_pipeline *pipeline = fit(&frame, &options);
        if (pipeline->n_members == 1 && pipeline->trials[0].rung > 0) {
            double right;
            n_of_a_share++;
            assert_int_equal(pipeline->conformal.n_rows, 12000 / 20);
            const double got = covered(pipeline, &new, 0.8, &right);
            const double error = sqrt(0.8 * 0.2 * (1.0 / 600 + 1.0 / 8000));
            if (fabs(got - fmax(0.8, right)) > 3 * error)
                fail_msg("%llu units: 0.8 covers %g", (unsigned long long)units, got);
        }
        mer_pipeline_free(&ctx, pipeline);
    }
    assert_true(n_of_a_share > 0);
    mer_frame_release(&frame);
    mer_frame_release(&new);
}

/* The bundle's array of that name, to be changed. */
static double *array(struct mer_bundle *bundle, const char *name)
{
    for (size_t i = 0; i < bundle->n_arrays; i++)
        if (strcmp(bundle->arrays[i].name, name) == 0)
            return (double *)(uintptr_t)bundle->arrays[i].data;
    fail_msg("there is no %s", name);
    return NULL;
}

static void assert_refused(const struct mer_bundle *bundle, double *number, double by)
{
    struct mer_pipeline *pipeline = NULL;
    const double before = *number;
    *number = by;
    if (mer_pipeline_load(&ctx, bundle, &pipeline, &err).code != MER_ERR_DATA)
        fail_msg("%g instead of %g was not refused", by, before);
    *number = before;
}

static void tampered_errors_are_refused(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(300, 'r', 5);
    const struct mer_search_options options = {
        .seed = 1, .n_folds = 3, .family = mer_family_find("linear")};
    struct mer_pipeline *pipeline = fit(&frame, &options), *loaded;
    struct mer_bundle bundle = save(pipeline);
    double *quantiles = array(&bundle, "conformal/quantiles"),
           *centres = array(&bundle, "conformal/centres"),
           *scales = array(&bundle, "conformal/scales");
    assert_refused(&bundle, &quantiles[900], NAN);
    assert_refused(&bundle, &quantiles[900], INFINITY);
    assert_refused(&bundle, &quantiles[0], -1);
    assert_refused(&bundle, &quantiles[900], quantiles[800] / 2);
    assert_refused(&bundle, &centres[1], centres[0]);
    assert_refused(&bundle, &centres[0], -INFINITY);
    assert_refused(&bundle, &scales[0], 0);
    assert_refused(&bundle, &scales[0], NAN);
    assert_refused(&bundle, &scales[0], INFINITY);
    /* As it was it is read. */
    assert_ok(mer_pipeline_load(&ctx, &bundle, &loaded, &err));
    assert_int_equal(loaded->conformal.n_rows, 300);
    mer_pipeline_free(&ctx, loaded);
    mer_bundle_release(&bundle);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

static void predictions_are_the_same_without_it(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(100, 'm', 5);
    const struct mer_search_options options = {.seed = 1, .n_folds = 3, .max_trials = 6};
    struct mer_pipeline *pipeline = fit(&frame, &options), *loaded;
    double *with, *without;
    assert_ok(mer_pipeline_predict(&ctx, pipeline, &frame, &with, &err));
    pipeline->conformal = (struct mer_conformal){0};
    struct mer_bundle bundle = save(pipeline);
    assert_null(mer_bundle_find(&bundle, "conformal/quantiles"));
    assert_null(strstr(bundle.json, "conformal"));
    assert_ok(mer_pipeline_load(&ctx, &bundle, &loaded, &err));
    assert_int_equal(loaded->conformal.n_rows, 0);
    assert_ok(mer_pipeline_predict(&ctx, loaded, &frame, &without, &err));
    assert_memory_equal(with, without, frame.n_rows * 3 * sizeof *with);
    mer_free(&alloc, with);
    mer_free(&alloc, without);
    mer_pipeline_free(&ctx, loaded);
    mer_bundle_release(&bundle);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_truth_is_covered_as_often_as_is_asked),
        TEST(a_model_of_one_family_knows_its_errors_too),
        TEST(the_bound_is_the_error_of_the_right_rank),
        TEST(few_rows_tell_nothing),
        TEST(margins_follow_the_usual_error_for_predictions_of_that_size),
        TEST(a_row_that_is_held_out_often_counts_once_and_one_of_weight_two_twice),
        TEST(sets_count_on_the_most_probable_class_being_in_them),
        TEST(a_model_that_says_the_same_of_all_rows_keeps_the_classes_that_it_needs),
        TEST(errors_that_grow_with_time_make_intervals_wider),
        TEST(an_ensemble_that_was_chosen_by_luck_does_not_make_intervals_narrow),
        TEST(what_was_tried_on_a_share_of_the_rows_is_measured_once_it_has_seen_the_rest),
        TEST(tampered_errors_are_refused),
        TEST(predictions_are_the_same_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
