/* What the preprocessing learns and makes of each kind of column. */
#include "automl_tables.h"

#include <math.h>
#include <stdlib.h>

#include "automl/prepare.h"

static struct mer_prepare *fit_on(const struct mer_frame *frame, const uint32_t *rows, size_t n)
{
    struct mer_prepare *prepare;
    assert_ok(mer_prepare_fit(&ctx, frame, SIZE_MAX, rows, n, NULL, &prepare, &err));
    return prepare;
}

static struct mer_prepared apply_to(const struct mer_prepare *prepare,
                                    const struct mer_frame *frame)
{
    struct mer_prepared prepared;
    assert_ok(mer_prepare_apply(&ctx, prepare, frame, NULL, 0, &prepared, &err));
    assert_int_equal(prepared.design.n_rows, frame->n_rows);
    return prepared;
}

/* Fits on a table and applies to it. */
static struct mer_prepared prepare_table(const char *text)
{
    struct mer_frame frame = read_table(text);
    struct mer_prepare *prepare = fit_on(&frame, NULL, 0);
    const struct mer_prepared prepared = apply_to(prepare, &frame);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&frame);
    return prepared;
}

static void numbers_are_standardised_and_imputed_by_their_median(void **state)
{
    (void)state;
    struct mer_prepared prepared = prepare_table("x\n1.5\n\n2.5\n9.5\n2.5\n");
    const struct mer_design *design = &prepared.design;

    assert_int_equal(design->n_dense, 2);
    assert_int_equal(design->n_groups, 0);
    /* The present values and the median 2.5 for the missing one: mean 3.7. */
    const double values[] = {1.5, 2.5, 2.5, 9.5, 2.5};
    double squares = 0;
    for (size_t i = 0; i < 5; i++)
        squares += (values[i] - 3.7) * (values[i] - 3.7);
    for (size_t i = 0; i < 5; i++) {
        assert_near(design->dense[i * 2], (values[i] - 3.7) / sqrt(squares / 5));
        /* The indicator: mean 0.2, deviation 0.4. */
        assert_near(design->dense[i * 2 + 1], i == 1 ? 2 : -0.5);
    }
    mer_prepared_release(&ctx, &prepared);
}

static void a_column_that_hardly_varies_makes_no_row_stand_far_out(void **state)
{
    (void)state;
    char text[4000] = "x,z\n";
    for (int i = 0; i < 400; i++)
        strcat(text, i == 7 ? "3.5,1.5\n" : i % 2 ? "0,1.5\n" : "0,2.5\n");
    struct mer_prepared prepared = prepare_table(text);

    /* One row of 400: with deviation 1 it would be at 20. */
    assert_near(prepared.dense[2 * 7] - prepared.dense[0], 1 / sqrt(0.04 * 0.96));
    assert_near(prepared.dense[1] - prepared.dense[3], 2);
    mer_prepared_release(&ctx, &prepared);
}

static void no_indicator_is_made_where_training_had_nothing_missing(void **state)
{
    (void)state;
    struct mer_frame train = read_table("x,z\n1.5,1\n2.5,0\n4.5,7\n");
    struct mer_frame test = read_table("x,z\n,1\n4.5,0\n");
    struct mer_prepare *prepare = fit_on(&train, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &test);
    struct mer_prepared trained = apply_to(prepare, &train);

    assert_int_equal(prepared.design.n_dense, 2);
    /* The missing one is the median, 2.5, which stands in the second training row. */
    assert_true(prepared.dense[0] == trained.dense[2]);
    mer_prepared_release(&ctx, &trained);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&test);
    mer_frame_release(&train);
}

static void infinite_values_are_clipped_to_the_finite_ones(void **state)
{
    (void)state;
    struct mer_prepared prepared = prepare_table("x\n1.5\n-inf\n2.5\ninf\n1e300\n0.5\n");
    const double *x = prepared.dense;

    assert_int_equal(prepared.design.n_dense, 1);
    assert_true(x[3] == x[2] && x[4] == x[2] && x[1] == x[5]);
    for (size_t i = 0; i < 6; i++)
        assert_true(isfinite(x[i]));
    mer_prepared_release(&ctx, &prepared);
}

