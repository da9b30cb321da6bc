#include "learn/adapt_family.h"

#include <math.h>

/* Of a family with an adapter; `inner` is the plain family's. */
struct mer_model {
    struct mer_selection selection; /* comes first, then the crossings, then the adapter */
    struct mer_crossings crossings;
    struct mer_adapter adapter;
    struct mer_model *inner;
};

static double option(const struct mer_family *plain, const struct mer_params *params,
                     const char *name)
{
    const size_t i = mer_params_find(plain->params, plain->n_params, name);
    return i == SIZE_MAX ? 0 : params->values[i];
}

static struct mer_adapt_options options_of(const struct mer_family *plain,
                                           const struct mer_params *params)
{
    return (struct mer_adapt_options){
        .transform = (enum mer_transform)(int)option(plain, params, "transform"),
        .n_products = (size_t)option(plain, params, "products"),
        .log_target = (enum mer_log_target)(int)option(plain, params, "log_target")};
}

mer_status mer_adapted_check(const struct mer_family *plain, const struct mer_params *params,
                             enum mer_task task, mer_err *err)
{
    if (task != MER_TASK_REGRESSION && options_of(plain, params).log_target != MER_LOG_TARGET_NONE)
        return mer_fail(err, MER_ERR_USAGE,
                        "parameter log_target is for regression, and this is classification");
    return plain->check ? plain->check(params, task, err) : mer_ok();
}

/* Where there are no two categories, none are crossed. */
void mer_adapted_settle(const struct mer_family *plain, struct mer_params *params,
                        const struct mer_design *shape)
{
    const size_t crossings = mer_params_find(plain->params, plain->n_params, "crossings");
    if (crossings != SIZE_MAX && shape->n_groups < 2)
        params->values[crossings] = 0;
    if (plain->settle)
        plain->settle(params, shape);
}

uint64_t mer_adapted_cost(const struct mer_family *plain, const struct mer_params *params,
                          const struct mer_design *design, const struct mer_target *target)
{
    /* Nanoseconds of one core for a cell: to learn a transform and apply it, to find a product. */
    static const double TRANSFORM_NS = 150, PRODUCTS_NS = 20, ROW_PRODUCTS_NS = 4000;
    const struct mer_adapt_options options = options_of(plain, params);
    const double rows = (double)design->n_rows;
    const double cells = rows * (double)mer_design_uncondensed(design);
    const uint64_t selecting = option(plain, params, "select") > 0 ? mer_selection_cost(design) : 0;
    const uint64_t crossing =
        option(plain, params, "crossings") > 0 ? mer_crossings_cost(design) : 0;
    struct mer_design shape = *design;
    shape.n_dense += options.n_products;
    return plain->cost(params, &shape, target) + selecting + crossing +
           (uint64_t)(((options.transform != MER_TRANSFORM_NONE ? cells * TRANSFORM_NS : 0) +
                       (options.n_products > 0
                            ? cells * PRODUCTS_NS + fmin(rows, 20000) * ROW_PRODUCTS_NS
                            : 0)) /
                      1000);
}

void mer_adapted_free(const struct mer_family *plain, const struct mer_ctx *ctx,
                      struct mer_model *model)
{
    if (!model)
        return;
    plain->free(ctx, model->inner);
    mer_adapter_release(ctx, &model->adapter);
    mer_crossings_release(ctx, &model->crossings);
    mer_selection_release(ctx, &model->selection);
    mer_free(ctx->alloc, model);
}

/* Fits the plain model to what the adapter makes of the data. */
static mer_status fit_inner(const struct mer_family *plain, const struct mer_ctx *ctx,
                            const struct mer_params *params, const struct mer_fit_data *data,
                            struct mer_model *model, mer_err *err)
{
    struct mer_adapter *adapter = &model->adapter;
    const size_t n_rows = data->design->n_rows;
    struct mer_adapted adapted = {0};
    struct mer_target target = *data->target;
    struct mer_fit_data inner = *data;
    double *logarithms = NULL, *predicted = NULL;
    mer_status status;

