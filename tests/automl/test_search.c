/* The search from a table to a pipeline: what it finds, that it repeats itself to the bit, and how
 * it ends. */
#include "automl/facts.h"
#include "automl_tables.h"

#include <math.h>

#include "core/log.h"

static const struct mer_search_options QUICK = {.seed = 11, .max_trials = 6, .n_folds = 3};

static void assert_same_bundles(const struct mer_bundle *a, const struct mer_bundle *b)
{
    assert_int_equal(a->n_arrays, b->n_arrays);
    for (size_t i = 0; i < a->n_arrays; i++) {
        assert_string_equal(a->arrays[i].name, b->arrays[i].name);
        assert_int_equal(a->arrays[i].n_bytes, b->arrays[i].n_bytes);
        if (memcmp(a->arrays[i].data, b->arrays[i].data, a->arrays[i].n_bytes) != 0)
            fail_msg("array %s differs", a->arrays[i].name);
    }
    assert_string_equal(a->json, b->json);
}

static double score_on(const struct mer_pipeline *pipeline, const struct mer_frame *frame)
{
    double *predictions, *values, score = NAN;
    int32_t *classes;
    struct mer_facts facts;
    assert_ok(mer_pipeline_predict(&ctx, pipeline, frame, &predictions, &err));
    assert_ok(mer_facts_of_pipeline(&ctx, pipeline, &facts, &err));
    assert_ok(mer_facts_truth(&ctx, &facts, frame, &values, &classes, &err));
    mer_facts_release(&facts);
    const struct mer_scored scored = {.n = frame->n_rows,
                                      .n_classes = pipeline->n_classes,
                                      .truth_values = values,
                                      .truth_classes = classes,
                                      .predictions = predictions};
    assert_ok(mer_metric_find(pipeline->metric)->score(&ctx, &scored, &score, &err));
    mer_free(&alloc, predictions);
    mer_free(&alloc, values);
    mer_free(&alloc, classes);
    return score;
}

static void the_best_beats_the_baseline_on_rows_not_seen(void **state)
{
    (void)state;
    const char tasks[] = {'b', 'm', 'r'};
    for (size_t t = 0; t < 3; t++) {
        struct mer_frame train = make_table(600, tasks[t], 1), test = make_table(300, tasks[t], 2);
        struct mer_search_options options = {.seed = 3, .n_folds = 3, .max_trials = 24};
        struct mer_pipeline *best = fit(&train, &options);
        options.family = mer_family_find("baseline");
        struct mer_pipeline *baseline = fit(&train, &options);
        assert_true(score_on(best, &test) < 0.8 * score_on(baseline, &test));
        assert_string_equal(best->metric, tasks[t] == 'r' ? "rmse" : "log_loss");
        assert_int_equal(best->n_classes, tasks[t] == 'b' ? 2 : tasks[t] == 'm' ? 3 : 0);
        assert_int_equal(baseline->n_trials, 1);
        for (size_t i = 2; i < best->n_trials; i++)
            assert_true(best->trials[i - 1].score <= best->trials[i].score);
        assert_true(best->n_members > 1 || best->members[0].family == best->trials[0].family);
        mer_pipeline_free(&ctx, best);
        mer_pipeline_free(&ctx, baseline);
        mer_frame_release(&train);
        mer_frame_release(&test);
    }
}

static void threads_and_instruction_sets_change_no_byte(void **state)
{
    (void)state;
    const enum mer_cpu_level best_level = mer_cpu_detect();
    for (size_t t = 0; t < 3; t++) {
        struct mer_frame frame = make_table(500, "bmr"[t], 4);
        struct mer_search_options options = {
            .seed = 5, .n_folds = t == 0 ? 3 : 4, .units = 1000000};
        ctx.cpu = MER_CPU_PLAIN;
        struct mer_pipeline *reference = fit(&frame, &options);
        struct mer_bundle expected = save(reference);
        for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
            for (enum mer_cpu_level level = MER_CPU_PLAIN; level <= best_level; level++) {
                assert_ok(mer_team_new(&alloc, n_threads, &ctx.team, &err));
                ctx.cpu = level;
                struct mer_pipeline *pipeline = fit(&frame, &options);
                struct mer_bundle bundle = save(pipeline);
                assert_same_bundles(&expected, &bundle);
                mer_bundle_release(&bundle);
                mer_pipeline_free(&ctx, pipeline);
                mer_team_free(ctx.team);
                ctx.team = NULL;
            }
        }
        mer_bundle_release(&expected);
        mer_pipeline_free(&ctx, reference);
        mer_frame_release(&frame);
    }
}

