#include "learn/tree_split.h"

#include <math.h>
#include <string.h>

/* A side with less than this share of the node's weight is what rounding left over. */
static const double LEAST_SHARE = 1e-12;

/* The two sides of a split while rows move from the right to the left. */
struct sides {
    size_t n_classes; /* 0: regression */
    double centre;    /* regression: the node's mean */
    double least;     /* weight that a side must have */
    double left_weight;
    double right_weight;
    double left_sum;  /* of squared class weights, or of distances from the centre; the right */
    double right_sum; /* side's distances sum to the negative of the left's */
    double *left;     /* [n_classes] */
    double *right;
};

static struct sides sides_of(const struct mer_tree_data *data, const struct mer_tree_segment *node,
                             const struct mer_tree_scratch *scratch)
{
    struct sides sides = {
        .n_classes = data->classes ? data->n_stats : 0,
        .centre = node->stats[0],
        .least = node->weight * LEAST_SHARE,
        .right_weight = node->weight,
        .left = scratch->left,
        .right = scratch->right,
    };
    for (size_t k = 0; k < sides.n_classes; k++) {
        sides.left[k] = 0;
        sides.right[k] = node->stats[k];
        sides.right_sum += node->stats[k] * node->stats[k];
    }
    return sides;
}

/* Moves weight of a class, keeping the sums of squares: (a + w)^2 = a^2 + w (2 a + w). */
static inline void move_class(struct sides *sides, size_t class, double weight)
{
    sides->left_sum += weight * (2 * sides->left[class] + weight);
    sides->right_sum -= weight * (2 * sides->right[class] - weight);
    sides->left[class] += weight;
    sides->right[class] -= weight;
}

static inline void move_row(struct sides *sides, const struct mer_tree_data *data, uint32_t row)
{
    const double weight = data->weights[row];
    sides->left_weight += weight;
    sides->right_weight -= weight;
    if (sides->n_classes)
        move_class(sides, (size_t)data->classes[row], weight);
    else
        sides->left_sum += weight * (data->values[row] - sides->centre);
}

static void move_level(struct sides *sides, double weight, const double *stats)
{
    sides->left_weight += weight;
    sides->right_weight -= weight;
    for (size_t k = 0; k < sides->n_classes; k++)
        move_class(sides, k, stats[k]);
    if (!sides->n_classes)
        sides->left_sum += stats[0];
}

static inline double score_of(const struct sides *sides)
{
    if (!(sides->left_weight > sides->least && sides->right_weight > sides->least))
        return -INFINITY;
    if (sides->n_classes)
        return sides->left_sum / sides->left_weight + sides->right_sum / sides->right_weight;
    const double square = sides->left_sum * sides->left_sum;
    return square / sides->left_weight + square / sides->right_weight;
}

/* A threshold t with below <= t < above. */
static double between(double below, double above)
{
    const double middle = below / 2 + above / 2;
    return middle >= below && middle < above ? middle : below;
}

static struct mer_tree_split search_dense(const struct mer_tree_data *data,
                                          const struct mer_tree_segment *node, size_t feature,
                                          size_t min_rows, const struct mer_tree_scratch *scratch)
{
    const double *column = data->columns + feature * data->n_rows;
    const uint32_t *order = data->orders + feature * data->n_rows;
    struct mer_tree_split best = {.score = -INFINITY};
    double value = column[order[node->begin]];
    if (value == column[order[node->end - 1]])
        return best;
    struct sides sides = sides_of(data, node, scratch);
    for (size_t i = node->begin; i + min_rows < node->end; i++) {
        move_row(&sides, data, order[i]);
        const double next = column[order[i + 1]];
        const bool same = next == value;
        const double below = value;
        value = next;
        if (same || i + 1 - node->begin < min_rows)
            continue;
        const double score = score_of(&sides);
        if (score > best.score) {
            best.score = score;
            best.threshold = between(below, next);
        }
    }
    return best;
}

/* Sums up the node's rows by level and returns how many levels it has. */
static size_t tally_levels(const struct mer_tree_data *data, const struct mer_tree_segment *node,
                           size_t group, struct mer_tree_scratch *scratch)
{
    const uint32_t *codes = data->codes + group * data->n_rows;
    const size_t n_stats = data->n_stats;
    size_t n_present = 0;
    for (size_t i = node->begin; i < node->end; i++) {
        const uint32_t row = data->rows[i];
        const uint32_t level = codes[row];
        const double weight = data->weights[row];
        double *stats = scratch->level_stats + level * n_stats;
        if (scratch->level_rows[level]++ == 0) {
            scratch->present[n_present++] = level;
            scratch->level_weights[level] = 0;
            memset(stats, 0, n_stats * sizeof *stats);
        }
        scratch->level_weights[level] += weight;
        if (data->classes)
            stats[data->classes[row]] += weight;
        else
            stats[0] += weight * (data->values[row] - node->stats[0]);
    }
    return n_present;
}

static void forget_levels(struct mer_tree_scratch *scratch, size_t n_present)
{
    for (size_t i = 0; i < n_present; i++)
        scratch->level_rows[scratch->present[i]] = 0;
}

/* Puts the node's levels in the order of their mean, or of the share of a class. */
static void order_levels(const struct mer_tree_data *data, size_t by_class, size_t n_present,
                         struct mer_tree_scratch *scratch)
{
    for (size_t i = 0; i < n_present; i++) {
        const uint32_t level = scratch->present[i];
        scratch->keys[i] =
            scratch->level_stats[level * data->n_stats + by_class] / scratch->level_weights[level];
    }
    mer_order_doubles(scratch->keys, n_present, scratch->items, scratch->order);
}

