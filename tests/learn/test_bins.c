/* Features in bins: what lies in which, whatever the number of threads. */
#include "tree_table.h"

#include <math.h>

#include "core/team.h"
#include "learn/bins.h"

static struct mer_alloc alloc;
static struct mer_ctx ctx;

static int begin(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    ctx = (struct mer_ctx){.alloc = &alloc};
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(alloc.used, 0);
    return 0;
}

static struct mer_bins make_bins(const struct mer_design *design, size_t max_bin)
{
    struct mer_bins bins;
    mer_err err;
    assert_int_equal(mer_bins_make(&ctx, design, max_bin, 5, &bins, &err).code, MER_OK);
    return bins;
}

static void few_values_have_a_bin_each_with_borders_halfway(void **state)
{
    (void)state;
    const double dense[] = {3, -1, 3, 10, -1, 3, -0.0, 0.0};
    const struct mer_design design = {.n_rows = 8, .n_dense = 1, .dense = dense};
    struct mer_bins bins = make_bins(&design, 255);
    const struct mer_bin_feature *feature = &bins.features[0];
    assert_int_equal(feature->n_bins, 4);
    assert_true(feature->upper[0] == -0.5 && feature->upper[1] == 1.5 && feature->upper[2] == 6.5);
    const uint8_t expected[] = {2, 0, 2, 3, 0, 2, 1, 1};
    assert_memory_equal(feature->column, expected, 8);
    mer_bins_release(&ctx, &bins);
}

static void many_values_are_cut_into_bins_of_about_equal_size(void **state)
{
    (void)state;
    enum { N = 20000 };
    static double dense[N];
    mer_rng rng;
    mer_rng_init(&rng, 3, 0);
    for (size_t i = 0; i < N; i++)
        dense[i] = mer_rng_normal(&rng);
    const struct mer_design design = {.n_rows = N, .n_dense = 1, .dense = dense};
    struct mer_bins bins = make_bins(&design, 64);
    const struct mer_bin_feature *feature = &bins.features[0];
    assert_int_equal(feature->n_bins, 64);
    size_t counts[64] = {0};
    for (size_t i = 0; i < N; i++) {
        const size_t bin = feature->column[i];
        counts[bin]++;
        assert_true(bin == 63 || dense[i] <= feature->upper[bin]);
        assert_true(bin == 0 || dense[i] > feature->upper[bin - 1]);
    }
    for (size_t b = 0; b < 64; b++)
        assert_in_range(counts[b], N / 64 - 20, N / 64 + 20);
    mer_bins_release(&ctx, &bins);
}

static void a_value_that_fills_a_bin_has_it_for_itself(void **state)
{
    (void)state;
    enum { N = 1000 };
    static double dense[N];
    for (size_t i = 0; i < N; i++)
        dense[i] = i % 2 ? 500.0 : (double)i;
    const struct mer_design design = {.n_rows = N, .n_dense = 1, .dense = dense};
    struct mer_bins bins = make_bins(&design, 10);
    const uint8_t *column = bins.features[0].column;
    for (size_t i = 0; i < N; i++)
        assert_int_equal(column[i] == column[1], dense[i] == 500);
    mer_bins_release(&ctx, &bins);
}

static void missing_values_lie_in_a_bin_behind_the_others(void **state)
{
    (void)state;
    /* The second column says where the first was imputed. */
    const double dense[] = {1, -1, 2, -1, 1.5, 1, 4, -1, 1.5, 1};
    const uint32_t indicators[] = {1, MER_NO_INDICATOR};
    const struct mer_design design = {
        .n_rows = 5, .n_dense = 2, .dense = dense, .indicators = indicators};
    struct mer_bins bins = make_bins(&design, 255);
    assert_true(bins.features[0].has_missing);
    assert_int_equal(bins.features[0].n_bins, 4);
    assert_int_equal(mer_bin_feature_values(&bins.features[0]), 3);
    const uint8_t expected[] = {0, 1, 3, 2, 3};
    assert_memory_equal(bins.features[0].column, expected, 5);
    assert_int_equal(bins.features[1].n_bins, 1);
    assert_null(bins.features[1].column);
    mer_bins_release(&ctx, &bins);
}

static void constant_columns_have_no_cells(void **state)
{
    (void)state;
    const double dense[] = {7, 7, 7};
    const struct mer_design design = {.n_rows = 3, .n_dense = 1, .dense = dense};
    struct mer_bins bins = make_bins(&design, 255);
    assert_int_equal(bins.features[0].n_bins, 1);
    assert_null(bins.features[0].column);
    mer_bins_release(&ctx, &bins);
}

