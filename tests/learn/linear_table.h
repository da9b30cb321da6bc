/* Tables for the tests of the linear family. Optima that scikit-learn found on the first kind are
 * in sklearn_linear.h. */
#ifndef TESTS_LEARN_LINEAR_TABLE_H
#define TESTS_LEARN_LINEAR_TABLE_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"
#include "core/team.h"
#include "saved_model.h"

enum { TABLE_ROWS = 1500, TABLE_DENSE = 40, TABLE_GROUPS = 2, TABLE_ONEHOT = 8, TABLE_CLASSES = 4 };
enum { TABLE_FEATURES = TABLE_DENSE + TABLE_ONEHOT };
enum { STORED_ROWS = 120, STORED_DENSE = 4, STORED_FEATURES = STORED_DENSE + TABLE_ONEHOT };

/* Room for the largest table of the tests; design and target point into it. */
struct table {
    double dense[TABLE_ROWS * TABLE_DENSE];
    int32_t codes[TABLE_ROWS * TABLE_GROUPS];
    uint32_t group_start[TABLE_GROUPS + 1];
    double values[TABLE_ROWS];
    int32_t classes[TABLE_ROWS];
    double weights[TABLE_ROWS];
    struct mer_design design;
    struct mer_target target;
};

static const uint32_t GROUP_WIDTHS[TABLE_GROUPS] = {3, 5};

static inline void table_init(struct table *table, size_t n_rows, size_t n_dense, size_t n_groups,
                              size_t n_classes, bool weighted)
{
    *table = (struct table){0};
    for (size_t g = 0; g < n_groups; g++)
        table->group_start[g + 1] = table->group_start[g] + GROUP_WIDTHS[g];
    table->design = (struct mer_design){.n_rows = n_rows, .n_dense = n_dense, .n_groups = n_groups};
    /* What is not there is NULL, as users of a design may find it. */
    table->design.dense = n_dense ? table->dense : NULL;
    table->design.codes = n_groups ? table->codes : NULL;
    table->design.group_start = n_groups ? table->group_start : NULL;
    table->target = (struct mer_target){
        .task = n_classes == 0   ? MER_TASK_REGRESSION
                : n_classes == 2 ? MER_TASK_BINARY
                                 : MER_TASK_MULTICLASS,
        .values = n_classes == 0 ? table->values : NULL,
        .classes = n_classes == 0 ? NULL : table->classes,
        .n_classes = n_classes,
        .weights = weighted ? table->weights : NULL,
    };
}

/* Knuth's 64-bit linear congruential generator; make_sklearn_linear.py has the same. */
static inline double next_uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static inline int32_t class_of(double surface, size_t n_classes)
{
    const double last = (double)n_classes - 1;
    const double k = floor(surface);
    return (int32_t)(k < 0 ? 0 : k > last ? last : k);
}

/* The table of make_sklearn_linear.py. */
static inline void make_stored_table(struct table *table, size_t n_classes, bool weighted)
{
    uint64_t state = 21 + n_classes;
    table_init(table, STORED_ROWS, STORED_DENSE, TABLE_GROUPS, n_classes, weighted);
    for (size_t i = 0; i < STORED_ROWS; i++) {
        double *x = table->dense + i * STORED_DENSE;
        for (size_t j = 0; j < STORED_DENSE; j++)
            x[j] = floor(next_uniform(&state) * 256) / 64 - 2 + (double)j;
        double surface = 0.5 * x[0] - 0.25 * x[1] * x[2];
        for (size_t g = 0; g < TABLE_GROUPS; g++) {
            const double code = floor(next_uniform(&state) * (GROUP_WIDTHS[g] + 1)) - 1;
            table->codes[i * TABLE_GROUPS + g] = (int32_t)code;
            surface += 0.5 * code;
        }
        surface += 2 * next_uniform(&state);
        table->values[i] = surface;
        table->classes[i] = class_of(surface, n_classes);
        table->weights[i] = 0.25 + floor(next_uniform(&state) * 16) / 8;
    }
}

