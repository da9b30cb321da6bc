#include "learn/gbdt_grow.h"

#include <math.h>
#include <string.h>

#include "core/team.h"
#include "learn/gbdt_rows.h"

/* A leaf with more rows is split by the whole team, one with fewer by one thread beside others. */
enum { BIG_LEAF = 1 << 15, WORKERS_MAX = 64, NO_SLOT = -1 };
/* One that no other is there to be split beside is split by all from so many rows on. */
enum { LONE_LEAF = 1 << 11 };
/* Moving a listed row costs as much as looking at so many rows in their order. */
enum { LISTED_ROW_COST = 4 };

/* A leaf, while it is one, and a node afterwards. */
struct leaf {
    size_t begin;
    size_t end;
    struct mer_gbdt_sums sums;
    struct mer_gbdt_bounds bounds;
    struct mer_gbdt_split split; /* the best, if there is one */
    uint32_t depth;
    int slot;      /* its histogram, NO_SLOT: none is kept */
    uint32_t node; /* its number in the tree; its place in the order */
    bool expanded; /* its children are known */
    bool placed;   /* the places of its rows are known */
    uint32_t children[2];
};

static size_t n_rows_of(const struct leaf *leaf)
{
    return leaf->end - leaf->begin;
}

struct histogram {
    int64_t *g;
    uint64_t *hc;
};

struct mer_grower {
    const struct mer_ctx *ctx;
    const struct mer_store *store;
    struct mer_gbdt_limits limits;
    struct mer_gbdt_view view;
    const uint32_t *codes;

    const uint32_t *drawn; /* the root's rows, which are not yet in `rows` */
    uint32_t *rows;
    uint32_t *spare[2];
    _Atomic bool shuffled;    /* some of the tree's leaves are not in order */
    _Atomic uint32_t *places; /* [n_rows], where rows stand; NULL: there is no bundle */
    struct leaf *leaves;
    size_t n_leaves; /* in use, the nodes that were leaves once among them */
    size_t leaves_capacity;
    uint32_t *open; /* leaves of the tree that might be split */
    size_t n_open;
    struct mer_gbdt_node *nodes;
    size_t n_nodes;

    size_t n_workers;
    uint64_t *packed;          /* [n_workers][MER_GROUP_COLUMNS][MER_PACKED_BINS] */
    struct histogram *partial; /* [n_workers - 1], whole histograms of parts of a leaf's rows */
    struct histogram *slots;   /* [n_slots] */
    size_t n_slots;
    uint32_t *slot_user;          /* [n_slots] the leaf, UINT32_MAX: free */
    struct mer_gbdt_split *found; /* [2][n_groups] of a leaf that the team searches */
    int64_t *histogram_memory;
};

/* ---- histograms of rows ---- */

/* n rows into the histogram of one group; `add` to what is there. */
static void count_group(const struct mer_grower *grower, const struct mer_store_group *group,
                        const uint32_t *rows, size_t n, bool add, uint64_t *packed,
                        const struct histogram *to)
{
    const struct mer_store_column *columns = grower->store->columns + group->first_column;
    const struct mer_gbdt_kernels *kernels = grower->view.kernels;
    for (size_t k = 0; k < group->n_columns; k++)
        memset(packed + k * MER_PACKED_BINS, 0, columns[k].n_padded * sizeof *packed);
    /* All rows in a row need no list. */
    const bool whole = n > 0 && rows[0] + n - 1 == rows[n - 1];
    kernels->accumulate(group->cells, group->stride, group->n_columns, whole ? NULL : rows, rows[0],
                        n, grower->codes, packed);
    for (size_t k = 0; k < group->n_columns; k++)
        kernels->unpack(packed + k * MER_PACKED_BINS, columns[k].n_padded, add,
                        to->g + columns[k].offset, to->hc + columns[k].offset);
}

/* The histogram of n rows, of one strip: so many rows at a time that the second group finds in the
 * cache what was fetched for the first. */