static void huge_and_tiny_spreads_stay_finite(void **state)
{
    (void)state;
    struct mer_frame train = read_table("a,b\n1e-310,9e99\n2e-310,-9e99\n3e-310,1e99\n");
    struct mer_frame test = read_table("a,b\n1e99,1e-300\n-1e308,0.5\n1e300,1.5\n");
    struct mer_prepare *prepare = fit_on(&train, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &test);

    for (size_t i = 0; i < 3 * prepared.design.n_dense; i++)
        assert_true(fabs(prepared.dense[i]) <= 1e6);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&test);
    mer_frame_release(&train);
}

/* A categorical column: enough rows for the reader to take it as one. */
static const char LEVELS[] = "c,k\nb,1\na,1\nb,1\na,2\nb,1\n,2\nrare,1\nb,2\na,1\nb,2\nonce,1\n"
                             "b,2\na,1\nb,1\n,2\nb,1\na,1\nb,2\na,1\nb,1\nb,2\na,1\nb,2\na,2\n";

static void levels_are_numbered_by_count_with_codes_for_rare_and_missing(void **state)
{
    (void)state;
    struct mer_frame frame = read_table(LEVELS);
    assert_int_equal(frame.columns[0].type, MER_TYPE_CATEGORICAL);
    struct mer_prepare *prepare = fit_on(&frame, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &frame);
    const int32_t expected[] = {0, 1, 0, 1, 0, 3, 2, 0, 1, 0, 2};

    assert_int_equal(prepared.design.n_groups, 1);
    assert_int_equal(mer_design_onehot(&prepared.design), 4);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
        assert_int_equal(prepared.codes[i], expected[i]);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&frame);
}

static void levels_are_matched_by_text_and_unknown_ones_are_rare(void **state)
{
    (void)state;
    struct mer_frame train = read_table(LEVELS);
    /* Other levels first, so that every code of the dictionary differs; the columns too. */
    char text[2000] = "k,c\n1,new\n1,a\n1,rare\n1,b\n1,\n";
    for (size_t i = 0; i < 20; i++)
        strcat(text, "1,b\n2,new\n");
    struct mer_frame test = read_table(text);
    assert_int_equal(test.columns[1].type, MER_TYPE_CATEGORICAL);
    struct mer_prepare *prepare = fit_on(&train, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &test);
    const int32_t expected[] = {2, 1, 2, 0, 3};

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(prepared.codes[i], expected[i]);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&test);
    mer_frame_release(&train);
}

static void an_unknown_level_lights_nothing_where_training_had_no_rare_ones(void **state)
{
    (void)state;
    char train_text[1000] = "c,k\n", test_text[1000] = "c,k\nnew,1\n,1\n";
    for (size_t i = 0; i < 20; i++) {
        strcat(train_text, i % 2 ? "a,1\n" : "b,2\n");
        strcat(test_text, i % 2 ? "a,1\n" : "new,2\n");
    }
    struct mer_frame train = read_table(train_text), test = read_table(test_text);
    struct mer_prepare *prepare = fit_on(&train, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &test);

    assert_int_equal(mer_design_onehot(&prepared.design), 2);
    assert_int_equal(prepared.codes[0], -1);
    assert_int_equal(prepared.codes[1], -1);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&test);
    mer_frame_release(&train);
}

static void dates_become_the_parts_that_vary(void **state)
{
    (void)state;
    /* Four Mondays of one month: year, month and weekday do not vary. */
    struct mer_prepared prepared =
        prepare_table("d\n2024-01-01\n2024-01-08\n2024-01-15\n2024-01-22\n");
    const double *x = prepared.dense;

    /* elapsed, day of the month and of the year twice */
    assert_int_equal(prepared.design.n_dense, 5);
    for (size_t i = 0; i < 4; i++)
        assert_near(x[i * 5], ((double)i - 1.5) / sqrt(1.25));
    mer_prepared_release(&ctx, &prepared);
}

static void december_stands_beside_january_and_sunday_beside_monday(void **state)
{
    (void)state;
    /* Before 1970, leap days, the end of a century. */
    struct mer_prepared prepared =
        prepare_table("d\n1899-12-31\n1900-01-01\n2000-02-29\n1969-07-20\n2023-06-15\n");
    const size_t n = prepared.design.n_dense;
    const double *x = prepared.dense;

    assert_int_equal(n, 13); /* elapsed, year, four circles, weekend, month, weekday */
    double apart = 0, across = 0;
    for (size_t j = 2; j < 4; j++) {
        apart += (x[j] - x[n + j]) * (x[j] - x[n + j]);
        across += (x[j] - x[4 * n + j]) * (x[j] - x[4 * n + j]);
    }
    assert_true(apart < across / 4);
    mer_prepared_release(&ctx, &prepared);
}