/* Normal features, some of them far from zero, indicators and a target that both explain. */
static inline void make_random_table(struct table *table, size_t n_rows, size_t n_dense,
                                     size_t n_groups, size_t n_classes, bool weighted)
{
    mer_rng rng;
    mer_rng_init(&rng, 77, n_rows + n_dense + n_groups + n_classes);
    table_init(table, n_rows, n_dense, n_groups, n_classes, weighted);
    for (size_t i = 0; i < n_rows; i++) {
        double surface = (double)n_classes / 2 + mer_rng_normal(&rng);
        for (size_t j = 0; j < n_dense; j++) {
            const double x = mer_rng_normal(&rng);
            table->dense[i * n_dense + j] = x + (j % 3 == 2 ? 10 : 0);
            surface += j % 5 == 0 ? 0.5 * x : 0;
        }
        for (size_t g = 0; g < n_groups; g++) {
            const int32_t code = (int32_t)mer_rng_below(&rng, GROUP_WIDTHS[g] + 1) - 1;
            table->codes[i * n_groups + g] = code;
            surface += 0.25 * code;
        }
        table->values[i] = surface;
        table->classes[i] = class_of(surface, n_classes);
        table->weights[i] = 2 * mer_rng_uniform(&rng);
    }
}

static inline const struct mer_family *linear_family(void)
{
    const struct mer_family *family = mer_family_find("linear");
    assert_non_null(family);
    return family;
}

/* Defaults changed by name and text: {"alpha", "3", NULL}. */
static inline struct mer_params linear_params(const char *const *settings)
{
    const struct mer_family *family = linear_family();
    struct mer_params params;
    mer_params_default(family->params, family->n_params, &params);
    for (size_t i = 0; settings && settings[i]; i += 2)
        assert_int_equal(mer_params_set(family->params, family->n_params, settings[i],
                                        settings[i + 1], &params, NULL)
                             .code,
                         MER_OK);
    return params;
}

/* A fitted model's arrays. */
struct fitted {
    size_t n_outputs;
    size_t n_features;
    double coefficients[TABLE_CLASSES * TABLE_FEATURES];
    double intercepts[TABLE_CLASSES];
};

static inline mer_status fit_linear(const struct mer_ctx *ctx, const struct table *table,
                                    const struct mer_params *params, struct fitted *ret,
                                    mer_err *err)
{
    const struct mer_fit_data data = {.design = &table->design, .target = &table->target};
    struct mer_model *model = NULL;
    struct saved_model saved;
    MER_GUARD(linear_family()->fit(ctx, params, &data, &model, err));
    const mer_status status = saved_model_fill(ctx, linear_family(), model, &saved, err);
    if (mer_is_ok(status)) {
        const struct mer_array *coefficients = mer_bundle_find(&saved.bundle, "model/coefficients");
        const struct mer_array *intercepts = mer_bundle_find(&saved.bundle, "model/intercepts");
        memset(ret, 0, sizeof *ret);
        ret->n_outputs = coefficients->shape[0];
        ret->n_features = coefficients->shape[1];
        memcpy(ret->coefficients, coefficients->data, coefficients->n_bytes);
        memcpy(ret->intercepts, intercepts->data, intercepts->n_bytes);
    }
    saved_model_release(&saved);
    linear_family()->free(ctx, model);
    return status;
}

/* The same where it has to succeed, on one thread with plain kernels. */
static inline void fit_plainly(const struct table *table, const char *const *settings,
                               struct fitted *ret)
{
    const struct mer_params params = linear_params(settings);
    struct mer_alloc alloc;
    mer_err err = {0};
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    if (fit_linear(&ctx, table, &params, ret, &err).code != MER_OK)
        fail_msg("%s", err.message);
    assert_int_equal(alloc.used, 0);
}

static inline double largest_difference(const double *a, const double *b, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(a[i] - b[i]));
    return largest;
}

static inline double fitted_difference(const struct fitted *a, const struct fitted *b)
{
    assert_int_equal(a->n_outputs, b->n_outputs);
    assert_int_equal(a->n_features, b->n_features);
    return fmax(largest_difference(a->coefficients, b->coefficients, a->n_outputs * a->n_features),
                largest_difference(a->intercepts, b->intercepts, a->n_outputs));
}

#endif