static void count_strip(const struct mer_grower *grower, size_t strip_number, const uint32_t *rows,
                        size_t n, uint64_t *packed, const struct histogram *to)
{
    const struct mer_store_strip *strip = &grower->store->strips[strip_number];
    const struct mer_store_group *groups = grower->store->groups + strip->first_group;
    bool add = false;
    for (size_t at = 0; at < n || !add; at += MER_WORD_ROWS, add = true)
        for (size_t g = 0; g < strip->n_groups; g++)
            count_group(grower, &groups[g], rows + at,
                        n - at < MER_WORD_ROWS ? n - at : MER_WORD_ROWS, add, packed, to);
}

static uint64_t *packed_of(const struct mer_grower *grower, size_t worker)
{
    return grower->packed + worker * MER_GROUP_COLUMNS * MER_PACKED_BINS;
}

/* From the parent's histogram and one child's to the other's, of one group. */
static void subtract_group(const struct mer_grower *grower, size_t group_number,
                           const struct histogram *what, const struct histogram *from)
{
    const struct mer_store_group *group = &grower->store->groups[group_number];
    const struct mer_store_column *first = &grower->store->columns[group->first_column];
    const struct mer_store_column *last = first + group->n_columns - 1;
    const size_t n = last->offset + last->n_padded - first->offset;
    grower->view.kernels->subtract(what->g + first->offset, what->hc + first->offset, n,
                                   from->g + first->offset, from->hc + first->offset);
}

/* ---- slots ---- */

/* Whether leaf a is split before leaf b. */
static bool goes_first(const struct mer_grower *grower, const struct leaf *a, const struct leaf *b)
{
    if (grower->limits.level_wise)
        return a->depth != b->depth ? a->depth < b->depth : a->node < b->node;
    return a->split.gain != b->split.gain ? a->split.gain > b->split.gain : a->node < b->node;
}

/* A free place for a histogram, or the place of the leaf that will be split last; leaves keep[0 ..
 * n_keep) keep theirs. */
static int take_slot(struct mer_grower *grower, const uint32_t *keep, size_t n_keep)
{
    int last = NO_SLOT;
    for (size_t s = 0; s < grower->n_slots; s++) {
        bool kept = false;
        if (grower->slot_user[s] == UINT32_MAX)
            return (int)s;
        for (size_t i = 0; i < n_keep; i++)
            kept |= keep[i] == grower->slot_user[s];
        if (!kept &&
            (last == NO_SLOT || goes_first(grower, &grower->leaves[grower->slot_user[last]],
                                           &grower->leaves[grower->slot_user[s]])))
            last = (int)s;
    }
    if (last != NO_SLOT)
        grower->leaves[grower->slot_user[last]].slot = NO_SLOT;
    return last;
}

static void give_slot(struct mer_grower *grower, int slot, uint32_t leaf)
{
    grower->leaves[leaf].slot = slot;
    if (slot != NO_SLOT)
        grower->slot_user[slot] = leaf;
}

/* ---- expanding a leaf: its rows parted, its children's histograms and best splits ---- */

struct expansion {
    struct mer_grower *grower;
    uint32_t leaf;
    uint32_t children[2];
    bool evaluate;    /* whether the children may be split */
    int slots[2];     /* for the first child counted, and the second; NO_SLOT: not kept */
    bool from_parent; /* the second one's histogram lies in slots[1] with the first's still in it */
    uint32_t counted; /* the child whose rows are counted: the one with fewer */
    uint8_t sides[MER_BINS_MAX];
};

/* The list that a leaf's rows are in. */
static const uint32_t *list_of(const struct mer_grower *grower, const struct leaf *leaf)
{
    return leaf == &grower->leaves[0] ? grower->drawn : grower->rows;
}

/* Puts the root's rows where other leaves' rows are. */
static void list_root(struct mer_grower *grower, const struct leaf *leaf)
{
    if (leaf == &grower->leaves[0])
        memcpy(grower->rows, grower->drawn, leaf->end * sizeof *grower->rows);
}

static bool may_split(const struct mer_grower *grower, const struct leaf *leaf)
{
    const uint64_t n_rows = leaf->end - leaf->begin;
    return leaf->depth < grower->limits.max_depth && n_rows >= 2 * grower->view.rule.min_rows &&
           n_rows >= 2;
}