static void months_and_weekdays_are_numbers_too(void **state)
{
    (void)state;
    /* A Monday of January, a Wednesday of March, a Sunday of August. */
    struct mer_prepared prepared = prepare_table("d\n2024-01-01\n2024-03-06\n2024-08-04\n");
    const size_t n = prepared.design.n_dense;
    const double *x = prepared.dense;

    assert_near((x[n + n - 2] - x[n - 2]) / (x[2 * n + n - 2] - x[n - 2]), 2.0 / 7);
    assert_near((x[n + n - 1] - x[n - 1]) / (x[2 * n + n - 1] - x[n - 1]), 2.0 / 6);
    mer_prepared_release(&ctx, &prepared);
}

/* The last dense column of column b, in days from the mean of training. */
static void assert_days(const struct mer_prepare *prepare, const struct mer_prepared *prepared,
                        size_t b, const double *days, size_t n_rows)
{
    const struct mer_prepare_place place = mer_prepare_place(prepare, b);
    const size_t n = prepared->design.n_dense, at = place.first_dense + place.n_dense - 1;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < 4; i++)
        mean += days[i] / 4;
    for (size_t i = 0; i < 4; i++)
        squares += (days[i] - mean) * (days[i] - mean) / 4;
    for (size_t i = 0; i < n_rows; i++)
        assert_near(prepared->dense[i * n + at], (days[i] - mean) / sqrt(squares));
}

static void the_days_between_two_dates_are_a_feature(void **state)
{
    static const double DAYS[] = {1.5, 30.5, 0.5, 366.5};
    static const double NEW_DAYS[] = {10.5};
    (void)state;
    struct mer_frame train = read_table("from,k,to\n2024-01-01,1,2024-01-02T12:00:00\n"
                                        "2024-01-01,2,2024-01-31T12:00:00\n"
                                        "2023-05-05,3,2023-05-05T12:00:00\n"
                                        "2024-01-01,4,2025-01-01T12:00:00\n");
    struct mer_frame test = read_table("to,from,k\n2020-03-11T12:00:00,2020-03-01,7\n");
    struct mer_prepare *prepare = fit_on(&train, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &train), later = apply_to(prepare, &test);

    assert_days(prepare, &prepared, 2, DAYS, 4);
    assert_near(later.dense[later.design.n_dense - 1],
                prepared.dense[prepared.design.n_dense - 1] +
                    (NEW_DAYS[0] - DAYS[0]) / (DAYS[1] - DAYS[0]) *
                        (prepared.dense[2 * prepared.design.n_dense - 1] -
                         prepared.dense[prepared.design.n_dense - 1]));
    mer_prepared_release(&ctx, &later);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&test);
    mer_frame_release(&train);
}

/* Loads what was saved; the code that it came to. */
static enum mer_code load_again(const struct mer_bundle *bundle, const struct mer_buf *text,
                                struct mer_prepare **ret_prepare)
{
    struct mer_json_document *document = NULL;
    assert_int_equal(mer_json_parse(ctx.alloc, (const char *)text->bytes, text->n,
                                    &MER_JSON_DEFAULT_LIMITS, "prepare", &document, NULL)
                         .code,
                     MER_OK);
    const enum mer_code code =
        mer_prepare_load(&ctx, bundle, "prepare/", mer_json_root(document), ret_prepare, NULL).code;
    mer_json_free(document);
    return code;
}

