/* Learns which features matter, from a forest that was also shown shuffled copies of them. */
#include <math.h>
#include <string.h>

#include "core/sort.h"
#include "core/team.h"
#include "learn/forest_grow.h"
#include "learn/select_internal.h"

enum {
    TREES = 128,
    ROWS_MAX = 4096,
    CELLS_MAX = 8 << 20, /* of features and copies: fewer rows where there are more of them */
    ROWS_MIN = 512,
    COPIES_MAX = 256,
    LEAF_ROWS = 3,
    MAX_BIN = 63
};

/* Features that are tried for a split, of all and copies. */
#define TRIED (1.0 / 3)

/* The table that the forest is grown on: features, and behind those of a kind their copies. */
struct table {
    struct mer_design design;
    struct mer_target target;
    double *dense;
    int32_t *codes;
    uint32_t *group_start;
    double *values;
    int32_t *classes;
    double *weights;
    uint32_t *copied; /* [n_copies]: the features that are, dense ones first */
    size_t n_copies;
    size_t n_dense_copies;
    size_t n_dense; /* features */
    size_t n_groups;
    uint32_t *order; /* [n_rows]: room to shuffle in */
};

struct growing {
    const struct mer_ctx *ctx;
    struct mer_forest_data data;
    struct mer_forest_options options;
    struct mer_forest_worker **workers;
    uint64_t seed;
    size_t n_features;
    double *gains; /* [TREES][n_features] */
    mer_status statuses[TREES];
};

static size_t rows_of(size_t n_rows, size_t n_features)
{
    const size_t n_columns = n_features + (n_features < COPIES_MAX ? n_features : COPIES_MAX);
    size_t n = n_columns ? CELLS_MAX / n_columns : ROWS_MAX;
    n = n < ROWS_MIN ? ROWS_MIN : n > ROWS_MAX ? ROWS_MAX : n;
    return n < n_rows ? n : n_rows;
}

uint64_t mer_selection_cost(const struct mer_design *design)
{
    const size_t n_features = design->n_dense + design->n_groups;
    const double n = (double)rows_of(design->n_rows, n_features);
    const double n_columns = (double)n_features + fmin((double)n_features, COPIES_MAX);
    int log2_rows;
    (void)frexp(n, &log2_rows);
    /* As a random forest's. */
    return (uint64_t)(n * n_columns * 0.02 + TREES * n * log2_rows * n_columns * TRIED * 0.005);
}

static void release_table(const struct mer_ctx *ctx, struct table *table)
{
    void *const owned[] = {table->dense,   table->codes,   table->group_start, table->values,
                           table->classes, table->weights, table->copied,      table->order};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        mer_free(ctx->alloc, owned[i]);
}

/* The features that have a copy: all, or some that are spread evenly. What texts became and what
 * says where a column was imputed are no features of their own. */
static mer_status choose_copied(const struct mer_ctx *ctx, const struct mer_design *design,
                                struct table *table, mer_err *err)
{
    const size_t n_features = design->n_dense + design->n_groups;
    uint32_t *able = NULL;
    size_t n = 0;
    MER_GUARD(mer_alloc_array(ctx->alloc, n_features, sizeof *able, &able, err));
    for (size_t j = 0; j < n_features; j++)
        if (j >= design->n_dense || j < mer_design_uncondensed(design))
            able[n++] = (uint32_t)j;
    const size_t n_copies = n < COPIES_MAX ? n : COPIES_MAX;
    const mer_status status =
        mer_alloc_array(ctx->alloc, n_copies, sizeof *table->copied, &table->copied, err);
    if (mer_is_ok(status)) {
        for (size_t i = 0; i < n_copies; i++)
            table->copied[i] = able[i * n / n_copies];
        table->n_copies = n_copies;
        while (table->n_dense_copies < n_copies &&
               table->copied[table->n_dense_copies] < design->n_dense)
            table->n_dense_copies++;
    }
    mer_free(ctx->alloc, able);
    return status;
}

static mer_status copy_target(const struct mer_ctx *ctx, const struct mer_target *target,
                              size_t step, size_t n, struct table *table, mer_err *err)
{
    table->target = *target;
    if (target->values)
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), &table->values, err));
    if (target->classes)
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(int32_t), &table->classes, err));
    if (target->weights)
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), &table->weights, err));
    for (size_t i = 0; i < n; i++) {
        if (target->values)
            table->values[i] = target->values[i * step];
        if (target->classes)
            table->classes[i] = target->classes[i * step];
        if (target->weights)
            table->weights[i] = target->weights[i * step];
    }
    table->target.values = table->values;
    table->target.classes = table->classes;
    table->target.weights = table->weights;
    return mer_ok();
}

static void start_groups(const struct mer_design *design, struct table *table)
{
    uint32_t begin = 0;
    for (size_t g = 0; g < table->design.n_groups; g++) {
        const size_t own =
            g < design->n_groups
                ? g
                : table->copied[table->n_dense_copies + g - design->n_groups] - design->n_dense;
        table->group_start[g] = begin;
        begin += design->group_start[own + 1] - design->group_start[own];
    }
    table->group_start[table->design.n_groups] = begin;
}

