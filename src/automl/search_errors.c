/* What the held-out rows of a search say of how far its predictions may be off (conformal.h).
 *
 * An ensemble's weights were chosen for doing well on the very rows that are then to tell its
 * errors, which makes these look too small where rows are few. So the weights are chosen again
 * without each part of the rows in turn, and a part's errors are those of an ensemble that has not
 * seen it (cross-fitting: Chernozhukov et al., "Double/debiased machine learning for treatment and
 * structural parameters", The Econometrics Journal, 2018, section 3).
 */
#include <string.h>

#include "automl/conformal.h"
#include "automl/search_internal.h"

enum {
    PARTS = 5,
    /* Of more rows 25 choices learn nothing by heart. */
    CROSS_ROWS_MAX = 5000
};

struct mer_selection mer_search_selection(const struct mer_search *search,
                                          const struct mer_held_out *held_out)
{
    return (struct mer_selection){
        .metric = search->metric,
        .n_rows = held_out->n_rows,
        .n_outputs = mer_target_outputs(search->target.task, search->target.n_classes),
        .n_classes = search->target.n_classes,
        .values = held_out->values,
        .classes = held_out->classes,
        .weights = held_out->weights,
        .max_members = MER_MEMBERS_MAX,
        .max_cost = mer_search_refit_limit(search, search->trial_units)};
}

/* The part of a held-out row: folds stay whole, and so do groups; of one fold alone a stretch. */
static size_t part_of(const struct mer_search *search, const struct mer_held_out *held_out,
                      size_t row)
{
    const size_t n_folds = search->folds.n_folds;
    return n_folds > 1 ? held_out->fold[row] % n_folds % PARTS : row * PARTS / held_out->n_rows;
}

static size_t repetition_of(const struct mer_search *search, const struct mer_held_out *held_out,
                            size_t row)
{
    return held_out->fold[row] / search->folds.n_folds;
}

/* Predictions for the rows of one part of a repetition, by an ensemble that was chosen on the other
 * parts of it. `others` and `mean` are room for the rows' weights, and for all predictions. */
static mer_status predict_part(const struct mer_ctx *ctx, const struct mer_search *search,
                               const struct mer_held_out *held_out, size_t repetition, size_t part,
                               double *others, double *mean, double *ret_predictions, mer_err *err)
{
    struct mer_selection selection = mer_search_selection(search, held_out);
    const size_t n_outputs = selection.n_outputs;
    uint32_t weights[MER_KEPT_MAX] = {0};
    bool has_own = false, has_others = false;

    for (size_t i = 0; i < held_out->n_rows; i++) {
        const bool is_near = repetition_of(search, held_out, i) == repetition;
        const bool is_own = is_near && part_of(search, held_out, i) == part;
        others[i] = !is_near || is_own ? 0 : held_out->weights ? held_out->weights[i] : 1;
        has_own = has_own || is_own;
        has_others = has_others || others[i] > 0;
    }
    if (!has_own || !has_others)
        return mer_ok();
    selection.weights = others;
    MER_GUARD(mer_ensemble_select(ctx, &search->keep, &selection, weights, err));
    uint64_t total = 0;
    for (size_t m = 0; m < search->keep.n; m++)
        total += weights[m];
    if (total == 0)
        return mer_ok(); /* no score without this part: the weights of all rows stay */
    mer_keep_average(&search->keep, weights, mean);
    for (size_t i = 0; i < held_out->n_rows; i++)
        if (repetition_of(search, held_out, i) == repetition &&
            part_of(search, held_out, i) == part)
            memcpy(ret_predictions + i * n_outputs, mean + i * n_outputs,
                   n_outputs * sizeof(*mean));
    return mer_ok();
}

static mer_status cross_fit(const struct mer_ctx *ctx, const struct mer_search *search,
                            const struct mer_held_out *held_out, double *predictions, mer_err *err)
{
    double *others = NULL, *mean = NULL;
    mer_status status;

    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, held_out->n_rows, sizeof(*others), &others, err),
                   out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, search->keep.n_values, sizeof(*mean), &mean, err),
                   out);
    for (size_t r = 0; r < search->folds.n_repeats; r++)
        for (size_t part = 0; part < PARTS; part++)
            MER_GUARD_GOTO(
                predict_part(ctx, search, held_out, r, part, others, mean, predictions, err), out);
out:
    mer_free(ctx->alloc, mean);
    mer_free(ctx->alloc, others);
    return status;
}

/* Which rows are of the later half, where rows have a time; NULL: they have none, or one fold tells
 * no order. */
static mer_status find_late(const struct mer_ctx *ctx, const struct mer_search *search,
                            const struct mer_held_out *held_out, uint8_t **ret_late, mer_err *err)
{
    const size_t n_folds = search->folds.n_folds;

    if (search->folds.kind != MER_FOLDS_LAST &&
        !(search->folds.kind == MER_FOLDS_TIME && n_folds > 1))
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, held_out->n_rows, 1, ret_late, err));
    for (size_t i = 0; i < held_out->n_rows; i++)
        (*ret_late)[i] = n_folds > 1 ? held_out->fold[i] >= n_folds / 2 : i >= held_out->n_rows / 2;
    return mer_ok();
}

mer_status mer_search_unseen(const struct mer_ctx *ctx, const struct mer_search *search,
                             const struct mer_held_out *held_out, const uint32_t *weights,
                             double *ret_predictions, mer_err *err)
{
    size_t n_members = 0;

    for (size_t i = 0; i < search->keep.n; i++)
        n_members += weights[i] > 0 ? 1 : 0;
    mer_keep_average(&search->keep, weights, ret_predictions);
    return n_members > 1 && held_out->n_rows / search->folds.n_repeats <= CROSS_ROWS_MAX
               ? cross_fit(ctx, search, held_out, ret_predictions, err)
               : mer_ok();
}

mer_status mer_search_learn_errors(const struct mer_ctx *ctx, struct mer_search *search,
                                   const struct mer_held_out *held_out, const double *predictions,
                                   mer_err *err)
{
    uint8_t *late = NULL;

    MER_GUARD(find_late(ctx, search, held_out, &late, err));
    const struct mer_conformal_rows rows = {
        .predictions = predictions,
        .n_rows = held_out->n_rows,
        .n_outputs = mer_target_outputs(search->target.task, search->target.n_classes),
        .n_repeats = held_out->n_repeats,
        .values = held_out->values,
        .classes = held_out->classes,
        /* Weights that balance classes say nothing of how often rows come. */
        .weights = search->options->balance_classes ? NULL : held_out->weights,
        .late = late};
    const mer_status status = mer_conformal_learn(ctx, &rows, &search->pipeline->arena,
                                                  &search->pipeline->conformal, err);
    mer_free(ctx->alloc, late);
    return status;
}
