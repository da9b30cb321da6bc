/* Quantiles beside what a search has found: one boosted model for each level, with the setting of
 * boosting that did best, its rounds found in the folds like those of any trial. They are outside
 * of the units: what they take follows from the search.
 */
#include <math.h>
#include <string.h>

#include "automl/rows.h"
#include "automl/search_internal.h"

/* Without a boosted setting in the search: a slow learning rate, and as many rounds as it takes. */
#define USUAL_LEARNING_RATE 0.05
enum { USUAL_ROUNDS = 1000, USUAL_PATIENCE = 60 };
/* Where no boosting was measured. */
enum { GUESSED_ROUNDS = 50 };
/* What predicts where time does not do for a fit on all rows: so many rounds on about so many rows.
 */
enum { COARSE_ROUNDS = 50, COARSE_ROWS = 2000 };

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

/* Without a trial that ended: what the best boosted setting wanted, half as much, and no more than
 * the time does for. */
static double guessed_rounds(const struct mer_search *search)
{
    const struct mer_candidate *const best = best_boosted(search);
    return best && best->n_rounds > 0 ? ceil(best->n_rounds / 2.0) : GUESSED_ROUNDS;
}

/* Of the time until the last fits, each level has an equal part. */
static uint64_t trial_end_ns(const struct mer_ctx *ctx, const struct mer_search *search, size_t i)
{
    const double kept =
        mer_search_last_seconds(search) + mer_search_study_seconds(search, search->last_seconds);
    const uint64_t now = mer_ctx_now_ns(ctx), end = mer_search_end_before(ctx, search, kept);

    return end == 0 ? 0 : now + (end - now) / (search->pipeline->n_quantiles - i);
}

/* *ret_has_ended: whether the trial did, in its time. */
static mer_status run_trial(const struct mer_ctx *ctx, struct mer_search *search, size_t i,
                            bool *ret_has_ended, struct mer_trial_result *result, mer_err *err)
{
    struct mer_quantile *const quantile = &search->pipeline->quantiles[i];
    struct mer_trial_request request;

    MER_GUARD(setting_of(search, quantile->level, &request, err));
    request.id = MER_PLAN_MAX + i;
    request.deadline_ns = trial_end_ns(ctx, search, i);
    quantile->family = request.family;
    quantile->params = request.params;
    mer_ctx_progress(ctx, "quantiles", i, search->pipeline->n_quantiles);
    MER_GUARD(search->engine.begin(search->engine.self, ctx, &request, err));
    MER_GUARD(search->engine.next(search->engine.self, ctx, result, err));
    *ret_has_ended = result->status.code != MER_ERR_BUDGET || search->end_ns == 0;
    if (*ret_has_ended && !mer_is_ok(result->status)) {
        if (err)
            *err = result->err;
        return result->status;
    }
    if (*ret_has_ended && !result->held_out)
        return mer_fail(err, MER_ERR_INTERNAL, "a trial came back without its predictions");
    const double n_rounds =
        *ret_has_ended ? rounds_for_all_rows(search, result) : guessed_rounds(search);
    if (n_rounds > 0)
        set(&quantile->params, "n_estimators", n_rounds);
    search->quantile_seconds[i] =
        mer_search_setting_seconds(search, quantile->family, &quantile->params);
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
    size_t n_ended = 0;

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
        bool has_ended = false;
        status = run_trial(ctx, search, q, &has_ended, &result, err);
        has_ended &= mer_is_ok(status);
        n_ended += has_ended;
        /* As floats, which is how a journal keeps them: a resumed run measures the same. */
        for (size_t i = 0; has_ended && i < held_out->n_rows; i++)
            predictions[i * n + q] = (double)(float)result.held_out[i];
        mer_trial_result_release(ctx->alloc, &result);
    }
    if (mer_is_ok(status) && n_ended < n) {
        mer_log_warning(
            ctx, "automl",
            "time did not do for trying %zu of %zu quantiles in the folds: their rounds "
            "are guessed, and nothing is known of how well they do; --units will not "
            "repeat this",
            n - n_ended, n);
        for (size_t q = 0; q < n; q++)
            pipeline->quantiles[q].loss = pipeline->quantiles[q].below = (double)NAN;
    } else if (mer_is_ok(status)) {
        mer_quantiles_sort(predictions, held_out->n_rows, n, n);
        measure(pipeline, held_out, predictions);
    }
    mer_free(ctx->alloc, predictions);
    return status;
}

/* A few rounds on a share of the rows, which take next to no time. */
static mer_status fit_coarse(const struct mer_ctx *ctx, struct mer_quantile *quantile,
                             const struct mer_fit_data *data, mer_err *err)
{
    const size_t n_rows = data->design->n_rows;
    const size_t stride = n_rows > COARSE_ROWS ? n_rows / COARSE_ROWS : 1;
    struct mer_row_source source = {
        .design = data->design, .target = data->target, .stride = stride};
    struct mer_fit_data coarse = *data;
    struct mer_rows share = {.dense = NULL};
    uint32_t *rows = NULL;
    mer_status status;

    set(&quantile->params, "n_estimators",
        fmin(COARSE_ROUNDS, mer_params_get(quantile->family->params, quantile->family->n_params,
                                           &quantile->params, "n_estimators")));
    if (stride == 1)
        return quantile->family->fit(ctx, &quantile->params, data, &quantile->model, err);
    MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, sizeof(*rows), &rows, err));
    MER_GUARD_GOTO(mer_search_pick_rows(ctx, data->target, n_rows, stride, rows, &source.n, err),
                   out);
    source.rows = rows;
    MER_GUARD_GOTO(mer_rows_copy(ctx, &source, 1, &share, err), out);
    coarse.design = &share.design;
    coarse.target = &share.target;
    status = quantile->family->fit(ctx, &quantile->params, &coarse, &quantile->model, err);
out:
    mer_rows_release(ctx, &share);
    mer_free(ctx->alloc, rows);
    return status;
}

/* On all rows, if that ends in the quantile's part of the time that is left. */
static mer_status fit_in_time(const struct mer_ctx *ctx, struct mer_search *search, size_t q,
                              const struct mer_fit_data *data, mer_err *err)
{
    struct mer_quantile *const quantile = &search->pipeline->quantiles[q];

    if (search->end_ns == 0)
        return quantile->family->fit(ctx, &quantile->params, data, &quantile->model, err);
    const uint64_t end = mer_search_hard_end_ns(search);
    const uint64_t now = mer_ctx_now_ns(ctx), left = end > now ? end - now : 0;
    const struct mer_ctx limited =
        mer_with_deadline(ctx, now + left / (search->pipeline->n_quantiles - q));
    const mer_status status =
        quantile->family->fit(&limited, &quantile->params, data, &quantile->model, err);
    if (status.code != MER_ERR_BUDGET)
        return status;
    mer_err_clear(err);
    search->n_coarse++;
    return fit_coarse(ctx, quantile, data, err);
}

mer_status mer_search_fit_quantiles(const struct mer_ctx *ctx, struct mer_search *search,
                                    const struct mer_fit_data *data, mer_err *err)
{
    const size_t n = search->pipeline->n_quantiles;

    for (size_t q = 0; q < n; q++) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        mer_ctx_progress(ctx, "fitting", q, n);
        MER_GUARD(fit_in_time(ctx, search, q, data, err));
    }
    if (search->n_coarse > 0)
        mer_log_warning(ctx, "automl",
                        "time did not do for fitting %zu of %zu quantiles on all rows: they are "
                        "coarse, and --units will not repeat this",
                        search->n_coarse, n);
    return mer_ok();
}
