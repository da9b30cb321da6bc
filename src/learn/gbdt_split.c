#include "learn/gbdt_split.h"

#include <math.h>
#include <string.h>

static double g_of(const struct mer_gbdt_rule *rule, const struct mer_gbdt_sums *sums)
{
    return (double)sums->g * rule->g_unit;
}

static double h_of(const struct mer_gbdt_rule *rule, const struct mer_gbdt_sums *sums)
{
    return (double)(sums->hc >> MER_COUNT_BITS) * rule->h_unit;
}

static uint64_t rows_of(const struct mer_gbdt_sums *sums)
{
    return sums->hc & MER_COUNT_MASK;
}

static double shrink(double g, double alpha)
{
    const double rest = fabs(g) - alpha;
    return rest > 0 ? copysign(rest, g) : 0;
}

double mer_gbdt_value(double g, double h, const struct mer_gbdt_rule *rule,
                      const struct mer_gbdt_bounds *bounds)
{
    const double divisor = h + rule->lambda;
    const double value = divisor > 0 ? -shrink(g, rule->alpha) / divisor : 0;
    return value < bounds->low ? bounds->low : value > bounds->high ? bounds->high : value;
}

double mer_gbdt_score(const struct mer_gbdt_rule *rule, const struct mer_gbdt_sums *sums)
{
    const double divisor = h_of(rule, sums) + rule->lambda;
    const double g = shrink(g_of(rule, sums), rule->alpha);
    return divisor > 0 ? g * g / divisor : 0;
}

/* The same for a value that bounds may have moved away from the best one. */
static double score_of_value(const struct mer_gbdt_rule *rule, const struct mer_gbdt_sums *sums,
                             double value)
{
    const double g = shrink(g_of(rule, sums), rule->alpha);
    return -(2 * g * value + (h_of(rule, sums) + rule->lambda) * value * value);
}

static bool is_bounded(const struct mer_gbdt_bounds *bounds)
{
    return bounds->low > -(double)INFINITY || bounds->high < (double)INFINITY;
}

static bool allows(const struct mer_gbdt_rule *rule, const struct mer_gbdt_sums *side)
{
    return rows_of(side) >= rule->min_rows && rows_of(side) > 0 &&
           h_of(rule, side) >= rule->min_hessian;
}

static struct mer_gbdt_sums difference(const struct mer_gbdt_sums *a, const struct mer_gbdt_sums *b)
{
    return (struct mer_gbdt_sums){a->g - b->g, a->hc - b->hc};
}

/* ---- dense features under monotone constraints ---- */

struct scan {
    const struct mer_gbdt_view *view;
    const struct mer_gbdt_sums *total;
    const struct mer_gbdt_bounds *bounds;
    double parent; /* score */
};

/* The score of a cut within bounds and direction; false: not allowed. */
static bool constrained_score(const struct scan *scan, const struct mer_gbdt_sums *left,
                              int direction, double *ret_score)
{
    const struct mer_gbdt_rule *rule = &scan->view->rule;
    const struct mer_gbdt_sums right = difference(scan->total, left);
    if (!allows(rule, left) || !allows(rule, &right))
        return false;
    const double value_left =
        mer_gbdt_value(g_of(rule, left), h_of(rule, left), rule, scan->bounds);
    const double value_right =
        mer_gbdt_value(g_of(rule, &right), h_of(rule, &right), rule, scan->bounds);
    if (direction * (value_right - value_left) < 0)
        return false;
    *ret_score = score_of_value(rule, left, value_left) + score_of_value(rule, &right, value_right);
    return true;
}

