/* What the models of a second layer learn from: what those of the first say of rows that they have
 * not seen.
 *
 * What a model of the first layer says of a row that it has not seen still tells of the rows that
 * it has: were the columns of a fold's training rows made by the models of the other folds, those
 * would have learned from the very rows that the fold scores, and a second layer finds that. (On
 * credit_g it scored 12 % better that way, and did 7 % worse on new rows.) So they are made by
 * models of inner folds, among the training rows alone, and the scores of both layers can be
 * compared.
 */
#include <string.h>

#include "automl/search_layers.h"

/* At most. */
enum { INNER_FOLDS = 4 };

size_t mer_layer_inner_folds(const struct mer_search *search)
{
    const size_t n = search->folds.n_folds - 1;
    return n < INNER_FOLDS ? n : INNER_FOLDS;
}

mer_status mer_layer_end(const struct mer_ctx *ctx, struct mer_search *search,
                         struct mer_layer *layer, const struct mer_trial_result *result,
                         mer_err *err)
{
    if (result->status.code == MER_ERR_BUDGET)
        layer->is_cut = true;
    else if (result->status.code == MER_ERR_CANCELLED)
        layer->is_cut = mer_search_wants_best(ctx, search);
    else
        layer->is_impossible = true;
    if (layer->is_cut || layer->is_impossible)
        return mer_ok();
    *err = result->err;
    return result->status;
}

/* One base's predictions for held-out rows become its columns: those of rows `rows[i]`. */
static void put_columns(const struct mer_layer *layer, size_t base, const double *predictions,
                        const uint32_t *rows, size_t n, double *columns)
{
    for (size_t i = 0; i < n; i++)
        mer_stack_columns(predictions + i * layer->n_outputs, layer->n_outputs, &layer->scale,
                          columns + (size_t)rows[i] * layer->n_columns + base * layer->width);
}

/* What a base said of all rows in a repetition, when they were held out. */
static mer_status say_of_held_out(const struct mer_ctx *ctx, const struct mer_search *search,
                                  const struct mer_layer *layer, size_t base, size_t repetition,
                                  const uint32_t *rows, double *columns, mer_err *err)
{
    const size_t n = search->frame->n_rows * layer->n_outputs;
    const float *kept = search->keep.items[layer->kept[base]].predictions + repetition * n;
    double *predictions;

    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(*predictions), &predictions, err));
    for (size_t i = 0; i < n; i++)
        predictions[i] = (double)kept[i];
    put_columns(layer, base, predictions, rows, search->frame->n_rows, columns);
    mer_free(ctx->alloc, predictions);
    return mer_ok();
}

/* Cuts the rows that a fold learns from into inner folds, each of which is some of the others of
 * its repetition; the fold's own rows are in none. `rows`: those that are in one, in their order.
 */
static void cut_inner(const struct mer_search *search, size_t f, struct mer_folds *inner,
                      uint32_t *rows, size_t *ret_n)
{
    const struct mer_folds *how = &search->folds;
    const uint8_t *fold = how->held_out + f / how->n_folds * how->n_rows;
    const size_t own = f % how->n_folds;

    *ret_n = 0;
    for (size_t i = 0; i < how->n_rows; i++) {
        const bool is_own = fold[i] == own;
        const size_t rank = fold[i] - (fold[i] > own ? 1U : 0U);
        inner->held_out[i] = (uint8_t)MER_FOLD_NONE;
        if (!is_own)
            inner->held_out[i] = (uint8_t)(rank % inner->n_folds);
        inner->first[i] = (uint8_t)(is_own ? MER_FOLD_NONE : 0);
        if (!is_own)
            rows[(*ret_n)++] = (uint32_t)i;
    }
}

/* Whether all inner folds of a fold learn from rows of each class. */
static mer_status has_all_classes(const struct mer_ctx *ctx, const struct mer_search *search,
                                  const struct mer_folds *inner, bool *ret_has, mer_err *err)
{
    const struct mer_learned_target *target = &search->target;
    uint8_t *is_seen;

    *ret_has = true;
    if (!target->classes)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(ctx->alloc, target->n_classes, inner->n_folds, &is_seen, err));
    for (size_t i = 0; i < inner->n_rows; i++)
        for (size_t g = 0; g < inner->n_folds; g++)
            if (inner->held_out[i] != MER_FOLD_NONE && inner->held_out[i] != g)
                is_seen[(size_t)target->classes[i] * inner->n_folds + g] = 1;
    *ret_has = memchr(is_seen, 0, target->n_classes * inner->n_folds) == NULL;
    mer_free(ctx->alloc, is_seen);
    return mer_ok();
}

