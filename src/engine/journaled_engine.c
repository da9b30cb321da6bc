/* An engine between the search and another one: what the journal knows need not be done again. */
#include <string.h>

#include "automl/evaluation.h"
#include "core/log.h"
#include "engine/journal.h"
#include "guard/hash.h"

struct known {
    struct known *next;
    struct mer_trial_result result;
};

struct begun {
    struct begun *next;
    struct mer_trial_request request;
};

struct engine {
    struct mer_journal *journal; /* NULL: given up */
    struct mer_journal_scope scope;
    struct mer_trial_engine inner;
    struct known *known; /* results that wait to be fetched */
    struct begun *begun; /* what the inner engine works on */
    size_t n_held_out;
    size_t n_outputs;
};

/* A journal that cannot be written must not end a search. */
static void give_up(struct engine *engine, const struct mer_ctx *ctx, const mer_err *why)
{
    mer_log_warning(ctx, "engine", "the run is not noted any further, and cannot be resumed: %s",
                    why->message);
    engine->journal = NULL;
}

static mer_status begin(void *self, const struct mer_ctx *ctx,
                        const struct mer_trial_request *request, mer_err *err)
{
    struct engine *const engine = self;
    bool is_known = false;
    struct known *known;
    mer_err why = {0};
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *known, &known, err));
    if (engine->journal &&
        !mer_is_ok(mer_journal_find(engine->journal, &engine->scope, request, engine->n_held_out,
                                    engine->n_outputs, &known->result, &is_known, &why)))
        give_up(engine, ctx, &why);
    if (is_known) {
        known->next = engine->known;
        engine->known = known;
        return mer_ok();
    }
    mer_free(ctx->alloc, known);
    struct begun *begun;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *begun, &begun, err));
    begun->request = *request;
    const mer_status status = engine->inner.begin(engine->inner.self, ctx, request, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, begun);
        return status;
    }
    begun->next = engine->begun;
    engine->begun = begun;
    return mer_ok();
}

static void note(struct engine *engine, const struct mer_ctx *ctx,
                 const struct mer_trial_result *result)
{
    mer_err why = {0};
    for (struct begun **at = &engine->begun; *at; at = &(*at)->next) {
        struct begun *const begun = *at;
        if (begun->request.id != result->id)
            continue;
        if (engine->journal && !mer_is_ok(mer_journal_note(engine->journal, &engine->scope,
                                                           &begun->request, result, &why)))
            give_up(engine, ctx, &why);
        *at = begun->next;
        mer_free(ctx->alloc, begun);
        return;
    }
}

static mer_status next(void *self, const struct mer_ctx *ctx, struct mer_trial_result *ret_result,
                       mer_err *err)
{
    struct engine *const engine = self;
    if (engine->known) {
        struct known *const known = engine->known;
        *ret_result = known->result;
        engine->known = known->next;
        mer_free(ctx->alloc, known);
        return mer_ok();
    }
    MER_GUARD(engine->inner.next(engine->inner.self, ctx, ret_result, err));
    note(engine, ctx, ret_result);
    return mer_ok();
}

static void abandon(void *self, const struct mer_ctx *ctx)
{
    struct engine *const engine = self;
    if (engine->inner.abandon)
        engine->inner.abandon(engine->inner.self, ctx);
    while (engine->known) {
        struct known *const known = engine->known;
        engine->known = known->next;
        mer_trial_result_release(ctx->alloc, &known->result);
        mer_free(ctx->alloc, known);
    }
    while (engine->begun) {
        struct begun *const begun = engine->begun;
        engine->begun = begun->next;
        mer_free(ctx->alloc, begun);
    }
}

static void close_engine(void *self, const struct mer_ctx *ctx)
{
    struct engine *const engine = self;
    abandon(engine, ctx);
    engine->inner.close(engine->inner.self, ctx);
    mer_free(ctx->alloc, engine);
}

/* A digest of all that the trials of a later stage are tried on and those of the first are not. */
static mer_status digest_data(const struct mer_evaluation_data *data, struct mer_digest *ret_digest,
                              mer_err *err)
{
    const size_t n_rows = data->frame->n_rows;
    struct mer_hash hash;
    MER_GUARD(mer_hash_init(&hash, MER_HASH_SHA256, err));
    mer_status status = mer_ok();
    if (data->folds)
        status =
            mer_hash_update(&hash, data->folds->held_out, n_rows * data->folds->n_repeats, err);
    if (mer_is_ok(status) && data->folds && data->folds->first)
        status = mer_hash_update(&hash, data->folds->first, n_rows, err);
    for (size_t f = 0; mer_is_ok(status) && data->n_stack_columns > 0 && f < data->n_folds; f++)
        status = mer_hash_update(&hash, data->stack_columns[f],
                                 n_rows * data->n_stack_columns * sizeof(double), err);
    if (mer_is_ok(status))
        return mer_hash_final(&hash, ret_digest, err);
    mer_hash_release(&hash);
    return status;
}

static mer_status set_scope(struct mer_journal_scope *scope, const struct mer_evaluation_data *data,
                            mer_err *err)
{
    struct mer_digest digest;
    scope->stage = data->stage;
    if (data->stage == MER_STAGE_FIRST)
        return mer_ok();
    MER_GUARD(digest_data(data, &digest, err));
    mer_hash_hex(digest.bytes, (sizeof scope->digest - 1) / 2, scope->digest);
    return mer_ok();
}

mer_status mer_journaled_engine_open(void *self, const struct mer_ctx *ctx,
                                     const struct mer_evaluation_data *data,
                                     const struct mer_evaluation *evaluation,
                                     struct mer_trial_engine *ret_engine, mer_err *err)
{
    const struct mer_journaled_engine *const wanted = self;
    struct engine *engine;
    mer_err why = {0};
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *engine, &engine, err));
    engine->journal = wanted->journal;
    engine->n_held_out = mer_evaluation_n_held_out(evaluation);
    engine->n_outputs = mer_target_outputs(data->target->task, data->target->n_classes);
    const mer_status status =
        wanted->open_inner(wanted->inner_opener, ctx, data, evaluation, &engine->inner, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, engine);
        return status;
    }
    if (!mer_is_ok(mer_journal_set_metric(engine->journal, data->metric->name, &why)) ||
        !mer_is_ok(set_scope(&engine->scope, data, &why)))
        give_up(engine, ctx, &why);
    *ret_engine = engine->inner;
    ret_engine->self = engine;
    ret_engine->begin = begin;
    ret_engine->next = next;
    ret_engine->abandon = abandon;
    ret_engine->close = close_engine;
    return mer_ok();
}