static void
a_loaded_difference_is_the_same_and_one_to_a_date_that_is_not_there_is_refused(void **state)
{
    struct mer_json_writer writer;
    struct mer_bundle bundle;
    struct mer_buf text;
    struct mer_prepare *loaded = NULL;
    (void)state;
    struct mer_frame frame = read_table("a,b\n2024-01-01,2024-01-03\n2024-02-05,2024-02-08\n"
                                        "2024-04-01,2024-04-13\n");
    struct mer_prepare *prepare = fit_on(&frame, NULL, 0);
    mer_bundle_init(&bundle, ctx.alloc);
    mer_buf_init(&text, ctx.alloc, 1 << 20);
    mer_json_writer_init(&writer, &text, 0, NULL);
    mer_json_begin_object(&writer);
    assert_int_equal(mer_prepare_save(prepare, "prepare/", &bundle, &writer, NULL).code, MER_OK);
    mer_json_end_object(&writer);
    assert_int_equal(mer_json_writer_end(&writer).code, MER_OK);
    assert_int_equal(load_again(&bundle, &text, &loaded), MER_OK);
    struct mer_prepared first = apply_to(prepare, &frame), again = apply_to(loaded, &frame);
    const size_t n = first.design.n_dense;
    assert_int_equal(n, again.design.n_dense);
    assert_memory_equal(first.dense, again.dense, 3 * n * sizeof(double));
    uint8_t *const parts =
        (uint8_t *)(uintptr_t)mer_bundle_find(&bundle, "prepare/dense_part")->data;
    parts[n - 1]++; /* since column b itself */
    assert_int_equal(load_again(&bundle, &text, &loaded), MER_ERR_DATA);
    parts[n - 1]++; /* since a third date */
    assert_int_equal(load_again(&bundle, &text, &loaded), MER_ERR_DATA);
    mer_prepared_release(&ctx, &again);
    mer_prepared_release(&ctx, &first);
    mer_prepare_free(&ctx, loaded);
    mer_prepare_free(&ctx, prepare);
    mer_buf_release(&text);
    mer_bundle_release(&bundle);
    mer_frame_release(&frame);
}

static void dates_that_keep_their_distance_have_no_difference(void **state)
{
    (void)state;
    struct mer_frame frame = read_table("a,b\n2024-01-01,2024-01-03\n2024-02-05,2024-02-07\n"
                                        "2024-04-01,2024-04-03\n");
    struct mer_prepare *prepare = fit_on(&frame, NULL, 0);

    assert_int_equal(mer_prepare_place(prepare, 0).n_dense, mer_prepare_place(prepare, 1).n_dense);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&frame);
}

static enum mer_left_out left_out_of(const struct mer_prepare *prepare, size_t i)
{
    struct mer_prepare_column column;
    mer_prepare_describe(prepare, i, &column);
    if (column.left_out != MER_LEFT_OUT_NOT)
        assert_int_equal(column.n_dense + column.n_levels, 0);
    return column.left_out;
}

static void columns_that_say_nothing_are_left_out_with_their_reason(void **state)
{
    (void)state;
    char text[20000] = "id,same,empty,name,text,x,half\n";
    for (int i = 0; i < 60; i++) {
        char line[200];
        (void)snprintf(line, sizeof(line), "%d,7,,who%d,\"a long note about number %d\",%d.5,%s\n",
                       1000 + i * 7 % 60, i, i * i, i % 9, i % 2 ? "" : "1");
        strcat(text, line);
    }
    struct mer_frame frame = read_table(text);
    struct mer_prepare *prepare = fit_on(&frame, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &frame);

    assert_int_equal(mer_prepare_n_columns(prepare), 7);
    assert_int_equal(left_out_of(prepare, 0), MER_LEFT_OUT_IDENTIFIER);
    assert_int_equal(left_out_of(prepare, 1), MER_LEFT_OUT_CONSTANT);
    assert_int_equal(left_out_of(prepare, 2), MER_LEFT_OUT_NO_VALUE);
    assert_int_equal(left_out_of(prepare, 3), MER_LEFT_OUT_IDENTIFIER);
    assert_int_equal(left_out_of(prepare, 4), MER_LEFT_OUT_NOT);
    assert_int_equal(left_out_of(prepare, 5), MER_LEFT_OUT_NOT);
    /* One value only, but missing in places: that is what the indicator is for. */
    assert_int_equal(left_out_of(prepare, 6), MER_LEFT_OUT_NOT);
    assert_int_equal(mer_prepare_place(prepare, 5).n_dense, 1);
    assert_int_equal(mer_prepare_place(prepare, 6).n_dense, 1);
    assert_string_equal(mer_left_out_reason(MER_LEFT_OUT_CONSTANT), "constant");
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&frame);
}

