/* Forests: many trees on random parts of rows and features, averaged. Random forests (Breiman 2001)
 * look for the best border of a feature, extremely randomised trees (Geurts et al. 2006) draw one.
 *
 * A class probability is the mean over the trees of the class shares in the leaves that the row
 * reaches, and of the shares in all rows, as if there were one more tree that is only a root: so no
 * class ever has probability 0. Trees are grown in batches over the threads and added in their
 * order, each from its own random stream: the same forest for any number of threads.
 */
#include <math.h>
#include <string.h>

#include "core/team.h"
#include "learn/adapt_family.h"
#include "learn/ensemble_predict.h"
#include "learn/family.h"
#include "learn/forest_grow.h"
#include "learn/saved.h"

/* Trees that are grown while those before are added to the ensemble; and so twice that many are
 * kept.
 */
enum { BATCH_TREES = 16, N_SLOTS = 2 * BATCH_TREES };

struct mer_model {
    struct mer_ensemble ensemble;
    struct mer_ensemble_compact *compact;
    enum mer_task task;
    size_t n_classes; /* 0 for regression */
    double *prior;    /* [n_classes] shares of all rows */
    bool has_oob;
    double oob_score;
};

enum {
    PARAM_N_ESTIMATORS,
    PARAM_MAX_FEATURES,
    PARAM_MAX_DEPTH,
    PARAM_MIN_SAMPLES_LEAF,
    PARAM_MIN_SAMPLES_SPLIT,
    PARAM_BOOTSTRAP,
    PARAM_OOB_SCORE,
    PARAM_MAX_BIN,
    PARAM_SELECT,
    N_PARAMS
};

#define PARAMS_WITH(bootstrap)                                                                     \
    {                                                                                              \
        [PARAM_N_ESTIMATORS] = {.name = "n_estimators",                                            \
                                .type = MER_PARAM_INTEGER,                                         \
                                .minimum = 1,                                                      \
                                .maximum = 10000,                                                  \
                                .preset = 100,                                                     \
                                .log_scale = true,                                                 \
                                .help = "Trees."},                                                 \
        [PARAM_MAX_FEATURES] = {.name = "max_features",                                            \
                                .type = MER_PARAM_NUMBER,                                          \
                                .minimum = 0,                                                      \
                                .maximum = 1,                                                      \
                                .preset = 0,                                                       \
                                .help =                                                            \
                                    "Share of the features that are tried for a split; 0: the "    \
                                    "square root of their number for classes, all for "            \
                                    "regression."},                                                \
        [PARAM_MAX_DEPTH] = {.name = "max_depth",                                                  \
                             .type = MER_PARAM_INTEGER,                                            \
                             .minimum = 1,                                                         \
                             .maximum = 1000,                                                      \
                             .preset = 1000,                                                       \
                             .log_scale = true,                                                    \
                             .help = "Splits on the way from the root to a leaf, at most."},       \
        [PARAM_MIN_SAMPLES_LEAF] = {.name = "min_samples_leaf",                                    \
                                    .type = MER_PARAM_INTEGER,                                     \
                                    .minimum = 1,                                                  \
                                    .maximum = 1e6,                                                \
                                    .preset = 1,                                                   \
                                    .log_scale = true,                                             \
                                    .help = "Rows that a leaf has at least."},                     \
        [PARAM_MIN_SAMPLES_SPLIT] = {.name = "min_samples_split",                                  \
                                     .type = MER_PARAM_INTEGER,                                    \
                                     .minimum = 2,                                                 \
                                     .maximum = 1e6,                                               \
                                     .preset = 2,                                                  \
                                     .log_scale = true,                                            \
                                     .help = "Rows that a node needs to be split."},               \
        [PARAM_BOOTSTRAP] = {.name = "bootstrap",                                                  \
                             .type = MER_PARAM_BOOLEAN,                                            \
                             .minimum = 0,                                                         \
                             .maximum = 1,                                                         \
                             .preset = (bootstrap),                                                \
                             .help = "Each tree sees rows drawn with replacement, not all."},      \
        [PARAM_OOB_SCORE] = {.name = "oob_score",                                                  \
                             .type = MER_PARAM_BOOLEAN,                                            \
                             .minimum = 0,                                                         \
                             .maximum = 1,                                                         \
                             .preset = 0,                                                          \
                             .help =                                                               \
                                 "Score every row by the trees that did not see it: accuracy, "    \
                                 "or R2."},                                                        \
        [PARAM_MAX_BIN] = {.name = "max_bin",                                                      \
                           .type = MER_PARAM_INTEGER,                                              \
                           .minimum = 2,                                                           \
                           .maximum = 255,                                                         \
                           .preset = 255,                                                          \
                           .log_scale = true,                                                      \
                           .help = "Bins of a number, at most."},                                  \
        [PARAM_SELECT] = MER_PARAM_SELECT,                                                         \
    }