/* Every step-th row, and the copies, each shuffled by itself. */
static void fill_table(const struct mer_design *design, size_t step, uint64_t seed,
                       struct table *table)
{
    const size_t n = table->design.n_rows, n_dense = table->design.n_dense;
    const size_t n_groups = table->design.n_groups;
    for (size_t i = 0; i < n; i++) {
        memcpy(table->dense + i * n_dense, design->dense + i * step * design->n_dense,
               design->n_dense * sizeof(double));
        if (design->n_groups > 0)
            memcpy(table->codes + i * n_groups, design->codes + i * step * design->n_groups,
                   design->n_groups * sizeof(int32_t));
    }
    for (size_t c = 0; c < table->n_copies; c++) {
        const size_t feature = table->copied[c];
        mer_rng rng;
        mer_rng_init(&rng, seed, mer_rng_stream("select", feature));
        for (size_t i = 0; i < n; i++)
            table->order[i] = (uint32_t)i;
        mer_rng_shuffle(&rng, table->order, n);
        for (size_t i = 0; i < n; i++) {
            const size_t from = table->order[i] * step;
            if (c < table->n_dense_copies)
                table->dense[i * n_dense + design->n_dense + c] =
                    design->dense[from * design->n_dense + feature];
            else
                table->codes[i * n_groups + design->n_groups + c - table->n_dense_copies] =
                    design->codes[from * design->n_groups + feature - design->n_dense];
        }
    }
}

static mer_status make_table(const struct mer_ctx *ctx, const struct mer_design *design,
                             const struct mer_target *target, size_t n_rows, uint64_t seed,
                             struct table *table, mer_err *err)
{
    const size_t n_wanted = rows_of(n_rows, design->n_dense + design->n_groups);
    const size_t step = (n_rows + n_wanted - 1) / n_wanted;
    const size_t n = (n_rows + step - 1) / step;
    table->n_dense = design->n_dense;
    table->n_groups = design->n_groups;
    MER_GUARD(choose_copied(ctx, design, table, err));
    table->design =
        (struct mer_design){.n_rows = n,
                            .n_dense = design->n_dense + table->n_dense_copies,
                            .n_groups = design->n_groups + table->n_copies - table->n_dense_copies};
    MER_GUARD(
        mer_alloc_array(ctx->alloc, n, table->design.n_dense * sizeof(double), &table->dense, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n, table->design.n_groups * sizeof(int32_t),
                              &table->codes, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, table->design.n_groups + 1, sizeof *table->group_start,
                              &table->group_start, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof *table->order, &table->order, err));
    MER_GUARD(copy_target(ctx, target, step, n, table, err));
    start_groups(design, table);
    fill_table(design, step, seed, table);
    table->design.dense = table->dense;
    table->design.codes = table->codes;
    table->design.group_start = table->group_start;
    return mer_ok();
}

static void grow_task(void *argument, size_t task, size_t worker)
{
    struct growing *growing = argument;
    double *gains = growing->gains + task * growing->n_features;
    struct mer_forest_tree tree = {0};
    growing->statuses[task] =
        mer_forest_grow(growing->ctx, &growing->data, &growing->options, growing->seed, task,
                        growing->workers[worker], &tree, NULL);
    for (size_t i = 0; mer_is_ok(growing->statuses[task]) && i < tree.n_nodes; i++)
        if (tree.nodes[i].feature != MER_ENSEMBLE_LEAF)
            gains[tree.nodes[i].feature] += (double)tree.nodes[i].gain;
    mer_forest_tree_release(growing->ctx, &tree);
}

static mer_status grow_forest(struct growing *growing, mer_err *err)
{
    const struct mer_ctx *ctx = growing->ctx;
    const size_t n_workers = mer_team_size(ctx->team);
    mer_status status = mer_ok();
    MER_GUARD(mer_alloc_zero(ctx->alloc, n_workers, sizeof(struct mer_forest_worker *),
                             &growing->workers, err));
    for (size_t i = 0; i < n_workers && mer_is_ok(status); i++)
        status = mer_forest_worker_new(ctx, &growing->data, &growing->options, &growing->workers[i],
                                       err);
    if (mer_is_ok(status)) {
        mer_team_run(ctx->team, grow_task, growing, TREES);
        status = mer_ctx_check_cancel(ctx, err);
    }
    for (size_t t = 0; t < TREES && mer_is_ok(status); t++)
        if (!mer_is_ok(growing->statuses[t]))
            status = mer_fail(err, growing->statuses[t].code,
                              "there is no memory to find out in which features matter");
    for (size_t i = 0; i < n_workers; i++)
        mer_forest_worker_free(ctx, growing->workers[i]);
    mer_free(ctx->alloc, growing->workers);
    return status;
}

