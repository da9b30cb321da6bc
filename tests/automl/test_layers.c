/* Two layers of models: what the second sees, that scores of both can be believed, and that they
 * repeat themselves to the bit. */
#include "automl_tables.h"

#include "automl/stack.h"

static size_t n_bases(const struct mer_pipeline *pipeline)
{
    return mer_members_bases(pipeline->members, pipeline->n_members);
}

static void assert_same_models(const struct mer_pipeline *a, const struct mer_pipeline *b)
{
    struct mer_bundle first = save(a), second = save(b);
    assert_string_equal(first.json, second.json);
    assert_int_equal(first.n_arrays, second.n_arrays);
    for (size_t i = 0; i < first.n_arrays; i++)
        assert_memory_equal(first.arrays[i].data, second.arrays[i].data, first.arrays[i].n_bytes);
    mer_bundle_release(&first);
    mer_bundle_release(&second);
}

/* A sum, which lines see, and the sign of a product, which trees see: what a layer that sees what
 * both say of a row can add up. */
static struct mer_frame make_parts(size_t n_rows, char task)
{
    struct mer_buf buf;
    mer_rng rng;

    mer_rng_init(&rng, 4, 0);
    mer_buf_init(&buf, &alloc, (size_t)1 << 20);
    assert_ok(mer_buf_text(&buf, "a,b,c,d,e,place,y\n", &err));
    for (size_t i = 0; i < n_rows; i++) {
        double x[5];
        for (size_t k = 0; k < 5; k++)
            x[k] = mer_rng_normal(&rng);
        const double y = 2 * (x[0] * x[1] > 0 ? 1 : -1) + x[2] + x[3] + x[4];
        const unsigned class = task == 'b' ? y > 0 : y > 1.5 ? 2 : y > -1.5;
        for (size_t k = 0; k < 5; k++)
            assert_ok(mer_buf_printf(&buf, &err, "%.6f,", x[k]));
        assert_ok(mer_buf_printf(&buf, &err, "p%u,", (unsigned)mer_rng_below(&rng, 12)));
        add_target(&buf, task, y, class);
    }
    return read_made(&buf);
}

/* Those that see one half each. */
static uint64_t lines_and_trees(void)
{
    uint64_t families = 0;
    for (size_t f = 0; f < MER_N_FAMILIES; f++)
        if (strcmp(MER_FAMILIES[f]->name, "linear") == 0 ||
            strcmp(MER_FAMILIES[f]->name, "tree") == 0)
            families |= (uint64_t)1 << f;
    return families;
}

/* A fit that has kept a second layer: for some seed one is better. */
static struct mer_pipeline *fit_two(const struct mer_frame *frame,
                                    struct mer_search_options *options)
{
    options->n_layers = 2;
    for (options->seed = 1; options->seed < 40; options->seed++) {
        struct mer_pipeline *pipeline = fit(frame, options);
        if (n_bases(pipeline) > 0)
            return pipeline;
        mer_pipeline_free(&ctx, pipeline);
    }
    fail_msg("no seed has kept a second layer");
    return NULL;
}

static void columns_are_half_the_logarithms_of_odds_or_scaled_numbers(void **state)
{
    (void)state;
    const struct mer_stack_scale none = {0, 1}, scale = {10, 4};
    const double two[] = {0.25, 0.75}, three[] = {0.5, 0, 0.5}, number[] = {12};
    double columns[3];
    mer_stack_columns(two, 2, &none, columns);
    assert_near(columns[0], 0.5 * log(3));
    mer_stack_columns(three, 3, &none, columns);
    assert_near(columns[0], 0);
    assert_true(columns[1] < -6 && columns[1] > -7); /* and not infinite */
    mer_stack_columns(number, 1, &scale, columns);
    assert_near(columns[0], 0.5);
    assert_int_equal(mer_stack_width(1), 1);
    assert_int_equal(mer_stack_width(2), 1);
    assert_int_equal(mer_stack_width(3), 3);
}

static void a_design_keeps_its_columns_and_indicators_behind_those_of_the_first_layer(void **state)
{
    (void)state;
    const double dense[] = {1, 0, 2, 1}, columns[] = {7, 8, 9, 10};
    const uint32_t indicators[] = {1, MER_NO_INDICATOR};
    const struct mer_design design = {
        .n_rows = 2, .n_dense = 2, .dense = dense, .indicators = indicators};
    const double expected[] = {7, 8, 1, 0, 9, 10, 2, 1};
    const uint32_t moved[] = {MER_NO_INDICATOR, MER_NO_INDICATOR, 3, MER_NO_INDICATOR};
    struct mer_stacked stacked;
    assert_ok(mer_stack_extend(&ctx, &design, columns, 2, &stacked, &err));
    assert_int_equal(stacked.design.n_dense, 4);
    assert_memory_equal(stacked.design.dense, expected, sizeof(expected));
    assert_memory_equal(stacked.design.indicators, moved, sizeof(moved));
    mer_stack_release(&ctx, &stacked);
}

