/* What every family owes a file: a model that was loaded predicts the same, and one for other
 * columns, other classes or with numbers that are none is refused without a trace. */
#ifndef TESTS_LEARN_LOADED_MODEL_H
#define TESTS_LEARN_LOADED_MODEL_H

#include <stdlib.h>

#include "linear_table.h"

/* A model of a family with one parameter of its own. */
static inline struct mer_model *fit_with(const struct mer_ctx *ctx, const struct table *table,
                                         const struct mer_family *family, const char *param,
                                         const char *value)
{
    const struct mer_fit_data data = {
        .design = &table->design, .target = &table->target, .seed = 1};
    struct mer_model *model = NULL;
    struct mer_params params;
    mer_params_default(family->params, family->n_params, &params);
    assert_int_equal(
        mer_params_set(family->params, family->n_params, param, value, &params, NULL).code, MER_OK);
    assert_int_equal(family->fit(ctx, &params, &data, &model, NULL).code, MER_OK);
    return model;
}

struct loading {
    const struct mer_ctx *ctx;
    const struct mer_family *family;
    struct saved_model saved;
    enum mer_task task;
    size_t n_classes;
    const struct mer_design *shape;
};

/* The model saved. Release `saved` in any case. */
static inline void loading_start(struct loading *loading, const struct mer_ctx *ctx,
                                 const struct mer_family *family, const struct mer_model *model,
                                 const struct table *table)
{
    *loading = (struct loading){.ctx = ctx,
                                .family = family,
                                .task = table->target.task,
                                .n_classes = table->target.n_classes,
                                .shape = &table->design};
    assert_int_equal(saved_model_fill(ctx, family, model, &loading->saved, NULL).code, MER_OK);
}

static inline void assert_predicts_the_same(const struct loading *loading,
                                            const struct mer_model *model,
                                            const struct mer_design *asked)
{
    const size_t n = asked->n_rows * mer_target_outputs(loading->task, loading->n_classes);
    double *const first = calloc(n, sizeof *first), *const again = calloc(n, sizeof *again);
    struct mer_model *loaded = NULL;
    assert_non_null(first);
    assert_non_null(again);
    assert_int_equal(saved_model_load(loading->ctx, loading->family, &loading->saved, loading->task,
                                      loading->n_classes, loading->shape, &loaded, NULL)
                         .code,
                     MER_OK);
    assert_int_equal(loading->family->predict(loading->ctx, model, asked, first, NULL).code,
                     MER_OK);
    assert_int_equal(loading->family->predict(loading->ctx, loaded, asked, again, NULL).code,
                     MER_OK);
    assert_memory_equal(first, again, n * sizeof *first);
    loading->family->free(loading->ctx, loaded);
    free(first);
    free(again);
}

static inline void assert_refused(const struct loading *loading)
{
    struct mer_model *loaded = NULL;
    const size_t used = loading->ctx->alloc->used;
    assert_int_equal(saved_model_load(loading->ctx, loading->family, &loading->saved, loading->task,
                                      loading->n_classes, loading->shape, &loaded, NULL)
                         .code,
                     MER_ERR_DATA);
    assert_int_equal(loading->ctx->alloc->used, used);
}

/* With one dense column less, with more than what pads rows has room for, and one class less. */
static inline void assert_shapes_are_checked(const struct loading *loading)
{
    struct loading other = *loading;
    struct mer_design shape = *loading->shape;
    other.shape = &shape;
    shape.n_dense += 16;
    assert_refused(&other);
    shape.n_dense -= 17;
    assert_refused(&other);
    other = *loading;
    other.n_classes--;
    if (loading->task == MER_TASK_MULTICLASS)
        assert_refused(&other);
}

/* Every array's first number in turn becomes an infinity. */
static inline void assert_numbers_are_checked(const struct loading *loading)
{
    for (size_t i = 0; i < loading->saved.bundle.n_arrays; i++) {
        const struct mer_array *array = &loading->saved.bundle.arrays[i];
        if (array->dtype != MER_DTYPE_F64 || array->n_bytes == 0)
            continue;
        double *const numbers = (double *)(uintptr_t)array->data;
        const double number = numbers[0];
        numbers[0] = (double)INFINITY;
        assert_refused(loading);
        numbers[0] = number;
    }
}

/* All of it; frees the model. */
static inline void assert_survives_saving(const struct mer_ctx *ctx,
                                          const struct mer_family *family, struct mer_model *model,
                                          const struct table *table, const struct mer_design *asked)
{
    struct loading loading;
    loading_start(&loading, ctx, family, model, table);
    assert_predicts_the_same(&loading, model, asked);
    assert_shapes_are_checked(&loading);
    assert_numbers_are_checked(&loading);
    saved_model_release(&loading.saved);
    family->free(ctx, model);
    assert_int_equal(ctx->alloc->used, 0);
}

#endif
