/* Profiles of tables: against numpy, scipy and pandas, for any number of threads, and without what
 * must not be shown. */
#include "every_failure.h"

#include "automl/automl_tables.h"
#include "explain/profile_page.h"
#include "explain/well_formed.h"

struct number_values {
    size_t column;
    size_t n;
    size_t n_distinct;
    double quantiles[5];
    double mean;
    double deviation;
    double low_fence;
    double high_fence;
    size_t n_low;
    size_t n_high;
};

struct pair_values {
    size_t a;
    size_t b;
    double first;
    double second;
};

#include "explain/numpy_values.h"

static struct mer_profile make(const struct mer_frame *frame, size_t min_rows,
                               const bool *sensitive)
{
    const struct mer_profile_options options = {.min_rows = min_rows, .sensitive = sensitive};
    struct mer_profile profile;
    assert_ok(mer_profile_make(&ctx, frame, &options, &profile, &err));
    return profile;
}

static const struct mer_profile_source SOURCE = {.title = "table.csv", .version = "1"};

/* The page, then the JSON; free with mer_free. */
static char *show(const struct mer_profile *profile)
{
    struct mer_buf buf;
    struct mer_json_writer writer;
    const char *text;
    char *copy;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    assert_ok(mer_profile_page(profile, &SOURCE, &buf, &err));
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    assert_true(assert_well_formed(text) > 20);
    mer_json_writer_init(&writer, &buf, 0, &err);
    mer_json_begin_object(&writer);
    mer_profile_write(profile, &writer);
    mer_json_end_object(&writer);
    assert_ok(mer_json_writer_end(&writer));
    assert_ok(mer_alloc_text(&alloc, (const char *)buf.bytes, buf.n, &copy, &err));
    mer_buf_release(&buf);
    return copy;
}

static void numbers_are_those_of_numpy(void **state)
{
    (void)state;
    struct mer_frame frame = read_table(TABLE);
    struct mer_profile profile = make(&frame, 1, NULL);
    for (size_t i = 0; i < sizeof NUMBER_VALUES / sizeof NUMBER_VALUES[0]; i++) {
        const struct number_values *const expected = &NUMBER_VALUES[i];
        const struct mer_column_profile *const column = &profile.columns[expected->column];
        assert_int_equal(column->numbers.n, expected->n);
        assert_int_equal(column->n_distinct, expected->n_distinct);
        assert_near(column->numbers.minimum, expected->quantiles[0]);
        for (int q = 0; q < 3; q++)
            assert_near(column->numbers.quartiles[q], expected->quantiles[q + 1]);
        assert_near(column->numbers.maximum, expected->quantiles[4]);
        assert_near(column->numbers.mean, expected->mean);
        assert_near(column->numbers.deviation, expected->deviation);
        assert_near(column->numbers.low_fence, expected->low_fence);
        assert_near(column->numbers.high_fence, expected->high_fence);
        assert_int_equal(column->numbers.n_low, expected->n_low);
        assert_int_equal(column->numbers.n_high, expected->n_high);
    }
    assert_int_equal(profile.n_copies, N_COPIES);
    assert_int_equal(profile.gaps.n_rows, N_ROWS_WITH_GAP);
    mer_profile_release(&profile);
    mer_frame_release(&frame);
}

static void pairs_are_those_of_scipy(void **state)
{
    (void)state;
    struct mer_frame frame = read_table(TABLE);
    struct mer_profile profile = make(&frame, 1, NULL);
    const struct mer_associations *const found = &profile.associations;
    assert_int_equal(found->n_shown, 7);
    for (size_t i = 0; i < sizeof PAIR_VALUES / sizeof PAIR_VALUES[0]; i++) {
        const struct pair_values *const expected = &PAIR_VALUES[i];
        const struct mer_association *const pair =
            &found->cells[expected->a * found->n_shown + expected->b];
        assert_near(pair->first, expected->first);
        assert_near(pair->second, expected->second);
    }
    assert_true(mer_association_strength(&found->top[0]) >=
                mer_association_strength(&found->top[1]));
    mer_profile_release(&profile);
    mer_frame_release(&frame);
}