static void scan_constrained(const struct scan *scan, const int64_t *g, const uint64_t *hc,
                             size_t n_values, bool has_missing, int direction, double least,
                             struct mer_gbdt_cut *ret_cut)
{
    const bool missing = has_missing && (hc[n_values] & MER_COUNT_MASK) != 0;
    *ret_cut = (struct mer_gbdt_cut){.score = least};
    for (int side = 0; side <= missing; side++) {
        struct mer_gbdt_sums left = {0, 0};
        if (side)
            left = (struct mer_gbdt_sums){g[n_values], hc[n_values]};
        for (size_t b = 0; b + (side || !missing) < n_values; b++) {
            double score;
            left.g += g[b];
            left.hc += hc[b];
            if (!constrained_score(scan, &left, direction, &score) || !(score > ret_cut->score))
                continue;
            *ret_cut = (struct mer_gbdt_cut){.score = score,
                                             .cut = (uint32_t)b,
                                             .missing_left = side != 0,
                                             .found = true,
                                             .left = left};
        }
    }
}

/* ---- groups ---- */

struct level {
    uint32_t bin;
    double ratio;
};

/* The score of a set of levels against the rest; false: not allowed. */
static bool set_score(const struct scan *scan, const struct mer_gbdt_sums *left, double *ret_score)
{
    struct mer_gbdt_rule rule = scan->view->rule;
    const struct mer_gbdt_sums right = difference(scan->total, left);
    if (!allows(&rule, left) || !allows(&rule, &right))
        return false;
    rule.lambda += scan->view->limits->cat_l2;
    if (!is_bounded(scan->bounds)) {
        *ret_score = mer_gbdt_score(&rule, left) + mer_gbdt_score(&rule, &right);
        return true;
    }
    *ret_score =
        score_of_value(&rule, left,
                       mer_gbdt_value(g_of(&rule, left), h_of(&rule, left), &rule, scan->bounds)) +
        score_of_value(
            &rule, &right,
            mer_gbdt_value(g_of(&rule, &right), h_of(&rule, &right), &rule, scan->bounds));
    return true;
}

/* The levels that occur, in the order of their smoothed gradients (Fisher, "On grouping for maximum
 * homogeneity", 1958: the best two sets are neighbours in this order). */
static size_t order_levels(const struct scan *scan, const int64_t *g, const uint64_t *hc, size_t n,
                           struct level *ret_levels)
{
    const struct mer_gbdt_rule *rule = &scan->view->rule;
    size_t n_levels = 0;
    for (size_t b = 0; b < n; b++) {
        const struct mer_gbdt_sums sums = {g[b], hc[b]};
        if (rows_of(&sums) == 0)
            continue;
        const struct level level = {
            (uint32_t)b,
            g_of(rule, &sums) / (h_of(rule, &sums) + scan->view->limits->cat_smooth + 1e-16)};
        size_t at = n_levels++;
        for (; at > 0 && ret_levels[at - 1].ratio > level.ratio; at--)
            ret_levels[at] = ret_levels[at - 1];
        ret_levels[at] = level;
    }
    return n_levels;
}

static void add_to_set(uint64_t set[4], uint32_t bin)
{
    set[bin / 64] |= UINT64_C(1) << (bin % 64);
}

/* Levels that do not occur in the leaf go with its heavier side. */
static void complete_set(const uint64_t *hc, size_t n, const struct scan *scan,
                         struct mer_gbdt_split *split)
{
    const struct mer_gbdt_sums right = difference(scan->total, &split->left);
    if (rows_of(&split->left) < rows_of(&right))
        return;
    for (size_t b = 0; b < n; b++)
        if ((hc[b] & MER_COUNT_MASK) == 0)
            add_to_set(split->set, (uint32_t)b);
}