/* The rows of the listed bins of a bundled feature that go to the other side than its usual bin;
 * those are all rows that do. */
static size_t n_listed(const struct mer_grower *grower, const struct mer_store_feature *feature,
                       const uint8_t *sides)
{
    const uint32_t *starts = grower->store->columns[feature->column].bin_starts;
    size_t n = 0;
    for (uint32_t b = feature->first; b < feature->first + feature->n_bins - 1; b++)
        n += sides[b] != sides[0] ? starts[b + 1] - starts[b] : 0;
    return n;
}

/* Moves only the rows that leave the usual bin's side. */
static size_t part_by_lists(struct mer_grower *grower, struct leaf *leaf,
                            const struct mer_store_feature *feature, const uint8_t *sides)
{
    const struct mer_store_column *column = &grower->store->columns[feature->column];
    list_root(grower, leaf);
    grower->shuffled = true;
    if (!leaf->placed)
        mer_place_rows(leaf->begin, leaf->end, grower->rows, grower->places);
    const bool to_end = sides[0];
    size_t n_moved = 0;
    for (uint32_t b = feature->first; b < feature->first + feature->n_bins - 1; b++)
        if (sides[b] != sides[0])
            n_moved = mer_move_rows(column->bin_rows + column->bin_starts[b],
                                    column->bin_starts[b + 1] - column->bin_starts[b], to_end,
                                    n_moved, leaf->begin, leaf->end, grower->rows, grower->places);
    return to_end ? leaf->end - leaf->begin - n_moved : n_moved;
}

static size_t part_in_order(const struct expansion *expansion, struct mer_team *team)
{
    const struct mer_grower *grower = expansion->grower;
    const struct leaf *leaf = &grower->leaves[expansion->leaf];
    const struct mer_store_feature *feature = &grower->store->features[leaf->split.feature];
    const struct mer_parting parting = {.kernels = grower->view.kernels,
                                        .cells = grower->store->columns[feature->column].cells,
                                        .left = expansion->sides,
                                        .from = list_of(grower, leaf),
                                        .rows = grower->rows,
                                        .begin = leaf->begin,
                                        .end = leaf->end,
                                        .spare = {grower->spare[0], grower->spare[1]}};
    return mer_part_rows(&parting, team);
}

/* The children as the split says; their rows are in place when this returns. */
static void part_rows(struct expansion *expansion, struct mer_team *team)
{
    struct mer_grower *grower = expansion->grower;
    struct leaf *leaf = &grower->leaves[expansion->leaf];
    const struct mer_store_feature *feature = &grower->store->features[leaf->split.feature];
    mer_gbdt_sides(grower->store, &leaf->split, expansion->sides);
    const bool by_lists =
        feature->bundled &&
        LISTED_ROW_COST * n_listed(grower, feature, expansion->sides) < leaf->end - leaf->begin;
    const size_t n_left = by_lists ? part_by_lists(grower, leaf, feature, expansion->sides)
                                   : part_in_order(expansion, team);
    struct mer_gbdt_bounds bounds[2];
    mer_gbdt_child_bounds(&grower->view, &leaf->split, &leaf->sums, &leaf->bounds, bounds);
    for (int side = 0; side < 2; side++) {
        struct leaf *child = &grower->leaves[expansion->children[side]];
        *child = (struct leaf){.begin = side ? leaf->begin + n_left : leaf->begin,
                               .end = side ? leaf->end : leaf->begin + n_left,
                               .bounds = bounds[side],
                               .depth = leaf->depth + 1,
                               .placed = by_lists,
                               .slot = NO_SLOT};
        child->sums = leaf->split.left;
        if (side) {
            child->sums.g = leaf->sums.g - leaf->split.left.g;
            child->sums.hc = leaf->sums.hc - leaf->split.left.hc;
        }
    }
    expansion->counted = expansion->children[2 * n_left > leaf->end - leaf->begin];
}

static uint32_t other_child(const struct expansion *expansion)
{
    return expansion->children[expansion->counted == expansion->children[0]];
}

