/* Tables, fits and what is asked of them, for the tests of gradient boosting. */
#ifndef TESTS_LEARN_GBDT_TABLE_H
#define TESTS_LEARN_GBDT_TABLE_H

#include "tree_table.h"

#include <math.h>

#include "core/math.h"
#include "core/team.h"
#include "learn/ensemble.h"

/* A table of any size from a linear congruential generator, which other languages repeat easily:
 * dense columns x0 .. in [0, 1) and, with groups, one group of 6 levels. */
struct boost_table {
    struct mer_alloc *alloc;
    double *dense;
    int32_t *levels;
    uint32_t group_start[2];
    uint32_t *indicators;
    double *values;
    int32_t *classes;
    double *weights;
    struct mer_design design;
    struct mer_target target;
};

static inline double next_uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

/* What the columns say of a row, before noise. */
static inline double surface_of(const double *x)
{
    return 2 * x[0] + (x[1] > 0.5 ? 1.0 : -1.0) * x[2] + 3 * x[3] * x[4];
}

static inline void boost_table_init(struct boost_table *table, struct mer_alloc *alloc,
                                    size_t n_rows, size_t n_dense, size_t n_classes, uint64_t seed)
{
    *table = (struct boost_table){.alloc = alloc};
    assert_true(n_dense >= 5);
    mer_err err;
    assert_int_equal(
        mer_alloc_array(alloc, n_rows * n_dense, sizeof(double), &table->dense, &err).code, MER_OK);
    assert_int_equal(mer_alloc_zero(alloc, n_rows, sizeof(int32_t), &table->levels, &err).code,
                     MER_OK);
    assert_int_equal(
        mer_alloc_array(alloc, n_dense, sizeof(uint32_t), &table->indicators, &err).code, MER_OK);
    assert_int_equal(mer_alloc_array(alloc, n_rows, sizeof(double), &table->values, &err).code,
                     MER_OK);
    assert_int_equal(mer_alloc_array(alloc, n_rows, sizeof(int32_t), &table->classes, &err).code,
                     MER_OK);
    assert_int_equal(mer_alloc_array(alloc, n_rows, sizeof(double), &table->weights, &err).code,
                     MER_OK);
    uint64_t state = seed;
    for (size_t i = 0; i < n_rows; i++) {
        double *x = table->dense + i * n_dense;
        for (size_t f = 0; f < n_dense; f++)
            x[f] = next_uniform(&state);
        const double noisy = surface_of(x) + next_uniform(&state) - 0.5;
        table->values[i] = noisy;
        table->classes[i] = n_classes == 2 ? noisy > 1.75
                            : n_classes > 2
                                ? (int32_t)fmin(fmax(noisy + 0.5, 0), (double)n_classes - 1)
                                : 0;
        table->weights[i] = 1;
    }
    table->design =
        (struct mer_design){.n_rows = n_rows, .n_dense = n_dense, .dense = table->dense};
    table->target = (struct mer_target){.task = n_classes == 0   ? MER_TASK_REGRESSION
                                                : n_classes == 2 ? MER_TASK_BINARY
                                                                 : MER_TASK_MULTICLASS,
                                        .values = table->values,
                                        .classes = table->classes,
                                        .n_classes = n_classes};
}

static inline void boost_table_release(struct boost_table *table)
{
    mer_free(table->alloc, table->dense);
    mer_free(table->alloc, table->levels);
    mer_free(table->alloc, table->indicators);
    mer_free(table->alloc, table->values);
    mer_free(table->alloc, table->classes);
    mer_free(table->alloc, table->weights);
}

static inline const struct mer_family *gbdt_family(void)
{
    return mer_family_find("gbdt");
}

static inline struct mer_params gbdt_params(const struct setting *settings)
{
    const struct mer_family *family = gbdt_family();
    struct mer_params params;
    mer_err err;
    mer_params_default(family->params, family->n_params, &params);
    for (; settings && settings->name; settings++)
        if (!mer_is_ok(mer_params_set(family->params, family->n_params, settings->name,
                                      settings->value, &params, &err)))
            fail_msg("%s", err.message);
    return params;
}

static inline struct mer_model *fit_gbdt(const struct mer_ctx *ctx, const struct boost_table *table,
                                         const struct setting *settings)
{
    const struct mer_params params = gbdt_params(settings);
    const struct mer_fit_data data = {
        .design = &table->design, .target = &table->target, .seed = 3};
    struct mer_model *model = NULL;
    mer_err err = {0};
    if (!mer_is_ok(gbdt_family()->fit(ctx, &params, &data, &model, &err)))
        fail_msg("%s", err.message);
    return model;
}

static inline double *predict_gbdt(const struct mer_ctx *ctx, const struct mer_model *model,
                                   const struct boost_table *table)
{
    const size_t n_outputs = mer_target_outputs(table->target.task, table->target.n_classes);
    double *predictions = NULL;
    mer_err err;
    assert_int_equal(mer_alloc_array(ctx->alloc, table->design.n_rows, n_outputs * sizeof(double),
                                     &predictions, &err)
                         .code,
                     MER_OK);
    assert_int_equal(gbdt_family()->predict(ctx, model, &table->design, predictions, &err).code,
                     MER_OK);
    return predictions;
}

/* Mean log loss, or mean squared error. */
static inline double loss_of(const struct mer_ctx *ctx, const struct mer_model *model,
                             const struct boost_table *table)
{
    double *predictions = predict_gbdt(ctx, model, table);
    const size_t n_outputs = mer_target_outputs(table->target.task, table->target.n_classes);
    double sum = 0;
    for (size_t i = 0; i < table->design.n_rows; i++) {
        if (table->target.task == MER_TASK_REGRESSION)
            sum += (predictions[i] - table->values[i]) * (predictions[i] - table->values[i]);
        else
            sum -= mer_ln(fmax(predictions[i * n_outputs + (size_t)table->classes[i]], 1e-300));
    }
    mer_free(ctx->alloc, predictions);
    return sum / (double)table->design.n_rows;
}

/* The ensemble of a model, by way of its saved form. */
static inline struct mer_ensemble ensemble_of(const struct mer_ctx *ctx, struct mer_model *model,
                                              const struct boost_table *table)
{
    struct saved_model saved;
    struct mer_ensemble ensemble;
    mer_err err;
    assert_int_equal(saved_model_fill(ctx, gbdt_family(), model, &saved, &err).code, MER_OK);
    assert_int_equal(mer_ensemble_load(ctx->alloc, &saved.bundle, PREFIX,
                                       mer_json_root(saved.document), &table->design,
                                       table->target.n_classes > 2 ? table->target.n_classes : 1,
                                       &ensemble, &err)
                         .code,
                     MER_OK);
    saved_model_release(&saved);
    return ensemble;
}

#endif
