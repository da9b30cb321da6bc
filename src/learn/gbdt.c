/* Gradient boosting of decision trees: the family. How it learns: gbdt_boost.h, gbdt_grow.h; what
 * it becomes: ensemble.h.
 */
#include <math.h>
#include <string.h>

#include "core/team.h"
#include "learn/adapt_family.h"
#include "learn/ensemble_predict.h"
#include "learn/family.h"
#include "learn/gbdt_boost.h"
#include "learn/saved.h"

struct mer_model {
    struct mer_ensemble ensemble;
    struct mer_ensemble_compact *compact; /* what predicts */
    enum mer_link link;
    enum mer_task task;
    size_t n_losses; /* validation losses, before the first round and after each; 0: none */
    double *losses;
};

enum {
    PARAM_N_ESTIMATORS,
    PARAM_LEARNING_RATE,
    PARAM_MAX_LEAVES,
    PARAM_MAX_DEPTH,
    PARAM_GROW_POLICY,
    PARAM_MAX_BIN,
    PARAM_MIN_CHILD_SAMPLES,
    PARAM_MIN_CHILD_WEIGHT,
    PARAM_REG_LAMBDA,
    PARAM_REG_ALPHA,
    PARAM_MIN_SPLIT_GAIN,
    PARAM_SUBSAMPLE,
    PARAM_COLSAMPLE_BYTREE,
    PARAM_CAT_SMOOTH,
    PARAM_CAT_L2,
    PARAM_MAX_CAT_TO_ONEHOT,
    PARAM_OBJECTIVE,
    PARAM_QUANTILE_ALPHA,
    PARAM_HUBER_SLOPE,
    PARAM_TWEEDIE_VARIANCE_POWER,
    PARAM_CLASS_WEIGHT,
    PARAM_EARLY_STOPPING_ROUNDS,
    PARAM_VALIDATION_FRACTION,
    PARAM_SELECT,
    PARAM_CROSSINGS,
    N_PARAMS
};

static const char *const GROW_POLICIES[] = {"lossguide", "depthwise", NULL};
enum { OBJECTIVE_AUTO };
static const char *const OBJECTIVE_CHOICES[] = {
    "auto", "squared", "absolute", "huber", "quantile", "poisson", "gamma", "tweedie", NULL};
static const char *const CLASS_WEIGHTS[] = {"none", "balanced", NULL};

