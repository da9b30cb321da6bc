/* Columns of many levels: what a level is told by, and that no row sees its own target. */
#include "automl_tables.h"

#include "automl/pipeline.h"
#include "automl/prepare.h"
#include "automl/prepare_encode.h"

enum { LEVELS = 400, ROWS = 6000 };

/* y is what its row's level brings, and noise; the level is a name of two words, or one. */
static struct mer_frame make_shops(size_t n_levels, size_t n_rows, uint64_t seed, double *targets)
{
    struct mer_buf buf;
    const char *text;
    mer_rng rng;
    mer_buf_init(&buf, &alloc, 1 << 24);
    assert_ok(mer_buf_text(&buf, "shop,x,y\n", &err));
    mer_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < n_rows; i++) {
        const size_t level = mer_rng_below(&rng, n_levels);
        mer_rng of_level;
        mer_rng_init(&of_level, 77, level);
        const double x = mer_rng_normal(&rng);
        const double y = 3 * mer_rng_normal(&of_level) + 0.5 * x + mer_rng_normal(&rng);
        if (targets)
            targets[i] = y;
        assert_ok(mer_buf_printf(&buf, &err, "shop%zu,%.6f,%.6f\n", level, x, y));
    }
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    mer_buf_release(&buf);
    return frame;
}

static double error_of(const struct mer_frame *train, const struct mer_frame *test,
                       const char *family)
{
    const struct mer_search_options options = {
        .target = "y", .family = mer_family_find(family), .seed = 3, .n_folds = 2};
    struct mer_schema schema;
    struct mer_pipeline *pipeline;
    double *predictions, squares = 0;
    mer_schema_init(&schema, &alloc);
    assert_ok(mer_search_fit(&ctx, train, &schema, &options, &pipeline, &err));
    assert_ok(mer_pipeline_predict(&ctx, pipeline, test, &predictions, &err));
    for (size_t i = 0; i < test->n_rows; i++) {
        const double error = predictions[i] - test->columns[2].data.numbers[i];
        squares += error * error;
    }
    mer_free(&alloc, predictions);
    mer_pipeline_free(&ctx, pipeline);
    mer_schema_release(&schema);
    return sqrt(squares / (double)test->n_rows);
}

static void every_level_of_a_column_with_many_is_of_use(void **state)
{
    (void)state;
    struct mer_frame train = make_shops(LEVELS, ROWS, 1, NULL);
    struct mer_frame test = make_shops(LEVELS, 2000, 2, NULL);
    assert_int_equal(train.columns[0].type, MER_TYPE_CATEGORICAL);
    /* The target's deviation is 3.2, the noise's 1; what the 254 most frequent levels tell leaves
     * 2.1. */
    assert_true(error_of(&train, &test, "gbdt") < 1.5);
    assert_true(error_of(&train, &test, "linear") < 1.5);
    mer_frame_release(&test);
    mer_frame_release(&train);
}

static void texts_that_repeat_are_categories_and_identifiers_are_not(void **state)
{
    (void)state;
    /* Nearly as many levels as rows: text to the reader, and most levels stand in a few rows. */
    struct mer_frame repeating = make_shops(1500, 2000, 4, NULL);
    struct mer_frame lone = make_shops(1000000, 2000, 5, NULL);
    struct mer_prepare *prepare;
    struct mer_prepare_column column;

    assert_int_equal(repeating.columns[0].type, MER_TYPE_TEXT);
    assert_ok(mer_prepare_fit(&ctx, &repeating, 2, NULL, 0, NULL, &prepare, &err));
    mer_prepare_describe(prepare, 0, &column);
    assert_int_equal(column.role, MER_COLUMN_CATEGORY);
    assert_int_equal(column.reason, MER_BECAUSE_MANY_LEVELS);
    assert_int_equal(column.n_dense, 1); /* no target was given: how often it occurs */
    mer_prepare_free(&ctx, prepare);
    assert_ok(mer_prepare_fit(&ctx, &lone, 2, NULL, 0, NULL, &prepare, &err));
    mer_prepare_describe(prepare, 0, &column);
    assert_int_equal(column.role, MER_COLUMN_IDENTIFIER);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&lone);
    mer_frame_release(&repeating);
}

static struct mer_encoding learn(const struct mer_frame *frame, struct mer_arena *arena,
                                 const double *targets)
{
    static uint32_t order[ROWS];
    const struct mer_target target = {.task = MER_TASK_REGRESSION, .values = targets};
    struct mer_encoding encoding;
    mer_rng rng;
    for (size_t i = 0; i < frame->n_rows; i++)
        order[i] = (uint32_t)i;
    mer_rng_init(&rng, 1, 1);
    mer_rng_shuffle(&rng, order, frame->n_rows);
    assert_ok(mer_encoding_learn(&alloc, arena, &frame->columns[0], NULL, frame->n_rows, order,
                                 &target, &encoding, &err));
    return encoding;
}

