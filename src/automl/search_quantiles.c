/* Quantiles beside what a search has found: one boosted model for each level, with the setting of
 * boosting that did best, its rounds found in the folds like those of any trial. They are outside
 * of the units: what they take follows from the search.
 */
#include <math.h>
#include <string.h>

#include "automl/search_internal.h"

/* Without a boosted setting in the search: a slow learning rate, and as many rounds as it takes. */
#define USUAL_LEARNING_RATE 0.05
enum { USUAL_ROUNDS = 1000, USUAL_PATIENCE = 60 };

static const struct mer_family *boosting(void)
{
    return mer_family_find("gbdt");
}

static void set(struct mer_params *params, const char *name, double value)
{
    const struct mer_family *const family = boosting();
    params->values[mer_params_find(family->params, family->n_params, name)] = value;
}

/* The best boosted setting that the search has scored, of those that saw the most rows; NULL: none.
 */
static const struct mer_candidate *best_boosted(const struct mer_search *search)
{
    const struct mer_candidate *best = NULL;

    for (size_t i = 0; i < search->plan->n_asked; i++) {
        const struct mer_candidate *const candidate = &search->plan->candidates[i];
        if (candidate->family != boosting() || !candidate->told || isnan(candidate->score))
            continue;
        if (!best || candidate->rung < best->rung ||
            (candidate->rung == best->rung &&
             mer_plan_better(search->plan, candidate->score, best->score)))
            best = candidate;
    }
    return best;
}

static mer_status setting_of(const struct mer_search *search, double level,
                             struct mer_trial_request *request, mer_err *err)
{
    const struct mer_family *const family = boosting();
    const struct mer_candidate *const best = best_boosted(search);

    *request = (struct mer_trial_request){
        .family = family, .patience = USUAL_PATIENCE, .wants_held_out = true};
    mer_params_default(family->params, family->n_params, &request->params);
    if (best) {
        request->params = best->params;
        request->patience = best->patience > 0 ? best->patience : USUAL_PATIENCE;
    } else {
        set(&request->params, "learning_rate", USUAL_LEARNING_RATE);
        set(&request->params, "n_estimators", USUAL_ROUNDS);
    }
    MER_GUARD(mer_params_set(family->params, family->n_params, "objective", "quantile",
                             &request->params, err));
    set(&request->params, "quantile_alpha", level);
    request->cost = mer_evaluation_cost(search->evaluation, family, &request->params, 0);
    return mer_ok();
}

/* The rounds for all rows: the folds' mean, raised by half of what the rows left out would add. */
static double rounds_for_all_rows(const struct mer_search *search,
                                  const struct mer_trial_result *result)
{
    const double k = search->n_folds == 1 ? MER_HOLDOUT_PART : (double)search->n_folds;
    double sum = 0;
    size_t n = 0;

    for (size_t f = 0; f < result->n_scores; f++) {
        sum += result->n_rounds[f];
        n += result->n_rounds[f] > 0;
    }
    return n == 0 ? 0 : fmax(1, floor(sum / (double)n * (1 + 0.5 / (k - 1)) + 0.5));
}

static mer_status run_trial(const struct mer_ctx *ctx, struct mer_search *search, size_t i,
                            struct mer_trial_result *result, mer_err *err)
{
    struct mer_quantile *const quantile = &search->pipeline->quantiles[i];
    struct mer_trial_request request;

    MER_GUARD(setting_of(search, quantile->level, &request, err));
    request.id = MER_PLAN_MAX + i;
    mer_ctx_progress(ctx, "quantiles", i, search->pipeline->n_quantiles);
    MER_GUARD(search->engine.begin(search->engine.self, ctx, &request, err));
    MER_GUARD(search->engine.next(search->engine.self, ctx, result, err));
    if (!mer_is_ok(result->status)) {
        if (err)
            *err = result->err;
        return result->status;
    }
    if (!result->held_out)
        return mer_fail(err, MER_ERR_INTERNAL, "a trial came back without its predictions");
    const double n_rounds = rounds_for_all_rows(search, result);
    quantile->family = request.family;
    quantile->params = request.params;
    if (n_rounds > 0)
        set(&quantile->params, "n_estimators", n_rounds);
    return mer_ok();
}

/* Sorted predictions of all levels, [n_rows][n_quantiles], against the truth. */
static void measure(struct mer_pipeline *pipeline, const struct mer_held_out *held_out,
                    double *predictions)
{
    const size_t n = pipeline->n_quantiles;

    for (size_t q = 0; q < n; q++) {
        struct mer_quantile *const quantile = &pipeline->quantiles[q];
        double total = 0, loss = 0, below = 0;
        for (size_t i = 0; i < held_out->n_rows; i++) {
            const double weight = held_out->weights ? held_out->weights[i] : 1;
            const double predicted = predictions[i * n + q];
            total += weight;
            loss += weight * mer_pinball_loss(quantile->level, held_out->values[i], predicted);
            below += held_out->values[i] <= predicted ? weight : 0;
        }
        quantile->loss = total > 0 ? loss / total : (double)NAN;
        quantile->below = total > 0 ? below / total : (double)NAN;
    }
}

mer_status mer_search_try_quantiles(const struct mer_ctx *ctx, struct mer_search *search,
                                    mer_err *err)
{
    struct mer_pipeline *const pipeline = search->pipeline;
    const size_t n = search->options->n_quantiles;
    const struct mer_held_out *held_out;
    double *predictions = NULL;
    mer_status status = mer_ok();

    if (n == 0)
        return mer_ok();
    MER_GUARD(mer_arena_zero(&pipeline->arena, n, sizeof(*pipeline->quantiles),
                             &pipeline->quantiles, err));
    pipeline->n_quantiles = n;
    for (size_t q = 0; q < n; q++)
        pipeline->quantiles[q].level = search->options->quantiles[q];
    MER_GUARD(mer_evaluation_held_out(ctx, search->evaluation, &held_out, err));
    MER_GUARD(
        mer_alloc_array(ctx->alloc, held_out->n_rows, n * sizeof(*predictions), &predictions, err));
    for (size_t q = 0; q < n && mer_is_ok(status); q++) {
        struct mer_trial_result result = {.id = 0};
        status = run_trial(ctx, search, q, &result, err);
        /* As floats, which is how a journal keeps them: a resumed run measures the same. */
        for (size_t i = 0; mer_is_ok(status) && i < held_out->n_rows; i++)
            predictions[i * n + q] = (double)(float)result.held_out[i];
        mer_trial_result_release(ctx->alloc, &result);
    }
    if (mer_is_ok(status)) {
        mer_quantiles_sort(predictions, held_out->n_rows, n, n);
        measure(pipeline, held_out, predictions);
    }
    mer_free(ctx->alloc, predictions);
    return status;
}

mer_status mer_search_fit_quantiles(const struct mer_ctx *ctx, struct mer_pipeline *pipeline,
                                    const struct mer_fit_data *data, mer_err *err)
{
    for (size_t q = 0; q < pipeline->n_quantiles; q++) {
        struct mer_quantile *const quantile = &pipeline->quantiles[q];
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        mer_ctx_progress(ctx, "fitting", q, pipeline->n_quantiles);
        MER_GUARD(quantile->family->fit(ctx, &quantile->params, data, &quantile->model, err));
    }
    return mer_ok();
}