static void find_in(const struct mer_grower *grower, uint32_t leaf_number, int slot,
                    size_t first_column, size_t n_columns, struct mer_gbdt_split *best)
{
    const struct leaf *leaf = &grower->leaves[leaf_number];
    if (may_split(grower, leaf))
        mer_gbdt_find_split(&grower->view, grower->slots[slot].g, grower->slots[slot].hc,
                            first_column, n_columns, &leaf->sums, &leaf->bounds, best);
}

/* One group of both children, with the first child's histogram in slots[0] complete. */
static void finish_group(const struct expansion *expansion, size_t group_number,
                         struct mer_gbdt_split best[2])
{
    struct mer_grower *grower = expansion->grower;
    const struct mer_store_group *group = &grower->store->groups[group_number];
    if (expansion->from_parent)
        subtract_group(grower, group_number, &grower->slots[expansion->slots[0]],
                       &grower->slots[expansion->slots[1]]);
    find_in(grower, expansion->counted, expansion->slots[0], group->first_column, group->n_columns,
            &best[0]);
    find_in(grower, other_child(expansion), expansion->slots[1], group->first_column,
            group->n_columns, &best[1]);
}

static struct mer_gbdt_split no_split(const struct mer_grower *grower)
{
    return (struct mer_gbdt_split){.gain = grower->limits.min_gain};
}

static bool wants_histograms(const struct expansion *expansion)
{
    const struct mer_grower *grower = expansion->grower;
    return expansion->evaluate && (may_split(grower, &grower->leaves[expansion->children[0]]) ||
                                   may_split(grower, &grower->leaves[expansion->children[1]]));
}

/* All of an expansion in one thread. */
static void expand_alone(struct expansion *expansion, size_t worker)
{
    struct mer_grower *grower = expansion->grower;
    part_rows(expansion, NULL);
    struct mer_gbdt_split best[2] = {no_split(grower), no_split(grower)};
    if (wants_histograms(expansion)) {
        const struct leaf *counted = &grower->leaves[expansion->counted];
        const struct leaf *other = &grower->leaves[other_child(expansion)];
        for (size_t s = 0; s < grower->store->n_strips; s++) {
            const struct mer_store_strip *strip = &grower->store->strips[s];
            count_strip(grower, s, grower->rows + counted->begin, n_rows_of(counted),
                        packed_of(grower, worker), &grower->slots[expansion->slots[0]]);
            if (!expansion->from_parent)
                count_strip(grower, s, grower->rows + other->begin, n_rows_of(other),
                            packed_of(grower, worker), &grower->slots[expansion->slots[1]]);
            for (size_t g = 0; g < strip->n_groups; g++)
                finish_group(expansion, strip->first_group + g, best);
        }
    }
    grower->leaves[expansion->counted].split = best[0];
    grower->leaves[other_child(expansion)].split = best[1];
}

static void expand_alone_task(void *argument, size_t task, size_t worker)
{
    expand_alone((struct expansion *)argument + task, worker);
}

/* ---- the same by the whole team ---- */

struct counting {
    struct mer_grower *grower;
    const uint32_t *rows;
    size_t n_rows;
    size_t n_parts;
    int slot;
    const struct expansion *expansion; /* NULL: the root */
    struct mer_gbdt_split *found;      /* [2][n_groups] */
};

/* Task: one part of the rows in one strip. */
static void count_task(void *argument, size_t task, size_t worker)
{
    const struct counting *counting = argument;
    struct mer_grower *grower = counting->grower;
    const size_t strip = task / counting->n_parts;
    const size_t part = task % counting->n_parts;
    const size_t begin = counting->n_rows * part / counting->n_parts;
    const size_t end = counting->n_rows * (part + 1) / counting->n_parts;
    count_strip(grower, strip, counting->rows + begin, end - begin, packed_of(grower, worker),
                part == 0 ? &grower->slots[counting->slot] : &grower->partial[part - 1]);
}

static void add_parts(const struct counting *counting, size_t group_number)
{
    const struct mer_grower *grower = counting->grower;
    const struct mer_store_group *group = &grower->store->groups[group_number];
    const struct mer_store_column *last =
        &grower->store->columns[group->first_column + group->n_columns - 1];
    const struct histogram *to = &grower->slots[counting->slot];
    for (size_t part = 1; part < counting->n_parts; part++) {
        const struct histogram *from = &grower->partial[part - 1];
        for (size_t b = grower->store->columns[group->first_column].offset;
             b < last->offset + last->n_padded; b++) {
            to->g[b] += from->g[b];
            to->hc[b] += from->hc[b];
        }
    }
}