#define ALIASES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_N_ESTIMATORS] = {.name = "n_estimators",
                            .type = MER_PARAM_INTEGER,
                            .minimum = 1,
                            .maximum = 100000,
                            .preset = 100,
                            .log_scale = true,
                            .help = "Rounds of boosting: trees, or trees for each class.",
                            .aliases = ALIASES("num_iterations", "num_iteration", "num_boost_round",
                                               "num_round", "num_rounds", "num_trees", "n_iter",
                                               "max_iter", "nrounds")},
    [PARAM_LEARNING_RATE] = {.name = "learning_rate",
                             .type = MER_PARAM_NUMBER,
                             .minimum = 1e-6,
                             .maximum = 1,
                             .preset = 0.1,
                             .log_scale = true,
                             .help = "What each tree's values are multiplied by.",
                             .aliases = ALIASES("eta", "shrinkage_rate")},
    [PARAM_MAX_LEAVES] = {.name = "max_leaves",
                          .type = MER_PARAM_INTEGER,
                          .minimum = 2,
                          .maximum = 65536,
                          .preset = 31,
                          .log_scale = true,
                          .help = "Leaves of a tree at most.",
                          .aliases = ALIASES("num_leaves", "num_leaf", "max_leaf_nodes")},
    [PARAM_MAX_DEPTH] = {.name = "max_depth",
                         .type = MER_PARAM_INTEGER,
                         .minimum = 0,
                         .maximum = 1000,
                         .preset = 0,
                         .help = "Splits on the way to a leaf at most; 0: as many as there are."},
    [PARAM_GROW_POLICY] = {.name = "grow_policy",
                           .type = MER_PARAM_CHOICE,
                           .choices = GROW_POLICIES,
                           .help = "Split the leaf that gains most, or level by level."},
    [PARAM_MAX_BIN] = {.name = "max_bin",
                       .type = MER_PARAM_INTEGER,
                       .minimum = 2,
                       .maximum = 255,
                       .preset = 255,
                       .help = "Bins that a number's values are put into.",
                       .aliases = ALIASES("max_bins")},
    [PARAM_MIN_CHILD_SAMPLES] = {.name = "min_child_samples",
                                 .type = MER_PARAM_INTEGER,
                                 .minimum = 1,
                                 .maximum = 1e6,
                                 .preset = 20,
                                 .log_scale = true,
                                 .help = "Rows that a leaf has at least.",
                                 .aliases = ALIASES("min_data_in_leaf", "min_data_per_leaf",
                                                    "min_data", "min_samples_leaf")},
    [PARAM_MIN_CHILD_WEIGHT] = {.name = "min_child_weight",
                                .type = MER_PARAM_NUMBER,
                                .minimum = 0,
                                .maximum = 1e9,
                                .preset = 1e-3,
                                .help = "Sum of the Hessian that a leaf has at least.",
                                .aliases =
                                    ALIASES("min_sum_hessian_in_leaf", "min_sum_hessian_per_leaf",
                                            "min_sum_hessian", "min_hessian")},
    [PARAM_REG_LAMBDA] = {.name = "reg_lambda",
                          .type = MER_PARAM_NUMBER,
                          .minimum = 0,
                          .maximum = 1e9,
                          .preset = 1,
                          .help = "L2 regularisation of the values of leaves.",
                          .aliases = ALIASES("lambda", "lambda_l2", "l2_regularization")},
    [PARAM_REG_ALPHA] = {.name = "reg_alpha",
                         .type = MER_PARAM_NUMBER,
                         .minimum = 0,
                         .maximum = 1e9,
                         .preset = 0,
                         .help = "L1 regularisation of the values of leaves.",
                         .aliases = ALIASES("alpha", "lambda_l1", "l1_regularization")},
    [PARAM_MIN_SPLIT_GAIN] = {.name = "min_split_gain",
                              .type = MER_PARAM_NUMBER,
                              .minimum = 0,
                              .maximum = 1e12,
                              .preset = 0,
                              .help = "What a split has to gain to be made.",
                              .aliases = ALIASES("gamma", "min_split_loss", "min_gain_to_split")},
    [PARAM_SUBSAMPLE] = {.name = "subsample",
                         .type = MER_PARAM_NUMBER,
                         .minimum = 0.01,
                         .maximum = 1,
                         .preset = 1,
                         .help = "Share of the rows that each round learns from.",
                         .aliases = ALIASES("bagging_fraction", "sub_row", "bagging")},
    [PARAM_COLSAMPLE_BYTREE] = {.name = "colsample_bytree",
                                .type = MER_PARAM_NUMBER,
                                .minimum = 0.01,
                                .maximum = 1,
                                .preset = 1,
                                .help = "Share of the features that each tree may split.",
                                .aliases = ALIASES("feature_fraction", "sub_feature")},
    [PARAM_CAT_SMOOTH] = {.name = "cat_smooth",
                          .type = MER_PARAM_NUMBER,
                          .minimum = 0,
                          .maximum = 1e6,
                          .preset = 10,
                          .help = "Keeps levels with few rows from the ends of their order."},
    [PARAM_CAT_L2] = {.name = "cat_l2",
                      .type = MER_PARAM_NUMBER,
                      .minimum = 0,
                      .maximum = 1e6,
                      .preset = 10,
                      .help = "L2 regularisation of splits of categories, besides reg_lambda."},
    [PARAM_MAX_CAT_TO_ONEHOT] = {.name = "max_cat_to_onehot",
                                 .type = MER_PARAM_INTEGER,
                                 .minimum = 1,
                                 .maximum = 256,
                                 .preset = 4,
                                 .help = "Categories with so many levels at most are split one "
                                         "level against the rest."},
    [PARAM_OBJECTIVE] = {.name = "objective",
                         .type = MER_PARAM_CHOICE,
                         .choices = OBJECTIVE_CHOICES,
                         .help = "The loss of a regression; auto: the squared error, and the log "
                                 "loss for classes."},
    [PARAM_QUANTILE_ALPHA] = {.name = "quantile_alpha",
                              .type = MER_PARAM_NUMBER,
                              .minimum = 0.001,
                              .maximum = 0.999,
                              .preset = 0.5,
                              .help = "The level, for objective quantile."},
    [PARAM_HUBER_SLOPE] = {.name = "huber_slope",
                           .type = MER_PARAM_NUMBER,
                           .minimum = 1e-9,
                           .maximum = 1e12,
                           .preset = 1,
                           .help = "The error from which on the loss is linear, for objective "
                                   "huber.",
                           .aliases = ALIASES("huber_delta")},
    [PARAM_TWEEDIE_VARIANCE_POWER] = {.name = "tweedie_variance_power",
                                      .type = MER_PARAM_NUMBER,
                                      .minimum = 1.001,
                                      .maximum = 1.999,
                                      .preset = 1.5,
                                      .help = "The variance power, for objective tweedie."},
    [PARAM_CLASS_WEIGHT] = {.name = "class_weight",
                            .type = MER_PARAM_CHOICE,
                            .choices = CLASS_WEIGHTS,
                            .help = "Whether rarer classes weigh as much as the others."},
    [PARAM_EARLY_STOPPING_ROUNDS] = {.name = "early_stopping_rounds",
                                     .type = MER_PARAM_INTEGER,
                                     .minimum = 0,
                                     .maximum = 100000,
                                     .preset = 0,
                                     .help = "Stop when so many rounds improved nothing on rows "
                                             "held out, and keep the best; 0: never.",
                                     .aliases = ALIASES("early_stopping_round", "n_iter_no_change",
                                                        "early_stopping")},
    [PARAM_VALIDATION_FRACTION] = {.name = "validation_fraction",
                                   .type = MER_PARAM_NUMBER,
                                   .minimum = 0.01,
                                   .maximum = 0.5,
                                   .preset = 0.1,
                                   .help = "Share of the rows held out for early stopping."},
    [PARAM_SELECT] = MER_PARAM_SELECT,
    [PARAM_CROSSINGS] = MER_PARAM_CROSSINGS,
};