static void scan_group(const struct scan *scan, uint32_t feature, const int64_t *g,
                       const uint64_t *hc, size_t n, struct mer_gbdt_split *best)
{
    struct level levels[MER_BINS_MAX];
    const size_t n_levels = order_levels(scan, g, hc, n, levels);
    const bool one_against_rest = n_levels <= scan->view->limits->max_onehot;
    struct mer_gbdt_sums left = {0, 0};
    size_t chosen = SIZE_MAX;
    for (size_t i = 0; i < n_levels; i++) {
        const struct mer_gbdt_sums level = {g[levels[i].bin], hc[levels[i].bin]};
        double score;
        if (one_against_rest)
            left = (struct mer_gbdt_sums){0, 0};
        left.g += level.g;
        left.hc += level.hc;
        if (!set_score(scan, &left, &score) || !(score - scan->parent > best->gain))
            continue;
        *best = (struct mer_gbdt_split){
            .found = true, .gain = score - scan->parent, .feature = feature, .left = left};
        chosen = i;
    }
    if (chosen == SIZE_MAX)
        return;
    for (size_t i = one_against_rest ? chosen : 0; i <= chosen; i++)
        add_to_set(best->set, levels[i].bin);
    complete_set(hc, n, scan, best);
}

/* ---- one feature, and all ---- */

static void scan_dense(const struct scan *scan, uint32_t feature, const int64_t *g,
                       const uint64_t *hc, struct mer_gbdt_split *best)
{
    const struct mer_gbdt_view *view = scan->view;
    const struct mer_store_feature *f = &view->store->features[feature];
    const size_t n_values = f->n_bins - f->has_missing;
    const int direction = view->limits->monotone ? view->limits->monotone[f->feature] : 0;
    const double least = scan->parent + best->gain;
    struct mer_gbdt_cut cut;
    if (direction != 0 || is_bounded(scan->bounds))
        scan_constrained(scan, g, hc, n_values, f->has_missing, direction, least, &cut);
    else
        view->kernels->scan(g, hc, n_values, f->has_missing, scan->total, &view->rule, least, &cut);
    /* Where rounding makes a difference of what was none, nothing is gained. */
    if (!cut.found || !(cut.score - scan->parent > best->gain))
        return;
    *best = (struct mer_gbdt_split){.found = true,
                                    .gain = cut.score - scan->parent,
                                    .feature = feature,
                                    .cut = cut.cut,
                                    .missing_left = cut.missing_left,
                                    .left = cut.left};
    /* With nothing missing here, what is missing later goes with the heavier side. */
    if (!f->has_missing || (hc[n_values] & MER_COUNT_MASK) == 0)
        best->missing_left = 2 * rows_of(&cut.left) >= rows_of(scan->total);
}

/* A bundled feature with one bin beside its usual one, as one-hot columns have: there is one cut.
 */
static void scan_pair(const struct scan *scan, uint32_t feature, const struct mer_gbdt_sums *other,
                      struct mer_gbdt_split *best)
{
    const struct mer_gbdt_rule *rule = &scan->view->rule;
    const struct mer_gbdt_sums usual = difference(scan->total, other);
    const bool other_left = scan->view->store->features[feature].usual != 0;
    if (!allows(rule, other) || !allows(rule, &usual))
        return;
    const double gain = mer_gbdt_score(rule, other) + mer_gbdt_score(rule, &usual) - scan->parent;
    if (!(gain > best->gain))
        return;
    const struct mer_gbdt_sums left = other_left ? *other : usual;
    *best = (struct mer_gbdt_split){.found = true,
                                    .gain = gain,
                                    .feature = feature,
                                    .left = left,
                                    .missing_left = 2 * rows_of(&left) >= rows_of(scan->total)};
}

static bool is_pair(const struct scan *scan, const struct mer_store_feature *feature)
{
    const struct mer_gbdt_limits *limits = scan->view->limits;
    return feature->bundled && feature->n_bins == 2 && !feature->has_missing &&
           !is_bounded(scan->bounds) && (!limits->monotone || !limits->monotone[feature->feature]);
}

/* The histogram of a bundled feature: its bins out of the column's, and what is left of the total
 * in its usual bin. */
static void unbundle(const struct mer_store_feature *feature, const struct mer_gbdt_sums *total,
                     const int64_t *g, const uint64_t *hc, int64_t *ret_g, uint64_t *ret_hc)
{
    struct mer_gbdt_sums usual = *total;
    const size_t n_other = feature->n_bins - 1;
    for (size_t i = 0; i < n_other; i++) {
        const size_t from = feature->first + i;
        const size_t to = i + (i >= feature->usual);
        ret_g[to] = g[from];
        ret_hc[to] = hc[from];
        usual.g -= g[from];
        usual.hc -= hc[from];
    }
    ret_g[feature->usual] = usual.g;
    ret_hc[feature->usual] = usual.hc;
}