/* What the splits of each feature of the table gain, [n_features]. */
static mer_status find_gains(const struct mer_ctx *ctx, const struct table *table, uint64_t seed,
                             double *ret_gains, mer_err *err)
{
    struct mer_bins bins;
    struct growing *growing = NULL;
    mer_status status;
    const size_t n = table->design.n_dense + table->design.n_groups;
    const double n_tried = TRIED * (double)n;
    MER_GUARD(mer_bins_make(ctx, &table->design, MAX_BIN, seed, &bins, err));
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, 1, sizeof *growing, &growing, err), out);
    growing->ctx = ctx;
    growing->seed = seed;
    growing->n_features = n;
    growing->options =
        (struct mer_forest_options){.bootstrap = true,
                                    .max_features = n_tried < 1 ? 1 : (size_t)n_tried,
                                    .max_depth = 1000,
                                    .min_split_rows = 2 * LEAF_ROWS,
                                    .min_leaf_rows = LEAF_ROWS};
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, TREES, n * sizeof(double), &growing->gains, err),
                   out);
    MER_GUARD_GOTO(mer_forest_data_init(ctx, &bins, &table->target, &growing->data, err), out);
    status = grow_forest(growing, err);
    mer_forest_data_release(ctx, &growing->data);
    for (size_t t = 0; t < TREES && mer_is_ok(status); t++)
        for (size_t j = 0; j < n; j++)
            ret_gains[j] += growing->gains[t * n + j];
out:
    if (growing)
        mer_free(ctx->alloc, growing->gains);
    mer_free(ctx->alloc, growing);
    mer_bins_release(ctx, &bins);
    return status;
}

/* The gain that so many of the copies do not exceed. */
static double find_threshold(const struct table *table, double share, const double *gains)
{
    const double *const groups = gains + table->design.n_dense + table->n_groups;
    const double *const dense = gains + table->n_dense;
    double sorted[COPIES_MAX];
    for (size_t c = 0; c < table->n_copies; c++)
        sorted[c] = c < table->n_dense_copies ? dense[c] : groups[c - table->n_dense_copies];
    mer_sort(sorted, table->n_copies, sizeof *sorted, mer_compare_doubles);
    const size_t at = (size_t)(share * (double)(table->n_copies - 1) + 0.5);
    return sorted[at];
}

static void keep(const struct mer_design *design, const struct table *table, const double *gains,
                 double threshold, uint8_t *kept)
{
    for (size_t j = 0; j < design->n_dense; j++)
        kept[j] = j >= mer_design_uncondensed(design) || gains[j] > threshold;
    for (size_t g = 0; g < design->n_groups; g++)
        kept[design->n_dense + g] = gains[table->design.n_dense + g] > threshold;
    for (size_t j = 0; design->indicators && j < design->n_dense; j++)
        if (design->indicators[j] != MER_NO_INDICATOR && kept[design->indicators[j]])
            kept[j] = 1;
    for (size_t j = 0; design->indicators && j < design->n_dense; j++)
        if (design->indicators[j] != MER_NO_INDICATOR && kept[j])
            kept[design->indicators[j]] = 1;
}

static mer_status learn(const struct mer_ctx *ctx, const struct mer_design *design,
                        const struct table *table, double share, uint64_t seed, uint8_t *ret_kept,
                        size_t *ret_n_kept, mer_err *err)
{
    const size_t n = table->design.n_dense + table->design.n_groups;
    double *gains = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, n, sizeof *gains, &gains, err));
    const mer_status status = find_gains(ctx, table, seed, gains, err);
    if (mer_is_ok(status))
        keep(design, table, gains, find_threshold(table, share, gains), ret_kept);
    mer_free(ctx->alloc, gains);
    *ret_n_kept = 0;
    for (size_t i = 0; i < design->n_dense + design->n_groups; i++)
        *ret_n_kept += ret_kept[i];
    return status;
}

mer_status mer_selection_learn(const struct mer_ctx *ctx, const struct mer_design *design,
                               const struct mer_target *target, size_t n_rows, double share,
                               uint64_t seed, struct mer_selection *ret_selection, mer_err *err)
{
    const size_t n_features = design->n_dense + design->n_groups;
    struct mer_selection selection = {0};
    struct table table = {0};
    size_t n_kept = 0;
    mer_status status = mer_ok();
    *ret_selection = selection;
    if (n_features < 2 || n_rows == 0)
        return mer_ok();
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n_features, 1, &selection.kept, err), out);
    MER_GUARD_GOTO(make_table(ctx, design, target, n_rows, seed, &table, err), out);
    if (table.n_copies > 0)
        MER_GUARD_GOTO(learn(ctx, design, &table, share, seed, selection.kept, &n_kept, err), out);
    if (n_kept > 0 && n_kept < n_features)
        MER_GUARD_GOTO(mer_selection_settle(ctx, design, &selection, err), out);
    else
        mer_selection_release(ctx, &selection);
    *ret_selection = selection;
    selection = (struct mer_selection){0};
out:
    mer_selection_release(ctx, &selection);
    release_table(ctx, &table);
    return status;
}