static mer_status check(const struct mer_params *params, enum mer_task task, mer_err *err)
{
    const double *values = params->values;
    const size_t objective = (size_t)values[PARAM_OBJECTIVE];
    if (task != MER_TASK_REGRESSION && objective != OBJECTIVE_AUTO)
        return mer_fail(err, MER_ERR_USAGE,
                        "objective %s is one of a regression, and the target has classes",
                        OBJECTIVE_CHOICES[objective]);
    if (task == MER_TASK_REGRESSION && values[PARAM_CLASS_WEIGHT] > 0)
        return mer_fail(err, MER_ERR_USAGE,
                        "class_weight balanced needs classes, and the target has numbers");
    if (values[PARAM_EARLY_STOPPING_ROUNDS] > values[PARAM_N_ESTIMATORS])
        return mer_fail(err, MER_ERR_USAGE,
                        "early_stopping_rounds is more than n_estimators, so that it could never "
                        "stop anything");
    return mer_ok();
}

/* Leaves that the limits allow. */
static size_t max_leaves_of(const struct mer_params *params, size_t n_rows)
{
    size_t n = (size_t)params->values[PARAM_MAX_LEAVES];
    const double depth = params->values[PARAM_MAX_DEPTH];
    if (depth > 0 && depth < 17 && n > (size_t)1 << (unsigned)depth)
        n = (size_t)1 << (unsigned)depth;
    return n < n_rows ? n : n_rows > 1 ? n_rows : 1;
}

/* Measured: binning about 10 ns a cell; a round, for each row and each doubling of the leaves, 0.5
 * ns a column and 12 for the rest, and for each leaf 2 ns a bin. */
static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    const double n_rows = (double)design->n_rows;
    const double n_columns = (double)(design->n_dense + design->n_groups);
    const size_t n_outputs = mer_target_outputs(target->task, target->n_classes);
    const double n_leaves = (double)max_leaves_of(params, design->n_rows);
    const double n_bins = fmin(params->values[PARAM_MAX_BIN], n_rows);
    int log2_leaves;
    (void)frexp(n_leaves, &log2_leaves);
    const double row_us = 0.012 + 0.5 * log2_leaves * (0.0005 * n_columns + 0.006);
    const double tree_us =
        n_rows * params->values[PARAM_SUBSAMPLE] * row_us + n_leaves * n_columns * n_bins * 0.002;
    const double n_trees =
        params->values[PARAM_N_ESTIMATORS] * (n_outputs > 2 ? (double)n_outputs : 1);
    return 1 + (uint64_t)(n_rows * n_columns * 0.01 + n_trees * tree_us);
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_ensemble_compact_free(ctx->alloc, model->compact);
    mer_ensemble_release(ctx->alloc, &model->ensemble);
    mer_free(ctx->alloc, model->losses);
    mer_free(ctx->alloc, model);
}

