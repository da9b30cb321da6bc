/* How rows are cut by a column: of groups, of time, of the folds' own labels. */
#include "automl_tables.h"

#include "automl/fold.h"

enum { N = 240, COLUMN = 0 };

/* A table of one column and a target of three classes, the third of which is rare. */
struct cutting {
    struct mer_frame frame;
    int32_t classes[N];
    struct mer_folds folds;
};

/* Line i of the column is what `cell` writes. */
static void make_cutting(struct cutting *cutting, void (*cell)(char *text, size_t size, int i))
{
    struct mer_buf buf;
    const char *text;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    assert_ok(mer_buf_text(&buf, "key,y\n", &err));
    for (int i = 0; i < N; i++) {
        char line[40];
        cell(line, sizeof line, i);
        cutting->classes[i] = i % 40 == 7 ? 2 : i % 3 == 0;
        assert_ok(mer_buf_printf(&buf, &err, "%s,c%d\n", line, (int)cutting->classes[i]));
    }
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    cutting->frame = read_table(text);
    mer_buf_release(&buf);
}

static mer_status cut(struct cutting *cutting, struct mer_fold_options options)
{
    const struct mer_target target = {
        .task = MER_TASK_MULTICLASS, .classes = cutting->classes, .n_classes = 3};
    return mer_folds_make(&ctx, &cutting->frame, 1, &target, &options, &cutting->folds, &err);
}

static void release(struct cutting *cutting)
{
    mer_folds_release(&ctx, &cutting->folds);
    mer_frame_release(&cutting->frame);
}

static struct mer_column *column(struct cutting *cutting)
{
    return &cutting->frame.columns[COLUMN];
}

static void write_group(char *text, size_t size, int i)
{
    /* 30 groups of unequal sizes, and rows without one. */
    const int group = (i * 7 + i * i % 11) % 30;
    if (i % 50 == 3)
        text[0] = '\0';
    else
        (void)snprintf(text, size, "g%d", group > 20 ? 20 : group);
}

static void no_group_is_in_two_folds_and_every_training_part_has_every_class(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    make_cutting(&cutting, write_group);
    const struct mer_column *const groups = column(&cutting);
    assert_ok(cut(&cutting, (struct mer_fold_options){
                                .n_folds = 4, .n_repeats = 3, .seed = 5, .groups = groups}));
    assert_int_equal(cutting.folds.kind, MER_FOLDS_GROUPS);
    assert_int_equal(mer_folds_count(&cutting.folds), 12);
    for (size_t r = 0; r < 3; r++) {
        const uint8_t *const fold = cutting.folds.held_out + r * N;
        size_t sizes[4] = {0}, in_class[4][3] = {{0}};
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < i; j++)
                if (groups->data.codes[i] == groups->data.codes[j])
                    assert_int_equal(fold[i], fold[j]);
            if (fold[i] == MER_FOLD_NONE)
                continue;
            sizes[fold[i]]++;
            in_class[fold[i]][cutting.classes[i]]++;
        }
        for (size_t f = 0; f < 4; f++) {
            assert_in_range(sizes[f], N / 4 - 25, N / 4 + 25);
            assert_true(in_class[f][2] < 6);
        }
    }
    assert_memory_not_equal(cutting.folds.held_out, cutting.folds.held_out + N, N);
    release(&cutting);
}

static void a_class_of_one_group_is_learned_from_in_every_fold(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    make_cutting(&cutting, write_group);
    const struct mer_column *const groups = column(&cutting);
    const int32_t lone = groups->data.codes[0];
    for (size_t i = 0; i < N; i++)
        cutting.classes[i] = groups->data.codes[i] == lone ? 2 : (int32_t)(i % 2);
    assert_ok(cut(&cutting, (struct mer_fold_options){.n_folds = 5, .seed = 5, .groups = groups}));
    for (size_t i = 0; i < N; i++)
        if (cutting.classes[i] == 2)
            assert_int_equal(cutting.folds.held_out[i], MER_FOLD_NONE);
    mer_folds_release(&ctx, &cutting.folds);
    assert_code(cut(&cutting, (struct mer_fold_options){.n_folds = 60, .groups = groups}),
                MER_ERR_DATA);
    release(&cutting);
}

/* Days in no order, three rows each. */
static int day_of(int i)
{
    return i * 7 % N / 3;
}

static void write_day(char *text, size_t size, int i)
{
    (void)snprintf(text, size, "2024-%02d-%02d", 1 + day_of(i) / 28, 1 + day_of(i) % 28);
}

