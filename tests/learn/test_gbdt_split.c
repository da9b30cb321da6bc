/* Split finding against a search of every split there is, over small random tables. */
#include "tree_table.h"

#include <math.h>

#include "learn/gbdt_grow.h"

#ifdef MER_UNDER_VALGRIND
enum { TABLES = 2000 };
#else
enum { TABLES = 100000 };
#endif
enum { ROWS = 48, DENSE = 3, GROUPS = 2, LEVELS = 6 };

static struct mer_alloc alloc;
static struct mer_ctx ctx;
static mer_rng rng;

static int begin(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    ctx = (struct mer_ctx){.alloc = &alloc, .cpu = mer_cpu_detect()};
    mer_rng_init(&rng, 4, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(alloc.used, 0);
    return 0;
}

/* A table with a missing value here and there, sparse columns, groups, and codes of gradients. */
struct made {
    size_t n;
    double dense[ROWS * 2 * DENSE]; /* each column with its indicator */
    int32_t levels[ROWS * GROUPS];
    uint32_t indicators[2 * DENSE];
    uint32_t group_start[GROUPS + 1];
    uint32_t codes[ROWS + 64];
    struct mer_design design;
    struct mer_gbdt_limits limits;
};

static double random_cell(size_t kind)
{
    if (kind == 0)
        return mer_rng_normal(&rng);
    if (kind == 1)
        return (double)mer_rng_below(&rng, 4);
    return mer_rng_below(&rng, 5) ? 0 : (double)mer_rng_below(&rng, 3);
}

static void make_table(struct made *made)
{
    const size_t kind = mer_rng_below(&rng, 3);
    made->n = 2 + mer_rng_below(&rng, ROWS - 1);
    for (size_t f = 0; f < DENSE; f++) {
        const size_t column_kind = (kind + f) % 3;
        const uint64_t missing = mer_rng_below(&rng, 3);
        made->indicators[2 * f] = (uint32_t)(2 * f + 1);
        made->indicators[2 * f + 1] = MER_NO_INDICATOR;
        for (size_t i = 0; i < made->n; i++) {
            made->dense[i * 2 * DENSE + 2 * f] = random_cell(column_kind);
            made->dense[i * 2 * DENSE + 2 * f + 1] =
                missing && mer_rng_below(&rng, 4) < missing ? 1 : -1;
        }
    }
    for (size_t g = 0; g < GROUPS; g++)
        for (size_t i = 0; i < made->n; i++)
            made->levels[i * GROUPS + g] = (int32_t)mer_rng_below(&rng, LEVELS + 1) - 1;
    for (size_t g = 0; g <= GROUPS; g++)
        made->group_start[g] = (uint32_t)(g * LEVELS);
    for (size_t i = 0; i < made->n; i++)
        made->codes[i] = ((uint32_t)mer_rng_below(&rng, 201) - 100) << 16 |
                         (uint32_t)(1 + mer_rng_below(&rng, 30));
    made->design = (struct mer_design){.n_rows = made->n,
                                       .n_dense = 2 * DENSE,
                                       .dense = made->dense,
                                       .n_groups = GROUPS,
                                       .codes = made->levels,
                                       .group_start = made->group_start,
                                       .indicators = made->indicators};
    made->limits = (struct mer_gbdt_limits){
        .rule = {.lambda = mer_rng_below(&rng, 2) ? 0 : 1.5,
                 .alpha = mer_rng_below(&rng, 3) ? 0 : 20,
                 .min_hessian = mer_rng_below(&rng, 2) ? 0 : 40,
                 .min_rows = 1 + mer_rng_below(&rng, 4),
                 .g_unit = 1,
                 .h_unit = 1},
        .max_leaves = 2,
        .max_depth = SIZE_MAX,
        .max_onehot = 1,
    };
}

/* What stands in the dense cell, NaN where it is missing. */
static double cell(const struct made *made, size_t row, size_t f)
{
    const double *cells = made->dense + row * 2 * DENSE + 2 * f;
    return cells[1] > 0 ? (double)NAN : cells[0];
}

/* The gain of sending the rows of `left` to the left; -1: not allowed. */
static double gain_of(const struct made *made, const bool *left)
{
    const struct mer_gbdt_rule *rule = &made->limits.rule;
    double g[2] = {0, 0}, h[2] = {0, 0};
    size_t n[2] = {0, 0};
    for (size_t i = 0; i < made->n; i++) {
        g[left[i]] += (int32_t)made->codes[i] >> 16;
        h[left[i]] += made->codes[i] & 0xffff;
        n[left[i]]++;
    }
    double score[3];
    for (int side = 0; side < 3; side++) {
        const double sum_g = side == 2 ? g[0] + g[1] : g[side];
        const double sum_h = side == 2 ? h[0] + h[1] : h[side];
        const double rest = fmax(fabs(sum_g) - rule->alpha, 0);
        if (side < 2 && (n[side] < rule->min_rows || sum_h < rule->min_hessian))
            return -1;
        score[side] = rest * rest / (sum_h + rule->lambda);
    }
    return score[0] + score[1] - score[2];
}

/* Every threshold between two values, with what is missing on either side, and values against
 * missing ones. */
static double best_dense(const struct made *made, size_t f)
{
    bool left[ROWS];
    double best = -1;
    for (size_t t = 0; t < made->n; t++) {
        const double threshold = cell(made, t, f);
        for (int missing_left = 0; !isnan(threshold) && missing_left < 2; missing_left++) {
            for (size_t i = 0; i < made->n; i++) {
                const double value = cell(made, i, f);
                left[i] = isnan(value) ? missing_left : value <= threshold;
            }
            best = fmax(best, gain_of(made, left));
        }
    }
    return best;
}

/* Every set of levels. */
static double best_group(const struct made *made, size_t g)
{
    bool left[ROWS];
    double best = -1;
    for (unsigned set = 0; set < 1u << (LEVELS + 1); set++) {
        for (size_t i = 0; i < made->n; i++)
            left[i] = set >> (made->levels[i * GROUPS + g] + 1) & 1;
        best = fmax(best, gain_of(made, left));
    }
    return best;
}

/* One split of the table; returns its gain, -1: none was found. */
static double grown_gain(struct made *made, struct mer_gbdt_split *ret_split, bool *ret_left)
{
    struct mer_bins bins;
    struct mer_store store;
    struct mer_grower *grower;
    mer_err err;
    assert_int_equal(mer_bins_make(&ctx, &made->design, 255, 1, &bins, &err).code, MER_OK);
    assert_int_equal(mer_store_make(&ctx, &bins, &store, &err).code, MER_OK);
    assert_int_equal(mer_grower_new(&ctx, &store, &made->limits, 1, 1 << 20, &grower, &err).code,
                     MER_OK);
    static uint32_t drawn[ROWS];
    for (size_t i = 0; i < made->n; i++)
        drawn[i] = (uint32_t)i;
    assert_int_equal(
        mer_grower_grow(grower, NULL, made->codes, drawn, made->n, 1, 1, NULL, &err).code, MER_OK);
    const uint32_t *rows = mer_grower_rows(grower);
    size_t n_nodes;
    const struct mer_gbdt_node *nodes = mer_grower_nodes(grower, &n_nodes);
    double gain = -1;
    *ret_split = nodes[0].split;
    if (nodes[0].left) {
        gain = nodes[0].split.gain;
        memset(ret_left, 0, ROWS * sizeof *ret_left);
        for (size_t i = nodes[1].begin; i < nodes[1].end; i++)
            ret_left[rows[i]] = true;
        ret_split->feature = store.features[nodes[0].split.feature].feature;
        assert_int_equal(nodes[1].end - nodes[1].begin, nodes[1].sums.hc & MER_COUNT_MASK);
    }
    mer_grower_free(&ctx, grower);
    mer_store_release(&ctx, &store);
    mer_bins_release(&ctx, &bins);
    return gain;
}

static void the_best_split_of_numbers_is_found_in_a_hundred_thousand_tables(void **state)
{
    (void)state;
    struct made made;
    size_t n_splits = 0;
    for (size_t t = 0; t < TABLES; t++) {
        struct mer_gbdt_split split;
        bool left[ROWS];
        double best = 0;
        make_table(&made);
        made.design.n_groups = 0;
        const double gain = grown_gain(&made, &split, left);
        for (size_t f = 0; f < DENSE; f++)
            best = fmax(best, best_dense(&made, f));
        if (gain < 0) {
            assert_true(best <= 1e-9);
            continue;
        }
        n_splits++;
        assert_true(fabs(gain - best) <= 1e-9 * (1 + best));
        /* The rows went where the split says, and gain what it says. */
        assert_true(fabs(gain_of(&made, left) - gain) <= 1e-9 * (1 + gain));
    }
    assert_in_range(n_splits, TABLES / 2, TABLES);
}

/* In the order of G / H the best two sets are neighbours as long as nothing is smoothed. */
static void the_best_set_of_levels_is_found(void **state)
{
    (void)state;
    struct made made;
    for (size_t t = 0; t < TABLES / 20; t++) {
        struct mer_gbdt_split split;
        bool left[ROWS];
        double best = 0;
        make_table(&made);
        made.design.n_dense = 0;
        made.limits.rule = (struct mer_gbdt_rule){1, 1, 0, 0, 0, 1};
        const double gain = grown_gain(&made, &split, left);
        for (size_t g = 0; g < GROUPS; g++)
            best = fmax(best, best_group(&made, g));
        assert_true(fabs(fmax(gain, 0) - best) <= 1e-9 * (1 + best));
        if (gain > 0)
            assert_true(fabs(gain_of(&made, left) - gain) <= 1e-9 * (1 + gain));
    }
}

static void few_levels_are_split_one_against_the_rest(void **state)
{
    (void)state;
    struct made made;
    for (size_t t = 0; t < 500; t++) {
        struct mer_gbdt_split split;
        bool left[ROWS];
        make_table(&made);
        made.design.n_dense = 0;
        made.limits.max_onehot = LEVELS + 1;
        if (grown_gain(&made, &split, left) < 0)
            continue;
        int32_t of_left = INT32_MIN, of_right = INT32_MIN;
        bool one_left = true, one_right = true;
        for (size_t i = 0; i < made.n; i++) {
            const int32_t level = made.levels[i * GROUPS + split.feature];
            int32_t *first = left[i] ? &of_left : &of_right;
            if (*first == INT32_MIN)
                *first = level;
            *(left[i] ? &one_left : &one_right) &= *first == level;
        }
        assert_true(one_left || one_right);
    }
}

static void smoothing_holds_rare_levels_back(void **state)
{
    (void)state;
    struct made made;
    make_table(&made);
    /* Level 0 has one row with a huge gradient, levels 1 and 2 differ reliably. */
    made.n = 41;
    made.design.n_rows = made.n;
    made.design.n_dense = 0;
    made.design.n_groups = 1;
    for (size_t i = 0; i < made.n; i++) {
        const int32_t level = i == 0 ? 0 : i % 2 ? 1 : 2;
        made.levels[i] = level;
        made.codes[i] = (uint32_t)(level == 0 ? 60 : level == 1 ? 8 : -8) << 16 | 1;
    }
    made.limits.rule = (struct mer_gbdt_rule){1, 1, 0, 0, 0, 1};
    struct mer_gbdt_split split;
    bool left[ROWS];
    assert_true(grown_gain(&made, &split, left) > 0);
    made.limits.cat_smooth = 10;
    made.limits.cat_l2 = 10;
    assert_true(grown_gain(&made, &split, left) > 0);
    assert_true(left[1] != left[2] && left[0] == left[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_best_split_of_numbers_is_found_in_a_hundred_thousand_tables),
        TEST(the_best_set_of_levels_is_found),
        TEST(few_levels_are_split_one_against_the_rest),
        TEST(smoothing_holds_rare_levels_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
