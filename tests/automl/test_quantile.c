/* Quantiles beside a predicted number: as many values lie below as they say, they do not cross, and
 * what was tampered with is refused. */
#include "automl_tables.h"

#include "automl/quantile.h"

static const double LEVELS[] = {0.1, 0.5, 0.9};
enum { N_LEVELS = 3 };

/* y is x and noise that grows with it. */
static struct mer_frame make_rows(size_t n, uint64_t seed)
{
    struct mer_buf buf;
    const char *text;
    mer_rng rng;
    mer_rng_init(&rng, seed, 0);
    mer_buf_init(&buf, &alloc, (size_t)64 << 20);
    assert_ok(mer_buf_text(&buf, "x,z,y\n", &err));
    for (size_t i = 0; i < n; i++) {
        const double x = mer_rng_uniform(&rng), z = mer_rng_uniform(&rng);
        assert_ok(mer_buf_printf(&buf, &err, "%.5f,%.5f,%.5f\n", x, z,
                                 10 * x + (0.2 + 2 * x) * mer_rng_normal(&rng)));
    }
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    mer_buf_release(&buf);
    return frame;
}

static struct mer_pipeline *fit_quantiles(const struct mer_frame *frame)
{
    const struct mer_search_options options = {.seed = 1,
                                               .n_folds = 3,
                                               .family = mer_family_find("linear"),
                                               .quantiles = LEVELS,
                                               .n_quantiles = N_LEVELS};
    struct mer_pipeline *pipeline = fit(frame, &options);
    assert_int_equal(pipeline->n_quantiles, N_LEVELS);
    assert_int_equal(mer_pipeline_width(pipeline), 1 + N_LEVELS);
    return pipeline;
}

static void as_many_new_values_lie_below_as_each_level_says(void **state)
{
    enum { N_NEW = 3000 };
    (void)state;
    struct mer_frame frame = make_rows(3000, 5), new = make_rows(N_NEW, 6);
    struct mer_pipeline *pipeline = fit_quantiles(&frame);
    double *predictions;
    size_t below[N_LEVELS] = {0};
    double narrow = 0, wide = 0;
    assert_ok(mer_pipeline_predict(&ctx, pipeline, &new, &predictions, &err));
    for (size_t i = 0; i < N_NEW; i++) {
        const double *const row = predictions + i * (1 + N_LEVELS);
        const double x = new.columns[0].data.numbers[i], y = new.columns[2].data.numbers[i];
        for (size_t q = 0; q < N_LEVELS; q++) {
            below[q] += y <= row[1 + q];
            assert_true(q == 0 || row[q] <= row[1 + q]);
        }
        narrow += x < 0.2 ? row[3] - row[1] : 0;
        wide += x > 0.8 ? row[3] - row[1] : 0;
    }
    for (size_t q = 0; q < N_LEVELS; q++) {
        const double share = (double)below[q] / N_NEW;
        if (fabs(share - LEVELS[q]) > 0.05)
            fail_msg("%g of the values lie below the quantile %g", share, LEVELS[q]);
        assert_true(fabs(pipeline->quantiles[q].below - LEVELS[q]) < 0.05);
        assert_true(pipeline->quantiles[q].loss > 0 && pipeline->quantiles[q].loss < 1);
    }
    /* They follow the noise. */
    assert_true(wide > 2 * narrow);
    mer_free(&alloc, predictions);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&new);
    mer_frame_release(&frame);
}

static void the_predicted_number_is_the_same_without_them(void **state)
{
    (void)state;
    struct mer_frame frame = make_rows(300, 5);
    const struct mer_search_options plain = {
        .seed = 1, .n_folds = 3, .family = mer_family_find("linear")};
    struct mer_pipeline *with = fit_quantiles(&frame), *without = fit(&frame, &plain);
    double *wide, *narrow;
    assert_true(with->units == without->units);
    assert_ok(mer_pipeline_predict(&ctx, with, &frame, &wide, &err));
    assert_ok(mer_pipeline_predict(&ctx, without, &frame, &narrow, &err));
    for (size_t i = 0; i < frame.n_rows; i++)
        assert_true(wide[i * (1 + N_LEVELS)] == narrow[i]);
    mer_free(&alloc, wide);
    mer_free(&alloc, narrow);
    mer_pipeline_free(&ctx, with);
    mer_pipeline_free(&ctx, without);
    mer_frame_release(&frame);
}