/* The best prefix of the levels in their present order, if it beats `best`. */
static void search_prefixes(const struct mer_tree_data *data, const struct mer_tree_segment *node,
                            size_t by_class, size_t n_present, size_t min_rows,
                            const struct mer_tree_scratch *scratch, struct mer_tree_split *best)
{
    struct sides sides = sides_of(data, node, scratch);
    const size_t n_rows = node->end - node->begin;
    size_t n_left_rows = 0;
    for (size_t i = 0; i + 1 < n_present; i++) {
        const uint32_t level = scratch->present[scratch->order[i]];
        move_level(&sides, scratch->level_weights[level],
                   scratch->level_stats + level * data->n_stats);
        n_left_rows += scratch->level_rows[level];
        if (n_left_rows < min_rows || n_rows - n_left_rows < min_rows)
            continue;
        const double score = score_of(&sides);
        if (score > best->score)
            *best = (struct mer_tree_split){.score = score, .by_class = by_class, .n_left = i + 1};
    }
}

static struct mer_tree_split search_group(const struct mer_tree_data *data,
                                          const struct mer_tree_segment *node, size_t group,
                                          size_t min_rows, struct mer_tree_scratch *scratch)
{
    struct mer_tree_split best = {.score = -INFINITY};
    const size_t n_present = tally_levels(data, node, group, scratch);
    /* With two classes the order by one is the reverse of the order by the other. */
    const size_t first = data->n_stats == 2 ? 1 : 0;
    for (size_t k = first; k < data->n_stats && n_present > 1; k++) {
        if (data->classes && node->stats[k] == 0)
            continue;
        order_levels(data, k, n_present, scratch);
        search_prefixes(data, node, k, n_present, min_rows, scratch, &best);
    }
    forget_levels(scratch, n_present);
    return best;
}

struct mer_tree_split mer_tree_split_search(const struct mer_tree_data *data,
                                            const struct mer_tree_segment *node, size_t feature,
                                            size_t min_rows, struct mer_tree_scratch *scratch)
{
    if (feature < data->n_dense)
        return search_dense(data, node, feature, min_rows, scratch);
    return search_group(data, node, feature - data->n_dense, min_rows, scratch);
}

void mer_tree_split_levels(const struct mer_tree_data *data, const struct mer_tree_segment *node,
                           size_t group, const struct mer_tree_split *split,
                           struct mer_tree_scratch *scratch, uint8_t *ret_bits)
{
    const size_t n_present = tally_levels(data, node, group, scratch);
    order_levels(data, split->by_class, n_present, scratch);
    double left_weight = 0;
    for (size_t i = 0; i < split->n_left; i++)
        left_weight += scratch->level_weights[scratch->present[scratch->order[i]]];
    const bool absent_left = left_weight >= node->weight - left_weight;
    memset(ret_bits, 0, (data->n_levels[group] + 7) / 8);
    for (size_t level = 0; absent_left && level < data->n_levels[group]; level++) {
        if (scratch->level_rows[level] == 0)
            ret_bits[level / 8] = (uint8_t)(ret_bits[level / 8] | 1u << (level % 8));
    }
    for (size_t i = 0; i < split->n_left; i++) {
        const uint32_t level = scratch->present[scratch->order[i]];
        ret_bits[level / 8] = (uint8_t)(ret_bits[level / 8] | 1u << (level % 8));
    }
    forget_levels(scratch, n_present);
}

mer_status mer_tree_scratch_init(const struct mer_ctx *ctx, const struct mer_tree_data *data,
                                 struct mer_tree_scratch *ret_scratch, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    const size_t n_stats = data->n_stats;
    const size_t n_levels = data->max_levels;
    struct mer_tree_scratch s = {0};
    size_t n_level_stats;
    mer_status status;
    if (!mer_size_mul(n_levels, n_stats, &n_level_stats))
        return mer_fail(err, MER_ERR_MEMORY, "%zu levels of %zu classes are too many", n_levels,
                        n_stats);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_stats, sizeof(double), &s.left, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_stats, sizeof(double), &s.right, err), failed);
    MER_GUARD_GOTO(mer_alloc_zero(alloc, n_levels, sizeof(uint32_t), &s.level_rows, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_levels, sizeof(double), &s.level_weights, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_level_stats, sizeof(double), &s.level_stats, err),
                   failed);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_levels, sizeof(uint32_t), &s.present, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_levels, sizeof(double), &s.keys, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_levels, sizeof(uint32_t), &s.order, err), failed);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n_levels, 2 * sizeof *s.items, &s.items, err), failed);
    *ret_scratch = s;
    return mer_ok();
failed:
    mer_tree_scratch_release(ctx, &s);
    return status;
}

void mer_tree_scratch_release(const struct mer_ctx *ctx, struct mer_tree_scratch *scratch)
{
    mer_free(ctx->alloc, scratch->left);
    mer_free(ctx->alloc, scratch->right);
    mer_free(ctx->alloc, scratch->level_rows);
    mer_free(ctx->alloc, scratch->level_weights);
    mer_free(ctx->alloc, scratch->level_stats);
    mer_free(ctx->alloc, scratch->present);
    mer_free(ctx->alloc, scratch->keys);
    mer_free(ctx->alloc, scratch->order);
    mer_free(ctx->alloc, scratch->items);
    *scratch = (struct mer_tree_scratch){0};
}
