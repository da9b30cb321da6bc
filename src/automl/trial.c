#include "automl/trial.h"

#include "automl/evaluation.h"

void mer_trial_result_release(struct mer_alloc *alloc, struct mer_trial_result *result)
{
    mer_free(alloc, result->held_out);
    result->held_out = NULL;
    result->n_held_out = 0;
}

void mer_trial_run(const struct mer_ctx *ctx, const struct mer_evaluation *evaluation,
                   const struct mer_trial_request *request, struct mer_trial_result *ret_result)
{
    struct mer_ctx limited = *ctx;
    struct mer_trial_result result = {.id = request->id};

    if (request->deadline_ns != 0 &&
        (ctx->deadline_ns == 0 || request->deadline_ns < ctx->deadline_ns))
        limited.deadline_ns = request->deadline_ns;
    const uint64_t begin_ns = mer_ctx_now_ns(ctx);
    result.status = mer_evaluation_run(&limited, evaluation, request, &result, &result.err);
    if (!mer_is_ok(result.status)) {
        mer_trial_result_release(ctx->alloc, &result);
        result.n_scores = 0;
    }
    const uint64_t end_ns = mer_ctx_now_ns(ctx);
    result.seconds = end_ns > begin_ns ? (double)(end_ns - begin_ns) / 1e9 : 0;
    *ret_result = result;
}

struct here {
    const struct mer_evaluation *evaluation;
    struct mer_trial_request request;
    bool is_begun;
};

static mer_status begin_here(void *self, const struct mer_ctx *ctx,
                             const struct mer_trial_request *request, mer_err *err)
{
    struct here *here = self;

    (void)ctx;
    if (here->is_begun)
        return mer_fail(err, MER_ERR_INTERNAL, "more trials were begun than can run");
    here->request = *request;
    here->is_begun = true;
    return mer_ok();
}

static mer_status next_here(void *self, const struct mer_ctx *ctx,
                            struct mer_trial_result *ret_result, mer_err *err)
{
    struct here *here = self;

    if (!here->is_begun)
        return mer_fail(err, MER_ERR_INTERNAL, "no trial was begun");
    here->is_begun = false;
    mer_trial_run(ctx, here->evaluation, &here->request, ret_result);
    return mer_ok();
}

static void abandon_here(void *self, const struct mer_ctx *ctx)
{
    struct here *here = self;

    (void)ctx;
    here->is_begun = false;
}

static void close_here(void *self, const struct mer_ctx *ctx)
{
    mer_free(ctx->alloc, self);
}

mer_status mer_trial_engine_open_here(void *self, const struct mer_ctx *ctx,
                                      const struct mer_evaluation_data *data,
                                      const struct mer_evaluation *evaluation,
                                      struct mer_trial_engine *ret_engine, mer_err *err)
{
    struct here *here;

    (void)self;
    (void)data;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*here), &here, err));
    here->evaluation = evaluation;
    *ret_engine =
        (struct mer_trial_engine){.self = here,
                                  .n_slots = 1,
                                  .n_parallel_fits = mer_evaluation_parallel_fits(evaluation, ctx),
                                  .begin = begin_here,
                                  .next = next_here,
                                  .abandon = abandon_here,
                                  .close = close_here};
    return mer_ok();
}
