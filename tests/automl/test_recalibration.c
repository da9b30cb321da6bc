/* Probabilities become what they say, on rows that nobody learned from; nothing is changed where
 * nothing is gained; what was tampered with is refused. */
#include "automl_tables.h"

#include "automl/recalibration.h"
#include "core/math.h"

enum { N = 6000 };

/* Rows whose true log odds are drawn, and probabilities that say `stretch` times as much; `bend`
 * squares them as well. */
static void draw(size_t n, double stretch, bool bend, uint64_t seed, double *p, int32_t *classes)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < n; i++) {
        const double odds = 1.5 * mer_rng_normal(&rng);
        classes[i] = mer_rng_uniform(&rng) < mer_sigmoid(odds);
        p[2 * i + 1] = mer_sigmoid(stretch * odds);
        if (bend)
            p[2 * i + 1] *= p[2 * i + 1];
        p[2 * i] = 1 - p[2 * i + 1];
    }
}

static double loss(const double *p, const int32_t *classes, size_t n)
{
    const struct mer_scored scored = {
        .n = n, .n_classes = 2, .truth_classes = classes, .predictions = p};
    double score;
    assert_ok(mer_metric_find("log_loss")->score(&ctx, &scored, &score, &err));
    return score;
}

static struct mer_recalibration learn(enum mer_recalibration_method choice, double *p,
                                      const int32_t *classes, size_t n, struct mer_arena *arena)
{
    const struct mer_recalibrating from = {
        .choice = choice, .n_rows = n, .n_classes = 2, .classes = classes, .seed = 3};
    struct mer_recalibration learned;
    assert_ok(mer_recalibration_learn(&ctx, &from, p, arena, &learned, &err));
    assert_true(mer_recalibration_is_sound(&learned, 2));
    return learned;
}

static double p[2 * N], fresh[2 * N];
static int32_t classes[N], fresh_classes[N];

static void the_temperature_of_overconfident_probabilities_is_found(void **state)
{
    (void)state;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    for (double stretch = 0.5; stretch <= 4; stretch *= 2) {
        draw(N, stretch, false, 5, p, classes);
        draw(N, stretch, false, 6, fresh, fresh_classes);
        const struct mer_recalibration learned =
            learn(MER_RECALIBRATION_TEMPERATURE, p, classes, N, &arena);
        if (fabs(learned.temperature / stretch - 1) > 0.06)
            fail_msg("temperature %g for probabilities stretched by %g", learned.temperature,
                     stretch);
        const double before = loss(fresh, fresh_classes, N);
        mer_recalibrate(&ctx, &learned, N, 2, fresh);
        assert_true(stretch == 1 || loss(fresh, fresh_classes, N) < before - 0.01);
    }
    mer_arena_release(&arena);
}

static void curves_straighten_what_no_temperature_does(void **state)
{
    (void)state;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    draw(N, 1, true, 5, p, classes);
    draw(N, 1, true, 6, fresh, fresh_classes);
    const double before = loss(fresh, fresh_classes, N);
    const struct mer_recalibration learned = learn(MER_RECALIBRATION_AUTO, p, classes, N, &arena);
    assert_int_equal(learned.method, MER_RECALIBRATION_ISOTONIC);
    assert_true(learned.offsets[1] <= MER_ISOTONIC_KNOTS_MAX);
    assert_true(learned.loss_after < learned.loss_before);
    mer_recalibrate(&ctx, &learned, N, 2, fresh);
    const double after = loss(fresh, fresh_classes, N);
    assert_true(after < before - 0.02);
    /* What was promised is what comes. */
    assert_true(fabs(after - learned.loss_after) < 0.03);
    for (size_t i = 0; i < N; i++)
        assert_true(fresh[2 * i] > 0 && fresh[2 * i + 1] > 0 &&
                    fabs(fresh[2 * i] + fresh[2 * i + 1] - 1) < 1e-12);
    mer_arena_release(&arena);
}

static void what_is_right_already_stays_as_it_is(void **state)
{
    (void)state;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    draw(N, 1, false, 5, p, classes);
    memcpy(fresh, p, sizeof p);
    const struct mer_recalibration learned = learn(MER_RECALIBRATION_AUTO, p, classes, N, &arena);
    assert_int_equal(learned.method, MER_RECALIBRATION_NONE);
    assert_memory_equal(p, fresh, sizeof p);
    assert_true(learned.loss_before == learned.loss_after);
    mer_arena_release(&arena);
}

static void classes_that_are_parted_without_a_mistake_do_no_harm(void **state)
{
    (void)state;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    for (size_t i = 0; i < N; i++) {
        classes[i] = i % 2;
        p[2 * i + 1] = i % 2 ? 1 : 0;
        p[2 * i] = 1 - p[2 * i + 1];
    }
    for (int m = MER_RECALIBRATION_TEMPERATURE; m <= MER_RECALIBRATION_AUTO; m++) {
        memcpy(fresh, p, sizeof p);
        const struct mer_recalibration learned =
            learn((enum mer_recalibration_method)m, fresh, classes, N, &arena);
        memcpy(fresh, p, sizeof p);
        mer_recalibrate(&ctx, &learned, N, 2, fresh);
        for (size_t i = 0; i < N; i++)
            assert_true(fresh[2 * i + (size_t)classes[i]] > 0.99);
    }
    mer_arena_release(&arena);
}