static void at_most_254_levels_are_kept_the_most_frequent_ones(void **state)
{
    (void)state;
    struct mer_buf buf;
    const char *text;
    mer_buf_init(&buf, &alloc, 1 << 24);
    assert_ok(mer_buf_text(&buf, "c,k\n", &err));
    /* Level i stands i + 1 times. */
    for (int i = 0; i < 300; i++)
        for (int j = 0; j <= i; j++)
            assert_ok(mer_buf_printf(&buf, &err, "l%d,%d\n", i, j % 2));
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    mer_buf_release(&buf);
    assert_int_equal(frame.columns[0].type, MER_TYPE_CATEGORICAL);
    struct mer_prepare *prepare = fit_on(&frame, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &frame);
    struct mer_prepare_column column;

    mer_prepare_describe(prepare, 0, &column);
    assert_int_equal(column.n_levels, 254);
    assert_int_equal(prepared.codes[frame.n_rows - 1], 0);
    assert_int_equal(prepared.codes[0], 254);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&frame);
}

static void the_design_is_the_same_with_any_number_of_threads(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(9000, 'b', 3);
    struct mer_prepare *alone = fit_on(&frame, NULL, 0);
    struct mer_prepared one = apply_to(alone, &frame);

    for (size_t n_threads = 2; n_threads <= 3; n_threads++) {
        assert_ok(mer_team_new(&alloc, n_threads, &ctx.team, &err));
        struct mer_prepare *together = fit_on(&frame, NULL, 0);
        struct mer_prepared other = apply_to(together, &frame);
        assert_int_equal(one.design.n_dense, other.design.n_dense);
        assert_memory_equal(one.dense, other.dense,
                            frame.n_rows * one.design.n_dense * sizeof(double));
        assert_memory_equal(one.codes, other.codes,
                            frame.n_rows * one.design.n_groups * sizeof(int32_t));
        mer_prepared_release(&ctx, &other);
        mer_prepare_free(&ctx, together);
        mer_team_free(ctx.team);
        ctx.team = NULL;
    }
    mer_prepared_release(&ctx, &one);
    mer_prepare_free(&ctx, alone);
    mer_frame_release(&frame);
}

/* Two tables that agree on the training rows and nowhere else: whatever is learned from the rows
 * outside would make the designs of the training rows differ. */
static void only_the_given_rows_are_learned_from(void **state)
{
    (void)state;
    char texts[2][8000] = {"x,c,d,n\n", "x,c,d,n\n"};
    uint32_t rows[40];
    size_t n_rows = 0;
    for (int i = 0; i < 80; i++) {
        char line[100];
        const bool train = i % 2 == 0;
        for (int t = 0; t < 2; t++) {
            const bool other = t == 1 && !train;
            (void)snprintf(line, sizeof(line), "%s,%s,20%02d-01-0%d,%d\n",
                           other         ? "1e9"
                           : i % 10 == 0 ? ""
                                         : (const char *[]){"1.5", "2.5", "4.0"}[i % 3],
                           other ? (i % 4 == 1 ? "x" : "y") : (i % 3 ? "a" : "b"),
                           other ? 99 : 10 + i % 7, 1 + i % 9, other ? -5 * i : i % 11);
            strcat(texts[t], line);
        }
        if (train)
            rows[n_rows++] = (uint32_t)i;
    }
    struct mer_frame frames[2] = {read_table(texts[0]), read_table(texts[1])};
    struct mer_prepared prepared[2];
    for (int t = 0; t < 2; t++) {
        struct mer_prepare *prepare = fit_on(&frames[t], rows, n_rows);
        assert_ok(mer_prepare_apply(&ctx, prepare, &frames[t], rows, n_rows, &prepared[t], &err));
        mer_prepare_free(&ctx, prepare);
    }
    assert_int_equal(prepared[0].design.n_dense, prepared[1].design.n_dense);
    assert_int_equal(mer_design_onehot(&prepared[0].design),
                     mer_design_onehot(&prepared[1].design));
    assert_memory_equal(prepared[0].dense, prepared[1].dense,
                        n_rows * prepared[0].design.n_dense * sizeof(double));
    assert_memory_equal(prepared[0].codes, prepared[1].codes,
                        n_rows * prepared[0].design.n_groups * sizeof(int32_t));
    for (int t = 0; t < 2; t++) {
        mer_prepared_release(&ctx, &prepared[t]);
        mer_frame_release(&frames[t]);
    }
}