static void the_seed_matters(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(200, 'b', 4);
    struct mer_search_options options = QUICK;
    struct mer_pipeline *a = fit(&frame, &options);
    options.seed = 12;
    struct mer_pipeline *b = fit(&frame, &options);
    assert_true(a->trials[0].score != b->trials[0].score);
    mer_pipeline_free(&ctx, a);
    mer_pipeline_free(&ctx, b);
    mer_frame_release(&frame);
}

/* Designs that do not fit into the memory budget are made again for every trial: slower, the same.
 */
static void little_memory_changes_no_byte(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(3000, 'b', 6);
    struct mer_pipeline *a = fit(&frame, &QUICK);
    const size_t bytes_kept = (size_t)3000 * 10 * 8 * 3;
    alloc.budget = atomic_load(&alloc.used) + 36 * bytes_kept / 10;
    struct mer_pipeline *b = fit(&frame, &QUICK);
    alloc.budget = SIZE_MAX;
    struct mer_bundle bundle_a = save(a), bundle_b = save(b);
    assert_same_bundles(&bundle_a, &bundle_b);
    mer_bundle_release(&bundle_a);
    mer_bundle_release(&bundle_b);
    mer_pipeline_free(&ctx, a);
    mer_pipeline_free(&ctx, b);
    mer_frame_release(&frame);
}

/* A clock that goes on by a step at every look, so that budgets end at a place of our choosing. */
struct made_clock {
    uint64_t now;
    uint64_t step;
};

static uint64_t look(void *self)
{
    struct made_clock *clock = self;
    return clock->now += clock->step;
}

static size_t rounds_at(const struct mer_family *family)
{
    return mer_params_find(family->params, family->n_params, "n_estimators");
}

/* Whether time ended a member's boosting, of which all is as it was but for the rounds. */
static bool was_cut(const struct mer_family *family, const struct mer_params *own,
                    const struct mer_params *wanted)
{
    const size_t at = rounds_at(family);
    struct mer_params params = *own;
    if (at == SIZE_MAX || own->values[at] >= wanted->values[at])
        return false;
    assert_true(own->values[at] >= wanted->values[at] / 2);
    params.values[at] = wanted->values[at];
    assert_memory_equal(&params, wanted, sizeof(params));
    return true;
}

static void a_run_by_the_clock_is_repeated_by_its_work_units(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(300, 'm', 7);
    size_t last = 0, n_different = 0, n_same = 0, n_late = 0;
    for (uint64_t step = 200000; step <= 100000000; step *= 2) {
        struct made_clock made = {.now = 1, .step = step};
        const struct mer_clock clock = {look, &made};
        struct mer_search_options options = {.seed = 5, .n_folds = 3, .budget_seconds = 1};
        struct mer_pipeline *by_clock = NULL, *by_units;
        ctx.clock = &clock;
        const mer_status status = try_fit(&frame, &options, &by_clock);
        ctx.clock = NULL;
        if (status.code == MER_ERR_BUDGET)
            break;
        assert_ok(status);
        options.budget_seconds = 0;
        options.units = by_clock->units;
        by_units = fit(&frame, &options);
        assert_int_equal(by_clock->n_trials, by_units->n_trials);
        n_different += by_clock->n_trials != last;
        last = by_clock->n_trials;
        /* The one exception: late members of an ensemble are left out, the weightiest kept, and
         * boosting ends with the rounds that there are. */
        bool is_late = by_clock->n_members < by_units->n_members;
        assert_ptr_equal(by_clock->members[0].family, by_units->members[0].family);
        for (size_t i = 0; i < by_clock->n_members && !is_late; i++)
            is_late = was_cut(by_units->members[i].family, &by_clock->members[i].params,
                              &by_units->members[i].params);
        n_late += is_late;
        if (!is_late) {
            struct mer_bundle a = save(by_clock), b = save(by_units);
            assert_same_bundles(&a, &b);
            mer_bundle_release(&a);
            mer_bundle_release(&b);
            n_same++;
        }
        mer_pipeline_free(&ctx, by_clock);
        mer_pipeline_free(&ctx, by_units);
    }
    assert_true(n_different >= 3 && n_same > n_late);
    mer_frame_release(&frame);
}