static const struct mer_param_spec RANDOM_FOREST_PARAMS[N_PARAMS] = PARAMS_WITH(1);
static const struct mer_param_spec EXTRA_TREES_PARAMS[N_PARAMS] = PARAMS_WITH(0);

static mer_status check(const struct mer_params *params, enum mer_task task, mer_err *err)
{
    (void)task;
    if (params->values[PARAM_OOB_SCORE] != 0 && params->values[PARAM_BOOTSTRAP] == 0)
        return mer_fail(err, MER_ERR_USAGE,
                        "oob_score needs bootstrap: without it every tree sees all rows");
    return mer_ok();
}

static size_t features_tried(const struct mer_params *params, size_t n_features, enum mer_task task)
{
    const double share = params->values[PARAM_MAX_FEATURES];
    const double n = (double)n_features;
    const double tried = share > 0 ? share * n : task == MER_TASK_REGRESSION ? n : sqrt(n);
    return tried < 1 ? 1 : (size_t)tried;
}

/* Measured on tables of 10,000 to 40,000 rows: some 5 ns a row, level and feature that is tried. */
static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    const size_t n_features = design->n_dense + design->n_groups;
    const double n_rows = (double)design->n_rows;
    int log2_rows;
    frexp(n_rows, &log2_rows);
    const double n_levels = fmin(params->values[PARAM_MAX_DEPTH], 1.3 * log2_rows);
    const double tried = (double)features_tried(params, n_features, target->task);
    return 1 + (uint64_t)(n_rows * (double)n_features * 0.01 +
                          params->values[PARAM_N_ESTIMATORS] * n_rows * n_levels * tried * 0.005);
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_ensemble_compact_free(ctx->alloc, model->compact);
    mer_ensemble_release(ctx->alloc, &model->ensemble);
    mer_free(ctx->alloc, model->prior);
    mer_free(ctx->alloc, model);
}

/* ---- fitting ---- */

struct slot {
    struct mer_forest_tree tree;
    mer_status status;
    mer_err err;
};

struct fitting {
    const struct mer_ctx *ctx;
    const struct mer_fit_data *fit_data;
    struct mer_forest_options options;
    size_t n_trees;
    struct mer_bins bins;
    bool has_bins;
    struct mer_forest_data data;
    bool has_data;
    struct mer_forest_worker **workers; /* [n_workers] */
    size_t n_workers;
    struct slot *slots; /* [N_SLOTS]: tree t is grown in slot t % N_SLOTS */
    size_t first_tree;  /* of the batch */
    size_t n_to_add;    /* trees before it, which are added meanwhile: the first task */
    mer_status added;
    mer_err add_err;
    struct mer_ensemble_builder builder;
    bool has_builder;
};

static void release_fitting(struct fitting *f)
{
    const struct mer_ctx *ctx = f->ctx;
    for (size_t i = 0; f->workers && i < f->n_workers; i++)
        mer_forest_worker_free(ctx, f->workers[i]);
    for (size_t i = 0; f->slots && i < N_SLOTS; i++)
        mer_forest_tree_release(ctx, &f->slots[i].tree);
    mer_free(ctx->alloc, f->workers);
    mer_free(ctx->alloc, f->slots);
    if (f->has_builder)
        mer_ensemble_builder_release(&f->builder);
    if (f->has_data)
        mer_forest_data_release(ctx, &f->data);
    if (f->has_bins)
        mer_bins_release(ctx, &f->bins);
}

/* Adds trees [first, first + n) to the ensemble, which have been grown. */
static mer_status add_trees(struct fitting *f, size_t first, size_t n, mer_err *err)
{
    for (size_t t = first; t < first + n; t++) {
        const struct slot *slot = &f->slots[t % N_SLOTS];
        if (!mer_is_ok(slot->status)) {
            if (err)
                *err = slot->err;
            return slot->status;
        }
        const struct mer_ensemble_tree tree = {.n_nodes = slot->tree.n_nodes,
                                               .nodes = slot->tree.nodes,
                                               .values = slot->tree.values,
                                               .sets = slot->tree.sets};
        MER_GUARD(mer_ensemble_builder_add(&f->builder, &tree, err));
    }
    return mer_ok();
}