/* Says of the rows that a fold learns from what its bases would have said had the fold's rows not
 * been there, nor the row itself. */
static mer_status run_inner(const struct mer_ctx *ctx, struct mer_search *search,
                            struct mer_layer *layer, const struct mer_evaluation *evaluation,
                            size_t f, const uint32_t *rows, size_t n, mer_err *err)
{
    mer_status status = mer_ok();

    for (size_t b = 0; b < layer->n_bases && mer_is_ok(status) && !layer->is_cut; b++) {
        struct mer_trial_result result = {.id = 0};
        const struct mer_trial_request request = {.family = layer->bases[b]->family,
                                                  .params = layer->bases[b]->params,
                                                  .patience = layer->bases[b]->patience,
                                                  .wants_held_out = true};
        mer_trial_run(ctx, evaluation, &request, &result);
        status = result.status;
        if (mer_is_ok(status) && result.n_held_out != n)
            status = mer_fail(err, MER_ERR_INTERNAL, "inner folds hold out other rows");
        else if (mer_is_ok(status))
            put_columns(layer, b, result.held_out, rows, n, search->stack_columns[f]);
        else
            status = mer_layer_end(ctx, search, layer, &result, err);
        mer_trial_result_release(ctx->alloc, &result);
    }
    return status;
}

/* The columns of one fold. */
static mer_status make_fold(const struct mer_ctx *ctx, struct mer_search *search,
                            struct mer_layer *layer, size_t f, struct mer_folds *inner,
                            uint32_t *rows, mer_err *err)
{
    const size_t n_rows = search->frame->n_rows;
    struct mer_evaluation_data data = search->data;
    struct mer_evaluation *evaluation = NULL;
    bool has_all;
    size_t n;

    for (size_t i = 0; i < n_rows; i++)
        rows[i] = (uint32_t)i;
    for (size_t b = 0; b < layer->n_bases; b++)
        MER_GUARD(say_of_held_out(ctx, search, layer, b, f / search->folds.n_folds, rows,
                                  search->stack_columns[f], err));
    if (f % search->folds.n_folds == 0)
        for (size_t i = 0; i < n_rows * layer->n_columns; i++)
            search->stack_rows[i] += search->stack_columns[f][i] / (double)search->folds.n_repeats;
    cut_inner(search, f, inner, rows, &n);
    MER_GUARD(has_all_classes(ctx, search, inner, &has_all, err));
    if (!has_all) {
        layer->is_impossible = true;
        return mer_ok();
    }
    data.shapes_only = false;
    data.folds = inner;
    data.n_folds = inner->n_folds;
    mer_status status = mer_evaluation_new(ctx, &data, &evaluation, err);
    if (mer_is_ok(status))
        status = run_inner(ctx, search, layer, evaluation, f, rows, n, err);
    mer_evaluation_free(ctx, evaluation);
    return status;
}

mer_status mer_layer_make_columns(const struct mer_ctx *ctx, struct mer_search *search,
                                  struct mer_layer *layer, mer_err *err)
{
    const size_t n_rows = search->frame->n_rows, n_cells = n_rows * layer->n_columns;
    struct mer_folds inner = {.kind = search->folds.kind,
                              .n_rows = n_rows,
                              .n_folds = mer_layer_inner_folds(search),
                              .n_repeats = 1};
    uint32_t *rows = NULL;
    mer_status status;

    search->n_stack_columns = layer->n_columns;
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(*rows), &rows, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, 1, &inner.held_out, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, 1, &inner.first, err), out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n_cells, sizeof(double), &search->stack_rows, err),
                   out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, search->n_folds, sizeof(*search->stack_columns),
                                  &search->stack_columns, err),
                   out);
    for (size_t f = 0; f < search->n_folds; f++)
        MER_GUARD_GOTO(
            mer_alloc_zero(ctx->alloc, n_cells, sizeof(double), &search->stack_columns[f], err),
            out);
    for (size_t f = 0; f < search->n_folds && !layer->is_cut && !layer->is_impossible; f++) {
        mer_ctx_progress(ctx, "second layer", f, search->n_folds);
        MER_GUARD_GOTO(make_fold(ctx, search, layer, f, &inner, rows, err), out);
    }
out:
    mer_folds_release(ctx, &inner);
    mer_free(ctx->alloc, rows);
    return status;
}