static void rows_that_cross_are_sorted(void **state)
{
    (void)state;
    double rows[] = {9, 3, 1, 2, 9, 5, 5, 4};
    static const double sorted[] = {9, 1, 2, 3, 9, 4, 5, 5};
    mer_quantiles_sort(rows + 1, 2, 3, 4);
    assert_memory_equal(rows, sorted, sizeof rows);
    assert_near(mer_pinball_loss(0.9, 10, 8), 1.8);
    assert_near(mer_pinball_loss(0.9, 8, 10), 0.2);
}

static void levels_that_are_none_are_refused(void **state)
{
    static const double bad[][2] = {{0, 0.5}, {0.5, 1}, {0.5, 0.5}, {0.9, 0.1}, {NAN, 0.5}};
    struct mer_pipeline *pipeline;
    (void)state;
    struct mer_frame frame = make_rows(60, 5), classes = make_table(60, 'b', 5);
    struct mer_search_options options = {
        .seed = 1, .n_folds = 3, .family = mer_family_find("baseline"), .n_quantiles = 2};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.quantiles = bad[i];
        assert_code(try_fit(&frame, &options, &pipeline), MER_ERR_USAGE);
    }
    options.quantiles = LEVELS;
    assert_code(try_fit(&classes, &options, &pipeline), MER_ERR_USAGE);
    mer_frame_release(&classes);
    mer_frame_release(&frame);
}

static void assert_refused(const struct mer_bundle *bundle, const char *old, const char *new)
{
    struct mer_pipeline *pipeline = NULL;
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
    if (mer_pipeline_load(&ctx, &changed, &pipeline, &err).code != MER_ERR_DATA)
        fail_msg("not refused: %s instead of %s", new, old);
    mer_buf_release(&buf);
}

static void they_are_in_the_model_and_tampered_ones_are_refused(void **state)
{
    (void)state;
    struct mer_frame frame = make_rows(300, 5);
    struct mer_pipeline *pipeline = fit_quantiles(&frame), *loaded;
    struct mer_bundle bundle = save(pipeline);
    double *before, *after;
    assert_ok(mer_pipeline_load(&ctx, &bundle, &loaded, &err));
    assert_ok(mer_pipeline_predict(&ctx, pipeline, &frame, &before, &err));
    assert_ok(mer_pipeline_predict(&ctx, loaded, &frame, &after, &err));
    assert_memory_equal(before, after, frame.n_rows * (1 + N_LEVELS) * sizeof *before);
    struct mer_bundle again = save(loaded);
    assert_string_equal(again.json, bundle.json);
    mer_bundle_release(&again);
    mer_free(&alloc, before);
    mer_free(&alloc, after);
    mer_pipeline_free(&ctx, loaded);
    assert_refused(&bundle, "\"level\":0.1", "\"level\":0.6");
    assert_refused(&bundle, "\"level\":0.9", "\"level\":1.5");
    assert_refused(&bundle, "\"level\":0.5", "\"level\":null");
    assert_refused(&bundle, "\"level\":0.5", "\"more\":1,\"level\":0.5");
    assert_refused(&bundle, "\"family\":\"gbdt\"", "\"family\":\"other\"");
    assert_refused(&bundle, "\"task\":\"regression\"", "\"task\":\"binary\"");
    assert_refused(&bundle, "\"quantiles\":[", "\"quantiles\":[1,");
    mer_bundle_release(&bundle);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(as_many_new_values_lie_below_as_each_level_says),
        TEST(the_predicted_number_is_the_same_without_them),
        TEST(rows_that_cross_are_sorted),
        TEST(levels_that_are_none_are_refused),
        TEST(they_are_in_the_model_and_tampered_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