/* ---- fitting ---- */

/* Everything that lives during a fit. */
struct fitting {
    const struct mer_ctx *ctx;
    const struct mer_params *params;
    const struct mer_fit_data *data;
    struct mer_bins bins;
    struct mer_store store;
    struct mer_boost_target target;
    struct mer_boost_options options;
    double *values; /* the target's arrays with padding */
    int32_t *classes;
    double *weights;
    double *initial_scores;
    int8_t *monotone;
    struct mer_ensemble_builder builder;
    bool has_builder;
};

static void release_fitting(struct fitting *fitting)
{
    const struct mer_ctx *ctx = fitting->ctx;
    mer_store_release(ctx, &fitting->store);
    mer_bins_release(ctx, &fitting->bins);
    mer_free(ctx->alloc, fitting->values);
    mer_free(ctx->alloc, fitting->classes);
    mer_free(ctx->alloc, fitting->weights);
    mer_free(ctx->alloc, fitting->initial_scores);
    mer_free(ctx->alloc, fitting->monotone);
    if (fitting->has_builder)
        mer_ensemble_builder_release(&fitting->builder);
}

static enum mer_objective_kind objective_of(const struct mer_params *params, enum mer_task task)
{
    if (task == MER_TASK_BINARY)
        return MER_OBJECTIVE_LOGISTIC;
    if (task == MER_TASK_MULTICLASS)
        return MER_OBJECTIVE_MULTINOMIAL;
    const size_t choice = (size_t)params->values[PARAM_OBJECTIVE];
    for (int kind = 0; kind < MER_OBJECTIVE_COUNT; kind++)
        if (strcmp(mer_objective((enum mer_objective_kind)kind)->name, OBJECTIVE_CHOICES[choice]) ==
            0)
            return (enum mer_objective_kind)kind;
    return MER_OBJECTIVE_SQUARED;
}

static double parameter_of(const struct mer_params *params, enum mer_objective_kind kind)
{
    return kind == MER_OBJECTIVE_QUANTILE  ? params->values[PARAM_QUANTILE_ALPHA]
           : kind == MER_OBJECTIVE_HUBER   ? params->values[PARAM_HUBER_SLOPE]
           : kind == MER_OBJECTIVE_TWEEDIE ? params->values[PARAM_TWEEDIE_VARIANCE_POWER]
                                           : 0;
}

/* Each row's weight times what makes the classes' weights equal. */
static void balance_classes(const struct mer_target *target, const double *class_sums,
                            size_t n_rows, double *weights)
{
    double total = 0;
    for (size_t k = 0; k < target->n_classes; k++)
        total += class_sums[k];
    for (size_t i = 0; i < n_rows; i++) {
        const double sum = class_sums[target->classes[i]];
        if (sum > 0)
            weights[i] *= total / (sum * (double)target->n_classes);
    }
}

static mer_status copy_weights(struct fitting *fitting, size_t n_padded, mer_err *err)
{
    const struct mer_target *target = fitting->data->target;
    const size_t n_rows = fitting->data->design->n_rows;
    const bool balanced = fitting->params->values[PARAM_CLASS_WEIGHT] > 0;
    if (!target->weights && !balanced)
        return mer_ok();
    MER_GUARD(
        mer_alloc_zero(fitting->ctx->alloc, n_padded, sizeof(double), &fitting->weights, err));
    for (size_t i = 0; i < n_rows; i++)
        fitting->weights[i] = target->weights ? target->weights[i] : 1;
    fitting->target.weights = fitting->weights;
    if (!balanced)
        return mer_ok();
    double *sums = NULL;
    MER_GUARD(mer_alloc_zero(fitting->ctx->alloc, target->n_classes, sizeof *sums, &sums, err));
    for (size_t i = 0; i < n_rows; i++)
        sums[target->classes[i]] += fitting->weights[i];
    balance_classes(target, sums, n_rows, fitting->weights);
    mer_free(fitting->ctx->alloc, sums);
    return mer_ok();
}