/* Task: one group; the parts become one, the other child's histogram follows, and both are
 * searched. */
static void finish_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct counting *counting = argument;
    struct mer_grower *grower = counting->grower;
    const size_t n_groups = grower->store->n_groups;
    add_parts(counting, task);
    struct mer_gbdt_split best[2] = {no_split(grower), no_split(grower)};
    if (counting->expansion)
        finish_group(counting->expansion, task, best);
    counting->found[task] = best[0];
    counting->found[n_groups + task] = best[1];
}

/* Few strips are counted in parts, many beside each other. */
static size_t n_parts_of(const struct mer_grower *grower, const struct mer_team *team)
{
    const size_t n_threads = mer_team_size(team);
    return grower->store->n_strips >= 4 * n_threads || n_threads > grower->n_workers ? 1
                                                                                     : n_threads;
}

static void count_rows(struct mer_grower *grower, struct mer_team *team, const struct leaf *leaf,
                       int slot, const struct expansion *expansion)
{
    struct counting counting = {.grower = grower,
                                .rows = list_of(grower, leaf) + leaf->begin,
                                .n_rows = n_rows_of(leaf),
                                .n_parts = n_parts_of(grower, team),
                                .slot = slot,
                                .expansion = expansion,
                                .found = grower->found};
    mer_team_run(team, count_task, &counting, grower->store->n_strips * counting.n_parts);
    mer_team_run(team, finish_task, &counting, grower->store->n_groups);
}

static struct mer_gbdt_split best_of(const struct mer_grower *grower,
                                     const struct mer_gbdt_split *found)
{
    struct mer_gbdt_split best = no_split(grower);
    for (size_t group = 0; group < grower->store->n_groups; group++)
        if (found[group].found && found[group].gain > best.gain)
            best = found[group];
    return best;
}

static void expand_together(struct expansion *expansion, struct mer_team *team)
{
    struct mer_grower *grower = expansion->grower;
    part_rows(expansion, team);
    struct leaf *counted = &grower->leaves[expansion->counted];
    struct leaf *other = &grower->leaves[other_child(expansion)];
    counted->split = no_split(grower);
    other->split = no_split(grower);
    if (!wants_histograms(expansion))
        return;
    if (!expansion->from_parent)
        count_rows(grower, team, other, expansion->slots[1], NULL);
    count_rows(grower, team, counted, expansion->slots[0], expansion);
    counted->split = best_of(grower, grower->found);
    other->split = best_of(grower, grower->found + grower->store->n_groups);
}

/* ---- the order of expanding and splitting ---- */

/* Two leaves and the places of their histograms for an expansion; the parent's place goes to the
 * child that is not counted. */
static void plan_expansion(struct mer_grower *grower, uint32_t leaf, bool evaluate,
                           const uint32_t *keep, size_t n_keep, struct expansion *ret)
{
    *ret = (struct expansion){.grower = grower, .leaf = leaf, .evaluate = evaluate};
    ret->children[0] = (uint32_t)grower->n_leaves++;
    ret->children[1] = (uint32_t)grower->n_leaves++;
    ret->slots[0] = ret->slots[1] = NO_SLOT;
    if (!evaluate)
        return;
    ret->from_parent = grower->leaves[leaf].slot != NO_SLOT;
    ret->slots[1] = ret->from_parent ? grower->leaves[leaf].slot : take_slot(grower, keep, n_keep);
    grower->slot_user[ret->slots[1]] = leaf;
    ret->slots[0] = take_slot(grower, keep, n_keep);
    grower->slot_user[ret->slots[0]] = leaf;
}