static void an_absent_column_or_another_type_is_refused(void **state)
{
    (void)state;
    struct mer_frame train = read_table("x,z\n1.5,1\n2.5,0\n4.5,7\n");
    struct mer_frame absent = read_table("x,zz\n1.5,1\n2.5,0\n");
    struct mer_frame other = read_table("x,z\n1.5,true\n2.5,false\n");
    struct mer_frame fractions = read_table("x,z\n1.5,1.5\n2.5,0.5\n");
    struct mer_prepare *prepare = fit_on(&train, NULL, 0);
    struct mer_prepared prepared;

    /* That all numbers were whole in training is no promise. */
    prepared = apply_to(prepare, &fractions);
    assert_true(prepared.dense[1] > prepared.dense[3]);
    mer_prepared_release(&ctx, &prepared);
    mer_frame_release(&fractions);

    assert_code(mer_prepare_apply(&ctx, prepare, &absent, NULL, 0, &prepared, &err), MER_ERR_DATA);
    assert_code(mer_prepare_apply(&ctx, prepare, &other, NULL, 0, &prepared, &err), MER_ERR_DATA);
    assert_non_null(strstr(err.message, "integer"));
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&other);
    mer_frame_release(&absent);
    mer_frame_release(&train);
}

/* 10^6 levels: a dictionary as long as the table must not become as many columns. */
static void a_million_categories_become_a_bounded_group(void **state)
{
    (void)state;
    enum { N = 1000000 };
    struct mer_column column = {.name = "c", .n_name = 1, .type = MER_TYPE_CATEGORICAL};
    struct mer_frame frame = {.n_rows = N + N / 4, .n_columns = 1, .columns = &column};
    int32_t *codes = malloc(frame.n_rows * sizeof(*codes));
    int64_t *offsets = malloc((N + 1) * sizeof(*offsets));
    char *bytes = malloc((size_t)N * 8);
    assert_true(codes && offsets && bytes);
    for (int32_t i = 0; i < N; i++) {
        char level[9];
        (void)snprintf(level, sizeof(level), "%08d", i);
        memcpy(bytes + (size_t)i * 8, level, 8);
        offsets[i] = (int64_t)i * 8;
        codes[i] = i;
    }
    offsets[N] = (int64_t)N * 8;
    for (int32_t i = 0; i < N / 4; i++)
        codes[N + i] = i % 40;
    column.data.codes = codes;
    column.n_levels = N;
    column.level_offsets = offsets;
    column.level_bytes = bytes;

    struct mer_prepare *prepare = fit_on(&frame, NULL, 0);
    struct mer_prepared prepared = apply_to(prepare, &frame);
    assert_int_equal(mer_design_onehot(&prepared.design), 41);
    assert_int_equal(prepared.codes[0], 0);
    assert_int_equal(prepared.codes[N - 1], 40);
    assert_true(atomic_load(&alloc.peak) < (size_t)64 << 20);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    free(codes);
    free(offsets);
    free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_standardised_and_imputed_by_their_median),
        TEST(a_column_that_hardly_varies_makes_no_row_stand_far_out),
        TEST(no_indicator_is_made_where_training_had_nothing_missing),
        TEST(infinite_values_are_clipped_to_the_finite_ones),
        TEST(huge_and_tiny_spreads_stay_finite),
        TEST(levels_are_numbered_by_count_with_codes_for_rare_and_missing),
        TEST(levels_are_matched_by_text_and_unknown_ones_are_rare),
        TEST(an_unknown_level_lights_nothing_where_training_had_no_rare_ones),
        TEST(dates_become_the_parts_that_vary),
        TEST(december_stands_beside_january_and_sunday_beside_monday),
        TEST(a_loaded_difference_is_the_same_and_one_to_a_date_that_is_not_there_is_refused),
        TEST(months_and_weekdays_are_numbers_too),
        TEST(the_days_between_two_dates_are_a_feature),
        TEST(dates_that_keep_their_distance_have_no_difference),
        TEST(columns_that_say_nothing_are_left_out_with_their_reason),
        TEST(at_most_254_levels_are_kept_the_most_frequent_ones),
        TEST(the_design_is_the_same_with_any_number_of_threads),
        TEST(only_the_given_rows_are_learned_from),
        TEST(an_absent_column_or_another_type_is_refused),
        TEST(a_million_categories_become_a_bounded_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
