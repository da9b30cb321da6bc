/* Trees by bytes: which trees can be evaluated so, the ranks and classes that they need, and their
 * operations. What it means is in ensemble_compact.h.
 *
 * No recursion: the depth of a loaded tree is a stranger's choice.
 */
#include <math.h>
#include <string.h>

#include "core/order.h"
#include "learn/ensemble_compact.h"

enum { MAX_NODES = 2 * MER_COMPACT_LEAVES - 1, NARROW = 255 /* levels that are their own class */ };

/* Where a feature or group stands among the ones that are used. */
enum { UNUSED = UINT32_MAX };

struct plan {
    struct mer_alloc *alloc;
    struct mer_ensemble_compact *compact;
    const struct mer_ensemble *e;

    size_t *starts;      /* [n_dense + 1] into thresholds */
    double *thresholds;  /* of each dense feature, sorted and different ... */
    size_t *n_different; /* [n_dense] ... the first n_different of its part */
    uint32_t *place;     /* [n_dense + n_groups] in compact->features and compact->groups */

    size_t *class_starts; /* [n_groups + 1] into compact->classes: empty for narrow groups */
    uint32_t *n_classes;  /* [n_groups]; 0: too many */
};

static void release_plan(struct plan *plan)
{
    mer_free(plan->alloc, plan->starts);
    mer_free(plan->alloc, plan->thresholds);
    mer_free(plan->alloc, plan->n_different);
    mer_free(plan->alloc, plan->place);
    mer_free(plan->alloc, plan->class_starts);
    mer_free(plan->alloc, plan->n_classes);
}

static size_t tree_nodes(const struct mer_ensemble *e, size_t tree)
{
    return (size_t)(e->tree_starts[tree + 1] - e->tree_starts[tree]);
}

/* The nodes of trees that are small enough, one after another; SIZE_MAX ends. */
struct node_walk {
    size_t tree;
    size_t node;
};

static size_t next_node(const struct mer_ensemble *e, struct node_walk *walk)
{
    while (walk->tree < e->n_trees) {
        const size_t begin = (size_t)e->tree_starts[walk->tree];
        const size_t n = tree_nodes(e, walk->tree);
        if (n <= MAX_NODES && walk->node < n)
            return begin + walk->node++;
        walk->tree++;
        walk->node = 0;
    }
    return SIZE_MAX;
}

/* ---- thresholds ---- */

/* Keeps the different ones of sorted numbers. */
static size_t drop_equal(double *x, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || x[i] > x[kept - 1])
            x[kept++] = x[i];
    return kept;
}

static mer_status sort_thresholds(struct plan *plan, size_t most, mer_err *err)
{
    struct mer_order_item *scratch = NULL;
    uint32_t *order = NULL;
    double *sorted = NULL;
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(plan->alloc, 2 * most, sizeof *scratch, &scratch, err), done);
    MER_GUARD_GOTO(mer_alloc_array(plan->alloc, most, sizeof *order, &order, err), done);
    MER_GUARD_GOTO(mer_alloc_array(plan->alloc, most, sizeof *sorted, &sorted, err), done);
    for (size_t f = 0; f < plan->e->n_dense; f++) {
        double *x = plan->thresholds + plan->starts[f];
        const size_t n = plan->starts[f + 1] - plan->starts[f];
        mer_order_doubles(x, n, scratch, order);
        for (size_t i = 0; i < n; i++)
            sorted[i] = x[order[i]];
        memcpy(x, sorted, n * sizeof *x);
        plan->n_different[f] = drop_equal(x, n);
    }
done:
    mer_free(plan->alloc, scratch);
    mer_free(plan->alloc, order);
    mer_free(plan->alloc, sorted);
    return status;
}