/* Every kind of column, 4000 rows, gaps in most. */
static struct mer_frame large_table(void)
{
    return make_table(4000, 'm', 5);
}

static void a_profile_is_the_same_for_any_number_of_threads(void **state)
{
    char *first = NULL;
    (void)state;
    struct mer_frame frame = large_table();
    for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
        assert_ok(mer_team_new(&alloc, n_threads, &ctx.team, &err));
        struct mer_profile profile = make(&frame, 5, NULL);
        char *const text = show(&profile);
        mer_profile_release(&profile);
        mer_team_free(ctx.team);
        ctx.team = NULL;
        if (!first) {
            first = text;
            continue;
        }
        assert_string_equal(text, first);
        mer_free(&alloc, text);
    }
    mer_free(&alloc, first);
    mer_frame_release(&frame);
}

static void kinds_of_columns_are_told_apart(void **state)
{
    struct mer_buf buf;
    const char *text;
    (void)state;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    assert_ok(mer_buf_text(&buf, "id,name,same,fixed,empty,value,again,far\n", &err));
    for (int i = 0; i < 60; i++)
        assert_ok(mer_buf_printf(&buf, &err, "%d,n%d,%s,7,,%d.5,%d.5,%s\n", i + 100, i,
                                 i % 3 ? "a" : "b", i % 29, i % 29,
                                 i == 8    ? "inf"
                                 : i == 40 ? "9e307"
                                 : i % 2   ? "1.25"
                                           : "-3"));
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    struct mer_profile profile = make(&frame, 5, NULL);
    assert_true(profile.columns[0].identifier);
    assert_true(profile.columns[1].identifier);
    assert_false(profile.columns[2].identifier);
    assert_true(profile.columns[3].constant);
    assert_int_equal(profile.columns[4].n_missing, 60);
    assert_int_equal(profile.columns[6].same_as, 5);
    assert_int_equal(profile.columns[5].same_as, SIZE_MAX);
    assert_int_equal(profile.columns[7].numbers.n_infinite, 1);
    assert_int_equal(profile.columns[7].n_distinct, 4);
    assert_int_equal(profile.n_copies, 0);
    char *const shown = show(&profile);
    assert_null(strstr(shown, ">n17<"));
    mer_free(&alloc, shown);
    mer_profile_release(&profile);
    mer_frame_release(&frame);
    mer_buf_release(&buf);
}

static void texts_rare_levels_and_sensitive_columns_show_nothing(void **state)
{
    struct mer_buf buf;
    const char *text;
    (void)state;
    mer_buf_init(&buf, &alloc, SIZE_MAX);
    assert_ok(mer_buf_text(&buf, "who,note,secret,wage,kind\n", &err));
    for (int i = 0; i < 200; i++)
        assert_ok(mer_buf_printf(&buf, &err, "canary%d,\"free canary text %d, long\",%s,%d,%s\n", i,
                                 i / 2, i % 2 ? "canarya" : "canaryb", 777000 + i % 20,
                                 i < 4 ? "canaryrare" : "common"));
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    const bool sensitive[] = {false, false, true, true, false};
    struct mer_profile profile = make(&frame, 5, sensitive);
    char *const shown = show(&profile);
    assert_null(strstr(shown, "canary"));
    assert_null(strstr(shown, "777"));
    assert_non_null(strstr(shown, "common"));
    mer_free(&alloc, shown);
    mer_profile_release(&profile);
    profile = make(&frame, 4, NULL);
    char *const open = show(&profile);
    assert_non_null(strstr(open, "canaryrare"));
    assert_non_null(strstr(open, "canarya"));
    assert_non_null(strstr(open, "777"));
    mer_free(&alloc, open);
    mer_profile_release(&profile);
    mer_frame_release(&frame);
    mer_buf_release(&buf);
}