/* Slows the machine down from a trial on. */
struct slowing {
    struct made_clock *clock;
    size_t at;
    uint64_t step;
};

static void slow_down(void *self, const struct mer_trial *trial, size_t n_done, size_t n_planned,
                      const struct mer_metric *metric, uint64_t units)
{
    const struct slowing *slowing = self;
    (void)trial;
    (void)n_planned;
    (void)metric;
    (void)units;
    if (n_done >= slowing->at)
        slowing->clock->step = slowing->step;
}

static void a_search_with_a_score_ends_in_a_model_however_slow_the_machine_becomes(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(300, 'b', 7);
    size_t n_single = 0, n_cut = 0;
    for (uint64_t step = 1000000; step <= 4000000000; step *= 8) {
        struct made_clock made = {.now = 1, .step = 1000};
        const struct mer_clock clock = {look, &made};
        struct slowing slowing = {&made, 7, step};
        const struct mer_search_options options = {
            .seed = 5, .n_folds = 2, .budget_seconds = 2, .on_trial = slow_down, .self = &slowing};
        struct mer_pipeline *pipeline = NULL;
        ctx.clock = &clock;
        assert_ok(try_fit(&frame, &options, &pipeline));
        ctx.clock = NULL;
        assert_true(pipeline->n_members > 0 && pipeline->members[0].model);
        n_single += pipeline->n_members == 1;
        /* The score that is told of one is its own. */
        if (pipeline->n_members == 1) {
            assert_ptr_equal(pipeline->trials[0].family, pipeline->members[0].family);
            if (was_cut(pipeline->members[0].family, &pipeline->members[0].params,
                        &pipeline->trials[0].params))
                n_cut++;
            else
                assert_memory_equal(&pipeline->trials[0].params, &pipeline->members[0].params,
                                    sizeof(struct mer_params));
            assert_memory_equal(pipeline->reported.scores, pipeline->trials[0].reported,
                                pipeline->reported.n * sizeof(double));
        }
        mer_pipeline_free(&ctx, pipeline);
    }
    assert_true(n_single > n_cut);
    mer_frame_release(&frame);
}

static mer_status count_folds(void *self, const struct mer_ctx *own,
                              const struct mer_fold_fit *fold, mer_err *ret_err)
{
    size_t *n = self;
    (void)own;
    (void)fold;
    (void)ret_err;
    ++*n;
    return mer_ok();
}

static void quantiles_and_the_study_of_folds_end_with_the_budget(void **state)
{
    (void)state;
    static const double levels[] = {0.1, 0.9};
    struct mer_frame frame = make_table(300, 'r', 7);
    size_t n_known = 0, n_unknown = 0, n_cut = 0;
    for (uint64_t step = 1000; step <= 4000000000; step *= 8) {
        struct made_clock made = {.now = 1, .step = 1000};
        const struct mer_clock clock = {look, &made};
        struct slowing slowing = {&made, 7, step};
        size_t n_folds = 0;
        const struct mer_search_options options = {.seed = 5,
                                                   .n_folds = 2,
                                                   .max_trials = 9,
                                                   .budget_seconds = 2,
                                                   .quantiles = levels,
                                                   .n_quantiles = 2,
                                                   .visit = count_folds,
                                                   .visitor = &n_folds,
                                                   .on_trial = slow_down,
                                                   .self = &slowing};
        struct mer_pipeline *pipeline = NULL;
        ctx.clock = &clock;
        assert_ok(try_fit(&frame, &options, &pipeline));
        ctx.clock = NULL;
        assert_int_equal(pipeline->n_quantiles, 2);
        for (size_t q = 0; q < 2; q++)
            assert_non_null(pipeline->quantiles[q].model);
        n_known += isfinite(pipeline->quantiles[0].below) != 0;
        n_unknown += isnan(pipeline->quantiles[0].below) != 0;
        assert_true(n_folds > 0);
        n_cut += n_folds < 2;
        /* What was cut off looks at the clock a few thousand times at most: it ends soon. */
        assert_true(made.now < 3000000000 + 5000 * step);
        mer_pipeline_free(&ctx, pipeline);
    }
    assert_true(n_known > 0 && n_unknown > 0 && n_cut > 0);
    mer_frame_release(&frame);
}