/* Rows that are all right do not say how sure one may be: half a row more is wrong at times. */
static void no_number_of_rows_that_are_right_makes_sure(void **state)
{
    (void)state;
    struct mer_arena arena;
    double least = 1;
    mer_arena_init(&arena, &alloc);
    for (size_t n = 30; n <= 3000; n *= 10) {
        for (size_t i = 0; i < n; i++) {
            classes[i] = i % 2 == 0;
            p[2 * i + 1] = i % 2 == 0 ? 0.9 : 0.1;
            p[2 * i] = 1 - p[2 * i + 1];
        }
        (void)learn(MER_RECALIBRATION_TEMPERATURE, p, classes, n, &arena);
        const double doubt = p[0]; /* a row of class 1 */
        if (!(doubt > 0.2 / (double)n && doubt < 0.5 / (double)n))
            fail_msg("%zu rows: %g is left for the other class", n, doubt);
        assert_true(doubt < least);
        least = doubt;
    }
    mer_arena_release(&arena);
}

static void rows_without_weight_say_nothing(void **state)
{
    static double weights[N];
    (void)state;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    draw(N, 2, false, 5, p, classes);
    memcpy(fresh, p, sizeof p);
    for (size_t i = 0; i < N; i++) {
        weights[i] = i % 3 != 0;
        if (weights[i] == 0)
            classes[i] = 1 - classes[i];
    }
    const struct mer_recalibrating from = {.choice = MER_RECALIBRATION_TEMPERATURE,
                                           .n_rows = N,
                                           .n_classes = 2,
                                           .classes = classes,
                                           .weights = weights,
                                           .seed = 3};
    struct mer_recalibration learned;
    assert_ok(mer_recalibration_learn(&ctx, &from, fresh, &arena, &learned, &err));
    assert_true(fabs(learned.temperature - 2) < 0.15);
    mer_arena_release(&arena);
}

static void curves_want_rows(void **state)
{
    (void)state;
    assert_code(mer_recalibration_check(MER_RECALIBRATION_ISOTONIC, 999, 2, &err), MER_ERR_USAGE);
    assert_non_null(strstr(err.hint, "temperature"));
    assert_code(mer_recalibration_check(MER_RECALIBRATION_ISOTONIC, 5000, 21, &err), MER_ERR_USAGE);
    assert_code(mer_recalibration_check(MER_RECALIBRATION_TEMPERATURE, 5000, 0, &err),
                MER_ERR_USAGE);
    assert_ok(mer_recalibration_check(MER_RECALIBRATION_ISOTONIC, 1000, 20, &err));
    assert_ok(mer_recalibration_check(MER_RECALIBRATION_AUTO, 10, 0, &err));
}

/* A fitted pipeline that is saved, and its bundle. */
struct saved {
    struct mer_frame frame;
    struct mer_pipeline *pipeline;
    struct mer_bundle bundle;
};

static struct saved make_saved(char task, enum mer_recalibration_method method)
{
    const struct mer_search_options options = {.seed = 1,
                                               .n_folds = 3,
                                               .family = mer_family_find("tree"),
                                               .threshold_choice = MER_THRESHOLD_BY_METRIC,
                                               .calibrate = method};
    struct saved saved = {.frame = make_table(1200, task, 5)};
    saved.pipeline = fit(&saved.frame, &options);
    saved.bundle = save(saved.pipeline);
    assert_int_equal(saved.pipeline->recalibration.method, method);
    return saved;
}

static void release_saved(struct saved *saved)
{
    mer_bundle_release(&saved->bundle);
    mer_pipeline_free(&ctx, saved->pipeline);
    mer_frame_release(&saved->frame);
}

static void a_calibrated_model_predicts_the_same_after_loading(void **state)
{
    (void)state;
    for (const char *task = "bm"; *task; task++) {
        for (int m = MER_RECALIBRATION_TEMPERATURE; m <= MER_RECALIBRATION_ISOTONIC; m++) {
            struct saved saved = make_saved(*task, (enum mer_recalibration_method)m);
            const size_t n_values = saved.frame.n_rows * saved.pipeline->n_classes;
            struct mer_pipeline *loaded;
            double *before, *after, *plain;
            assert_ok(mer_pipeline_load(&ctx, &saved.bundle, &loaded, &err));
            ctx.team = m % 2 ? NULL : ctx.team;
            assert_ok(mer_pipeline_predict(&ctx, saved.pipeline, &saved.frame, &before, &err));
            assert_ok(mer_pipeline_predict(&ctx, loaded, &saved.frame, &after, &err));
            assert_memory_equal(before, after, n_values * sizeof *before);
            struct mer_bundle again = save(loaded);
            assert_string_equal(again.json, saved.bundle.json);
            mer_bundle_release(&again);
            loaded->recalibration.method = MER_RECALIBRATION_NONE;
            assert_ok(mer_pipeline_predict(&ctx, loaded, &saved.frame, &plain, &err));
            assert_true(memcmp(before, plain, n_values * sizeof *before) != 0);
            mer_free(&alloc, before);
            mer_free(&alloc, after);
            mer_free(&alloc, plain);
            mer_pipeline_free(&ctx, loaded);
            release_saved(&saved);
        }
    }
}