/* Task: the batch before is added, or one tree of the batch is grown. */
static void grow_task(void *argument, size_t task, size_t worker)
{
    struct fitting *f = argument;
    const bool adds = f->n_to_add > 0;
    if (adds && task == 0) {
        f->added = add_trees(f, f->first_tree - f->n_to_add, f->n_to_add, &f->add_err);
        return;
    }
    const size_t number = f->first_tree + task - adds;
    struct slot *slot = &f->slots[number % N_SLOTS];
    slot->status = mer_forest_grow(f->ctx, &f->data, &f->options, f->fit_data->seed, number,
                                   f->workers[worker], &slot->tree, &slot->err);
}

/* Adding is one thread's work, as the trees are in their order: beside growing it costs a share of
 * the time, before it all of it. */
static mer_status grow_all(struct fitting *f, mer_err *err)
{
    for (f->first_tree = 0; f->first_tree < f->n_trees; f->first_tree += f->n_to_add) {
        const size_t n_left = f->n_trees - f->first_tree;
        const size_t n = n_left < BATCH_TREES ? n_left : BATCH_TREES;
        mer_ctx_progress(f->ctx, "growing", f->first_tree, f->n_trees);
        f->added = mer_ok();
        mer_team_run(f->ctx->team, grow_task, f, n + (f->n_to_add > 0));
        if (!mer_is_ok(f->added)) {
            if (err)
                *err = f->add_err;
            return f->added;
        }
        f->n_to_add = n;
    }
    return add_trees(f, f->n_trees - f->n_to_add, f->n_to_add, err);
}

static mer_status start_fitting(struct fitting *f, const struct mer_params *params, mer_err *err)
{
    const struct mer_ctx *ctx = f->ctx;
    const struct mer_target *target = f->fit_data->target;
    struct mer_design design = *f->fit_data->design;
    const size_t n_features = design.n_dense + design.n_groups;
    if (design.n_rows > UINT32_MAX || target->n_classes > UINT16_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows with %zu classes are too many for a forest",
                        design.n_rows, target->n_classes);
    design.indicators = NULL; /* imputed values and their indicators are columns like others */
    f->options = (struct mer_forest_options){
        .is_random = f->options.is_random,
        .bootstrap = params->values[PARAM_BOOTSTRAP] != 0,
        .max_features = features_tried(params, n_features, target->task),
        .max_depth = (size_t)params->values[PARAM_MAX_DEPTH],
        .min_split_rows = (size_t)params->values[PARAM_MIN_SAMPLES_SPLIT],
        .min_leaf_rows = (size_t)params->values[PARAM_MIN_SAMPLES_LEAF],
    };
    f->n_trees = (size_t)params->values[PARAM_N_ESTIMATORS];
    MER_GUARD(mer_bins_make(ctx, &design, (size_t)params->values[PARAM_MAX_BIN], f->fit_data->seed,
                            &f->bins, err));
    f->has_bins = true;
    MER_GUARD(mer_forest_data_init(ctx, &f->bins, target, &f->data, err));
    f->has_data = true;
    MER_GUARD(mer_alloc_zero(ctx->alloc, N_SLOTS, sizeof *f->slots, &f->slots, err));
    f->n_workers = mer_team_size(ctx->team);
    MER_GUARD(mer_alloc_zero(ctx->alloc, f->n_workers, sizeof(struct mer_forest_worker *),
                             &f->workers, err));
    for (size_t i = 0; i < f->n_workers; i++)
        MER_GUARD(mer_forest_worker_new(ctx, &f->data, &f->options, &f->workers[i], err));
    const size_t n_values = mer_forest_values(&f->data);
    MER_GUARD(mer_ensemble_builder_init(ctx->alloc, &design, n_values, n_values, &f->builder, err));
    f->has_builder = true;
    f->builder.ensemble.averaged = true;
    f->builder.n_trees_expected = f->n_trees;
    return mer_ok();
}