static void end_expansion(struct mer_grower *grower, const struct expansion *expansion)
{
    struct leaf *leaf = &grower->leaves[expansion->leaf];
    leaf->expanded = true;
    leaf->slot = NO_SLOT;
    memcpy(leaf->children, expansion->children, sizeof leaf->children);
    if (!expansion->evaluate)
        return;
    const uint32_t users[2] = {expansion->counted, other_child(expansion)};
    for (int i = 0; i < 2; i++) {
        grower->slot_user[expansion->slots[i]] = UINT32_MAX;
        if (grower->leaves[users[i]].split.found)
            give_slot(grower, expansion->slots[i], users[i]);
    }
}

/* The open leaf that is split next among those from `from` on, moved to `from`. */
static void select_next(struct mer_grower *grower, size_t from, bool unexpanded_only)
{
    size_t best = SIZE_MAX;
    for (size_t i = from; i < grower->n_open; i++) {
        const struct leaf *leaf = &grower->leaves[grower->open[i]];
        if (unexpanded_only && leaf->expanded)
            continue;
        if (best == SIZE_MAX || goes_first(grower, leaf, &grower->leaves[grower->open[best]]))
            best = i;
    }
    if (best == SIZE_MAX)
        return;
    const uint32_t leaf = grower->open[best];
    grower->open[best] = grower->open[from];
    grower->open[from] = leaf;
}

/* Expands the leaf open[0] and, where it is small, those that probably come after it. */
static void expand_next(struct mer_grower *grower, struct mer_team *team, size_t n_splits_left)
{
    struct expansion expansions[WORKERS_MAX];
    uint32_t batch[WORKERS_MAX] = {grower->open[0]};
    const size_t n_threads =
        mer_team_size(team) < grower->n_workers ? mer_team_size(team) : grower->n_workers;
    size_t n_max = n_threads;
    if (n_max > n_splits_left)
        n_max = n_splits_left;
    const bool big = n_rows_of(&grower->leaves[batch[0]]) > BIG_LEAF;
    size_t n = 1;
    while (!big && n < n_max && n < grower->n_open) {
        select_next(grower, n, true);
        const struct leaf *leaf = &grower->leaves[grower->open[n]];
        if (leaf->expanded || n_rows_of(leaf) > BIG_LEAF)
            break;
        batch[n] = grower->open[n];
        n++;
    }
    for (size_t i = 0; i < n; i++)
        plan_expansion(grower, batch[i], n_splits_left > 1, batch, n, &expansions[i]);
    if (big || (n == 1 && n_threads > 1 && n_rows_of(&grower->leaves[batch[0]]) > LONE_LEAF))
        expand_together(&expansions[0], team);
    else
        mer_team_run(team, expand_alone_task, expansions, n);
    for (size_t i = 0; i < n; i++)
        end_expansion(grower, &expansions[i]);
}

static uint32_t add_node(struct mer_grower *grower, uint32_t leaf_number)
{
    struct leaf *leaf = &grower->leaves[leaf_number];
    leaf->node = (uint32_t)grower->n_nodes;
    grower->nodes[grower->n_nodes] = (struct mer_gbdt_node){.depth = leaf->depth,
                                                            .begin = leaf->begin,
                                                            .end = leaf->end,
                                                            .bounds = leaf->bounds,
                                                            .sums = leaf->sums};
    if (leaf->split.found)
        grower->open[grower->n_open++] = leaf_number;
    return (uint32_t)grower->n_nodes++;
}

/* The leaf open[0], which is expanded, becomes a node with two leaves. */
static void split_next(struct mer_grower *grower)
{
    const struct leaf *leaf = &grower->leaves[grower->open[0]];
    grower->open[0] = grower->open[--grower->n_open];
    struct mer_gbdt_node *node = &grower->nodes[leaf->node];
    node->split = leaf->split;
    node->left = add_node(grower, leaf->children[0]);
    node->right = add_node(grower, leaf->children[1]);
}