static mer_status collect_thresholds(struct plan *plan, mer_err *err)
{
    const struct mer_ensemble *e = plan->e;
    struct node_walk walk = {0};
    size_t most = 0;
    MER_GUARD(mer_alloc_zero(plan->alloc, e->n_dense + 1, sizeof(size_t), &plan->starts, err));
    MER_GUARD(mer_alloc_zero(plan->alloc, e->n_dense, sizeof(size_t), &plan->n_different, err));
    for (size_t at; (at = next_node(e, &walk)) != SIZE_MAX;)
        if (e->features[at] >= 0 && (size_t)e->features[at] < e->n_dense)
            plan->starts[e->features[at] + 1]++;
    for (size_t f = 0; f < e->n_dense; f++) {
        most = plan->starts[f + 1] > most ? plan->starts[f + 1] : most;
        plan->starts[f + 1] += plan->starts[f];
    }
    MER_GUARD(mer_alloc_array(plan->alloc, plan->starts[e->n_dense], sizeof(double),
                              &plan->thresholds, err));
    walk = (struct node_walk){0};
    for (size_t at; (at = next_node(e, &walk)) != SIZE_MAX;) {
        if (e->features[at] < 0 || (size_t)e->features[at] >= e->n_dense)
            continue;
        const size_t f = (size_t)e->features[at];
        plan->thresholds[plan->starts[f] + plan->n_different[f]++] = e->thresholds[at];
    }
    return sort_thresholds(plan, most, err);
}

/* The place of a threshold among the different ones. */
static uint8_t rank_of(const struct plan *plan, size_t feature, double threshold)
{
    const double *x = plan->thresholds + plan->starts[feature];
    size_t begin = 0;
    size_t end = plan->n_different[feature];
    while (begin < end) {
        const size_t middle = begin + (end - begin) / 2;
        if (x[middle] < threshold)
            begin = middle + 1;
        else
            end = middle;
    }
    return (uint8_t)begin;
}

/* ---- classes of levels ---- */

static bool set_has(const struct mer_ensemble *e, size_t node, size_t level)
{
    return e->sets[(size_t)e->set_starts[node] + level / 8] >> (level % 8) & 1;
}

/* Splits the classes of a group by one more set: levels that no set tells apart share a class. */
static void refine(const struct mer_ensemble *e, size_t node, size_t n_levels, uint8_t *classes,
                   uint32_t *n_classes)
{
    uint16_t renamed[2 * MER_COMPACT_SET_BYTES * 8];
    uint32_t n = 0;
    memset(renamed, 0xff, sizeof renamed);
    for (size_t level = 0; level < n_levels; level++) {
        uint16_t *name = &renamed[2 * classes[level] + set_has(e, node, level)];
        if (*name == UINT16_MAX)
            *name = (uint16_t)n++;
        if (n > MER_COMPACT_SET_BYTES * 8) {
            *n_classes = 0;
            return;
        }
        classes[level] = (uint8_t)*name;
    }
    *n_classes = n;
}

static mer_status find_classes(struct plan *plan, mer_err *err)
{
    const struct mer_ensemble *e = plan->e;
    struct node_walk walk = {0};
    MER_GUARD(
        mer_alloc_zero(plan->alloc, e->n_groups + 1, sizeof(size_t), &plan->class_starts, err));
    MER_GUARD(mer_alloc_zero(plan->alloc, e->n_groups, sizeof(uint32_t), &plan->n_classes, err));
    for (size_t g = 0; g < e->n_groups; g++) {
        const size_t n = e->widths[g] > NARROW ? (size_t)e->widths[g] + 1 : 0;
        plan->class_starts[g + 1] = plan->class_starts[g] + n;
        plan->n_classes[g] = 1;
    }
    MER_GUARD(mer_alloc_zero(plan->alloc, plan->class_starts[e->n_groups], 1,
                             &plan->compact->classes, err));
    for (size_t at; (at = next_node(e, &walk)) != SIZE_MAX;) {
        if (!mer_ensemble_splits_group(e, e->features[at]))
            continue;
        const size_t g = (size_t)e->features[at] - e->n_dense;
        const size_t n = plan->class_starts[g + 1] - plan->class_starts[g];
        if (n > 0 && plan->n_classes[g] > 0)
            refine(e, at, n, plan->compact->classes + plan->class_starts[g], &plan->n_classes[g]);
    }
    return mer_ok();
}

/* ---- which trees ---- */

static bool can_split(const struct plan *plan, int32_t feature)
{
    if (feature == MER_ENSEMBLE_LEAF)
        return true;
    if (mer_ensemble_splits_group(plan->e, feature))
        return plan->n_classes[(size_t)feature - plan->e->n_dense] > 0;
    return plan->n_different[feature] <= MER_COMPACT_THRESHOLDS;
}