static void levels_have_bins_and_the_rarest_of_too_many_share_one(void **state)
{
    (void)state;
    enum { N = 3000, WIDTH = 400 };
    static int32_t codes[N];
    /* Level k occurs about in proportion to k; some rows have none. */
    size_t n = 0;
    for (int32_t k = 0; n < N; k = (k + 1) % WIDTH)
        for (int32_t i = 0; i <= k / 50 && n < N; i++)
            codes[n++] = k;
    codes[0] = -1;
    const uint32_t start[] = {0, WIDTH};
    const struct mer_design design = {
        .n_rows = N, .n_groups = 1, .codes = codes, .group_start = start};
    struct mer_bins bins = make_bins(&design, 255);
    const struct mer_bin_feature *feature = &bins.features[0];
    assert_true(feature->is_group);
    assert_int_equal(feature->n_bins, 256);
    assert_int_equal(feature->column[0], 255);
    size_t n_sharing = 0;
    for (size_t k = 0; k < WIDTH; k++)
        n_sharing += feature->bin_of_code[k] == 254;
    assert_true(n_sharing >= WIDTH - 254 && n_sharing < WIDTH);
    assert_true(feature->bin_of_code[0] == 254 && feature->bin_of_code[WIDTH - 1] != 254);
    for (size_t i = 1; i < N; i++)
        assert_int_equal(feature->column[i], feature->bin_of_code[codes[i]]);
    mer_bins_release(&ctx, &bins);
}

static void threads_and_samples_do_not_change_the_bins(void **state)
{
    (void)state;
    const size_t n_rows = MER_BINS_SAMPLE + 1001;
    double *dense = NULL;
    mer_err err;
    assert_int_equal(mer_alloc_array(&alloc, 3 * n_rows, sizeof *dense, &dense, &err).code, MER_OK);
    mer_rng rng;
    mer_rng_init(&rng, 8, 0);
    for (size_t i = 0; i < 3 * n_rows; i++)
        dense[i] = i % 3 ? mer_rng_normal(&rng) : (double)mer_rng_below(&rng, 40);
    const struct mer_design design = {.n_rows = n_rows, .n_dense = 3, .dense = dense};
    struct mer_bins one = make_bins(&design, 255);
    for (size_t n_threads = 2; n_threads <= 3; n_threads++) {
        assert_int_equal(mer_team_new(&alloc, n_threads, &ctx.team, &err).code, MER_OK);
        struct mer_bins many = make_bins(&design, 255);
        for (size_t f = 0; f < 3; f++) {
            assert_int_equal(one.features[f].n_bins, many.features[f].n_bins);
            assert_memory_equal(one.features[f].upper, many.features[f].upper,
                                255 * sizeof(double));
            assert_memory_equal(one.features[f].column, many.features[f].column, n_rows);
        }
        mer_bins_release(&ctx, &many);
        mer_team_free(ctx.team);
        ctx.team = NULL;
    }
    assert_int_equal(one.features[0].n_bins, 40);
    mer_bins_release(&ctx, &one);
    mer_free(&alloc, dense);
}

static void packed_bins_have_bits_for_the_columns_of_two_values(void **state)
{
    (void)state;
    enum { N = 300, COLUMNS = 4 };
    static double dense[N * COLUMNS];
    mer_rng rng;
    mer_err err;
    mer_rng_init(&rng, 9, 0);
    for (size_t i = 0; i < N; i++) {
        dense[i * COLUMNS] = mer_rng_below(&rng, 3) ? 7 : -2;
        dense[i * COLUMNS + 1] = mer_rng_normal(&rng);
        dense[i * COLUMNS + 2] = (double)mer_rng_below(&rng, 3);
        dense[i * COLUMNS + 3] = 4;
    }
    const struct mer_design design = {.n_rows = N, .n_dense = COLUMNS, .dense = dense};
    struct mer_bins plain = make_bins(&design, 255), packed;
    assert_int_equal(mer_bins_make_packed(&ctx, &design, 255, 5, &packed, &err).code, MER_OK);
    assert_true(plain.features[0].upper[0] == 2.5 && packed.features[0].upper[0] == 2.5);
    assert_null(packed.features[0].column);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(plain.features[0].column[i], dense[i * COLUMNS] == 7);
        assert_int_equal(packed.features[0].bits[i / 64] >> (i % 64) & 1,
                         plain.features[0].column[i]);
    }
    for (size_t f = 0; f < COLUMNS; f++) {
        assert_int_equal(plain.features[f].n_bins, packed.features[f].n_bins);
        assert_null(plain.features[f].bits);
        if (f == 1 || f == 2)
            assert_memory_equal(plain.features[f].column, packed.features[f].column, N);
    }
    assert_int_equal(packed.features[3].n_bins, 1);
    mer_bins_release(&ctx, &plain);
    mer_bins_release(&ctx, &packed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(few_values_have_a_bin_each_with_borders_halfway),
        TEST(many_values_are_cut_into_bins_of_about_equal_size),
        TEST(a_value_that_fills_a_bin_has_it_for_itself),
        TEST(missing_values_lie_in_a_bin_behind_the_others),
        TEST(constant_columns_have_no_cells),
        TEST(levels_have_bins_and_the_rarest_of_too_many_share_one),
        TEST(packed_bins_have_bits_for_the_columns_of_two_values),
        TEST(threads_and_samples_do_not_change_the_bins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