    MER_GUARD_GOTO(mer_adapter_apply(ctx, adapter, data->design, &adapted, err), done);
    inner.design = &adapted.design;
    inner.target = &target;
    if (adapter->log_target != MER_LOG_TARGET_NONE) {
        MER_GUARD_GOTO(
            mer_adapter_logarithms(ctx, adapter, data->target->values, n_rows, &logarithms, err),
            done);
        target.values = logarithms;
    }
    MER_GUARD_GOTO(plain->fit(ctx, params, &inner, &model->inner, err), done);
    if (adapter->log_target == MER_LOG_TARGET_MEAN) {
        MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof *predicted, &predicted, err),
                       done);
        MER_GUARD_GOTO(plain->predict(ctx, model->inner, &adapted.design, predicted, err), done);
        mer_adapter_smear(adapter, predicted, logarithms, target.weights, n_rows);
    }
done:
    mer_free(ctx->alloc, predicted);
    mer_free(ctx->alloc, logarithms);
    mer_adapted_release(ctx, &adapted);
    return status;
}

/* Learns on what was crossed: data are of that. */
static mer_status fit_adapted(const struct mer_family *plain, const struct mer_ctx *ctx,
                              const struct mer_params *params, const struct mer_fit_data *data,
                              struct mer_model *model, mer_err *err)
{
    const struct mer_adapt_options options = options_of(plain, params);
    MER_GUARD(mer_adapter_learn(ctx, &options, data->design, data->target, &model->adapter, err));
    return fit_inner(plain, ctx, params, data, model, err);
}

/* Learns on what was selected; `crossings`: of a model to go on from, or NULL. */
static mer_status fit_crossed(const struct mer_family *plain, const struct mer_ctx *ctx,
                              const struct mer_params *params, const struct mer_fit_data *data,
                              const struct mer_crossings *crossings, struct mer_model *model,
                              mer_err *err)
{
    const size_t n_wanted = (size_t)option(plain, params, "crossings");
    struct mer_fit_data own = *data;
    struct mer_crossed crossed;
    if (crossings)
        MER_GUARD(mer_crossings_copy(ctx, crossings, data->design, &model->crossings, err));
    else if (n_wanted > 0)
        MER_GUARD(mer_crossings_learn(ctx, data->design, data->target,
                                      data->design->n_rows - data->n_watched, n_wanted,
                                      &model->crossings, err));
    MER_GUARD(mer_crossings_apply(ctx, &model->crossings, data->design, &crossed, err));
    own.design = &crossed.design;
    const mer_status status = fit_adapted(plain, ctx, params, &own, model, err);
    mer_crossed_release(ctx, &crossed);
    return status;
}

/* The directions of the dense columns that are kept. */
static mer_status keep_directions(const struct mer_ctx *ctx, const struct mer_selection *selection,
                                  const int8_t *monotone, int8_t **ret_kept, mer_err *err)
{
    size_t n = 0;
    if (!monotone || !selection->kept)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, selection->n_kept_dense, 1, ret_kept, err));
    for (size_t j = 0; j < selection->n_dense; j++)
        if (selection->kept[j])
            (*ret_kept)[n++] = monotone[j];
    return mer_ok();
}

static mer_status fit_selected(const struct mer_family *plain, const struct mer_ctx *ctx,
                               const struct mer_params *params, const struct mer_fit_data *data,
                               struct mer_model *model, mer_err *err)
{
    struct mer_selection *selection = &model->selection;
    const double share = option(plain, params, "select");
    struct mer_fit_data own = *data;
    struct mer_selected selected = {0};
    int8_t *monotone = NULL;
    mer_status status;

    own.start = data->start ? data->start->inner : NULL;
    if (data->start)
        MER_GUARD(mer_selection_copy(ctx, &data->start->selection, data->design, selection, err));
    else if (share > 0)
        MER_GUARD(mer_selection_learn(ctx, data->design, data->target,
                                      data->design->n_rows - data->n_watched, share, data->seed,
                                      selection, err));
    const struct mer_crossings *const crossings = data->start ? &data->start->crossings : NULL;
    if (!selection->kept)
        return fit_crossed(plain, ctx, params, &own, crossings, model, err);
    MER_GUARD_GOTO(keep_directions(ctx, selection, data->monotone, &monotone, err), done);
    MER_GUARD_GOTO(mer_selection_apply(ctx, selection, data->design, &selected, err), done);
    own.design = &selected.design;
    own.monotone = monotone;
    status = fit_crossed(plain, ctx, params, &own, crossings, model, err);
done:
    mer_selected_release(ctx, &selected);
    mer_free(ctx->alloc, monotone);
    return status;
}

