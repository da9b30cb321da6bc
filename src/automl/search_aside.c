/* Rows that the last fits leave aside.
 *
 * A setting that was tried on a share of the rows and is fitted on all of them in the end is better
 * than the model that its held-out rows tell of: calibration and intervals that were learned from
 * those are too wide. So a few rows are left out of the last fits, and both are learned from what
 * the final models say of them. Only where rows are in no order: the latest are not to be missed,
 * and groups not to be torn.
 */
#include <string.h>

#include "automl/search_internal.h"
#include "core/rng.h"

enum { PART = 20, ASIDE_MAX = 1000, ASIDE_MIN = 200 };

static bool is_wanted(const struct mer_search *search)
{
    const size_t n = search->learned->n_rows / PART;
    return search->is_of_share && search->folds.kind == MER_FOLDS_SHUFFLED &&
           search->n_layers == 1 && n >= ASIDE_MIN;
}

/* Deals the rows: each may be one of those aside but for the first of its class. */
static mer_status deal(const struct mer_ctx *ctx, const struct mer_search *search,
                       struct mer_aside *aside, mer_err *err)
{
    const size_t n_rows = search->learned->n_rows;
    const size_t part = n_rows / PART, n_wanted = part < ASIDE_MAX ? part : ASIDE_MAX;
    const int32_t *classes = search->target.classes;
    uint8_t *is_seen = NULL, *is_aside = NULL;
    size_t n = 0;
    mer_status status;
    mer_rng rng;

    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, search->target.n_classes, 1, &is_seen, err), out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, n_rows, 1, &is_aside, err), out);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_rows, sizeof(*aside->rows), &aside->rows, err),
                   out);
    mer_rng_init(&rng, search->options->seed, mer_rng_stream("aside", 0));
    for (size_t i = 0; i < n_rows; i++) {
        /* So many of so many that are left (Knuth's algorithm S). */
        const bool is_drawn = mer_rng_below(&rng, n_rows - i) < n_wanted - aside->n;
        const bool is_first = classes && !is_seen[classes[i]];
        if (is_first)
            is_seen[classes[i]] = 1;
        is_aside[i] = is_drawn && !is_first;
        aside->n += is_aside[i];
    }
    for (size_t i = 0; i < n_rows; i++)
        if (!is_aside[i])
            aside->rows[n++] = (uint32_t)i;
    aside->n_learned = n;
    for (size_t i = 0; i < n_rows; i++)
        if (is_aside[i])
            aside->rows[n++] = (uint32_t)i;
out:
    mer_free(ctx->alloc, is_seen);
    mer_free(ctx->alloc, is_aside);
    return status;
}

/* The target and the weights of the rows, as they were dealt. */
static mer_status gather(const struct mer_ctx *ctx, const struct mer_search *search,
                         struct mer_aside *aside, mer_err *err)
{
    const size_t n = search->learned->n_rows;

    if (search->target.values) {
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), &aside->values, err));
        for (size_t i = 0; i < n; i++)
            aside->values[i] = search->target.values[aside->rows[i]];
    } else {
        MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(int32_t), &aside->classes, err));
        for (size_t i = 0; i < n; i++)
            aside->classes[i] = search->target.classes[aside->rows[i]];
    }
    if (!search->weights)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), &aside->weights, err));
    for (size_t i = 0; i < n; i++)
        aside->weights[i] = search->weights[aside->rows[i]];
    return mer_ok();
}

mer_status mer_search_set_aside(const struct mer_ctx *ctx, const struct mer_search *search,
                                struct mer_aside *ret_aside, mer_err *err)
{
    *ret_aside = (struct mer_aside){.n_learned = search->learned->n_rows};
    if (!is_wanted(search))
        return mer_ok();
    MER_GUARD(deal(ctx, search, ret_aside, err));
    mer_log_info(ctx, "automl",
                 "%zu rows are left out of the last fits, to learn from them how far those may be "
                 "off: what was chosen was tried on a share of the rows",
                 ret_aside->n);
    return gather(ctx, search, ret_aside, err);
}

void mer_search_aside_release(const struct mer_ctx *ctx, struct mer_aside *aside)
{
    mer_free(ctx->alloc, aside->rows);
    mer_free(ctx->alloc, aside->values);
    mer_free(ctx->alloc, aside->classes);
    mer_free(ctx->alloc, aside->weights);
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_search *search,
                          const struct mer_aside *aside, size_t n_outputs, double *predictions,
                          mer_err *err)
{
    const struct mer_pipeline *pipeline = search->pipeline;
    struct mer_prepared prepared;

    MER_GUARD(mer_prepare_apply(ctx, pipeline->prepare, search->learned,
                                aside->rows + aside->n_learned, aside->n, &prepared, err));
    const mer_status status = mer_members_predict(ctx, pipeline->members, pipeline->n_members,
                                                  &prepared.design, n_outputs, predictions, err);
    mer_prepared_release(ctx, &prepared);
    return status;
}

mer_status mer_search_learn_aside(const struct mer_ctx *ctx, struct mer_search *search,
                                  const struct mer_aside *aside, mer_err *err)
{
    const size_t n_outputs = mer_target_outputs(search->target.task, search->target.n_classes);
    const size_t first = aside->n_learned;
    double *predictions = NULL;
    mer_status status;

    if (aside->n == 0)
        return mer_ok();
    struct mer_held_out held_out = {.n_rows = aside->n,
                                    .n_repeats = 1,
                                    .values = aside->values ? aside->values + first : NULL,
                                    .classes = aside->classes ? aside->classes + first : NULL,
                                    .weights = aside->weights ? aside->weights + first : NULL};
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, aside->n, 1, &held_out.fold, err), out);
    MER_GUARD_GOTO(
        mer_alloc_array(ctx->alloc, aside->n, n_outputs * sizeof(*predictions), &predictions, err),
        out);
    MER_GUARD_GOTO(predict(ctx, search, aside, n_outputs, predictions, err), out);
    status = mer_search_learn_from(ctx, search, &held_out, predictions, err);
out:
    mer_free(ctx->alloc, predictions);
    mer_free(ctx->alloc, held_out.fold);
    return status;
}
