/* Columns that give the target away, and classes that weigh the same. */
#include "automl_tables.h"

#include "automl/leaks.h"
#include "automl/pipeline.h"
#include "automl/prepare.h"

/* `code` is the class by another name, `seen` follows it in nearly every row, `x` says something of
 * it, `id` numbers the rows in groups and `doubled` is twice the number `y`. */
static struct mer_frame make_leaking(size_t n_rows)
{
    struct mer_buf buf;
    const char *text;
    mer_rng rng;
    mer_buf_init(&buf, &alloc, 1 << 24);
    mer_rng_init(&rng, 9, 0);
    assert_ok(mer_buf_text(&buf, "x,code,seen,many,doubled,y,class\n", &err));
    for (size_t i = 0; i < n_rows; i++) {
        const bool rare = mer_rng_below(&rng, 10) == 0;
        const double y = mer_rng_normal(&rng);
        assert_ok(mer_buf_printf(
            &buf, &err, "%.4f,%d,%s,m%zu,%.5f,%.5f,%s\n", mer_rng_normal(&rng) + (rare ? 1.5 : 0),
            rare ? 17 : 4, rare == (mer_rng_below(&rng, 50) != 0) ? "yes" : "no",
            (size_t)mer_rng_below(&rng, 60), 2 * y + 1, y, rare ? "rare" : "usual"));
    }
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    mer_buf_release(&buf);
    return frame;
}

static void mark(const struct mer_frame *frame, size_t target_column, uint8_t *hints)
{
    struct mer_learned_target learned;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    assert_ok(mer_target_learn(&ctx, frame, target_column, NULL, &arena, &learned, &err));
    const struct mer_target target = {.task = learned.task,
                                      .values = learned.values,
                                      .classes = learned.classes,
                                      .n_classes = learned.n_classes};
    memset(hints, 0, frame->n_columns);
    assert_ok(mer_leaks_mark(&ctx, frame, target_column, &target, hints, &err));
    mer_learned_target_release(&ctx, &learned);
    mer_arena_release(&arena);
}

static void what_determines_the_target_is_marked_and_nothing_else(void **state)
{
    (void)state;
    uint8_t hints[7];
    struct mer_frame frame = make_leaking(3000);

    mark(&frame, 6, hints);
    for (size_t c = 0; c < 7; c++)
        assert_int_equal(hints[c] != 0, c == 1);
    mark(&frame, 5, hints);
    for (size_t c = 0; c < 7; c++)
        assert_int_equal(hints[c] != 0, c == 4);
    mer_frame_release(&frame);
}

static void few_rows_and_many_values_are_no_leak(void **state)
{
    (void)state;
    uint8_t hints[7];
    struct mer_frame frame = make_leaking(120);
    mark(&frame, 6, hints);
    assert_int_equal(hints[3], 0); /* 60 levels in 120 rows fit any classes by chance */
    mer_frame_release(&frame);
}

static void a_leak_stays_with_a_mark_or_is_left_out(void **state)
{
    (void)state;
    struct mer_frame frame = make_leaking(1000);
    struct mer_search_options options = {
        .target = "class", .family = mer_family_find("linear"), .seed = 3, .n_folds = 2};
    struct mer_prepare_column column;
    for (int out = 0; out < 2; out++) {
        options.leave_out_leaks = out == 1;
        struct mer_pipeline *pipeline = fit(&frame, &options);
        mer_prepare_describe(pipeline->prepare, 1, &column);
        assert_true(column.is_leak);
        assert_int_equal(column.left_out, out ? MER_LEFT_OUT_LEAK : MER_LEFT_OUT_NOT);
        mer_prepare_describe(pipeline->prepare, 0, &column);
        assert_false(column.is_leak);
        mer_pipeline_free(&ctx, pipeline);
    }
    mer_frame_release(&frame);
}

/* How many rows are predicted to be of the rarer class. */
static size_t count_rare(const struct mer_frame *frame, bool balanced)
{
    const struct mer_search_options options = {.target = "class",
                                               .family = mer_family_find("linear"),
                                               .seed = 3,
                                               .n_folds = 2,
                                               .balance_classes = balanced,
                                               .leave_out_leaks = true};
    struct mer_pipeline *pipeline = fit(frame, &options);
    double *predictions;
    size_t n = 0;
    assert_ok(mer_pipeline_predict(&ctx, pipeline, frame, &predictions, &err));
    for (size_t i = 0; i < frame->n_rows; i++)
        n += predictions[2 * i + 1] > 0.5;
    mer_free(&alloc, predictions);
    mer_pipeline_free(&ctx, pipeline);
    return n;
}

static void balanced_classes_are_predicted_about_as_often(void **state)
{
    (void)state;
    struct mer_frame full = make_leaking(2000);
    /* Without `seen`, which says nearly all. */
    struct mer_frame frame = full;
    struct mer_column columns[] = {full.columns[0], full.columns[3], full.columns[6]};
    frame.columns = columns;
    frame.n_columns = 3;
    const size_t plain = count_rare(&frame, false), balanced = count_rare(&frame, true);
    assert_true(plain < 300 && balanced > 350 && balanced < 1000);
    mer_frame_release(&full);
}

static void weights_balance_what_they_are_given(void **state)
{
    (void)state;
    int32_t classes[] = {0, 0, 0, 1};
    const double given[] = {1, 1, 2, 1};
    const struct mer_learned_target target = {
        .task = MER_TASK_BINARY, .n_classes = 2, .classes = classes};
    const struct mer_learned_target numbers = {.task = MER_TASK_REGRESSION};
    double *weights;
    assert_ok(mer_target_balance(&ctx, &target, given, 4, 4, &weights, &err));
    assert_near(weights[0] + weights[1] + weights[2], 2.5);
    assert_near(weights[3], 2.5);
    assert_near(weights[2], 2 * weights[0]);
    mer_free(&alloc, weights);
    assert_code(mer_target_balance(&ctx, &numbers, NULL, 4, 4, &weights, &err), MER_ERR_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_determines_the_target_is_marked_and_nothing_else),
        TEST(few_rows_and_many_values_are_no_leak),
        TEST(a_leak_stays_with_a_mark_or_is_left_out),
        TEST(balanced_classes_are_predicted_about_as_often),
        TEST(weights_balance_what_they_are_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
