/* Walking from the root to a leaf, several at a time: each step waits for its node and then for its
 * number, so that eight independent walks cost little more than one.
 */
#include "learn/ensemble_compact.h"

enum { LANES = 8 };

/* A row's numbers and codes. */
struct row_view {
    const void *dense;
    const int32_t *codes;
};

static struct row_view view_of(const struct mer_ensemble_rows *rows, size_t row)
{
    const size_t size = rows->is_float32 ? sizeof(float) : sizeof(double);
    struct row_view view = {NULL, NULL};
    if (rows->dense)
        view.dense = (const char *)rows->dense + row * rows->row_stride * size;
    if (rows->codes)
        view.codes = rows->codes + row * rows->code_row_stride;
    return view;
}

/* Where a number sends: NaN compares false, and goes left only with the flag. A leaf's threshold is
 * infinity with the flag, so that it leads to itself. */
static inline uint32_t step_number(const struct mer_walk_node *node, double x)
{
    const uint32_t is_missing_right =
        (uint32_t)(x != x) & (uint32_t) !(node->feature & MER_WALK_MISSING_LEFT);
    return node->left + ((uint32_t)(x > node->threshold) | is_missing_right);
}

static inline uint32_t step_f32(const struct mer_walk_node *nodes, uint32_t at, const void *dense,
                                size_t column_stride)
{
    const struct mer_walk_node *node = &nodes[at];
    const float *x = dense;
    return step_number(node, (double)x[(node->feature & MER_WALK_FEATURE) * column_stride]);
}

static inline uint32_t step_f64(const struct mer_walk_node *nodes, uint32_t at, const void *dense,
                                size_t column_stride)
{
    const struct mer_walk_node *node = &nodes[at];
    const double *x = dense;
    return step_number(node, x[(node->feature & MER_WALK_FEATURE) * column_stride]);
}

/* A step in a tree that splits groups. */
static inline uint32_t step_any(const struct mer_ensemble_compact *compact,
                                const struct mer_ensemble_rows *rows, uint32_t at,
                                const struct row_view *row)
{
    const struct mer_walk_node *node = &compact->walk[at];
    if (node->left == at)
        return at;
    if (!(node->feature & MER_WALK_GROUP))
        return rows->is_float32 ? step_f32(compact->walk, at, row->dense, rows->column_stride)
                                : step_f64(compact->walk, at, row->dense, rows->column_stride);
    const size_t group = node->feature & MER_WALK_FEATURE;
    const uint32_t level = mer_ensemble_level(compact->ensemble->widths[group],
                                              row->codes[group * rows->code_column_stride]);
    const uint8_t *set = compact->ensemble->sets + node->set;
    return node->left + !(set[level / 8] >> (level % 8) & 1);
}

/* Steps until no lane moves any more. The kind of step is chosen outside of the loop. */
static void walk_lanes(const struct mer_ensemble_compact *compact,
                       const struct mer_ensemble_rows *rows, const struct row_view *views,
                       bool has_groups, uint32_t *at)
{
    const struct mer_walk_node *nodes = compact->walk;
    const size_t stride = rows->column_stride;
    uint32_t moved;
    if (has_groups) {
        do {
            moved = 0;
            for (size_t i = 0; i < LANES; i++) {
                const uint32_t next = step_any(compact, rows, at[i], &views[i]);
                moved |= next ^ at[i];
                at[i] = next;
            }
        } while (moved);
        return;
    }
#define WALK(step)                                                                                 \
    do {                                                                                           \
        moved = 0;                                                                                 \
        for (size_t i = 0; i < LANES; i++) {                                                       \
            const uint32_t next = step(nodes, at[i], views[i].dense, stride);                      \
            moved |= next ^ at[i];                                                                 \
            at[i] = next;                                                                          \
        }                                                                                          \
    } while (moved)
    if (rows->is_float32)
        WALK(step_f32);
    else
        WALK(step_f64);
#undef WALK
}

/* A tree of one node has nothing to step over, and maybe no number to look at. */
static bool is_leaf(const struct mer_ensemble_compact *compact, uint32_t root)
{
    return compact->walk[root].left == root;
}

void mer_walk_rows(const struct mer_ensemble_compact *compact, const struct mer_ensemble_rows *rows,
                   size_t first, size_t n, size_t tree, uint32_t *ret_nodes)
{
    const uint32_t root = (uint32_t)compact->ensemble->tree_starts[tree];
    struct row_view views[LANES];
    uint32_t at[LANES];
    for (size_t begin = 0; begin < n; begin += LANES) {
        const size_t n_lanes = n - begin < LANES ? n - begin : LANES;
        for (size_t i = 0; i < LANES; i++) {
            views[i] = view_of(rows, first + begin + (i < n_lanes ? i : 0));
            at[i] = root;
        }
        if (!is_leaf(compact, root))
            walk_lanes(compact, rows, views, compact->trees[tree].has_groups, at);
        for (size_t i = 0; i < n_lanes; i++)
            ret_nodes[begin + i] = at[i];
    }
}

void mer_walk_trees(const struct mer_ensemble_compact *compact,
                    const struct mer_ensemble_rows *rows, size_t row, size_t first, size_t n,
                    uint32_t *ret_nodes)
{
    const struct row_view view = view_of(rows, row);
    struct row_view views[LANES];
    uint32_t at[LANES];
    bool has_groups = false;
    bool has_leaf = false;
    for (size_t i = 0; i < LANES; i++) {
        const size_t tree = first + (i < n ? i : 0);
        views[i] = view;
        at[i] = (uint32_t)compact->ensemble->tree_starts[tree];
        has_groups |= compact->trees[tree].has_groups;
        has_leaf |= is_leaf(compact, at[i]);
    }
    walk_lanes(compact, rows, views, has_groups || has_leaf, at);
    for (size_t i = 0; i < n; i++)
        ret_nodes[i] = at[i];
}
