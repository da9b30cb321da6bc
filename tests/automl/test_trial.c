/* Trials: the boundary between a search and what runs them. */
#include "automl_tables.h"

#include "automl/evaluation.h"
#include "automl/trial.h"

/* Runs up to three trials "at the same time" and returns them in another order. */
struct shuffled {
    struct mer_trial_engine inner;
    struct mer_trial_request waiting[3];
    size_t n_waiting;
    size_t n_slots;
    uint64_t draws;
};

static mer_status begin_shuffled(void *self, const struct mer_ctx *context,
                                 const struct mer_trial_request *request, mer_err *error)
{
    struct shuffled *shuffled = self;
    (void)context;
    (void)error;
    assert_true(shuffled->n_waiting < shuffled->n_slots);
    shuffled->waiting[shuffled->n_waiting++] = *request;
    return mer_ok();
}

static mer_status next_shuffled(void *self, const struct mer_ctx *context,
                                struct mer_trial_result *ret_result, mer_err *error)
{
    struct shuffled *shuffled = self;
    assert_true(shuffled->n_waiting > 0);
    const size_t at = (shuffled->draws++ * 7 + 1) % shuffled->n_waiting;
    const struct mer_trial_request request = shuffled->waiting[at];
    shuffled->waiting[at] = shuffled->waiting[--shuffled->n_waiting];
    MER_GUARD(shuffled->inner.begin(shuffled->inner.self, context, &request, error));
    return shuffled->inner.next(shuffled->inner.self, context, ret_result, error);
}

static void abandon_shuffled(void *self, const struct mer_ctx *context)
{
    struct shuffled *shuffled = self;
    (void)context;
    shuffled->n_waiting = 0;
}

static void close_shuffled(void *self, const struct mer_ctx *context)
{
    struct shuffled *shuffled = self;
    shuffled->inner.close(shuffled->inner.self, context);
}

static mer_status open_shuffled(void *self, const struct mer_ctx *context,
                                const struct mer_evaluation_data *data,
                                const struct mer_evaluation *evaluation,
                                struct mer_trial_engine *ret_engine, mer_err *error)
{
    struct shuffled *shuffled = self;
    MER_GUARD(mer_trial_engine_open_here(NULL, context, data, evaluation, &shuffled->inner, error));
    *ret_engine = (struct mer_trial_engine){.self = shuffled,
                                            .n_slots = shuffled->n_slots,
                                            .n_parallel_fits = 1,
                                            .begin = begin_shuffled,
                                            .next = next_shuffled,
                                            .abandon = abandon_shuffled,
                                            .close = close_shuffled};
    return mer_ok();
}

/* The saved form of what a search finds with so many trials at a time. */
static struct mer_buf saved_with(const struct mer_frame *frame, size_t n_slots)
{
    struct shuffled shuffled = {.n_slots = n_slots};
    struct mer_search_options options = {.target = "y",
                                         .seed = 5,
                                         .n_folds = 3,
                                         .max_trials = 32,
                                         .open_engine = n_slots ? open_shuffled : NULL,
                                         .engine_opener = &shuffled};
    struct mer_schema schema = schema_of(frame);
    struct mer_pipeline *pipeline;
    struct mer_bundle bundle;
    struct mer_buf bytes;

    mer_buf_init(&bytes, &alloc, SIZE_MAX);
    mer_bundle_init(&bundle, &alloc);
    assert_ok(mer_search_fit(&ctx, frame, &schema, &options, &pipeline, &err));
    assert_ok(mer_pipeline_save(&ctx, pipeline, &bundle, &err));
    assert_ok(mer_buf_append(&bytes, bundle.json, bundle.n_json, &err));
    for (size_t i = 0; i < bundle.n_arrays; i++)
        assert_ok(mer_buf_append(&bytes, bundle.arrays[i].data, bundle.arrays[i].n_bytes, &err));
    mer_bundle_release(&bundle);
    mer_pipeline_free(&ctx, pipeline);
    mer_schema_release(&schema);
    return bytes;
}

static void the_order_in_which_trials_end_changes_no_byte(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(150, 'b', 4);
    struct mer_buf here = saved_with(&frame, 0);
    for (size_t n_slots = 1; n_slots <= 3; n_slots++) {
        struct mer_buf other = saved_with(&frame, n_slots);
        assert_int_equal(other.n, here.n);
        assert_memory_equal(other.bytes, here.bytes, here.n);
        mer_buf_release(&other);
    }
    mer_buf_release(&here);
    mer_frame_release(&frame);
}

