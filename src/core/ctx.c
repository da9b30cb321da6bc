#include "core/ctx.h"

mer_status mer_ctx_check_cancel(const struct mer_ctx *ctx, mer_err *err)
{
    if (ctx->cancel && atomic_load_explicit(&ctx->cancel->signal, memory_order_relaxed) != 0)
        return mer_fail(err, MER_ERR_CANCELLED, "stopped on request");
    if (ctx->deadline_ns != 0 && mer_ctx_now_ns(ctx) > ctx->deadline_ns)
        return mer_fail(err, MER_ERR_BUDGET, "the time given was used up");
    return mer_ok();
}

uint64_t mer_ctx_now_ns(const struct mer_ctx *ctx)
{
    return ctx->clock ? ctx->clock->now_ns(ctx->clock->self) : 0;
}

void mer_ctx_progress(const struct mer_ctx *ctx, const char *phase, uint64_t done, uint64_t total)
{
    if (ctx->progress)
        ctx->progress->report(ctx->progress->self, phase, done, total);
}
