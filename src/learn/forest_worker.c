/* One thread's memory for growing trees, that of the tree itself, and the rows that are drawn for
 * it. */
#include <string.h>

#include "learn/forest_growth.h"

static bool has_planes(const struct mer_forest_data *data, const struct mer_forest_options *options)
{
    return mer_forest_can_count(data) && options->is_random && !options->bootstrap &&
           data->n_stats <= MER_FOREST_PLANE_CLASSES;
}

void mer_forest_worker_free(const struct mer_ctx *ctx, struct mer_forest_worker *worker)
{
    if (!worker)
        return;
    mer_free(ctx->alloc, worker->entries);
    mer_free(ctx->alloc, worker->spare);
    mer_free(ctx->alloc, worker->bins);
    mer_free(ctx->alloc, worker->weights);
    mer_free(ctx->alloc, worker->packed);
    mer_free(ctx->alloc, worker->packed_in_bin);
    mer_free(ctx->alloc, worker->parts);
    mer_free(ctx->alloc, worker->sums);
    mer_free(ctx->alloc, worker->rows_in_bin);
    mer_free(ctx->alloc, worker->total);
    mer_free(ctx->alloc, worker->left);
    mer_free(ctx->alloc, worker->right);
    mer_free(ctx->alloc, worker->features);
    mer_free(ctx->alloc, worker->missing_first);
    mer_free(ctx->alloc, worker->stack);
    mer_free(ctx->alloc, worker->counts);
    mer_forest_counts_release(ctx, &worker->counted);
    mer_free(ctx->alloc, worker);
}

static mer_status fill_worker(const struct mer_ctx *ctx, const struct mer_forest_data *data,
                              const struct mer_forest_options *options, struct mer_forest_worker *w,
                              mer_err *err)
{
    const size_t n = data->n_rows;
    const struct {
        size_t n;
        size_t size;
        void *ret;
    } arrays[] = {
        {n, sizeof *w->entries, &w->entries},
        {n, sizeof *w->spare, &w->spare},
        {n + MER_FOREST_PAD, 1, &w->bins},
        {n, (data->classes ? 1 : 2) * sizeof *w->weights, &w->weights},
        {mer_forest_can_pack(data) ? n : 0, sizeof *w->packed, &w->packed},
        {mer_forest_can_pack(data) ? (1 + MER_FOREST_PACKED_PARTS) * MER_BINS_MAX : 0,
         sizeof *w->packed_in_bin, &w->packed_in_bin},
        {MER_FOREST_PARTS, data->n_stats * sizeof *w->parts, &w->parts},
        {MER_BINS_MAX, data->n_stats * sizeof *w->sums, &w->sums},
        {MER_BINS_MAX, sizeof *w->rows_in_bin, &w->rows_in_bin},
        {data->n_stats, sizeof *w->total, &w->total},
        {data->n_stats, sizeof *w->left, &w->left},
        {data->n_stats, sizeof *w->right, &w->right},
        {data->n_used, sizeof *w->features, &w->features},
        {data->n_features, 1, &w->missing_first},
        {n, sizeof *w->counts, &w->counts},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        MER_GUARD(mer_alloc_zero(ctx->alloc, arrays[i].n, arrays[i].size, arrays[i].ret, err));
    w->kernels = mer_forest_kernels(ctx->cpu);
    w->has_planes = has_planes(data, options);
    if (mer_forest_can_count(data))
        MER_GUARD(mer_forest_counts_init(ctx, n, data->n_stats, w->has_planes, &w->counted, err));
    return mer_ok();
}

mer_status mer_forest_worker_new(const struct mer_ctx *ctx, const struct mer_forest_data *data,
                                 const struct mer_forest_options *options,
                                 struct mer_forest_worker **ret_worker, mer_err *err)
{
    struct mer_forest_worker *worker = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *worker, &worker, err));
    const mer_status status = fill_worker(ctx, data, options, worker, err);
    if (!mer_is_ok(status)) {
        mer_forest_worker_free(ctx, worker);
        return status;
    }
    *ret_worker = worker;
    return mer_ok();
}

void mer_forest_tree_release(const struct mer_ctx *ctx, struct mer_forest_tree *tree)
{
    mer_free(ctx->alloc, tree->nodes);
    mer_free(ctx->alloc, tree->values);
    mer_free(ctx->alloc, tree->sets);
    memset(tree, 0, sizeof *tree);
}

size_t mer_forest_values(const struct mer_forest_data *data)
{
    return data->n_stats > 2 ? data->n_stats : 1;
}

mer_status mer_forest_reserve_nodes(struct mer_forest_growth *g, mer_err *err)
{
    struct mer_forest_tree *tree = g->tree;
    const size_t n_values = mer_forest_values(g->data);
    if (tree->n_nodes + 2 <= tree->capacity)
        return mer_ok();
    const size_t n = tree->capacity ? 2 * tree->capacity : 256;
    size_t n_node_bytes, n_value_bytes;
    if (!mer_size_mul(n, sizeof *tree->nodes, &n_node_bytes) ||
        !mer_size_mul(n * sizeof *tree->values, n_values, &n_value_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "a tree of %zu nodes is too large", n);
    MER_GUARD(mer_alloc_resize(g->ctx->alloc, n_node_bytes, &tree->nodes, err));
    MER_GUARD(mer_alloc_resize(g->ctx->alloc, n_value_bytes, &tree->values, err));
    tree->capacity = n;
    return mer_ok();
}

mer_status mer_forest_reserve_set(struct mer_forest_growth *g, size_t n_bytes, mer_err *err)
{
    struct mer_forest_tree *tree = g->tree;
    size_t n = tree->set_capacity ? tree->set_capacity : 1024;
    while (n < tree->n_set_bytes + n_bytes)
        n *= 2;
    if (n > tree->set_capacity) {
        MER_GUARD(mer_alloc_resize(g->ctx->alloc, n, &tree->sets, err));
        tree->set_capacity = n;
    }
    return mer_ok();
}

mer_status mer_forest_push(struct mer_forest_growth *g, const struct mer_forest_pending *pending,
                           mer_err *err)
{
    struct mer_forest_worker *w = g->w;
    if (g->depth == w->stack_capacity) {
        const size_t n = w->stack_capacity ? 2 * w->stack_capacity : 256;
        MER_GUARD(mer_alloc_resize(g->ctx->alloc, n * sizeof *w->stack, &w->stack, err));
        w->stack_capacity = n;
    }
    w->stack[g->depth++] = *pending;
    return mer_ok();
}

void mer_forest_draw(const struct mer_forest_data *data, const struct mer_forest_options *options,
                     mer_rng *rng, uint16_t *ret_counts)
{
    if (!options->bootstrap) {
        for (size_t row = 0; row < data->n_rows; row++)
            ret_counts[row] = 1;
        return;
    }
    memset(ret_counts, 0, data->n_rows * sizeof *ret_counts);
    for (size_t i = 0; i < data->n_rows; i++) {
        uint16_t *count = &ret_counts[mer_rng_below(rng, data->n_rows)];
        *count = (uint16_t)(*count + (*count < UINT16_MAX));
    }
}

size_t mer_forest_list_entries(const struct mer_forest_growth *g)
{
    const struct mer_forest_data *data = g->data;
    size_t n = 0;
    for (size_t row = 0; row < data->n_rows; row++)
        if (g->w->counts[row] > 0 && mer_forest_weight(data, row) > 0)
            g->w->entries[n++] =
                (struct mer_forest_entry){.row = (uint32_t)row,
                                          .class = data->classes ? (uint16_t)data->classes[row] : 0,
                                          .count = g->w->counts[row]};
    return n;
}
