/* The first split of a tree against all splits there are. */
#include <stdio.h>

#include "tree_table.h"

enum { ROUNDS = 4000, MOST_ROWS = 30, MOST_LEVELS = 6 };

static struct table table;

/* A random table with many ties: few values, few levels, some weights of 0. */
static void make_random_table(mer_rng *rng)
{
    static const size_t class_counts[] = {0, 2, 3};
    const size_t n_rows = 2 + mer_rng_below(rng, MOST_ROWS - 1);
    const size_t n_dense = mer_rng_below(rng, 3);
    const size_t n_groups = mer_rng_below(rng, 3);
    const size_t n_classes = class_counts[mer_rng_below(rng, 3)];
    const double n_values = (double)(1 + mer_rng_below(rng, 12));
    table_init(&table, n_rows, n_dense, n_groups, n_classes, mer_rng_below(rng, 2) == 1);
    for (size_t g = 0; g < n_groups; g++)
        table.group_start[g + 1] =
            table.group_start[g] + 1 + (uint32_t)mer_rng_below(rng, MOST_LEVELS - 1);
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t j = 0; j < n_dense; j++)
            table.dense[row * n_dense + j] = floor(mer_rng_uniform(rng) * n_values) - 4;
        for (size_t g = 0; g < n_groups; g++) {
            const uint32_t width = table.group_start[g + 1] - table.group_start[g];
            table.codes[row * n_groups + g] = (int32_t)mer_rng_below(rng, width + 1) - 1;
        }
        table.values[row] = floor(mer_rng_uniform(rng) * 8);
        table.classes[row] = (int32_t)mer_rng_below(rng, n_classes ? n_classes : 1);
        table.weights[row] = row && mer_rng_below(rng, 5) == 0 ? 0 : 0.25 + mer_rng_uniform(rng);
    }
}

static double weight_of(size_t row)
{
    return table.target.weights ? table.target.weights[row] : 1.0;
}

/* Weight times impurity of the rows that are chosen; *ret_rows counts those with weight. */
static double impurity_of(const bool *chosen, bool wanted, size_t *ret_rows)
{
    double weight = 0, sum = 0, squares = 0;
    double class_weights[TABLE_CLASSES] = {0};
    *ret_rows = 0;
    for (size_t row = 0; row < table.design.n_rows; row++) {
        if (chosen[row] != wanted || weight_of(row) == 0)
            continue;
        ++*ret_rows;
        weight += weight_of(row);
        sum += weight_of(row) * table.values[row];
        squares += weight_of(row) * table.values[row] * table.values[row];
        class_weights[table.classes[row]] += weight_of(row);
    }
    if (weight == 0)
        return 0;
    if (table.target.n_classes == 0)
        return squares - sum * sum / weight;
    double class_squares = 0;
    for (size_t k = 0; k < table.target.n_classes; k++)
        class_squares += class_weights[k] * class_weights[k];
    return weight - class_squares / weight;
}

/* What the split would gain; 0 when a side has too few rows. */
static double gain_of(const bool *goes_left, size_t min_rows)
{
    const bool all[MOST_ROWS + 1] = {0};
    size_t n_all, n_left, n_right;
    const double before = impurity_of(all, false, &n_all);
    const double left = impurity_of(goes_left, true, &n_left);
    const double right = impurity_of(goes_left, false, &n_right);
    return n_left < min_rows || n_right < min_rows ? 0 : before - left - right;
}

static double best_dense_gain(size_t feature, size_t min_rows)
{
    double best = 0;
    for (size_t at = 0; at < table.design.n_rows; at++) {
        bool goes_left[MOST_ROWS + 1];
        for (size_t row = 0; row < table.design.n_rows; row++)
            goes_left[row] = table.dense[row * table.design.n_dense + feature] <=
                             table.dense[at * table.design.n_dense + feature];
        best = fmax(best, gain_of(goes_left, min_rows));
    }
    return best;
}

/* Over all sets of levels, the code -1 being one. */
static double best_group_gain(size_t group, size_t min_rows)
{
    double best = 0;
    const uint32_t n_levels = table.group_start[group + 1] - table.group_start[group] + 1;
    for (uint32_t set = 0; set < 1u << n_levels; set++) {
        bool goes_left[MOST_ROWS + 1];
        for (size_t row = 0; row < table.design.n_rows; row++)
            goes_left[row] = set >> (table.codes[row * table.design.n_groups + group] + 1) & 1;
        best = fmax(best, gain_of(goes_left, min_rows));
    }
    return best;
}

/* The gain of the fitted tree of one split, from its predictions alone: without smoothing a leaf
 * predicts its mean or its class shares, and these give its impurity. */
static double gain_of_tree(size_t min_rows)
{
    char min_text[8];
    double outputs[(MOST_ROWS + 1) * TABLE_CLASSES];
    struct fitted fitted;
    snprintf(min_text, sizeof min_text, "%zu", min_rows);
    fit_tree(&table,
             SETTINGS({"max_depth", "1"}, {"min_samples_leaf", min_text}, {"smoothing", "0"}), 1,
             &fitted);
    predict_tree(&fitted, &table.design, outputs);
    fitted_release(&fitted);
    const bool all[MOST_ROWS + 1] = {0};
    size_t n_all;
    double gain = impurity_of(all, false, &n_all);
    for (size_t row = 0; row < table.design.n_rows; row++) {
        const size_t n_classes = table.target.n_classes;
        const double error = table.values[row] - outputs[row];
        gain -= weight_of(row) * (n_classes == 0
                                      ? error * error
                                      : 1 - outputs[row * n_classes + (size_t)table.classes[row]]);
    }
    return gain;
}

static void the_first_split_is_the_best_of_all(void **state)
{
    (void)state;
    mer_rng rng;
    mer_rng_init(&rng, 20, 0);
    size_t n_split = 0;
    size_t n_by_group = 0;
    double sets_gain = 0;
    double sets_best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        make_random_table(&rng);
        const size_t min_rows = mer_rng_below(&rng, 2) ? 1 : 2 + mer_rng_below(&rng, 3);
        double best_dense = 0;
        double best_group = 0;
        for (size_t j = 0; j < table.design.n_dense; j++)
            best_dense = fmax(best_dense, best_dense_gain(j, min_rows));
        for (size_t g = 0; g < table.design.n_groups; g++)
            best_group = fmax(best_group, best_group_gain(g, min_rows));
        const double best = fmax(best_dense, best_group);
        const double gain = gain_of_tree(min_rows);
        if (gain > best + 1e-9)
            fail_msg("round %d: a gain of %.17g is more than there is, %.17g", round, gain, best);
        n_split += gain > 1e-9;
        n_by_group += best_group > best_dense + 1e-9;
        /* The best set of levels is surely a prefix of their order for up to two classes, and when
         * no side is too small for min_samples_leaf. */
        if (best_group > best_dense && (table.target.n_classes == 3 || min_rows > 1)) {
            assert_true(gain >= best_dense - 1e-9);
            sets_gain += gain;
            sets_best += best;
        } else if (fabs(gain - best) > 1e-9) {
            fail_msg("round %d: a gain of %.17g, the best is %.17g", round, gain, best);
        }
    }
    /* The rounds tested something, and where the best is not sure to be found it is nearly. */
    assert_true(n_split > ROUNDS / 2 && n_by_group > ROUNDS / 8);
    assert_true(sets_best > 0 && sets_gain > 0.95 * sets_best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_split_is_the_best_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