static void threads_change_no_byte_of_two_layers(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        struct mer_frame frame = make_parts(300, "bmr"[t]);
        struct mer_search_options options = {
            .n_folds = 4, .units = 400000, .families = lines_and_trees()};
        struct mer_pipeline *one = fit_two(&frame, &options);
        assert_ok(mer_team_new(&alloc, 3, &ctx.team, &err));
        struct mer_pipeline *three = fit(&frame, &options);
        assert_same_models(one, three);
        mer_team_free(ctx.team);
        ctx.team = NULL;
        mer_pipeline_free(&ctx, one);
        mer_pipeline_free(&ctx, three);
        mer_frame_release(&frame);
    }
}

static void the_units_that_were_reached_repeat_two_layers(void **state)
{
    (void)state;
    struct mer_frame frame = make_parts(300, 'b');
    struct mer_search_options options = {.n_folds = 4, .max_trials = 12};
    struct mer_pipeline *first = fit_two(&frame, &options);
    uint64_t of_trials = 0;
    for (size_t i = 0; i < first->n_trials; i++)
        of_trials += first->trials[i].units;
    assert_true(of_trials <= first->units);
    options.max_trials = 0;
    options.units = first->units;
    struct mer_pipeline *again = fit(&frame, &options);
    assert_same_models(first, again);
    mer_pipeline_free(&ctx, first);
    mer_pipeline_free(&ctx, again);
    mer_frame_release(&frame);
}

static double score_of(const struct mer_pipeline *pipeline)
{
    return pipeline->n_members > 1 ? pipeline->score : pipeline->trials[0].score;
}

/* Were the second layer scored on what had seen a fold's rows, it would find them again: of noise
 * it would seem to know a lot. */
static void a_second_layer_knows_nothing_of_noise(void **state)
{
    (void)state;
    char text[12000] = "a,b,c,y\n";
    size_t n = strlen(text);
    mer_rng rng;
    mer_rng_init(&rng, 5, 0);
    for (int i = 0; i < 240; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%.5f,%.5f,%.5f,%s\n",
                              mer_rng_normal(&rng), mer_rng_normal(&rng), mer_rng_normal(&rng),
                              mer_rng_u32(&rng) & 1 ? "yes" : "no");
    struct mer_frame frame = read_table(text);
    struct mer_search_options options = {.n_folds = 4, .max_trials = 16};
    for (options.seed = 1; options.seed < 4; options.seed++) {
        options.n_layers = 1;
        struct mer_pipeline *one = fit(&frame, &options);
        options.n_layers = 2;
        struct mer_pipeline *two = fit(&frame, &options);
        assert_true(score_of(two) > score_of(one) - 0.01);
        mer_pipeline_free(&ctx, one);
        mer_pipeline_free(&ctx, two);
    }
    mer_frame_release(&frame);
}