static void choose_trees(struct plan *plan)
{
    const struct mer_ensemble *e = plan->e;
    for (size_t t = 0; t < e->n_trees; t++) {
        const size_t begin = (size_t)e->tree_starts[t];
        const size_t n = tree_nodes(e, t);
        bool is_bytes = n <= MAX_NODES;
        for (size_t at = begin; is_bytes && at < begin + n; at++)
            is_bytes = can_split(plan, e->features[at]);
        plan->compact->trees[t].is_bytes = is_bytes;
        for (size_t at = begin; is_bytes && at < begin + n; at++)
            if (e->features[at] != MER_ENSEMBLE_LEAF)
                plan->place[e->features[at]] = 0; /* used */
        plan->compact->n_bytes_trees += is_bytes;
    }
}

/* Numbers the features and groups that the chosen trees use; none are chosen when those need more
 * planes than a cache holds. */
static mer_status place_features(struct plan *plan, mer_err *err)
{
    struct mer_ensemble_compact *compact = plan->compact;
    const struct mer_ensemble *e = plan->e;
    for (size_t f = 0; f < mer_ensemble_features(e); f++)
        if (plan->place[f] != UNUSED)
            plan->place[f] =
                (uint32_t)(f < e->n_dense ? compact->n_features++ : compact->n_groups++);
    if (compact->n_features * MER_N_PLANES + compact->n_groups >= MER_COMPACT_COLUMNS) {
        compact->n_features = compact->n_groups = compact->n_bytes_trees = 0;
        for (size_t t = 0; t < e->n_trees; t++)
            compact->trees[t].is_bytes = false;
        return mer_ok();
    }
    MER_GUARD(mer_alloc_zero(plan->alloc, compact->n_features, sizeof *compact->features,
                             &compact->features, err));
    MER_GUARD(mer_alloc_zero(plan->alloc, compact->n_groups, sizeof *compact->groups,
                             &compact->groups, err));
    for (size_t f = 0; f < mer_ensemble_features(e); f++) {
        if (plan->place[f] == UNUSED)
            continue;
        if (f < e->n_dense) {
            compact->features[plan->place[f]].feature = (uint32_t)f;
            continue;
        }
        const size_t g = f - e->n_dense;
        compact->groups[plan->place[f]] = (struct mer_compact_group){
            .group = (uint32_t)g,
            .classes = e->widths[g] > NARROW ? compact->classes + plan->class_starts[g] : NULL};
    }
    return mer_ok();
}

/* ---- tables of thresholds ---- */

/* The largest float that is not above x. */
static float round_down(double x)
{
    const float f = (float)x;
    return (double)f > x ? nextafterf(f, -INFINITY) : f;
}

static void put_table(const struct plan *plan, struct mer_compact_feature *feature, size_t place)
{
    struct mer_ensemble_compact *compact = plan->compact;
    const double *x = plan->thresholds + plan->starts[feature->feature];
    const size_t n = plan->n_different[feature->feature];
    const size_t n_padded = feature->n_padded;
    float *f32 = compact->thresholds_f32 + feature->table;
    double *f64 = compact->thresholds_f64 + feature->table;
    float *pivots_f32 = compact->pivots_f32 + place * MER_COMPACT_PIVOTS_F32;
    double *pivots_f64 = compact->pivots_f64 + place * MER_COMPACT_PIVOTS_F64;
    for (size_t i = 0; i < n_padded; i++) {
        f64[i] = i < n ? x[i] : INFINITY;
        f32[i] = i < n ? round_down(x[i]) : INFINITY;
    }
    for (size_t i = 0; i < 32; i++)
        pivots_f32[i] = f32[(i + 1) * (n_padded / 32) - 1];
    for (size_t i = 0; i < 8; i++)
        pivots_f32[32 + i] = f32[(i + 1) * (n_padded / 8) - 1];
    for (size_t i = 0; i < 16; i++)
        pivots_f64[i] = f64[(i + 1) * (n_padded / 16) - 1];
}