static mer_status put_prior(const struct mer_ctx *ctx, const struct mer_target *target,
                            size_t n_rows, struct mer_model *model, mer_err *err)
{
    double total = 0;
    model->n_classes = target->task == MER_TASK_REGRESSION ? 0 : target->n_classes;
    MER_GUARD(mer_alloc_zero(ctx->alloc, model->n_classes, sizeof(double), &model->prior, err));
    if (model->n_classes == 0)
        return mer_ok();
    for (size_t row = 0; row < n_rows; row++) {
        const double weight = target->weights ? target->weights[row] : 1;
        model->prior[target->classes[row]] += weight;
        total += weight;
    }
    for (size_t k = 0; k < model->n_classes; k++)
        model->prior[k] /= total;
    return mer_ok();
}

/* ---- predictions from scores ---- */

/* Probabilities from mean class shares, or the value. */
static void to_outputs(const struct mer_model *model, double n_trees, const double *scores,
                       double *ret_outputs)
{
    if (model->n_classes == 0) {
        ret_outputs[0] = scores[0];
        return;
    }
    if (model->n_classes == 2) {
        ret_outputs[1] = (scores[0] * n_trees + model->prior[1]) / (n_trees + 1);
        ret_outputs[0] = 1 - ret_outputs[1];
        return;
    }
    for (size_t k = 0; k < model->n_classes; k++)
        ret_outputs[k] = (scores[k] * n_trees + model->prior[k]) / (n_trees + 1);
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    const size_t n_scores = model->ensemble.n_outputs;
    const size_t n_outputs = model->n_classes ? model->n_classes : 1;
    const struct mer_ensemble_rows rows = mer_ensemble_rows_of(design);
    double *scores = NULL;
    MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows, n_scores * sizeof *scores, &scores, err));
    const mer_status status = mer_ensemble_scores(ctx, model->compact, &rows, scores, err);
    if (mer_is_ok(status))
        for (size_t row = 0; row < design->n_rows; row++)
            to_outputs(model, (double)model->ensemble.n_trees, scores + row * n_scores,
                       ret_predictions + row * n_outputs);
    mer_free(ctx->alloc, scores);
    return status;
}

/* ---- out-of-bag scores ---- */

enum { OOB_ROWS = 1024 };

struct oob {
    const struct fitting *f;
    const struct mer_model *model;
    struct mer_ensemble_rows rows;
    uint16_t *counts; /* [BATCH_TREES][n_rows]: how often a tree of the batch saw a row */
    double *sums;     /* [n_rows][n_values] over the trees that did not */
    uint32_t *n_seen; /* [n_rows]: how many those are */
};

/* Task: the rows that one tree of the batch drew. */
static void redraw_task(void *argument, size_t task, size_t worker)
{
    const struct oob *oob = argument;
    mer_rng rng;
    (void)worker;
    mer_forest_rng(oob->f->fit_data->seed, oob->f->first_tree + task, &rng);
    mer_forest_draw(&oob->f->data, &oob->f->options, &rng,
                    oob->counts + task * oob->f->data.n_rows);
}

/* Task: some rows, through the trees of the batch in their order. */
static void oob_task(void *argument, size_t task, size_t worker)
{
    const struct oob *oob = argument;
    const struct fitting *f = oob->f;
    const struct mer_ensemble *e = &oob->model->ensemble;
    const size_t n_rows = f->data.n_rows;
    const size_t end = (task + 1) * OOB_ROWS < n_rows ? (task + 1) * OOB_ROWS : n_rows;
    (void)worker;
    for (size_t t = f->first_tree; t < f->n_trees && t < f->first_tree + BATCH_TREES; t++)
        for (size_t row = task * OOB_ROWS; row < end; row++) {
            if (oob->counts[(t - f->first_tree) * n_rows + row] > 0)
                continue;
            const double *values =
                e->values + mer_ensemble_find_leaf(e, t, &oob->rows, row) * e->n_values;
            for (size_t k = 0; k < e->n_values; k++)
                oob->sums[row * e->n_values + k] += values[k];
            oob->n_seen[row]++;
        }
}