static void cancel_at_third(void *self, const struct mer_trial *trial, size_t n_done,
                            size_t n_planned, const struct mer_metric *metric, uint64_t units)
{
    struct mer_cancel *cancel = self;
    (void)trial;
    (void)n_planned;
    (void)metric;
    (void)units;
    if (n_done == 3)
        atomic_store(&cancel->signal, 2);
}

static void a_search_that_is_stopped_by_the_signal_for_it_keeps_the_best(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(200, 'b', 7);
    struct mer_cancel cancel = {0};
    struct mer_search_options options = {.seed = 5,
                                         .n_folds = 2,
                                         .on_trial = cancel_at_third,
                                         .self = &cancel,
                                         .signal_for_best = 2};
    struct mer_pipeline *pipeline = NULL;
    ctx.cancel = &cancel;
    assert_ok(try_fit(&frame, &options, &pipeline));
    assert_int_equal(pipeline->n_trials, 3);
    assert_int_equal(atomic_load(&cancel.signal), 0);
    mer_pipeline_free(&ctx, pipeline);
    /* Any other ends the fit. */
    options.signal_for_best = 15;
    assert_code(try_fit(&frame, &options, &pipeline), MER_ERR_CANCELLED);
    ctx.cancel = NULL;
    mer_frame_release(&frame);
}

static void a_patient_search_ends_when_trials_bring_nothing_and_units_repeat_it(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(150, 'b', 7);
    struct mer_search_options options = {.seed = 5, .n_folds = 2, .patience = 5};
    struct mer_pipeline *patient = fit(&frame, &options);
    assert_true(patient->n_trials >= 6 && patient->n_trials < 60);
    options.patience = 0;
    options.units = patient->units;
    struct mer_pipeline *again = fit(&frame, &options);
    struct mer_bundle a = save(patient), b = save(again);
    assert_same_bundles(&a, &b);
    mer_bundle_release(&a);
    mer_bundle_release(&b);
    mer_pipeline_free(&ctx, patient);
    mer_pipeline_free(&ctx, again);
    mer_frame_release(&frame);
}

static void a_budget_too_small_for_anything_says_so(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(100, 'b', 7);
    struct mer_search_options options = QUICK;
    struct made_clock made = {.now = 1, .step = 1000000000};
    const struct mer_clock clock = {look, &made};
    struct mer_pipeline *pipeline = NULL;

    options.units = 1;
    assert_code(try_fit(&frame, &options, &pipeline), MER_ERR_BUDGET);
    options.units = 0;
    options.budget_seconds = 0.5;
    ctx.clock = &clock;
    assert_code(try_fit(&frame, &options, &pipeline), MER_ERR_BUDGET);
    assert_null(pipeline);
    mer_frame_release(&frame);
}