static mer_status put_tables(struct plan *plan, mer_err *err)
{
    struct mer_ensemble_compact *compact = plan->compact;
    size_t n = 0;
    for (size_t i = 0; i < compact->n_features; i++) {
        struct mer_compact_feature *feature = &compact->features[i];
        feature->n_padded = 32;
        while (feature->n_padded <= plan->n_different[feature->feature])
            feature->n_padded *= 2;
        feature->table = n;
        n += feature->n_padded;
    }
    MER_GUARD(mer_alloc_array(plan->alloc, n, sizeof(float), &compact->thresholds_f32, err));
    MER_GUARD(mer_alloc_array(plan->alloc, n, sizeof(double), &compact->thresholds_f64, err));
    MER_GUARD(mer_alloc_zero(plan->alloc, compact->n_features * MER_COMPACT_PIVOTS_F32,
                             sizeof(float), &compact->pivots_f32, err));
    MER_GUARD(mer_alloc_zero(plan->alloc, compact->n_features * MER_COMPACT_PIVOTS_F64,
                             sizeof(double), &compact->pivots_f64, err));
    for (size_t i = 0; i < compact->n_features; i++)
        put_table(plan, &compact->features[i], i);
    return mer_ok();
}

/* ---- one tree ---- */

/* A split's condition as an operation has it: virtual column place * MER_N_PLANES + plane, those of
 * groups behind them. */
static struct mer_compact_op condition(const struct plan *plan, size_t node, uint8_t set,
                                       bool is_inverted)
{
    const struct mer_ensemble *e = plan->e;
    const int32_t feature = e->features[node];
    const uint32_t place = plan->place[feature];
    struct mer_compact_op op = {0};
    if (mer_ensemble_splits_group(e, feature)) {
        op.column = (uint32_t)plan->compact->n_features * MER_N_PLANES + place;
        op.kind = (uint8_t)(MER_OP_GROUP | (is_inverted ? MER_OP_INVERTED : 0));
        op.k = set;
        return op;
    }
    /* left: rank <= k. Inverted: right, rank >= k + 1, so 255 - rank <= 254 - k. */
    const uint8_t k = rank_of(plan, (size_t)feature, e->thresholds[node]);
    const uint32_t plane = e->missing_left[node] ? MER_PLANE_LEFT : MER_PLANE_RIGHT;
    op.column = place * MER_N_PLANES + plane + (is_inverted ? MER_PLANE_LEFT_INVERTED : 0);
    op.k = is_inverted ? (uint8_t)(254 - k) : k;
    return op;
}

/* What is known of a small tree's nodes. */
struct small_tree {
    size_t begin;
    size_t n_nodes;
    uint8_t leaf[MAX_NODES]; /* number of the leaf */
    uint8_t set[MAX_NODES];  /* of the split on a group */
    uint8_t need[MAX_NODES]; /* operands at a time; 0 for leaves (Sethi, Ullman 1970) */
    size_t n_leaves;
    size_t n_sets;
};

static void survey(const struct mer_ensemble *e, size_t tree, struct small_tree *small)
{
    small->begin = (size_t)e->tree_starts[tree];
    small->n_nodes = tree_nodes(e, tree);
    small->n_leaves = small->n_sets = 0;
    for (size_t n = 0; n < small->n_nodes; n++) {
        const int32_t feature = e->features[small->begin + n];
        small->leaf[n] = 0;
        small->set[n] = 0;
        if (feature == MER_ENSEMBLE_LEAF)
            small->leaf[n] = (uint8_t)small->n_leaves++;
        else if (mer_ensemble_splits_group(e, feature))
            small->set[n] = (uint8_t)small->n_sets++;
    }
    for (size_t n = small->n_nodes; n-- > 0;) {
        const size_t left = (size_t)e->left[small->begin + n];
        if (left == 0) {
            small->need[n] = 0;
            continue;
        }
        const uint8_t a = small->need[left];
        const uint8_t b = small->need[left + 1];
        small->need[n] = a == b ? (uint8_t)(a + 1) : a > b ? a : b;
    }
}

/* The operation of a node whose subtrees have been emitted, the one that needs more first. */
static struct mer_compact_op operation(const struct plan *plan, const struct small_tree *small,
                                       size_t n)
{
    const struct mer_ensemble *e = plan->e;
    const size_t left = (size_t)e->left[small->begin + n];
    const uint8_t a = small->need[left];
    const uint8_t b = small->need[left + 1];
    const bool is_inverted = a == 0 ? false : b == 0 || b > a;
    struct mer_compact_op op = condition(plan, small->begin + n, small->set[n], is_inverted);
    if (a == 0 && b == 0) {
        op.kind |= MER_OP_LEAVES;
        op.a = small->leaf[left];
        op.b = small->leaf[left + 1];
    } else if (a == 0 || b == 0) {
        op.kind |= MER_OP_LEAF;
        op.a = small->leaf[a == 0 ? left : left + 1];
    } else {
        op.kind |= MER_OP_POP;
    }
    return op;
}

