#include "learn/tree_data.h"

#include <math.h>

#include "core/order.h"
#include "core/team.h"

enum { BLOCK_ROWS = 4096 };

/* The filling of the columns from the design, in blocks of rows, and then of each column's order.
 */
struct filling {
    const struct mer_ctx *ctx;
    const struct mer_design *design;
    const uint32_t *source; /* [n_rows]: where the rows with weight are in the design */
    struct mer_tree_data *data;
    struct mer_order_item *scratch; /* [n_workers][2 * n_rows] */
};

static double weight_of(const struct mer_target *target, size_t row)
{
    return target->weights ? target->weights[row] : 1.0;
}

void mer_tree_data_release(const struct mer_ctx *ctx, struct mer_tree_data *data)
{
    mer_free(ctx->alloc, data->columns);
    mer_free(ctx->alloc, data->orders);
    mer_free(ctx->alloc, data->codes);
    mer_free(ctx->alloc, data->n_levels);
    mer_free(ctx->alloc, data->rows);
    mer_free(ctx->alloc, data->weights);
    mer_free(ctx->alloc, data->classes);
    mer_free(ctx->alloc, data->values);
    *data = (struct mer_tree_data){0};
}

/* Checked: n_a * n_b elements. */
static mer_status alloc_table(const struct mer_ctx *ctx, size_t n_a, size_t n_b, size_t size,
                              void *ret_pointer, mer_err *err)
{
    size_t n;
    if (!mer_size_mul(n_a, n_b, &n))
        return mer_fail(err, MER_ERR_MEMORY, "a table of %zu x %zu is too large", n_a, n_b);
    return mer_alloc_array(ctx->alloc, n, size, ret_pointer, err);
}

static mer_status alloc_arrays(const struct mer_ctx *ctx, enum mer_task task,
                               struct mer_tree_data *data, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    const size_t n = data->n_rows;
    MER_GUARD(alloc_table(ctx, data->n_dense, n, sizeof(double), &data->columns, err));
    MER_GUARD(alloc_table(ctx, data->n_dense, n, sizeof(uint32_t), &data->orders, err));
    MER_GUARD(alloc_table(ctx, data->n_groups, n, sizeof(uint32_t), &data->codes, err));
    MER_GUARD(mer_alloc_array(alloc, data->n_groups, sizeof(uint32_t), &data->n_levels, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(uint32_t), &data->rows, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &data->weights, err));
    if (task == MER_TASK_REGRESSION)
        return mer_alloc_array(alloc, n, sizeof(double), &data->values, err);
    return mer_alloc_array(alloc, n, sizeof(int32_t), &data->classes, err);
}

static void fill_target(const struct mer_target *target, const uint32_t *source,
                        struct mer_tree_data *data)
{
    double largest = 0;
    for (size_t row = 0; row < data->n_rows; row++) {
        data->rows[row] = (uint32_t)row;
        data->weights[row] = weight_of(target, source[row]);
        if (data->classes)
            data->classes[row] = target->classes[source[row]];
        else
            largest = fmax(largest, fabs(target->values[source[row]]));
    }
    if (!data->values)
        return;
    /* A power of two changes no bit of a mantissa. */
    frexp(largest, &data->exponent);
    for (size_t row = 0; row < data->n_rows; row++)
        data->values[row] = ldexp(target->values[source[row]], -data->exponent);
}

static void fill_block(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct filling *filling = argument;
    const struct mer_design *design = filling->design;
    struct mer_tree_data *data = filling->data;
    const size_t begin = task * BLOCK_ROWS;
    const size_t end = begin + BLOCK_ROWS < data->n_rows ? begin + BLOCK_ROWS : data->n_rows;
    for (size_t row = begin; row < end; row++) {
        const size_t source = filling->source[row];
        for (size_t j = 0; j < data->n_dense; j++)
            data->columns[j * data->n_rows + row] = design->dense[source * data->n_dense + j];
        for (size_t g = 0; g < data->n_groups; g++) {
            const int32_t code = design->codes[source * data->n_groups + g];
            data->codes[g * data->n_rows + row] = code < 0 ? data->n_levels[g] - 1 : (uint32_t)code;
        }
    }
}

static void order_column(void *argument, size_t task, size_t worker)
{
    const struct filling *filling = argument;
    struct mer_tree_data *data = filling->data;
    if (!mer_is_ok(mer_ctx_check_cancel(filling->ctx, NULL)))
        return;
    mer_order_doubles(data->columns + task * data->n_rows, data->n_rows,
                      filling->scratch + worker * 2 * data->n_rows,
                      data->orders + task * data->n_rows);
}

static mer_status fill_features(const struct mer_ctx *ctx, const struct mer_design *design,
                                const uint32_t *source, struct mer_tree_data *data, mer_err *err)
{
    for (size_t g = 0; g < data->n_groups; g++) {
        data->n_levels[g] = design->group_start[g + 1] - design->group_start[g] + 1;
        if (data->n_levels[g] > data->max_levels)
            data->max_levels = data->n_levels[g];
    }
    struct filling filling = {.ctx = ctx, .design = design, .source = source, .data = data};
    MER_GUARD(alloc_table(ctx, 2 * data->n_rows, mer_team_size(ctx->team), sizeof *filling.scratch,
                          &filling.scratch, err));
    mer_team_run(ctx->team, fill_block, &filling, (data->n_rows + BLOCK_ROWS - 1) / BLOCK_ROWS);
    mer_team_run(ctx->team, order_column, &filling, data->n_dense);
    mer_free(ctx->alloc, filling.scratch);
    return mer_ctx_check_cancel(ctx, err);
}

/* The rows of the design that have weight. */
static mer_status list_rows(const struct mer_ctx *ctx, const struct mer_design *design,
                            const struct mer_target *target, uint32_t **ret_source, size_t *ret_n,
                            mer_err *err)
{
    if (design->n_rows > MER_TREE_ROWS_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are too many for a tree, which takes %zu",
                        design->n_rows, MER_TREE_ROWS_MAX);
    uint32_t *source = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows, sizeof *source, &source, err));
    size_t n = 0;
    for (size_t row = 0; row < design->n_rows; row++) {
        if (weight_of(target, row) > 0)
            source[n++] = (uint32_t)row;
    }
    if (n == 0) {
        mer_free(ctx->alloc, source);
        return mer_fail(err, MER_ERR_DATA,
                        "there is no row with a weight above zero to learn from");
    }
    *ret_source = source;
    *ret_n = n;
    return mer_ok();
}

mer_status mer_tree_data_init(const struct mer_ctx *ctx, const struct mer_design *design,
                              const struct mer_target *target, struct mer_tree_data *ret_data,
                              mer_err *err)
{
    struct mer_tree_data data = {
        .n_dense = design->n_dense,
        .n_groups = design->n_groups,
        .n_stats = mer_target_outputs(target->task, target->n_classes),
    };
    uint32_t *source = NULL;
    MER_GUARD(list_rows(ctx, design, target, &source, &data.n_rows, err));
    mer_status status = alloc_arrays(ctx, target->task, &data, err);
    if (mer_is_ok(status)) {
        fill_target(target, source, &data);
        status = fill_features(ctx, design, source, &data, err);
    }
    mer_free(ctx->alloc, source);
    if (!mer_is_ok(status)) {
        mer_tree_data_release(ctx, &data);
        return status;
    }
    *ret_data = data;
    return mer_ok();
}