static void assert_forward(const struct cutting *cutting, int64_t gap_days)
{
    const int64_t *const days = cutting->frame.columns[COLUMN].data.integers;
    uint32_t rows[N];
    for (size_t f = 0; f < mer_folds_count(&cutting->folds); f++) {
        size_t n_train, n_valid;
        int64_t last_train = INT64_MIN, first_valid = INT64_MAX;
        mer_fold_rows(&cutting->folds, f, rows, &n_train, &n_valid);
        assert_true(n_valid >= N / 12);
        for (size_t i = 0; i < n_train; i++)
            if (days[rows[i]] > last_train)
                last_train = days[rows[i]];
        for (size_t i = n_train; i < n_train + n_valid; i++)
            if (days[rows[i]] < first_valid)
                first_valid = days[rows[i]];
        assert_true(first_valid - last_train > gap_days);
        assert_true(n_train >= N / 2 - 3 - 3 * (size_t)gap_days);
    }
}

static void folds_of_time_learn_from_what_came_before_and_lies_beyond_the_gap(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    make_cutting(&cutting, write_day);
    const struct mer_column *const times = column(&cutting);
    assert_int_equal(times->type, MER_TYPE_DATE);
    for (int64_t gap = 0; gap <= 5; gap++) {
        assert_ok(cut(&cutting, (struct mer_fold_options){
                                    .n_folds = 4, .times = times, .gap = (double)gap * 86400}));
        assert_int_equal(cutting.folds.kind, MER_FOLDS_TIME);
        assert_forward(&cutting, gap);
        mer_folds_release(&ctx, &cutting.folds);
    }
    assert_code(cut(&cutting, (struct mer_fold_options){.n_folds = 4, .times = times, .gap = 1e9}),
                MER_ERR_USAGE);
    assert_code(cut(&cutting, (struct mer_fold_options){.n_folds = 90, .times = times}),
                MER_ERR_DATA);
    assert_code(
        cut(&cutting, (struct mer_fold_options){.n_folds = 4, .n_repeats = 2, .times = times}),
        MER_ERR_USAGE);
    release(&cutting);
}

static void the_first_row_of_a_class_that_comes_late_is_learned_from_at_once(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    make_cutting(&cutting, write_day);
    size_t first = N;
    for (size_t i = 0; i < N; i++)
        cutting.classes[i] = day_of((int)i) >= 70 ? 2 : (int32_t)(i % 2);
    assert_ok(cut(&cutting, (struct mer_fold_options){.n_folds = 3, .times = column(&cutting)}));
    for (size_t i = 0; i < N; i++)
        if (cutting.classes[i] == 2 && cutting.folds.first[i] == 0) {
            assert_int_equal(first, N);
            assert_int_equal(day_of((int)i), 70);
            assert_int_equal(cutting.folds.held_out[i], MER_FOLD_NONE);
            first = i;
        }
    assert_true(first < N);
    release(&cutting);
}

static void write_missing_day(char *text, size_t size, int i)
{
    write_day(text, size, i);
    if (i == 17)
        text[0] = '\0';
}

static void a_missing_time_and_a_column_that_is_none_are_refused(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    make_cutting(&cutting, write_missing_day);
    assert_code(cut(&cutting, (struct mer_fold_options){.times = column(&cutting)}), MER_ERR_DATA);
    assert_non_null(strstr(err.message, "row 18"));
    release(&cutting);
    make_cutting(&cutting, write_group);
    assert_code(cut(&cutting, (struct mer_fold_options){.times = column(&cutting)}), MER_ERR_USAGE);
    release(&cutting);
}

static void write_label(char *text, size_t size, int i)
{
    if (i % 4 == 3)
        text[0] = '\0';
    else
        (void)snprintf(text, size, "%d", 10 - i % 4);
}

static void labels_are_the_folds_and_rows_without_one_are_learned_from_alone(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    make_cutting(&cutting, write_label);
    assert_ok(cut(&cutting, (struct mer_fold_options){.labels = column(&cutting)}));
    assert_int_equal(cutting.folds.kind, MER_FOLDS_GIVEN);
    assert_int_equal(cutting.folds.n_folds, 3);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(cutting.folds.held_out[i], i % 4 == 3 ? MER_FOLD_NONE : 2 - i % 4);
    release(&cutting);
}

static void write_one_label(char *text, size_t size, int i)
{
    (void)snprintf(text, size, "%s", "7");
    (void)i;
}

static void write_two_labels(char *text, size_t size, int i)
{
    (void)snprintf(text, size, "%s", i % 5 ? "" : "test");
}

static void one_label_holds_rows_out_if_others_have_none(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    make_cutting(&cutting, write_one_label);
    assert_code(cut(&cutting, (struct mer_fold_options){.labels = column(&cutting)}), MER_ERR_DATA);
    release(&cutting);
    make_cutting(&cutting, write_two_labels);
    assert_ok(cut(&cutting, (struct mer_fold_options){.labels = column(&cutting)}));
    assert_int_equal(cutting.folds.n_folds, 1);
    release(&cutting);
}