static void assert_refused(const struct mer_bundle *bundle, const char *what)
{
    struct mer_pipeline *pipeline = NULL;
    if (mer_pipeline_load(&ctx, bundle, &pipeline, &err).code != MER_ERR_DATA)
        fail_msg("not refused: %s", what);
}

static void *array(struct mer_bundle *bundle, const char *name)
{
    for (size_t i = 0; i < bundle->n_arrays; i++)
        if (strcmp(bundle->arrays[i].name, name) == 0)
            return (void *)(uintptr_t)bundle->arrays[i].data;
    fail_msg("there is no %s", name);
    return NULL;
}

static void assert_number_refused(const struct mer_bundle *bundle, double *number, double by)
{
    const double before = *number;
    *number = by;
    assert_refused(bundle, "a number");
    *number = before;
}

static void tampered_curves_are_refused(void **state)
{
    (void)state;
    struct saved saved = make_saved('m', MER_RECALIBRATION_ISOTONIC);
    double *knots = array(&saved.bundle, "calibration/knots"),
           *values = array(&saved.bundle, "calibration/values");
    int64_t *offsets = array(&saved.bundle, "calibration/offsets");
    static const int64_t places[] = {-1, INT64_MIN, INT64_MAX, 0, 100000};
    assert_true(offsets[1] > 1);
    assert_number_refused(&saved.bundle, &knots[1], knots[0]);
    assert_number_refused(&saved.bundle, &knots[0], NAN);
    assert_number_refused(&saved.bundle, &knots[0], -0.1);
    assert_number_refused(&saved.bundle, &knots[offsets[3] - 1], 1.5);
    assert_number_refused(&saved.bundle, &values[0], 0);
    assert_number_refused(&saved.bundle, &values[0], 1);
    assert_number_refused(&saved.bundle, &values[0], NAN);
    assert_number_refused(&saved.bundle, &values[1], values[0] / 2);
    for (size_t c = 0; c < 4; c++) {
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            const int64_t before = offsets[c];
            if (before == places[i])
                continue;
            offsets[c] = places[i];
            assert_refused(&saved.bundle, "an offset");
            offsets[c] = before;
        }
    }
    release_saved(&saved);
}

/* The description with `old` replaced by `new`. */
static void assert_text_refused(const struct mer_bundle *bundle, const char *old, const char *new)
{
    struct mer_bundle changed = *bundle;
    struct mer_buf buf;
    const char *const at = strstr(bundle->json, old);
    assert_non_null(at);
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    assert_ok(mer_buf_append(&buf, bundle->json, (size_t)(at - bundle->json), &err));
    assert_ok(mer_buf_text(&buf, new, &err));
    assert_ok(mer_buf_text(&buf, at + strlen(old), &err));
    assert_ok(mer_buf_cstr(&buf, &changed.json, &err));
    changed.n_json = buf.n;
    assert_refused(&changed, new);
    mer_buf_release(&buf);
}

static void a_tampered_description_is_refused(void **state)
{
    (void)state;
    struct saved saved = make_saved('b', MER_RECALIBRATION_TEMPERATURE);
    assert_text_refused(&saved.bundle, "\"temperature\":", "\"temperature\":-");
    assert_text_refused(&saved.bundle, "\"temperature\":", "\"temperature\":10000");
    assert_text_refused(&saved.bundle, "\"method\":\"temperature\"", "\"method\":\"isotonic\"");
    assert_text_refused(&saved.bundle, "\"method\":\"temperature\"", "\"method\":\"auto\"");
    assert_text_refused(&saved.bundle, "\"method\":\"temperature\"", "\"method\":\"other\"");
    assert_text_refused(&saved.bundle, "\"loss_before\"", "\"more\":1,\"loss_before\"");
    assert_text_refused(&saved.bundle, "\"calibration\":{", "\"calibration\":1,\"threshold\":{");
    release_saved(&saved);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_temperature_of_overconfident_probabilities_is_found),
        TEST(curves_straighten_what_no_temperature_does),
        TEST(what_is_right_already_stays_as_it_is),
        TEST(classes_that_are_parted_without_a_mistake_do_no_harm),
        TEST(no_number_of_rows_that_are_right_makes_sure),
        TEST(rows_without_weight_say_nothing),
        TEST(curves_want_rows),
        TEST(a_calibrated_model_predicts_the_same_after_loading),
        TEST(tampered_curves_are_refused),
        TEST(a_tampered_description_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