static void start_root(struct mer_grower *grower, struct mer_team *team, size_t n_rows)
{
    struct leaf *root = &grower->leaves[0];
    grower->n_leaves = 1;
    grower->n_open = 0;
    grower->n_nodes = 0;
    grower->shuffled = false;
    for (size_t s = 0; s < grower->n_slots; s++)
        grower->slot_user[s] = UINT32_MAX;
    *root = (struct leaf){.end = n_rows,
                          .bounds = {-(double)INFINITY, (double)INFINITY},
                          .slot = NO_SLOT,
                          .split = no_split(grower)};
    if (grower->store->n_columns == 0 || !may_split(grower, root)) {
        (void)add_node(grower, 0);
        return;
    }
    count_rows(grower, n_rows > LONE_LEAF ? team : NULL, root, 0, NULL);
    const struct mer_store_column *column = &grower->store->columns[0];
    for (size_t b = column->offset; b < column->offset + column->n_padded; b++) {
        root->sums.g += grower->slots[0].g[b];
        root->sums.hc += grower->slots[0].hc[b];
    }
    mer_gbdt_find_split(&grower->view, grower->slots[0].g, grower->slots[0].hc, 0,
                        grower->store->n_columns, &root->sums, &root->bounds, &root->split);
    if (root->split.found)
        give_slot(grower, 0, 0);
    (void)add_node(grower, 0);
}

mer_status mer_grower_grow(struct mer_grower *grower, struct mer_team *team, const uint32_t *codes,
                           const uint32_t *rows, size_t n_rows, double g_unit, double h_unit,
                           const uint8_t *active_features, mer_err *err)
{
    grower->codes = codes;
    grower->drawn = rows;
    grower->view.rule.g_unit = g_unit;
    grower->view.rule.h_unit = h_unit;
    grower->view.active = active_features;
    start_root(grower, team, n_rows);
    for (size_t n = 1; n < grower->limits.max_leaves && grower->n_open > 0; n++) {
        select_next(grower, 0, false);
        if (!grower->leaves[grower->open[0]].expanded)
            expand_next(grower, team, grower->limits.max_leaves - n);
        MER_GUARD(mer_ctx_check_cancel(grower->ctx, err));
        split_next(grower);
    }
    if (grower->nodes[0].left == 0)
        list_root(grower, &grower->leaves[0]);
    return mer_ok();
}

/* ---- what it takes ---- */

const uint32_t *mer_grower_rows(const struct mer_grower *grower)
{
    return grower->rows;
}

bool mer_grower_keeps_order(const struct mer_grower *grower)
{
    return !grower->shuffled;
}

const struct mer_gbdt_node *mer_grower_nodes(const struct mer_grower *grower, size_t *ret_n_nodes)
{
    *ret_n_nodes = grower->n_nodes;
    return grower->nodes;
}

static mer_status alloc_histograms(struct mer_grower *grower, size_t hist_bytes, mer_err *err)
{
    struct mer_alloc *alloc = grower->ctx->alloc;
    const size_t n_bins = grower->store->n_bins;
    const size_t n_partial = grower->n_workers - 1;
    /* While a batch is expanded each of its leaves has two. */
    const size_t n_least = 2 * grower->n_workers + 1;
    size_t n_total;
    grower->n_slots = hist_bytes / (16 * (n_bins + 1));
    if (grower->n_slots > grower->limits.max_leaves + grower->n_workers)
        grower->n_slots = grower->limits.max_leaves + grower->n_workers;
    if (grower->n_slots < n_least)
        grower->n_slots = n_least;
    if (!mer_size_mul(n_bins, 2 * (grower->n_slots + n_partial), &n_total))
        return mer_fail(err, MER_ERR_MEMORY, "histograms of %zu bins are too large", n_bins);
    MER_GUARD(mer_alloc_array(alloc, n_total, sizeof(int64_t), &grower->histogram_memory, err));
    MER_GUARD(mer_alloc_array(alloc, grower->n_slots, sizeof *grower->slots, &grower->slots, err));
    MER_GUARD(mer_alloc_array(alloc, grower->n_slots, sizeof *grower->slot_user, &grower->slot_user,
                              err));
    MER_GUARD(mer_alloc_array(alloc, n_partial, sizeof *grower->partial, &grower->partial, err));
    int64_t *memory = grower->histogram_memory;
    for (size_t i = 0; i < grower->n_slots + n_partial; i++, memory += 2 * n_bins) {
        struct histogram *histogram =
            i < grower->n_slots ? &grower->slots[i] : &grower->partial[i - grower->n_slots];
        *histogram = (struct histogram){memory, (uint64_t *)(void *)(memory + n_bins)};
    }
    return mer_ok();
}