static void groups_and_weights_go_with_two_layers(void **state)
{
    (void)state;
    struct mer_frame frame = make_parts(300, 'r');
    double weights[300];
    for (size_t i = 0; i < 300; i++)
        weights[i] = 1 + (double)(i % 3);
    struct mer_search_options options = {.n_folds = 4,
                                         .units = 400000,
                                         .families = lines_and_trees(),
                                         .weights = weights,
                                         .group_column = &frame.columns[5]};
    struct mer_pipeline *pipeline = fit_two(&frame, &options);
    assert_int_equal(pipeline->validation.kind, MER_FOLDS_GROUPS);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

static void folds_that_hold_out_some_rows_alone_give_one_layer(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(200, 'r', 4);
    struct mer_search_options options = {.seed = 1, .n_folds = 1, .max_trials = 8};
    struct mer_pipeline *one = fit(&frame, &options);
    options.n_layers = 2;
    struct mer_pipeline *two = fit(&frame, &options);
    assert_int_equal(two->n_layers, 1);
    assert_same_models(one, two);
    mer_pipeline_free(&ctx, one);
    mer_pipeline_free(&ctx, two);
    mer_frame_release(&frame);
}

/* An engine whose trials of one stage fail, as those do whose process crashes. */
struct failing {
    struct mer_trial_engine inner;
    enum mer_trial_stage fails;
    enum mer_trial_stage stage; /* of the engine that is open */
    size_t n_begun[MER_STAGE_COUNT];
};

static mer_status begin_failing(void *self, const struct mer_ctx *context,
                                const struct mer_trial_request *request, mer_err *error)
{
    struct failing *failing = self;
    failing->n_begun[failing->stage]++;
    return failing->inner.begin(failing->inner.self, context, request, error);
}

static mer_status next_failing(void *self, const struct mer_ctx *context,
                               struct mer_trial_result *ret_result, mer_err *error)
{
    const struct failing *failing = self;
    MER_GUARD(failing->inner.next(failing->inner.self, context, ret_result, error));
    if (failing->stage != failing->fails)
        return mer_ok();
    mer_trial_result_release(context->alloc, ret_result);
    ret_result->n_scores = 0;
    ret_result->status = mer_fail(&ret_result->err, MER_ERR_INTERNAL, "it crashed");
    return mer_ok();
}

static void abandon_failing(void *self, const struct mer_ctx *context)
{
    const struct failing *failing = self;
    failing->inner.abandon(failing->inner.self, context);
}

static void close_failing(void *self, const struct mer_ctx *context)
{
    const struct failing *failing = self;
    failing->inner.close(failing->inner.self, context);
}

static mer_status open_failing(void *self, const struct mer_ctx *context,
                               const struct mer_evaluation_data *data,
                               const struct mer_evaluation *evaluation,
                               struct mer_trial_engine *ret_engine, mer_err *error)
{
    struct failing *failing = self;
    failing->stage = data->stage;
    MER_GUARD(mer_trial_engine_open_here(NULL, context, data, evaluation, &failing->inner, error));
    *ret_engine = (struct mer_trial_engine){.self = failing,
                                            .n_slots = 1,
                                            .n_parallel_fits = 1,
                                            .begin = begin_failing,
                                            .next = next_failing,
                                            .abandon = abandon_failing,
                                            .close = close_failing};
    return mer_ok();
}

/* What is tried for a second layer runs where the rest does; whatever becomes of it, the first
 * layer is there. */
static void a_second_layer_that_fails_costs_nothing_but_itself(void **state)
{
    (void)state;
    struct mer_frame frame = make_parts(300, 'b');
    struct mer_search_options options = {
        .n_folds = 4, .units = 400000, .families = lines_and_trees()};
    mer_pipeline_free(&ctx, fit_two(&frame, &options));
    for (enum mer_trial_stage fails = MER_STAGE_INNER; fails <= MER_STAGE_COUNT; fails++) {
        struct failing failing = {.fails = fails};
        options.open_engine = open_failing;
        options.engine_opener = &failing;
        struct mer_pipeline *pipeline = fit(&frame, &options);
        assert_int_equal(n_bases(pipeline) > 0, fails == MER_STAGE_COUNT);
        assert_true(failing.n_begun[MER_STAGE_FIRST] > 0 && failing.n_begun[MER_STAGE_INNER] > 0);
        assert_int_equal(failing.n_begun[MER_STAGE_SECOND] > 0, fails != MER_STAGE_INNER);
        if (fails == MER_STAGE_INNER) {
            struct mer_search_options alone = options;
            alone.n_layers = 1;
            alone.units = pipeline->units;
            struct mer_pipeline *one = fit(&frame, &alone);
            assert_same_models(one, pipeline);
            mer_pipeline_free(&ctx, one);
        }
        mer_pipeline_free(&ctx, pipeline);
    }
    mer_frame_release(&frame);
}

static void every_allocation_of_two_layers_may_fail_without_harm(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(80, 'b', 21);
    struct mer_search_options options = {.n_folds = 3, .max_trials = 12};
    struct mer_pipeline *pipeline = fit_two(&frame, &options);
    mer_pipeline_free(&ctx, pipeline);
    const size_t used = atomic_load(&alloc.used);
    const uint64_t before = atomic_load(&alloc.requests);
    mer_pipeline_free(&ctx, fit(&frame, &options));
    const uint64_t n = atomic_load(&alloc.requests) - before;
    /* Those of a search of one layer are failed one by one in test_search.c. */
    for (uint64_t i = 1; i <= n; i += 23) {
        struct mer_schema schema = schema_of(&frame);
        pipeline = NULL;
        struct mer_search_options complete = options;
        complete.target = "y";
        atomic_store(&alloc.requests, 0);
        alloc.fail_at = i;
        const mer_status status = mer_search_fit(&ctx, &frame, &schema, &complete, &pipeline, &err);
        alloc.fail_at = 0;
        if (status.code != MER_ERR_MEMORY && !mer_is_ok(status))
            fail_msg("allocation %llu: %s", (unsigned long long)i, mer_code_name(status.code));
        mer_pipeline_free(&ctx, pipeline);
        mer_schema_release(&schema);
        assert_int_equal(atomic_load(&alloc.used), used);
    }
    mer_frame_release(&frame);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(columns_are_half_the_logarithms_of_odds_or_scaled_numbers),
        TEST(a_design_keeps_its_columns_and_indicators_behind_those_of_the_first_layer),
        TEST(threads_change_no_byte_of_two_layers),
        TEST(the_units_that_were_reached_repeat_two_layers),
        TEST(a_second_layer_knows_nothing_of_noise),
        TEST(groups_and_weights_go_with_two_layers),
        TEST(folds_that_hold_out_some_rows_alone_give_one_layer),
        TEST(a_second_layer_that_fails_costs_nothing_but_itself),
        TEST(every_allocation_of_two_layers_may_fail_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
