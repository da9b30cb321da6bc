#include "automl/member.h"

#include <string.h>

/* Adds a member's predictions, times its share, to the sum. */
static mer_status add_member(const struct mer_ctx *ctx, const struct mer_member *member,
                             double share, const struct mer_design *design, size_t n_values,
                             double *own, double *sum, mer_err *err)
{
    MER_GUARD(member->family->predict(ctx, member->model, design, own, err));
    for (size_t i = 0; i < n_values; i++)
        sum[i] += share * own[i];
    return mer_ok();
}

mer_status mer_members_predict(const struct mer_ctx *ctx, const struct mer_member *members,
                               size_t n_members, const struct mer_design *design, size_t n_outputs,
                               double *predictions, mer_err *err)
{
    uint64_t total = 0;
    size_t n_values;
    double *own;

    if (n_members == 1)
        return members[0].family->predict(ctx, members[0].model, design, predictions, err);
    if (!mer_size_mul(design->n_rows, n_outputs, &n_values))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    for (size_t m = 0; m < n_members; m++)
        total += members[m].weight;
    MER_GUARD(mer_alloc_array(ctx->alloc, n_values, sizeof(*own), &own, err));
    memset(predictions, 0, n_values * sizeof(*predictions));
    mer_status status = mer_ok();
    for (size_t m = 0; m < n_members && mer_is_ok(status); m++)
        status = add_member(ctx, &members[m], (double)members[m].weight / (double)total, design,
                            n_values, own, predictions, err);
    mer_free(ctx->alloc, own);
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