/* Accuracy or R2 of the rows that some tree did not see, by weight. */
static double score_oob(const struct oob *oob)
{
    const struct mer_forest_data *data = &oob->f->data;
    const size_t n_values = oob->model->ensemble.n_values;
    double weights = 0;
    double good = 0; /* weight of right classes; or squared error */
    double spread = 0;
    for (size_t row = 0; row < data->n_rows; row++) {
        const double weight = mer_forest_weight(data, row);
        const double *sums = oob->sums + row * n_values;
        if (oob->n_seen[row] == 0)
            continue;
        weights += weight;
        if (!data->classes) {
            const double error = sums[0] / oob->n_seen[row] - data->mean - data->values[row];
            good += weight * error * error;
            spread += weight * data->values[row] * data->values[row];
            continue;
        }
        size_t best = n_values == 1 && sums[0] * 2 > oob->n_seen[row];
        for (size_t k = 1; k < n_values; k++)
            best = sums[k] > sums[best] ? k : best;
        good += best == (size_t)data->classes[row] ? weight : 0;
    }
    if (!data->classes)
        return spread > 0 ? 1 - good / spread : 0;
    return weights > 0 ? good / weights : 0;
}

static mer_status run_oob(struct fitting *f, struct oob *oob, mer_err *err)
{
    struct mer_alloc *alloc = f->ctx->alloc;
    const size_t n_rows = f->data.n_rows;
    const size_t n_values = oob->model->ensemble.n_values;
    MER_GUARD(mer_alloc_array(alloc, n_rows, BATCH_TREES * sizeof *oob->counts, &oob->counts, err));
    MER_GUARD(mer_alloc_zero(alloc, n_rows, n_values * sizeof *oob->sums, &oob->sums, err));
    MER_GUARD(mer_alloc_zero(alloc, n_rows, sizeof *oob->n_seen, &oob->n_seen, err));
    for (f->first_tree = 0; f->first_tree < f->n_trees; f->first_tree += BATCH_TREES) {
        const size_t n_left = f->n_trees - f->first_tree;
        MER_GUARD(mer_ctx_check_cancel(f->ctx, err));
        mer_team_run(f->ctx->team, redraw_task, oob, n_left < BATCH_TREES ? n_left : BATCH_TREES);
        mer_team_run(f->ctx->team, oob_task, oob, n_rows / OOB_ROWS + 1);
    }
    return mer_ok();
}

static mer_status put_oob(struct fitting *f, struct mer_model *model, mer_err *err)
{
    struct oob oob = {.f = f, .model = model, .rows = mer_ensemble_rows_of(f->fit_data->design)};
    const mer_status status = run_oob(f, &oob, err);
    if (mer_is_ok(status)) {
        model->oob_score = score_oob(&oob);
        model->has_oob = true;
    }
    mer_free(f->ctx->alloc, oob.counts);
    mer_free(f->ctx->alloc, oob.sums);
    mer_free(f->ctx->alloc, oob.n_seen);
    return status;
}

/* ---- the fit ---- */

static mer_status run_fit(struct fitting *f, const struct mer_params *params,
                          struct mer_model *model, mer_err *err)
{
    const struct mer_ctx *ctx = f->ctx;
    const struct mer_target *target = f->fit_data->target;
    model->task = target->task;
    MER_GUARD(put_prior(ctx, target, f->fit_data->design->n_rows, model, err));
    MER_GUARD(start_fitting(f, params, err));
    MER_GUARD(grow_all(f, err));
    MER_GUARD(mer_ensemble_builder_finish(&f->builder, &model->ensemble, err));
    f->has_builder = false;
    MER_GUARD(mer_ensemble_compact_new(ctx->alloc, &model->ensemble, &model->compact, err));
    return params->values[PARAM_OOB_SCORE] != 0 ? put_oob(f, model, err) : mer_ok();
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, bool is_random, struct mer_model **ret_model,
                      mer_err *err)
{
    struct fitting fitting = {.ctx = ctx, .fit_data = data, .options = {.is_random = is_random}};
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    const mer_status status = run_fit(&fitting, params, model, err);
    release_fitting(&fitting);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

static mer_status fit_forest(const struct mer_ctx *ctx, const struct mer_params *params,
                             const struct mer_fit_data *data, struct mer_model **ret_model,
                             mer_err *err)
{
    return fit(ctx, params, data, false, ret_model, err);
}

static mer_status fit_extra(const struct mer_ctx *ctx, const struct mer_params *params,
                            const struct mer_fit_data *data, struct mer_model **ret_model,
                            mer_err *err)
{
    return fit(ctx, params, data, true, ret_model, err);
}

/* ---- saving and loading ---- */

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, "prior").text, MER_DTYPE_F64,
                                    model->n_classes, model->prior, err));
    if (model->has_oob) {
        mer_json_key(writer, "oob_score");
        mer_json_put_number(writer, model->oob_score);
    }
    return mer_ensemble_save(&model->ensemble, prefix, bundle, writer, err);
}