/* Writes the operations in an order in which children come first, with a stack of its own. */
static void emit(const struct plan *plan, const struct small_tree *small,
                 struct mer_compact_op *ret_ops)
{
    uint16_t stack[2 * MAX_NODES];
    bool is_ready[2 * MAX_NODES];
    size_t depth = 0;
    size_t n_ops = 0;
    stack[depth] = 0;
    is_ready[depth++] = false;
    while (depth > 0) {
        const uint16_t n = stack[--depth];
        if (small->need[n] == 0)
            continue;
        if (is_ready[depth]) {
            ret_ops[n_ops++] = operation(plan, small, n);
            continue;
        }
        const uint16_t left = (uint16_t)plan->e->left[small->begin + n];
        const bool right_first = small->need[left + 1] > small->need[left];
        is_ready[depth++] = true; /* n again, behind its children */
        stack[depth] = right_first ? left : (uint16_t)(left + 1);
        is_ready[depth++] = false;
        stack[depth] = right_first ? (uint16_t)(left + 1) : left;
        is_ready[depth++] = false;
    }
}

static void put_set(const struct plan *plan, size_t node, uint8_t *ret_pair)
{
    const struct mer_ensemble *e = plan->e;
    const size_t g = (size_t)e->features[node] - e->n_dense;
    const struct mer_compact_group *group = &plan->compact->groups[plan->place[e->features[node]]];
    for (uint32_t level = 0; level <= e->widths[g]; level++)
        if (set_has(e, node, level)) {
            const uint8_t class = group->classes ? group->classes[level] : (uint8_t)level;
            ret_pair[class / 8] |= (uint8_t)(1 << (class % 8));
        }
    for (size_t i = 0; i < MER_COMPACT_SET_BYTES; i++)
        ret_pair[MER_COMPACT_SET_BYTES + i] = (uint8_t)~ret_pair[i];
}

static uint32_t row_node(const struct plan *plan, const struct small_tree *small, size_t n)
{
    const struct mer_ensemble *e = plan->e;
    const size_t n_features = plan->compact->n_features;
    const size_t at = small->begin + n;
    const int32_t feature = e->features[at];
    size_t column = 2 * n_features + plan->compact->n_groups;
    size_t k = 255;
    size_t left = 0;
    if (feature != MER_ENSEMBLE_LEAF) {
        const bool is_group = mer_ensemble_splits_group(e, feature);
        const size_t place = plan->place[feature];
        column = is_group ? 2 * n_features + place : 2 * place + !e->missing_left[at];
        k = is_group ? small->set[n] : rank_of(plan, (size_t)feature, e->thresholds[at]);
        left = (size_t)e->left[at] - n;
    }
    return (uint32_t)(column | k << MER_NODE_K | left << MER_NODE_LEFT);
}

static void put_tree(const struct plan *plan, size_t t)
{
    struct mer_ensemble_compact *compact = plan->compact;
    const struct mer_ensemble *e = plan->e;
    const struct mer_compact_tree *tree = &compact->trees[t];
    struct small_tree small;
    survey(e, t, &small);
    emit(plan, &small, compact->ops + tree->ops);
    for (size_t n = 0; n < small.n_nodes; n++) {
        const size_t at = small.begin + n;
        compact->nodes[at] = row_node(plan, &small, n);
        if (mer_ensemble_splits_group(e, e->features[at]))
            put_set(plan, at,
                    compact->sets + tree->sets + (size_t)small.set[n] * 2 * MER_COMPACT_SET_BYTES);
        if (e->features[at] == MER_ENSEMBLE_LEAF)
            for (size_t k = 0; k < e->n_values; k++)
                compact->values[tree->values + k * tree->values_stride + small.leaf[n]] =
                    e->values[at * e->n_values + k];
    }
}

/* ---- all trees ---- */

