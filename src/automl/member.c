#include "automl/member.h"

#include <string.h>

size_t mer_members_bases(const struct mer_member *members, size_t n_members)
{
    size_t n = 0;

    while (n < n_members && !members[n].is_second)
        n++;
    return n < n_members ? n : 0;
}

/* What is being predicted. */
struct predicting {
    const struct mer_design *design;
    size_t n_outputs;
    size_t n_values;
    uint64_t total;  /* of the weights */
    size_t n_bases;  /* 0: there is one layer */
    double *own;     /* [n_values]: a model's */
    double *columns; /* [n_rows][n_columns]: what the first layer says */
    size_t n_columns;
    double *sum;
};

static void put_columns(struct predicting *predicting, size_t base,
                        const struct mer_stack_scale *scale)
{
    const size_t width = mer_stack_width(predicting->n_outputs);

    for (size_t i = 0; i < predicting->design->n_rows; i++)
        mer_stack_columns(predicting->own + i * predicting->n_outputs, predicting->n_outputs, scale,
                          predicting->columns + i * predicting->n_columns + base * width);
}

/* Adds a member's predictions, times its share, to the sum. */
static mer_status add_member(const struct mer_ctx *ctx, const struct mer_member *member,
                             const struct mer_design *design, struct predicting *predicting,
                             mer_err *err)
{
    const double share = (double)member->weight / (double)predicting->total;

    MER_GUARD(member->family->predict(ctx, member->model, design, predicting->own, err));
    for (size_t i = 0; member->weight > 0 && i < predicting->n_values; i++)
        predicting->sum[i] += share * predicting->own[i];
    return mer_ok();
}

static mer_status add_second(const struct mer_ctx *ctx, const struct mer_member *members, size_t n,
                             struct predicting *predicting, mer_err *err)
{
    struct mer_stacked stacked;

    mer_status status = mer_stack_extend(ctx, predicting->design, predicting->columns,
                                         predicting->n_columns, &stacked, err);
    for (size_t m = 0; m < n && mer_is_ok(status); m++)
        status = add_member(ctx, &members[m], &stacked.design, predicting, err);
    mer_stack_release(ctx, &stacked);
    return status;
}

static mer_status predict_all(const struct mer_ctx *ctx, const struct mer_member *members,
                              size_t n_members, struct predicting *predicting, mer_err *err)
{
    const size_t n_first = predicting->n_bases > 0 ? predicting->n_bases : n_members;

    MER_GUARD(mer_alloc_array(ctx->alloc, predicting->n_values, sizeof(*predicting->own),
                              &predicting->own, err));
    if (predicting->n_bases > 0) {
        predicting->n_columns = predicting->n_bases * mer_stack_width(predicting->n_outputs);
        MER_GUARD(mer_alloc_array(ctx->alloc, predicting->design->n_rows,
                                  predicting->n_columns * sizeof(*predicting->columns),
                                  &predicting->columns, err));
    }
    for (size_t m = 0; m < n_first; m++) {
        MER_GUARD(add_member(ctx, &members[m], predicting->design, predicting, err));
        if (predicting->n_bases > 0)
            put_columns(predicting, m, &members[m].scale);
    }
    return n_first < n_members
               ? add_second(ctx, members + n_first, n_members - n_first, predicting, err)
               : mer_ok();
}

mer_status mer_members_predict(const struct mer_ctx *ctx, const struct mer_member *members,
                               size_t n_members, const struct mer_design *design, size_t n_outputs,
                               double *predictions, mer_err *err)
{
    struct predicting predicting = {.design = design,
                                    .n_outputs = n_outputs,
                                    .n_bases = mer_members_bases(members, n_members),
                                    .sum = predictions};

    if (n_members == 1)
        return members[0].family->predict(ctx, members[0].model, design, predictions, err);
    if (!mer_size_mul(design->n_rows, n_outputs, &predicting.n_values))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    for (size_t m = 0; m < n_members; m++)
        predicting.total += members[m].weight;
    memset(predictions, 0, predicting.n_values * sizeof(*predictions));
    const mer_status status = predict_all(ctx, members, n_members, &predicting, err);
    mer_free(ctx->alloc, predicting.own);
    mer_free(ctx->alloc, predicting.columns);
    return status;
}

void mer_members_release(const struct mer_ctx *ctx, struct mer_member *members, size_t n_members)
{
    for (size_t i = 0; i < n_members; i++) {
        if (members[i].model)
            members[i].family->free(ctx, members[i].model);
        members[i].model = NULL;
    }
}