static void one_family_is_fitted_with_its_parameters(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(200, 'r', 8);
    struct mer_search_options options = QUICK;
    options.family = mer_family_find("tree");
    mer_params_default(options.family->params, options.family->n_params, &options.params);
    assert_ok(mer_params_set(options.family->params, options.family->n_params, "max_depth", "3",
                             &options.params, &err));
    for (size_t i = 0; i < options.family->n_params; i++)
        options.params_given[i] = strcmp(options.family->params[i].name, "max_depth") == 0;
    struct mer_pipeline *pipeline = fit(&frame, &options);
    assert_int_equal(pipeline->n_trials, 1);
    assert_ptr_equal(pipeline->members[0].family, options.family);
    assert_true(mer_params_get(pipeline->members[0].family->params,
                               pipeline->members[0].family->n_params, &pipeline->members[0].params,
                               "max_depth") == 3);
    assert_true(isfinite(pipeline->trials[0].score));
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

static void one_setting_is_kept_where_speed_was_asked_for(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(80, 'b', 21);
    struct mer_search_options options = {.seed = UINT64_MAX - 1, .n_folds = 2, .max_trials = 15};
    struct mer_pipeline *best = fit(&frame, &options);
    options.single = true;
    struct mer_pipeline *fast = fit(&frame, &options);
    assert_true(best->n_members > 1);
    assert_int_equal(fast->n_members, 1);
    assert_ptr_equal(fast->members[0].family, fast->trials[0].family);
    assert_true(best->units == fast->units);
    assert_true(best->score < fast->trials[0].score);
    mer_pipeline_free(&ctx, best);
    mer_pipeline_free(&ctx, fast);
    mer_frame_release(&frame);
}

/* Of many rows the best setting may have been tried on a share of them alone, and cost more than an
 * ensemble's members may. */
static void what_saw_a_share_of_the_rows_knows_how_far_it_is_off_all_the_same(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(8000, 'm', 7);
    size_t n_of_a_share = 0;
    for (uint64_t units = 20000; units <= 1000000; units *= 2) {
        const struct mer_search_options options = {.seed = 5, .units = units};
        struct mer_pipeline *pipeline = fit(&frame, &options);
        n_of_a_share += pipeline->trials[0].rung > 0 && pipeline->n_members == 1;
        assert_true(pipeline->conformal.n_rows > 0);
        mer_pipeline_free(&ctx, pipeline);
    }
    assert_true(n_of_a_share > 0);
    mer_frame_release(&frame);
}

/* The splits that a row passes in the largest boosted model that was tried, at most. */
static double most_splits(const struct mer_pipeline *pipeline)
{
    double most = 0;
    for (size_t i = 0; i < pipeline->n_trials; i++) {
        const struct mer_trial *trial = &pipeline->trials[i];
        const struct mer_family *family = trial->family;
        if (strcmp(family->name, "gbdt") != 0)
            continue;
        const double leaves =
            mer_params_get(family->params, family->n_params, &trial->params, "max_leaves");
        most = fmax(most, trial->params.values[rounds_at(family)] * (double)pipeline->n_classes *
                              ceil(log2(leaves)));
    }
    return most;
}

static void of_many_classes_a_fast_model_has_fewer_trees(void **state)
{
    (void)state;
    char text[16000] = "x,z,y\n";
    for (int i = 0; i < 480; i++) {
        char line[60];
        (void)snprintf(line, sizeof(line), "%d,%d,c%d\n", i * 37 % 60 + i % 5, i * 7 % 11,
                       i * 37 % 60);
        strcat(text, line);
    }
    struct mer_frame frame = read_table(text);
    struct mer_search_options options = {.seed = 3, .n_folds = 2, .max_trials = 8};
    for (size_t f = 0; f < MER_N_FAMILIES; f++)
        if (strcmp(MER_FAMILIES[f]->name, "gbdt") == 0)
            options.families = (uint64_t)1 << f;
    struct mer_pipeline *best = fit(&frame, &options);
    options.single = true;
    struct mer_pipeline *fast = fit(&frame, &options);
    assert_true(most_splits(best) > 25000);
    assert_true(most_splits(fast) <= 18000);
    mer_pipeline_free(&ctx, best);
    mer_pipeline_free(&ctx, fast);
    mer_frame_release(&frame);
}

static void a_metric_that_does_not_fit_the_task_is_refused(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(100, 'b', 7);
    struct mer_search_options options = QUICK;
    struct mer_pipeline *pipeline = NULL;
    options.metric = mer_metric_find("rmse");
    assert_code(try_fit(&frame, &options, &pipeline), MER_ERR_USAGE);
    options.metric = mer_metric_find("auc");
    pipeline = fit(&frame, &options);
    assert_string_equal(pipeline->metric, "auc");
    assert_true(pipeline->trials[0].score > 0.7);
    assert_true(pipeline->trials[1].score >= pipeline->trials[2].score);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

static void an_unknown_target_is_refused_with_the_nearest_name(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(100, 'b', 7);
    struct mer_search_options options = QUICK;
    struct mer_pipeline *pipeline = NULL;
    options.target = "wieght";
    assert_code(try_fit(&frame, &options, &pipeline), MER_ERR_DATA);
    assert_non_null(strstr(err.hint, "weight"));
    mer_frame_release(&frame);
}

static void rare_classes_do_not_disturb(void **state)
{
    (void)state;
    char text[8000] = "x,z,y\n";
    for (int i = 0; i < 120; i++) {
        char line[60];
        (void)snprintf(line, sizeof(line), "%d.5,%d,%s\n", i * 37 % 50, i % 7,
                       i == 17              ? "alone"
                       : i == 40 || i == 90 ? "pair"
                       : i * 37 % 50 < 25   ? "a"
                                            : "b");
        strcat(text, line);
    }
    struct mer_frame frame = read_table(text);
    for (size_t n_folds = 1; n_folds <= 10; n_folds += 3) {
        struct mer_search_options options = QUICK;
        options.n_folds = n_folds;
        struct mer_pipeline *pipeline = fit(&frame, &options);
        assert_int_equal(pipeline->n_classes, 4);
        assert_true(isfinite(pipeline->trials[0].score));
        mer_pipeline_free(&ctx, pipeline);
    }
    mer_frame_release(&frame);
}

static void a_table_without_a_usable_feature_still_gives_the_baseline(void **state)
{
    (void)state;
    char text[8000] = "empty,same,y\n";
    for (int i = 0; i < 60; i++)
        strcat(text, i % 3 ? ",5,a\n" : ",5,b\n");
    struct mer_frame frame = read_table(text);
    struct mer_pipeline *pipeline = fit(&frame, &QUICK);
    double *predictions;
    assert_ok(mer_pipeline_predict(&ctx, pipeline, &frame, &predictions, &err));
    assert_true(fabs(predictions[0] - 2.0 / 3) < 0.02);
    mer_free(&alloc, predictions);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

static void a_table_of_nothing_but_the_target_gives_the_baseline(void **state)
{
    (void)state;
    struct mer_frame frame =
        read_table("y\n1.5\n2.5\n3.5\n4.5\n5.5\n6.5\n7.5\n8.5\n9.5\n0.5\n2.5\n4.5\n");
    struct mer_pipeline *pipeline = fit(&frame, &QUICK);
    double *predictions;
    assert_ok(mer_pipeline_predict(&ctx, pipeline, &frame, &predictions, &err));
    for (size_t i = 0; i < frame.n_rows; i++)
        assert_near(predictions[i], 4.75);
    mer_free(&alloc, predictions);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

struct canceller {
    struct mer_cancel *cancel;
    size_t after;
};

static void cancel_after(void *self, const struct mer_trial *trial, size_t n_done, size_t n_planned,
                         const struct mer_metric *metric, uint64_t units)
{
    const struct canceller *canceller = self;
    (void)metric;
    (void)units;
    assert_true(trial->family != NULL && n_done <= n_planned);
    if (n_done == canceller->after)
        atomic_store(&canceller->cancel->signal, 2);
}

static void a_cancelled_search_ends_and_leaves_nothing(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(100, 'b', 7);
    const size_t used = atomic_load(&alloc.used);
    for (size_t after = 1; after <= 4; after++) {
        struct mer_cancel cancel = {0};
        struct canceller canceller = {&cancel, after};
        struct mer_search_options options = {
            .seed = 1, .n_folds = 3, .on_trial = cancel_after, .self = &canceller};
        struct mer_pipeline *pipeline = NULL;
        ctx.cancel = &cancel;
        assert_code(try_fit(&frame, &options, &pipeline), MER_ERR_CANCELLED);
        assert_null(pipeline);
        assert_int_equal(atomic_load(&alloc.used), used);
        ctx.cancel = NULL;
    }
    mer_frame_release(&frame);
}

/* Fits, saves, loads and predicts. */
static mer_status whole_life(const struct mer_frame *frame, const struct mer_schema *schema,
                             const struct mer_search_options *options)
{
    struct mer_pipeline *pipeline = NULL, *loaded = NULL;
    double *predictions = NULL;
    struct mer_bundle bundle;
    mer_status status;

    mer_bundle_init(&bundle, &alloc);
    MER_GUARD_GOTO(mer_search_fit(&ctx, frame, schema, options, &pipeline, &err), out);
    MER_GUARD_GOTO(mer_pipeline_save(&ctx, pipeline, &bundle, &err), out);
    MER_GUARD_GOTO(mer_pipeline_load(&ctx, &bundle, &loaded, &err), out);
    MER_GUARD_GOTO(mer_pipeline_predict(&ctx, loaded, frame, &predictions, &err), out);
out:
    mer_free(&alloc, predictions);
    mer_pipeline_free(&ctx, loaded);
    mer_bundle_release(&bundle);
    mer_pipeline_free(&ctx, pipeline);
    return status;
}

static void every_allocation_may_fail_without_harm(void **state)
{
    (void)state;
    struct mer_frame frame = make_table(30, 'm', 9);
    struct mer_schema schema = schema_of(&frame);
    const struct mer_search_options options = {
        .target = "y", .seed = 1, .n_folds = 2, .max_trials = 4};
    const size_t used = atomic_load(&alloc.used);

    assert_ok(whole_life(&frame, &schema, &options));
    const uint64_t before = atomic_load(&alloc.requests);
    assert_ok(whole_life(&frame, &schema, &options));
    const uint64_t n = atomic_load(&alloc.requests) - before;
    assert_true(n > 200);
    for (uint64_t i = 1; i <= n; i++) {
        atomic_store(&alloc.requests, 0);
        alloc.fail_at = i;
        const mer_status status = whole_life(&frame, &schema, &options);
        /* A trial for which memory ran out is a failed trial, and the search goes on. */
        if (status.code != MER_ERR_MEMORY && !mer_is_ok(status))
            fail_msg("allocation %llu: %s", (unsigned long long)i, mer_code_name(status.code));
        assert_int_equal(atomic_load(&alloc.used), used);
    }
    alloc.fail_at = 0;
    mer_schema_release(&schema);
    mer_frame_release(&frame);
}

/* Collects what is logged. */
struct lines {
    char text[4000];
    size_t n;
};

static void keep_line(void *self, const char *line, size_t n)
{
    struct lines *lines = self;
    if (lines->n + n < sizeof(lines->text)) {
        memcpy(lines->text + lines->n, line, n);
        lines->n += n;
    }
}

static void left_out_columns_are_logged_without_their_cells(void **state)
{
    (void)state;
    char text[8000] = "who,x,y\n";
    for (int i = 0; i < 60; i++) {
        char line[60];
        (void)snprintf(line, sizeof(line), "canary%d,%d.5,%s\n", i, i * 37 % 50,
                       i * 37 % 50 < 25 ? "a" : "b");
        strcat(text, line);
    }
    struct lines lines = {.n = 0};
    const struct mer_log_options log_options = {.show_data = false};
    const struct mer_log_sink sink = {MER_LOG_TRACE, MER_LOG_TEXT, keep_line, &lines};
    assert_ok(mer_log_new(&alloc, &log_options, &ctx.log, &err));
    assert_ok(mer_log_add_sink(ctx.log, &sink, &err));
    struct mer_frame frame = read_table(text);
    struct mer_pipeline *pipeline = fit(&frame, &QUICK);
    assert_non_null(strstr(lines.text, "who"));
    assert_null(strstr(lines.text, "canary"));
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
    mer_log_free(ctx.log);
    ctx.log = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_best_beats_the_baseline_on_rows_not_seen),
        TEST(threads_and_instruction_sets_change_no_byte),
        TEST(the_seed_matters),
        TEST(little_memory_changes_no_byte),
        TEST(a_run_by_the_clock_is_repeated_by_its_work_units),
        TEST(a_budget_too_small_for_anything_says_so),
        TEST(one_family_is_fitted_with_its_parameters),
        TEST(one_setting_is_kept_where_speed_was_asked_for),
        TEST(what_saw_a_share_of_the_rows_knows_how_far_it_is_off_all_the_same),
        TEST(of_many_classes_a_fast_model_has_fewer_trees),
        TEST(a_metric_that_does_not_fit_the_task_is_refused),
        TEST(an_unknown_target_is_refused_with_the_nearest_name),
        TEST(rare_classes_do_not_disturb),
        TEST(a_table_without_a_usable_feature_still_gives_the_baseline),
        TEST(a_table_of_nothing_but_the_target_gives_the_baseline),
        TEST(a_cancelled_search_ends_and_leaves_nothing),
        TEST(every_allocation_may_fail_without_harm),
        TEST(left_out_columns_are_logged_without_their_cells),
        cmocka_unit_test_setup_teardown(
            a_search_with_a_score_ends_in_a_model_however_slow_the_machine_becomes, begin, end),
        TEST(quantiles_and_the_study_of_folds_end_with_the_budget),
        cmocka_unit_test_setup_teardown(
            a_search_that_is_stopped_by_the_signal_for_it_keeps_the_best, begin, end),
        cmocka_unit_test_setup_teardown(
            a_patient_search_ends_when_trials_bring_nothing_and_units_repeat_it, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