static uint32_t padded_leaves(size_t n_leaves)
{
    return n_leaves <= 16 ? 16 : n_leaves <= 32 ? 32 : n_leaves <= 64 ? 64 : 256;
}

struct totals {
    size_t ops;
    size_t sets;
    size_t values;
};

/* Where each tree's parts begin. */
static struct totals lay_out(const struct plan *plan)
{
    const struct mer_ensemble *e = plan->e;
    struct totals totals = {0};
    for (size_t t = 0; t < e->n_trees; t++) {
        struct mer_compact_tree *tree = &plan->compact->trees[t];
        struct small_tree small;
        if (!tree->is_bytes)
            continue;
        survey(e, t, &small);
        tree->n_leaves = (uint32_t)small.n_leaves;
        tree->n_ops = tree->n_leaves - 1;
        tree->values_stride = padded_leaves(small.n_leaves);
        tree->ops = totals.ops;
        tree->sets = totals.sets;
        tree->values = totals.values;
        totals.ops += tree->n_ops;
        totals.sets += small.n_sets * 2 * MER_COMPACT_SET_BYTES;
        totals.values += tree->values_stride * e->n_values;
    }
    return totals;
}

static mer_status put_trees(struct plan *plan, mer_err *err)
{
    struct mer_ensemble_compact *compact = plan->compact;
    struct mer_alloc *alloc = plan->alloc;
    const struct totals n = lay_out(plan);
    MER_GUARD(mer_alloc_zero(alloc, n.ops, sizeof *compact->ops, &compact->ops, err));
    MER_GUARD(
        mer_alloc_zero(alloc, plan->e->n_nodes, sizeof *compact->nodes, &compact->nodes, err));
    MER_GUARD(mer_alloc_zero(alloc, n.sets, 1, &compact->sets, err));
    MER_GUARD(mer_alloc_zero(alloc, n.values, sizeof(double), &compact->values, err));
    for (size_t t = 0; t < plan->e->n_trees; t++)
        if (compact->trees[t].is_bytes)
            put_tree(plan, t);
    return mer_ok();
}

/* Gives the planes that operations use their columns, and these the operations. */
static void number_columns(const struct plan *plan)
{
    struct mer_ensemble_compact *compact = plan->compact;
    uint32_t columns[MER_COMPACT_COLUMNS];
    const size_t n_virtual = compact->n_features * MER_N_PLANES + compact->n_groups;
    memset(columns, 0xff, sizeof columns);
    size_t n_ops = 0;
    for (size_t t = 0; t < plan->e->n_trees; t++)
        n_ops += compact->trees[t].n_ops;
    for (size_t i = 0; i < n_ops; i++)
        columns[compact->ops[i].column] = 0;
    for (size_t i = 0; i < n_virtual; i++)
        if (columns[i] != UNUSED)
            columns[i] = (uint32_t)compact->n_columns++;
    for (size_t i = 0; i < n_ops; i++)
        compact->ops[i].column = columns[compact->ops[i].column];
    for (size_t i = 0; i < compact->n_features; i++)
        for (size_t p = 0; p < MER_N_PLANES; p++)
            compact->features[i].planes[p] = (uint16_t)columns[i * MER_N_PLANES + p];
    for (size_t i = 0; i < compact->n_groups; i++)
        compact->groups[i].column = columns[compact->n_features * MER_N_PLANES + i];
}

static mer_status make_bytes(struct plan *plan, mer_err *err)
{
    const size_t n_features = mer_ensemble_features(plan->e);
    MER_GUARD(mer_alloc_array(plan->alloc, n_features, sizeof *plan->place, &plan->place, err));
    memset(plan->place, 0xff, n_features * sizeof *plan->place);
    MER_GUARD(collect_thresholds(plan, err));
    MER_GUARD(find_classes(plan, err));
    choose_trees(plan);
    MER_GUARD(place_features(plan, err));
    MER_GUARD(put_tables(plan, err));
    MER_GUARD(put_trees(plan, err));
    number_columns(plan);
    return mer_ok();
}

mer_status mer_compact_bytes(struct mer_alloc *alloc, struct mer_ensemble_compact *compact,
                             mer_err *err)
{
    struct plan plan = {.alloc = alloc, .compact = compact, .e = compact->ensemble};
    const mer_status status = make_bytes(&plan, err);
    release_plan(&plan);
    return status;
}