/* Leaves hold class shares. */
static mer_status check_shares(const struct mer_ensemble *e, mer_err *err)
{
    for (size_t n = 0; n < e->n_nodes; n++) {
        const double *values = e->values + n * e->n_values;
        double sum = 0;
        if (e->features[n] != MER_ENSEMBLE_LEAF)
            continue;
        for (size_t k = 0; k < e->n_values; k++) {
            if (!(values[k] >= 0 && values[k] <= 1))
                return mer_fail(err, MER_ERR_DATA, "node %zu of the forest holds no shares", n);
            sum += values[k];
        }
        if (e->n_values > 1 && !(fabs(sum - 1) <= 1e-9))
            return mer_fail(err, MER_ERR_DATA, "node %zu of the forest holds no shares", n);
    }
    return mer_ok();
}

static mer_status check_loaded(const struct mer_model *model, mer_err *err)
{
    const struct mer_ensemble *e = &model->ensemble;
    if (!e->averaged || e->n_trees == 0 || e->n_values != e->n_outputs)
        return mer_fail(err, MER_ERR_DATA, "the trees are not those of a forest");
    for (size_t k = 0; k < e->n_outputs; k++)
        if (e->base[k] != 0)
            return mer_fail(err, MER_ERR_DATA, "a forest has no base score");
    return model->n_classes ? check_shares(e, err) : mer_ok();
}

static mer_status load_into(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                            const char *prefix, const struct mer_json *object,
                            const struct mer_design *shape, struct mer_model *model, mer_err *err)
{
    const struct mer_array_name name = mer_array_name(prefix, "prior");
    const size_t n = model->n_classes;
    const void *prior = NULL;
    MER_GUARD(mer_bundle_get_vector(bundle, name.text, MER_DTYPE_F64, n, &prior, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, n, sizeof(double), &model->prior, err));
    memcpy(model->prior, prior, n * sizeof(double));
    if (n > 0)
        MER_GUARD(mer_saved_outputs_check(model->prior, 1, n, model->task, name.text, err));
    if (mer_json_get(object, "oob_score")) {
        MER_GUARD(mer_json_want_number(object, "oob_score", "the forest", &model->oob_score, err));
        model->has_oob = true;
    }
    MER_GUARD(mer_ensemble_load(ctx->alloc, bundle, prefix, object, shape, n > 2 ? n : 1,
                                &model->ensemble, err));
    MER_GUARD(check_loaded(model, err));
    return mer_ensemble_compact_new(ctx->alloc, &model->ensemble, &model->compact, err);
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    model->task = task;
    model->n_classes = task == MER_TASK_REGRESSION ? 0 : n_classes;
    const mer_status status = load_into(ctx, bundle, prefix, object, shape, model, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

static const struct mer_family RANDOM_FOREST_PLAIN = {
    .params = RANDOM_FOREST_PARAMS,
    .n_params = N_PARAMS,
    .check = check,
    .cost = cost,
    .fit = fit_forest,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};

static const struct mer_family EXTRA_TREES_PLAIN = {
    .params = EXTRA_TREES_PARAMS,
    .n_params = N_PARAMS,
    .check = check,
    .cost = cost,
    .fit = fit_extra,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};

/* Both families differ in how they are fitted alone. */
MER_ADAPTED_FUNCTIONS(RANDOM_FOREST_PLAIN)

static mer_status adapted_fit_extra(const struct mer_ctx *ctx, const struct mer_params *params,
                                    const struct mer_fit_data *data, struct mer_model **ret_model,
                                    mer_err *err)
{
    return mer_adapted_fit(&EXTRA_TREES_PLAIN, ctx, params, data, ret_model, err);
}

const struct mer_family MER_FAMILY_RANDOM_FOREST = {
    .name = "random_forest",
    .title = "Random forest",
    .capabilities =
        MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS | MER_SLOW_ROWS,
    .params = RANDOM_FOREST_PARAMS,
    .n_params = N_PARAMS,
    MER_ADAPTED_MEMBERS,
};

const struct mer_family MER_FAMILY_EXTRA_TREES = {
    .name = "extra_trees",
    .title = "Extremely randomised trees",
    .capabilities =
        MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS | MER_SLOW_ROWS,
    .params = EXTRA_TREES_PARAMS,
    .n_params = N_PARAMS,
    .fit = adapted_fit_extra,
    MER_ADAPTED_MEMBERS_BUT_FIT,
};