static void the_last_rows_can_be_scored_on_and_never_learned_from(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    uint32_t rows[N];
    size_t n_train, n_valid;
    make_cutting(&cutting, write_group);
    assert_ok(cut(&cutting, (struct mer_fold_options){.n_valid_rows = 40}));
    assert_int_equal(cutting.folds.kind, MER_FOLDS_TABLE);
    mer_fold_rows(&cutting.folds, 0, rows, &n_train, &n_valid);
    assert_int_equal(n_train, N - 40);
    assert_int_equal(n_valid, 40);
    assert_int_equal(rows[n_train], N - 40);
    release(&cutting);
}

static void repetitions_are_shuffled_anew_and_the_first_is_what_it_was_alone(void **state)
{
    (void)state;
    struct cutting cutting = {.classes = {0}};
    uint8_t once[N];
    make_cutting(&cutting, write_group);
    assert_ok(cut(&cutting, (struct mer_fold_options){.n_folds = 3, .seed = 9}));
    memcpy(once, cutting.folds.held_out, N);
    mer_folds_release(&ctx, &cutting.folds);
    assert_ok(cut(&cutting, (struct mer_fold_options){.n_folds = 3, .n_repeats = 4, .seed = 9}));
    assert_memory_equal(once, cutting.folds.held_out, N);
    assert_memory_not_equal(once, cutting.folds.held_out + N, N);
    mer_folds_release(&ctx, &cutting.folds);
    assert_code(cut(&cutting, (struct mer_fold_options){.n_folds = 30, .n_repeats = 4}),
                MER_ERR_USAGE);
    release(&cutting);
}

static void folds_that_are_none_are_not_sound(void **state)
{
    (void)state;
    uint8_t held_out[] = {0, 1, 0, 1}, first[] = {0, 0, MER_FOLD_NONE, 0};
    struct mer_folds folds = {
        .n_rows = 4, .n_folds = 2, .n_repeats = 1, .held_out = held_out, .first = first};
    assert_true(mer_folds_are_sound(&folds));
    held_out[1] = 2;
    assert_false(mer_folds_are_sound(&folds));
    held_out[1] = 0;
    held_out[3] = 0;
    assert_false(mer_folds_are_sound(&folds)); /* the first learns from nothing */
    folds.n_repeats = 0;
    assert_false(mer_folds_are_sound(&folds));
}

/* A search by groups keeps the rows of a group together where it counts: what a nearest neighbour
 * learns of a group in one fold tells nothing of another. */
static void a_search_by_groups_does_not_reward_learning_groups_by_heart(void **state)
{
    (void)state;
    struct mer_buf buf;
    const char *text;
    double scores[2];
    mer_rng rng;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    mer_rng_init(&rng, 3, 0);
    assert_ok(mer_buf_text(&buf, "group,x,y\n", &err));
    for (int g = 0; g < 40; g++) {
        const double x = mer_rng_uniform(&rng), y = mer_rng_uniform(&rng);
        for (int i = 0; i < 6; i++)
            assert_ok(mer_buf_printf(&buf, &err, "g%d,%.6f,%.6f\n", g, x, y));
    }
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame table = read_table(text);
    struct mer_frame view = table;
    view.columns = table.columns + 1;
    view.n_columns = 2;
    for (int by_group = 0; by_group < 2; by_group++) {
        struct mer_schema schema;
        struct mer_pipeline *pipeline;
        schema = schema_of(&view);
        const struct mer_search_options options = {.target = "y",
                                                   .seed = 1,
                                                   .n_folds = 5,
                                                   .family = mer_family_find("knn"),
                                                   .group_column =
                                                       by_group ? &table.columns[0] : NULL};
        assert_ok(mer_search_fit(&ctx, &view, &schema, &options, &pipeline, &err));
        scores[by_group] = pipeline->trials[0].score;
        assert_int_equal(pipeline->validation.kind,
                         by_group ? MER_FOLDS_GROUPS : MER_FOLDS_SHUFFLED);
        mer_pipeline_free(&ctx, pipeline);
        mer_schema_release(&schema);
    }
    assert_true(scores[0] < 0.1);
    assert_true(scores[1] > 0.25);
    mer_frame_release(&table);
    mer_buf_release(&buf);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(no_group_is_in_two_folds_and_every_training_part_has_every_class),
        TEST(a_class_of_one_group_is_learned_from_in_every_fold),
        TEST(folds_of_time_learn_from_what_came_before_and_lies_beyond_the_gap),
        TEST(the_first_row_of_a_class_that_comes_late_is_learned_from_at_once),
        TEST(a_missing_time_and_a_column_that_is_none_are_refused),
        TEST(labels_are_the_folds_and_rows_without_one_are_learned_from_alone),
        TEST(one_label_holds_rows_out_if_others_have_none),
        TEST(the_last_rows_can_be_scored_on_and_never_learned_from),
        TEST(repetitions_are_shuffled_anew_and_the_first_is_what_it_was_alone),
        TEST(folds_that_are_none_are_not_sound),
        TEST(a_search_by_groups_does_not_reward_learning_groups_by_heart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