static mer_status copy_target(struct fitting *fitting, mer_err *err)
{
    const struct mer_target *target = fitting->data->target;
    struct mer_alloc *alloc = fitting->ctx->alloc;
    const size_t n_rows = fitting->data->design->n_rows;
    const size_t n_padded = fitting->store.n_padded_rows;
    const enum mer_objective_kind kind = objective_of(fitting->params, target->task);
    fitting->target = (struct mer_boost_target){.kind = kind,
                                                .parameter = parameter_of(fitting->params, kind),
                                                .n_rows = n_rows,
                                                .n_classes = target->n_classes};
    if (target->task == MER_TASK_REGRESSION) {
        MER_GUARD(mer_alloc_zero(alloc, n_padded, sizeof(double), &fitting->values, err));
        memcpy(fitting->values, target->values, n_rows * sizeof(double));
        fitting->target.values = fitting->values;
    } else {
        MER_GUARD(mer_alloc_zero(alloc, n_padded, sizeof(int32_t), &fitting->classes, err));
        memcpy(fitting->classes, target->classes, n_rows * sizeof(int32_t));
        fitting->target.classes = fitting->classes;
    }
    MER_GUARD(copy_weights(fitting, n_padded, err));
    return mer_objective_check(&fitting->target, err);
}

/* Histograms that are kept take at most this, and a quarter of what the budget has left. */
#define HISTOGRAM_BYTES ((size_t)512 << 20)

static size_t histogram_bytes(const struct mer_alloc *alloc)
{
    const size_t used = atomic_load(&alloc->used);
    const size_t left = alloc->budget > used ? alloc->budget - used : 0;
    return left / 4 < HISTOGRAM_BYTES ? left / 4 : HISTOGRAM_BYTES;
}

static mer_status set_options(struct fitting *fitting, mer_err *err)
{
    const double *values = fitting->params->values;
    const struct mer_design *design = fitting->data->design;
    struct mer_boost_options *options = &fitting->options;
    *options = (struct mer_boost_options){
        .n_rounds = (size_t)values[PARAM_N_ESTIMATORS],
        .learning_rate = values[PARAM_LEARNING_RATE],
        .subsample = values[PARAM_SUBSAMPLE],
        .colsample = values[PARAM_COLSAMPLE_BYTREE],
        .early_stopping_rounds = (size_t)values[PARAM_EARLY_STOPPING_ROUNDS],
        .validation_fraction = values[PARAM_VALIDATION_FRACTION],
        .least_rounds = fitting->data->least_rounds,
        .hist_bytes = histogram_bytes(fitting->ctx->alloc),
        .seed = fitting->data->seed,
        .limits = {.rule = {.lambda = values[PARAM_REG_LAMBDA],
                            .alpha = values[PARAM_REG_ALPHA],
                            .min_hessian = values[PARAM_MIN_CHILD_WEIGHT],
                            .min_rows = (uint64_t)values[PARAM_MIN_CHILD_SAMPLES]},
                   .max_leaves = max_leaves_of(fitting->params, design->n_rows),
                   .max_depth =
                       values[PARAM_MAX_DEPTH] > 0 ? (size_t)values[PARAM_MAX_DEPTH] : SIZE_MAX,
                   .level_wise = values[PARAM_GROW_POLICY] > 0,
                   .min_gain = values[PARAM_MIN_SPLIT_GAIN],
                   .cat_smooth = values[PARAM_CAT_SMOOTH],
                   .cat_l2 = values[PARAM_CAT_L2],
                   .max_onehot = (uint32_t)values[PARAM_MAX_CAT_TO_ONEHOT]}};
    if (fitting->data->n_watched > 0) {
        options->n_watched = fitting->data->n_watched;
        options->early_stopping_rounds = fitting->data->patience;
    }
    if (!fitting->data->monotone)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(fitting->ctx->alloc, design->n_dense + design->n_groups, 1,
                             &fitting->monotone, err));
    memcpy(fitting->monotone, fitting->data->monotone, design->n_dense);
    options->limits.monotone = fitting->monotone;
    return mer_ok();
}

/* The given rows of the design with NaN where a value was imputed. */
static void restore_missing(const struct mer_design *design, size_t begin, size_t n, double *ret)
{
    memcpy(ret, design->dense + begin * design->n_dense, n * design->n_dense * sizeof *ret);
    for (size_t f = 0; f < design->n_dense; f++) {
        if (design->indicators[f] == MER_NO_INDICATOR)
            continue;
        for (size_t i = 0; i < n; i++)
            if (ret[i * design->n_dense + design->indicators[f]] > 0)
                ret[i * design->n_dense + f] = (double)NAN;
    }
}