mer_status mer_adapted_fit(const struct mer_family *plain, const struct mer_ctx *ctx,
                           const struct mer_params *params, const struct mer_fit_data *data,
                           struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    const mer_status status = fit_selected(plain, ctx, params, data, model, err);
    if (!mer_is_ok(status)) {
        mer_adapted_free(plain, ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

/* What the plain model sees of a design. */
struct seen {
    struct mer_selected selected;
    struct mer_crossed crossed;
    struct mer_adapted adapted;
};

static void release_seen(const struct mer_ctx *ctx, struct seen *seen)
{
    mer_adapted_release(ctx, &seen->adapted);
    mer_crossed_release(ctx, &seen->crossed);
    mer_selected_release(ctx, &seen->selected);
}

static mer_status look(const struct mer_ctx *ctx, const struct mer_model *model,
                       const struct mer_design *design, struct seen *seen, mer_err *err)
{
    *seen = (struct seen){0};
    MER_GUARD(mer_selection_apply(ctx, &model->selection, design, &seen->selected, err));
    MER_GUARD(
        mer_crossings_apply(ctx, &model->crossings, &seen->selected.design, &seen->crossed, err));
    return mer_adapter_apply(ctx, &model->adapter, &seen->crossed.design, &seen->adapted, err);
}

mer_status mer_adapted_predict(const struct mer_family *plain, const struct mer_ctx *ctx,
                               const struct mer_model *model, const struct mer_design *design,
                               double *ret_predictions, mer_err *err)
{
    struct seen seen;
    mer_status status = look(ctx, model, design, &seen, err);
    if (mer_is_ok(status))
        status = plain->predict(ctx, model->inner, &seen.adapted.design, ret_predictions, err);
    release_seen(ctx, &seen);
    if (mer_is_ok(status))
        mer_adapter_restore(&model->adapter, ret_predictions, design->n_rows);
    return status;
}

size_t mer_adapted_n_rounds(const struct mer_family *plain, const struct mer_model *model)
{
    return plain->n_rounds(model->inner);
}

mer_status mer_adapted_stages(const struct mer_family *plain, const struct mer_ctx *ctx,
                              const struct mer_model *model, const struct mer_design *design,
                              size_t n_stages, const uint32_t *rounds, double *ret_predictions,
                              mer_err *err)
{
    struct seen seen;
    mer_status status = look(ctx, model, design, &seen, err);
    if (mer_is_ok(status))
        status = plain->stages(ctx, model->inner, &seen.adapted.design, n_stages, rounds,
                               ret_predictions, err);
    release_seen(ctx, &seen);
    if (mer_is_ok(status))
        mer_adapter_restore(&model->adapter, ret_predictions, n_stages * design->n_rows);
    return status;
}

const uint8_t *mer_adapted_kept(const struct mer_model *model)
{
    return model->selection.kept;
}

mer_status mer_adapted_save(const struct mer_family *plain, const struct mer_model *model,
                            const char *prefix, struct mer_bundle *bundle,
                            struct mer_json_writer *writer, mer_err *err)
{
    MER_GUARD(mer_selection_save(&model->selection, prefix, bundle, err));
    MER_GUARD(mer_crossings_save(&model->crossings, prefix, bundle, err));
    MER_GUARD(mer_adapter_save(&model->adapter, prefix, bundle, err));
    return plain->save(model->inner, prefix, bundle, writer, err);
}

mer_status mer_adapted_load(const struct mer_family *plain, const struct mer_ctx *ctx,
                            const struct mer_bundle *bundle, const char *prefix,
                            const struct mer_json *object, enum mer_task task, size_t n_classes,
                            const struct mer_design *shape, struct mer_model **ret_model,
                            mer_err *err)
{
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    mer_status status = mer_selection_load(ctx, bundle, prefix, shape, &model->selection, err);
    const struct mer_design selected = mer_selection_shape(&model->selection, shape);
    if (mer_is_ok(status))
        status = mer_crossings_load(ctx, bundle, prefix, &selected, &model->crossings, err);
    const struct mer_design crossed = mer_crossings_shape(&model->crossings, &selected);
    if (mer_is_ok(status))
        status = mer_adapter_load(ctx, bundle, prefix, &crossed, task, &model->adapter, err);
    if (mer_is_ok(status)) {
        const struct mer_design inner = mer_adapter_shape(&model->adapter, &crossed);
        status =
            plain->load(ctx, bundle, prefix, object, task, n_classes, &inner, &model->inner, err);
    }
    if (!mer_is_ok(status)) {
        mer_adapted_free(plain, ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}
