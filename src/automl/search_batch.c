/* Runs trials that do not wait for each other. */
#include "automl/search_layers.h"

struct batch_run {
    const struct mer_search *search;
    const struct mer_batch *batch;
    struct mer_trial_result *results; /* [n] */
    bool *is_back;                    /* [n] */
    size_t n_begun;
    size_t n_told;
};

static mer_status begin_more(const struct mer_ctx *ctx, struct batch_run *run, size_t n_returned,
                             mer_err *err)
{
    const struct mer_trial_engine *engine = &run->search->engine;

    while (run->n_begun < run->batch->n && run->n_begun - n_returned < engine->n_slots) {
        struct mer_trial_request request = run->batch->requests[run->n_begun];
        request.deadline_ns = ctx->deadline_ns;
        MER_GUARD(engine->begin(engine->self, ctx, &request, err));
        run->n_begun++;
    }
    return mer_ok();
}

static mer_status tell_next(const struct mer_ctx *ctx, struct batch_run *run, mer_err *err)
{
    for (; run->n_told < run->batch->n && run->is_back[run->n_told]; run->n_told++) {
        struct mer_trial_result *result = &run->results[run->n_told];
        if (result->status.code == MER_ERR_BUDGET || result->status.code == MER_ERR_CANCELLED) {
            *err = result->err;
            return result->status;
        }
        MER_GUARD(run->batch->tell(run->batch->self, ctx, run->n_told, result, err));
        mer_trial_result_release(ctx->alloc, result);
    }
    return mer_ok();
}

static mer_status run_all(const struct mer_ctx *ctx, struct batch_run *run, mer_err *err)
{
    const struct mer_trial_engine *engine = &run->search->engine;

    for (size_t n_returned = 0; n_returned < run->batch->n; n_returned++) {
        struct mer_trial_result result;
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(begin_more(ctx, run, n_returned, err));
        MER_GUARD(engine->next(engine->self, ctx, &result, err));
        const uint64_t i = result.id - run->batch->requests[0].id;
        if (i >= run->n_begun || run->is_back[i]) {
            mer_trial_result_release(ctx->alloc, &result);
            return mer_fail(err, MER_ERR_INTERNAL, "a trial came back that does not run");
        }
        run->results[i] = result;
        run->is_back[i] = true;
        MER_GUARD(tell_next(ctx, run, err));
    }
    return mer_ok();
}

mer_status mer_search_run_batch(const struct mer_ctx *ctx, const struct mer_search *search,
                                const struct mer_batch *batch, mer_err *err)
{
    struct batch_run run = {.search = search, .batch = batch};
    mer_status status;

    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, batch->n, sizeof(*run.results), &run.results, err),
                   out);
    MER_GUARD_GOTO(mer_alloc_zero(ctx->alloc, batch->n, sizeof(*run.is_back), &run.is_back, err),
                   out);
    status = run_all(ctx, &run, err);
    if (!mer_is_ok(status))
        search->engine.abandon(search->engine.self, ctx);
out:
    for (size_t i = 0; run.is_back && i < batch->n; i++)
        if (run.is_back[i])
            mer_trial_result_release(ctx->alloc, &run.results[i]);
    mer_free(ctx->alloc, run.results);
    mer_free(ctx->alloc, run.is_back);
    return status;
}