static struct mer_evaluation *evaluate(const struct mer_frame *frame, size_t n_folds,
                                       struct mer_learned_target *target, struct mer_arena *arena)
{
    struct mer_evaluation *evaluation;
    size_t column;
    assert_ok(mer_frame_want(frame, "y", &column, &err));
    assert_ok(mer_target_learn(&ctx, frame, column, NULL, arena, target, &err));
    /* The data are copied, and what they point to outlives the evaluation. */
    const struct mer_evaluation_data data = {.frame = frame,
                                             .target_column = column,
                                             .target = target,
                                             .metric = mer_metric_find("log_loss"),
                                             .n_folds = n_folds,
                                             .seed = 3};
    assert_ok(mer_evaluation_new(&ctx, &data, &evaluation, &err));
    return evaluation;
}

static void held_out_predictions_score_as_the_folds_did(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(300, 'b', 4);
    struct mer_learned_target target;
    struct mer_trial_result result;
    struct mer_arena arena;
    double score = NAN, mean = 0;

    mer_arena_init(&arena, &alloc);
    struct mer_evaluation *evaluation = evaluate(&frame, 5, &target, &arena);
    struct mer_trial_request request = {
        .id = 7, .family = mer_family_find("linear"), .wants_held_out = true};
    mer_params_default(request.family->params, request.family->n_params, &request.params);
    mer_trial_run(&ctx, evaluation, &request, &result);
    assert_ok(result.status);
    assert_int_equal(result.id, 7);
    assert_int_equal(result.n_held_out, frame.n_rows);
    const struct mer_scored scored = {.n = frame.n_rows,
                                      .n_classes = 2,
                                      .truth_classes = target.classes,
                                      .predictions = result.held_out};
    assert_ok(mer_metric_find("log_loss")->score(&ctx, &scored, &score, &err));
    for (size_t f = 0; f < result.n_scores; f++)
        mean += result.scores[f] / (double)result.n_scores;
    assert_true(fabs(score - mean) < 1e-9);
    mer_trial_result_release(&alloc, &result);
    mer_evaluation_free(&ctx, evaluation);
    mer_learned_target_release(&ctx, &target);
    mer_arena_release(&arena);
    mer_frame_release(&frame);
}

static void rungs_are_shares_of_the_rows_with_every_class(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(30000, 'm', 4);
    struct mer_learned_target target;
    struct mer_arena arena;
    double before = 0;

    mer_arena_init(&arena, &alloc);
    struct mer_evaluation *evaluation = evaluate(&frame, 1, &target, &arena);
    assert_int_equal(mer_evaluation_n_rungs(evaluation), 2);
    assert_int_equal(mer_evaluation_n_held_out(evaluation), 6000);
    struct mer_trial_request request = {.family = mer_family_find("tree")};
    mer_params_default(request.family->params, request.family->n_params, &request.params);
    for (unsigned rung = 3; rung-- > 0;) {
        struct mer_trial_result result;
        request.rung = rung;
        mer_trial_run(&ctx, evaluation, &request, &result);
        assert_ok(result.status);
        assert_true(isfinite(result.scores[0]) && result.scores[0] != before);
        before = result.scores[0];
        assert_null(result.held_out);
    }
    assert_true(mer_evaluation_cost(evaluation, request.family, &request.params, 1) * 3 <
                mer_evaluation_cost(evaluation, request.family, &request.params, 0));
    mer_evaluation_free(&ctx, evaluation);
    mer_learned_target_release(&ctx, &target);
    mer_arena_release(&arena);
    mer_frame_release(&frame);
}

static void a_trial_that_cannot_be_fitted_is_a_failure_that_says_why(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(100, 'b', 4);
    struct mer_learned_target target;
    struct mer_trial_result result;
    struct mer_arena arena;

    mer_arena_init(&arena, &alloc);
    struct mer_evaluation *evaluation = evaluate(&frame, 5, &target, &arena);
    struct mer_trial_request request = {.family = mer_family_find("tree"), .wants_held_out = true};
    mer_params_default(request.family->params, request.family->n_params, &request.params);
    atomic_store(&alloc.requests, 0);
    alloc.fail_at = 5;
    mer_trial_run(&ctx, evaluation, &request, &result);
    alloc.fail_at = 0;
    assert_int_equal(result.status.code, MER_ERR_MEMORY);
    assert_true(result.err.message[0] != 0);
    assert_null(result.held_out);
    assert_int_equal(result.n_scores, 0);
    mer_evaluation_free(&ctx, evaluation);
    mer_learned_target_release(&ctx, &target);
    mer_arena_release(&arena);
    mer_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_order_in_which_trials_end_changes_no_byte, begin, end),
        cmocka_unit_test_setup_teardown(held_out_predictions_score_as_the_folds_did, begin, end),
        cmocka_unit_test_setup_teardown(rungs_are_shares_of_the_rows_with_every_class, begin, end),
        cmocka_unit_test_setup_teardown(a_trial_that_cannot_be_fitted_is_a_failure_that_says_why,
                                        begin, end),
    };
    return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