static void a_training_row_is_not_told_its_own_target(void **state)
{
    (void)state;
    static double targets[ROWS], changed[ROWS];
    struct mer_frame frame = make_shops(LEVELS, ROWS, 6, targets);
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    for (size_t i = 0; i < ROWS; i++)
        targets[i] = floor(targets[i] * 64) / 64; /* sums without rounding */
    struct mer_encoding before = learn(&frame, &arena, targets);
    for (size_t row = 0; row < 50; row++) {
        memcpy(changed, targets, sizeof changed);
        changed[row] += 64;
        changed[row + 100] -= 64; /* so that the mean over all rows stays */
        struct mer_encoding after = learn(&frame, &arena, changed);
        if (frame.columns[0].data.codes[row] != frame.columns[0].data.codes[row + 100])
            assert_true(fabs(after.training[2 * row + 1] - before.training[2 * row + 1]) < 1e-9);
        mer_free(&alloc, after.training);
    }
    mer_free(&alloc, before.training);
    mer_arena_release(&arena);
    mer_frame_release(&frame);
}

static void a_level_is_told_by_its_mean_drawn_to_that_of_all(void **state)
{
    (void)state;
    struct mer_frame frame = read_table("shop,x\na,1\nb,2\na,3\na,4\nc,5\nb,6\na,7\n,8\n");
    const double targets[] = {1, 2, 3, 5, 100, 4, 7, 6};
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    struct mer_encoding encoding = learn(&frame, &arena, targets);
    const double mean = (1 + 2 + 3 + 5 + 100 + 4 + 7 + 6) / 8.0;
    const double *a = mer_encoding_find(&encoding, mer_level_hash((struct mer_cell){"a", 1}));
    const double *c = mer_encoding_find(&encoding, mer_level_hash((struct mer_cell){"c", 1}));

    assert_int_equal(encoding.n_levels, 2); /* one row alone has c */
    assert_near(a[0], log(5));
    assert_near(a[1], (1 + 3 + 5 + 7 + 10 * mean) / 14);
    assert_near(c[0], 0);
    assert_near(c[1], mean);
    mer_free(&alloc, encoding.training);
    mer_arena_release(&arena);
    mer_frame_release(&frame);
}

static void spoil_first(void *data, size_t n_bytes)
{
    memset(data, 0xff, n_bytes < 8 ? n_bytes : 8);
}

static void altered_encodings_are_refused_and_good_ones_predict_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"encoded_column", "encoded_levels", "encoded_targets",
                                        "encoded_hash",   "encoded_value",  "encoded_unknown"};
    struct mer_frame frame = make_shops(LEVELS, ROWS, 8, NULL);
    const struct mer_search_options options = {
        .target = "y", .family = mer_family_find("tree"), .seed = 3, .n_folds = 2};
    struct mer_schema schema;
    struct mer_pipeline *pipeline, *loaded;
    double *a, *b;
    mer_schema_init(&schema, &alloc);
    assert_ok(mer_search_fit(&ctx, &frame, &schema, &options, &pipeline, &err));
    for (size_t i = 0; i <= sizeof names / sizeof *names; i++) {
        struct mer_bundle bundle;
        char name[64];
        mer_bundle_init(&bundle, &alloc);
        assert_ok(mer_pipeline_save(&ctx, pipeline, &bundle, &err));
        if (i == sizeof names / sizeof *names) {
            assert_ok(mer_pipeline_load(&ctx, &bundle, &loaded, &err));
        } else {
            (void)snprintf(name, sizeof name, "prepare/%s", names[i]);
            const struct mer_array *array = mer_bundle_find(&bundle, name);
            assert_non_null(array);
            spoil_first((void *)(uintptr_t)array->data, array->n_bytes);
            assert_code(mer_pipeline_load(&ctx, &bundle, &loaded, &err), MER_ERR_DATA);
        }
        mer_bundle_release(&bundle);
    }
    assert_ok(mer_pipeline_predict(&ctx, pipeline, &frame, &a, &err));
    assert_ok(mer_pipeline_predict(&ctx, loaded, &frame, &b, &err));
    assert_memory_equal(a, b, frame.n_rows * sizeof *a);
    mer_free(&alloc, a);
    mer_free(&alloc, b);
    mer_pipeline_free(&ctx, loaded);
    mer_pipeline_free(&ctx, pipeline);
    mer_schema_release(&schema);
    mer_frame_release(&frame);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_level_of_a_column_with_many_is_of_use),
        TEST(texts_that_repeat_are_categories_and_identifiers_are_not),
        TEST(a_training_row_is_not_told_its_own_target),
        TEST(a_level_is_told_by_its_mean_drawn_to_that_of_all),
        TEST(altered_encodings_are_refused_and_good_ones_predict_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