void mer_gbdt_find_split(const struct mer_gbdt_view *view, const int64_t *g, const uint64_t *hc,
                         size_t first_column, size_t n_columns, const struct mer_gbdt_sums *total,
                         const struct mer_gbdt_bounds *bounds, struct mer_gbdt_split *best)
{
    const struct mer_store *store = view->store;
    const struct scan scan = {
        view, total, bounds,
        is_bounded(bounds)
            ? score_of_value(&view->rule, total,
                             mer_gbdt_value(g_of(&view->rule, total), h_of(&view->rule, total),
                                            &view->rule, bounds))
            : mer_gbdt_score(&view->rule, total)};
    int64_t own_g[MER_BINS_MAX + MER_HISTOGRAM_LANES];
    uint64_t own_hc[MER_BINS_MAX + MER_HISTOGRAM_LANES];
    for (size_t c = first_column; c < first_column + n_columns; c++) {
        const struct mer_store_column *column = &store->columns[c];
        for (uint32_t i = 0; i < column->n_features; i++) {
            const uint32_t f = column->first_feature + i;
            const struct mer_store_feature *feature = &store->features[f];
            const int64_t *column_g = g + column->offset;
            const uint64_t *column_hc = hc + column->offset;
            if (view->active && !view->active[f])
                continue;
            if (is_pair(&scan, feature)) {
                const struct mer_gbdt_sums other = {column_g[feature->first],
                                                    column_hc[feature->first]};
                scan_pair(&scan, f, &other, best);
            } else if (feature->is_group) {
                scan_group(&scan, f, column_g, column_hc, feature->n_bins, best);
            } else if (feature->bundled) {
                unbundle(feature, total, column_g, column_hc, own_g, own_hc);
                scan_dense(&scan, f, own_g, own_hc, best);
            } else {
                scan_dense(&scan, f, column_g, column_hc, best);
            }
        }
    }
}

void mer_gbdt_sides(const struct mer_store *store, const struct mer_gbdt_split *split,
                    uint8_t ret_left[MER_BINS_MAX])
{
    const struct mer_store_feature *feature = &store->features[split->feature];
    for (uint32_t b = 0; b < MER_BINS_MAX; b++) {
        const uint32_t bin = mer_store_feature_bin(feature, b);
        if (feature->is_group)
            ret_left[b] = split->set[bin / 64] >> (bin % 64) & 1;
        else if (feature->has_missing && bin == feature->n_bins - 1)
            ret_left[b] = split->missing_left;
        else
            ret_left[b] = bin <= split->cut;
    }
}

void mer_gbdt_child_bounds(const struct mer_gbdt_view *view, const struct mer_gbdt_split *split,
                           const struct mer_gbdt_sums *total, const struct mer_gbdt_bounds *bounds,
                           struct mer_gbdt_bounds ret_children[2])
{
    ret_children[0] = *bounds;
    ret_children[1] = *bounds;
    const struct mer_store_feature *feature = &view->store->features[split->feature];
    const int direction =
        view->limits->monotone && !feature->is_group ? view->limits->monotone[feature->feature] : 0;
    if (direction == 0)
        return;
    const struct mer_gbdt_rule *rule = &view->rule;
    const struct mer_gbdt_sums right = difference(total, &split->left);
    const double middle =
        (mer_gbdt_value(g_of(rule, &split->left), h_of(rule, &split->left), rule, bounds) +
         mer_gbdt_value(g_of(rule, &right), h_of(rule, &right), rule, bounds)) /
        2;
    ret_children[direction > 0 ? 0 : 1].high = middle;
    ret_children[direction > 0 ? 1 : 0].low = middle;
}