static mer_status alloc_rows(struct mer_grower *grower, mer_err *err)
{
    struct mer_alloc *alloc = grower->ctx->alloc;
    const size_t n_rows = grower->store->n_padded_rows;
    MER_GUARD(mer_alloc_zero(alloc, n_rows, sizeof(uint32_t), &grower->rows, err));
    MER_GUARD(mer_alloc_zero(alloc, n_rows, sizeof(uint32_t), &grower->spare[0], err));
    if (grower->n_workers > 1)
        MER_GUARD(mer_alloc_zero(alloc, n_rows, sizeof(uint32_t), &grower->spare[1], err));
    return mer_alloc_zero(alloc, grower->store->bin_rows ? n_rows : 0, sizeof(uint32_t),
                          &grower->places, err);
}

static mer_status alloc_tree(struct mer_grower *grower, mer_err *err)
{
    struct mer_alloc *alloc = grower->ctx->alloc;
    const size_t n_nodes = 2 * grower->limits.max_leaves;
    /* Two children for every leaf that is expanded: those that are split, and those that stay. */
    grower->leaves_capacity = 2 * n_nodes + 1;
    MER_GUARD(mer_alloc_array(alloc, grower->leaves_capacity, sizeof *grower->leaves,
                              &grower->leaves, err));
    MER_GUARD(mer_alloc_array(alloc, n_nodes, sizeof *grower->open, &grower->open, err));
    MER_GUARD(mer_alloc_array(alloc, n_nodes, sizeof *grower->nodes, &grower->nodes, err));
    MER_GUARD(mer_alloc_array(alloc, 2 * grower->store->n_groups, sizeof *grower->found,
                              &grower->found, err));
    return mer_alloc_array(alloc, grower->n_workers * MER_GROUP_COLUMNS * MER_PACKED_BINS,
                           sizeof *grower->packed, &grower->packed, err);
}

mer_status mer_grower_new(const struct mer_ctx *ctx, const struct mer_store *store,
                          const struct mer_gbdt_limits *limits, size_t n_workers, size_t hist_bytes,
                          struct mer_grower **ret_grower, mer_err *err)
{
    struct mer_grower *grower = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *grower, &grower, err));
    grower->ctx = ctx;
    grower->store = store;
    grower->limits = *limits;
    grower->n_workers = n_workers < WORKERS_MAX ? n_workers : WORKERS_MAX;
    if (grower->limits.max_leaves > store->n_rows)
        grower->limits.max_leaves = store->n_rows > 0 ? store->n_rows : 1;
    grower->view = (struct mer_gbdt_view){.store = store,
                                          .kernels = mer_gbdt_kernels(ctx->cpu),
                                          .limits = &grower->limits,
                                          .rule = limits->rule};
    mer_status status = alloc_rows(grower, err);
    if (mer_is_ok(status))
        status = alloc_tree(grower, err);
    if (mer_is_ok(status))
        status = alloc_histograms(grower, hist_bytes, err);
    if (!mer_is_ok(status)) {
        mer_grower_free(ctx, grower);
        return status;
    }
    *ret_grower = grower;
    return mer_ok();
}

void mer_grower_free(const struct mer_ctx *ctx, struct mer_grower *grower)
{
    if (!grower)
        return;
    mer_free(ctx->alloc, grower->rows);
    mer_free(ctx->alloc, grower->spare[0]);
    mer_free(ctx->alloc, grower->spare[1]);
    mer_free(ctx->alloc, grower->places);
    mer_free(ctx->alloc, grower->leaves);
    mer_free(ctx->alloc, grower->open);
    mer_free(ctx->alloc, grower->nodes);
    mer_free(ctx->alloc, grower->found);
    mer_free(ctx->alloc, grower->packed);
    mer_free(ctx->alloc, grower->histogram_memory);
    mer_free(ctx->alloc, grower->slots);
    mer_free(ctx->alloc, grower->slot_user);
    mer_free(ctx->alloc, grower->partial);
    mer_free(ctx->alloc, grower);
}