static void hostile_names_and_levels_stay_text(void **state)
{
    (void)state;
    struct mer_frame frame =
        read_table("</title><script>x</script>,\"a\"\"b'c\",\xe2\x80\xae\xd7\x90\n"
                   "<b>,1,2\n<b>,2,1\n<b>,3,\n&amp;,4,7\n&amp;,5,8\n");
    struct mer_profile profile = make(&frame, 1, NULL);
    char *const shown = show(&profile);
    *strstr(shown, "</html>") = '\0'; /* in JSON they need no escape */
    assert_null(strstr(shown, "<script"));
    assert_non_null(strstr(shown, "&lt;b&gt;"));
    assert_non_null(strstr(shown, "&amp;amp;"));
    assert_non_null(strstr(shown, "\\xe2\\x80\\xae\xd7\x90"));
    mer_free(&alloc, shown);
    mer_profile_release(&profile);
    mer_frame_release(&frame);
}

static void small_and_empty_tables_have_a_page(void **state)
{
    static const char *const tables[] = {"a\n1\n",
                                         "a,b\n1,x\n",
                                         "a,b\n,\n,\n",
                                         "a\n1\n1\n1\n",
                                         "d\n2020-01-01\n2021-05-05\n",
                                         "t,u\ntrue,1\nfalse,\n,\n"};
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct mer_frame frame = read_table(tables[i]);
        struct mer_profile profile = make(&frame, 5, NULL);
        mer_free(&alloc, show(&profile));
        mer_profile_release(&profile);
        mer_frame_release(&frame);
    }
}

static void the_nth_distance_is_found_from_sorted_numbers(void **state)
{
    static const double sorted[] = {-5, -1, 0, 0, 2, 3, 10};
    static const double expected[] = {1, 1, 1, 2, 2, 6, 9};
    (void)state;
    for (size_t k = 0; k < 7; k++)
        assert_near(mer_nth_distance(sorted, 7, 1, k), expected[k]);
    assert_near(mer_nth_distance(sorted, 7, 100, 6), 105);
    assert_near(mer_nth_distance(sorted, 7, -100, 6), 110);
}

static struct mer_frame failing_frame; /* read once, in memory that does not fail */

static mer_status profile_once(struct mer_alloc *failing, mer_err *failure)
{
    const struct mer_profile_options options = {.min_rows = 5};
    const struct mer_ctx failing_ctx = {.alloc = failing};
    struct mer_profile profile;
    struct mer_buf buf;
    MER_GUARD(mer_profile_make(&failing_ctx, &failing_frame, &options, &profile, failure));
    mer_buf_init(&buf, failing, SIZE_MAX);
    const mer_status status = mer_profile_page(&profile, &SOURCE, &buf, failure);
    mer_buf_release(&buf);
    mer_profile_release(&profile);
    return status;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    failing_frame = read_table(TABLE);
    mer_test_every_failure(profile_once);
    mer_frame_release(&failing_frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_those_of_numpy, begin, end),
        cmocka_unit_test_setup_teardown(pairs_are_those_of_scipy, begin, end),
        cmocka_unit_test_setup_teardown(a_profile_is_the_same_for_any_number_of_threads, begin,
                                        end),
        cmocka_unit_test_setup_teardown(kinds_of_columns_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(texts_rare_levels_and_sensitive_columns_show_nothing, begin,
                                        end),
        cmocka_unit_test_setup_teardown(hostile_names_and_levels_stay_text, begin, end),
        cmocka_unit_test_setup_teardown(small_and_empty_tables_have_a_page, begin, end),
        cmocka_unit_test_setup_teardown(the_nth_distance_is_found_from_sorted_numbers, begin, end),
        cmocka_unit_test_setup_teardown(every_failing_allocation_is_reported, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