/* Rows whose missing values are restored at a time, and by one task. */
enum { CHUNK_ROWS = 1 << 14, RESTORE_ROWS = 1 << 10 };

struct restoring {
    const struct mer_design *design;
    size_t begin;
    size_t n;
    double *dense;
};

/* Task: RESTORE_ROWS rows. */
static void restore_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct restoring *restoring = argument;
    const size_t first = task * RESTORE_ROWS;
    const size_t n = restoring->n - first < RESTORE_ROWS ? restoring->n - first : RESTORE_ROWS;
    restore_missing(restoring->design, restoring->begin + first, n,
                    restoring->dense + first * restoring->design->n_dense);
}

static mer_status score_rows(const struct mer_ctx *ctx, const struct mer_model *model,
                             const struct mer_design *design, double *ret_scores, mer_err *err)
{
    struct mer_ensemble_rows rows = mer_ensemble_rows_of(design);
    if (!design->indicators)
        return mer_ensemble_scores(ctx, model->compact, &rows, ret_scores, err);
    struct restoring restoring = {.design = design};
    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows < CHUNK_ROWS ? design->n_rows : CHUNK_ROWS,
                              design->n_dense * sizeof(double), &restoring.dense, err));
    mer_status status = mer_ok();
    rows.dense = restoring.dense;
    for (size_t begin = 0; mer_is_ok(status) && begin < design->n_rows; begin += CHUNK_ROWS) {
        restoring.begin = begin;
        restoring.n = design->n_rows - begin < CHUNK_ROWS ? design->n_rows - begin : CHUNK_ROWS;
        mer_team_run(ctx->team, restore_task, &restoring,
                     (restoring.n + RESTORE_ROWS - 1) / RESTORE_ROWS);
        rows.n_rows = restoring.n;
        rows.codes = design->codes ? design->codes + begin * design->n_groups : NULL;
        status = mer_ensemble_scores(ctx, model->compact, &rows,
                                     ret_scores + begin * model->ensemble.n_outputs, err);
    }
    mer_free(ctx->alloc, restoring.dense);
    return status;
}

/* The trees of the model to go on from, and the scores that they give. */
static mer_status start_from(struct fitting *fitting, mer_err *err)
{
    const struct mer_model *start = fitting->data->start;
    const struct mer_design *design = fitting->data->design;
    const size_t n_outputs = start->ensemble.n_outputs;
    const size_t n_padded = fitting->store.n_padded_rows;
    if (start->link != mer_objective(fitting->target.kind)->link ||
        n_outputs != fitting->builder.ensemble.n_outputs ||
        start->ensemble.n_dense != design->n_dense || start->ensemble.n_groups != design->n_groups)
        return mer_fail(err, MER_ERR_DATA,
                        "the model to go on from was fitted for another target or other features");
    memcpy(fitting->builder.ensemble.base, start->ensemble.base, n_outputs * sizeof(double));
    MER_GUARD(mer_ensemble_builder_append(&fitting->builder, &start->ensemble, 0,
                                          start->ensemble.n_trees, err));
    double *scores = NULL;
    MER_GUARD(mer_alloc_array(fitting->ctx->alloc, design->n_rows, n_outputs * sizeof(double),
                              &scores, err));
    mer_status status = mer_alloc_zero(fitting->ctx->alloc, n_padded, n_outputs * sizeof(double),
                                       &fitting->initial_scores, err);
    if (mer_is_ok(status))
        status = score_rows(fitting->ctx, start, design, scores, err);
    for (size_t i = 0; mer_is_ok(status) && i < design->n_rows; i++)
        for (size_t k = 0; k < n_outputs; k++)
            fitting->initial_scores[k * n_padded + i] = scores[i * n_outputs + k];
    mer_free(fitting->ctx->alloc, scores);
    return status;
}

static mer_status run_fit(struct fitting *fitting, struct mer_model *model, mer_err *err)
{
    const struct mer_ctx *ctx = fitting->ctx;
    const struct mer_design *design = fitting->data->design;
    const struct mer_target *target = fitting->data->target;
    const size_t n_outputs = target->task == MER_TASK_MULTICLASS ? target->n_classes : 1;
    if (design->n_rows >= (size_t)1 << MER_COUNT_BITS)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are too many for boosting, which takes %zu",
                        design->n_rows, ((size_t)1 << MER_COUNT_BITS) - 1);
    MER_GUARD(mer_bins_make_packed(ctx, design, (size_t)fitting->params->values[PARAM_MAX_BIN],
                                   fitting->data->seed, &fitting->bins, err));
    MER_GUARD(mer_store_make(ctx, &fitting->bins, &fitting->store, err));
    MER_GUARD(copy_target(fitting, err));
    MER_GUARD(set_options(fitting, err));
    MER_GUARD(mer_ensemble_builder_init(ctx->alloc, design, n_outputs, 1, &fitting->builder, err));
    fitting->has_builder = true;
    if (fitting->data->start)
        MER_GUARD(start_from(fitting, err));
    const struct mer_boosting boosting = {.bins = &fitting->bins,
                                          .store = &fitting->store,
                                          .target = &fitting->target,
                                          .options = &fitting->options,
                                          .initial_scores = fitting->initial_scores,
                                          .n_outputs = n_outputs};
    const size_t n_before = fitting->builder.ensemble.n_trees;
    MER_GUARD(mer_boost(ctx, &boosting, &fitting->builder, &model->losses, &model->n_losses, err));
    if (fitting->data->ret_n_rounds)
        *fitting->data->ret_n_rounds =
            (uint32_t)((fitting->builder.ensemble.n_trees - n_before) / n_outputs);
    model->link = mer_objective(fitting->target.kind)->link;
    model->task = target->task;
    MER_GUARD(mer_ensemble_builder_finish(&fitting->builder, &model->ensemble, err));
    fitting->has_builder = false;
    return mer_ensemble_compact_new(ctx->alloc, &model->ensemble, &model->compact, err);
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    struct fitting fitting = {.ctx = ctx, .params = params, .data = data};
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    const mer_status status = run_fit(&fitting, model, err);
    release_fitting(&fitting);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

/* ---- predicting ---- */

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    const size_t n_scores = model->ensemble.n_outputs;
    const size_t n_outputs = model->link == MER_LINK_LOGIT ? 2 : n_scores;
    double *scores = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows, n_scores * sizeof *scores, &scores, err));
    const mer_status status = score_rows(ctx, model, design, scores, err);
    if (mer_is_ok(status))
        for (size_t i = 0; i < design->n_rows; i++)
            mer_link_inverse(model->link, scores + i * n_scores, n_scores,
                             ret_predictions + i * n_outputs);
    mer_free(ctx->alloc, scores);
    return status;
}

static size_t n_rounds(const struct mer_model *model)
{
    return model->ensemble.n_trees / model->ensemble.n_outputs;
}

/* Predictions from sums over trees. */
static void link_sums(const struct mer_model *model, size_t n_rows, const double *sums,
                      double *scores, double *ret_predictions)
{
    const size_t n_scores = model->ensemble.n_outputs;
    const size_t n_outputs = model->link == MER_LINK_LOGIT ? 2 : n_scores;
    for (size_t i = 0; i < n_rows; i++) {
        for (size_t k = 0; k < n_scores; k++)
            scores[k] = sums[i * n_scores + k] + model->ensemble.base[k];
        mer_link_inverse(model->link, scores, n_scores, ret_predictions + i * n_outputs);
    }
}

/* The trees are added up one after another; no row is asked twice. `sums` [n_rows + 1][n_scores] is
 * zero. */
static mer_status add_stages(const struct mer_ctx *ctx, const struct mer_model *model,
                             const struct mer_ensemble_rows *rows, size_t n_stages,
                             const uint32_t *rounds, double *sums, double *ret_predictions,
                             mer_err *err)
{
    const struct mer_ensemble *ensemble = &model->ensemble;
    const size_t n_scores = ensemble->n_outputs;
    const size_t n_outputs = model->link == MER_LINK_LOGIT ? 2 : n_scores;
    for (size_t s = 0, tree = 0; s < n_stages; s++) {
        const size_t wanted = (size_t)rounds[s] * n_scores;
        const size_t end = wanted < ensemble->n_trees ? wanted : ensemble->n_trees;
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        for (; tree < end; tree++)
            for (size_t i = 0; i < rows->n_rows; i++)
                sums[i * n_scores + (size_t)ensemble->tree_output[tree]] +=
                    ensemble->values[mer_ensemble_find_leaf(ensemble, tree, rows, i)];
        link_sums(model, rows->n_rows, sums, sums + rows->n_rows * n_scores,
                  ret_predictions + s * rows->n_rows * n_outputs);
    }
    return mer_ok();
}

static mer_status stages(const struct mer_ctx *ctx, const struct mer_model *model,
                         const struct mer_design *design, size_t n_stages, const uint32_t *rounds,
                         double *ret_predictions, mer_err *err)
{
    struct mer_ensemble_rows rows = mer_ensemble_rows_of(design);
    double *sums = NULL, *dense = NULL;
    mer_status status;
    MER_GUARD(mer_alloc_zero(ctx->alloc, design->n_rows + 1,
                             model->ensemble.n_outputs * sizeof *sums, &sums, err));
    if (design->indicators) {
        MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, design->n_rows, design->n_dense * sizeof *dense,
                                       &dense, err),
                       done);
        restore_missing(design, 0, design->n_rows, dense);
        rows.dense = dense;
    }
    status = add_stages(ctx, model, &rows, n_stages, rounds, sums, ret_predictions, err);
done:
    mer_free(ctx->alloc, sums);
    mer_free(ctx->alloc, dense);
    return status;
}

/* ---- saving and loading ---- */

static const char *const LINKS[] = {[MER_LINK_IDENTITY] = "identity",
                                    [MER_LINK_LOG] = "log",
                                    [MER_LINK_LOGIT] = "logit",
                                    [MER_LINK_SOFTMAX] = "softmax"};

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    mer_json_key(writer, "link");
    mer_json_put_string(writer, LINKS[model->link]);
    if (model->n_losses > 0)
        MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, "validation_losses").text,
                                        MER_DTYPE_F64, model->n_losses, model->losses, err));
    return mer_ensemble_save(&model->ensemble, prefix, bundle, writer, err);
}

/* The link that fits the task. */
static mer_status load_link(const struct mer_json *object, enum mer_task task, enum mer_link *ret,
                            mer_err *err)
{
    size_t n = 0;
    const char *text = mer_json_string(mer_json_get(object, "link"), &n);
    for (size_t i = 0; text && i < sizeof LINKS / sizeof LINKS[0]; i++) {
        const bool fits = task == MER_TASK_BINARY       ? i == MER_LINK_LOGIT
                          : task == MER_TASK_MULTICLASS ? i == MER_LINK_SOFTMAX
                                                        : i <= MER_LINK_LOG;
        if (fits && strlen(LINKS[i]) == n && memcmp(LINKS[i], text, n) == 0) {
            *ret = (enum mer_link)i;
            return mer_ok();
        }
    }
    return mer_fail(err, MER_ERR_DATA, "the boosted trees have no link that fits their task");
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    enum mer_link link = MER_LINK_IDENTITY;
    struct mer_model *model = NULL;
    MER_GUARD(load_link(object, task, &link, err));
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    model->link = link;
    model->task = task;
    mer_status status =
        mer_ensemble_load(ctx->alloc, bundle, prefix, object, shape,
                          task == MER_TASK_MULTICLASS ? n_classes : 1, &model->ensemble, err);
    if (mer_is_ok(status))
        status = mer_ensemble_compact_new(ctx->alloc, &model->ensemble, &model->compact, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

static const struct mer_family PLAIN = {
    .params = PARAMS,
    .n_params = N_PARAMS,
    .check = check,
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
    .n_rounds = n_rounds,
    .stages = stages,
};

MER_ADAPTED_FUNCTIONS(PLAIN)

static size_t adapted_n_rounds(const struct mer_model *model)
{
    return mer_adapted_n_rounds(&PLAIN, model);
}

static mer_status adapted_stages(const struct mer_ctx *ctx, const struct mer_model *model,
                                 const struct mer_design *design, size_t n_stages,
                                 const uint32_t *rounds, double *ret_predictions, mer_err *err)
{
    return mer_adapted_stages(&PLAIN, ctx, model, design, n_stages, rounds, ret_predictions, err);
}

const struct mer_family MER_FAMILY_GBDT = {
    .name = "gbdt",
    .title = "Gradient boosting of decision trees",
    .capabilities = MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS |
                    MER_CAN_CONTINUE | MER_CAN_MONOTONE | MER_CAN_WATCH,
    .params = PARAMS,
    .n_params = N_PARAMS,
    .n_rounds = adapted_n_rounds,
    .stages = adapted_stages,
    MER_ADAPTED_MEMBERS,
};
