/* Tables for the tests of trees, and a fitted tree with what is needed to ask it. */
#ifndef TESTS_LEARN_TREE_TABLE_H
#define TESTS_LEARN_TREE_TABLE_H

#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/rng.h"
#include "core/team.h"
#include "saved_model.h"

enum { TABLE_ROWS = 3000, TABLE_DENSE = 5, TABLE_GROUPS = 3, TABLE_CLASSES = 5 };

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

static inline void table_init(struct table *table, size_t n_rows, size_t n_dense, size_t n_groups,
                              size_t n_classes, bool weighted)
{
    *table = (struct table){0};
    table->design = (struct mer_design){.n_rows = n_rows,
                                        .n_dense = n_dense,
                                        .dense = table->dense,
                                        .n_groups = n_groups,
                                        .codes = table->codes,
                                        .group_start = table->group_start};
    table->target = (struct mer_target){
        .task = n_classes == 0   ? MER_TASK_REGRESSION
                : n_classes == 2 ? MER_TASK_BINARY
                                 : MER_TASK_MULTICLASS,
        .values = table->values,
        .classes = table->classes,
        .n_classes = n_classes,
        .weights = weighted ? table->weights : NULL,
    };
}

static inline const struct mer_family *tree_family(void)
{
    const struct mer_family *family = mer_family_find("tree");
    assert_non_null(family);
    return family;
}

/* Dense features and groups with -1, weights and a target that both explain. */
static inline void make_mixed_table(struct table *table, size_t n_rows, size_t n_classes,
                                    uint64_t seed)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, 0);
    table_init(table, n_rows, 3, 2, n_classes, true);
    table->group_start[1] = 12;
    table->group_start[2] = 12 + 3;
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t j = 0; j < 3; j++)
            table->dense[row * 3 + j] = floor(mer_rng_uniform(&rng) * (j == 0 ? 4 : 1000));
        const int32_t level = (int32_t)mer_rng_below(&rng, 13) - 1;
        table->codes[2 * row] = level;
        table->codes[2 * row + 1] = (int32_t)mer_rng_below(&rng, 4) - 1;
        const double surface = table->dense[row * 3 + 1] / 1000 + ((level + 1) * 5 % 7) / 7.0 +
                               mer_rng_uniform(&rng) / 2;
        table->values[row] = surface;
        table->classes[row] = n_classes ? (int32_t)(surface * 2) % (int32_t)n_classes : 0;
        table->weights[row] = row % 10 == 9 ? 0 : 0.5 + mer_rng_uniform(&rng);
    }
}

struct setting {
    const char *name;
    const char *value;
};

/* Defaults, with the settings up to the first without a name. */
static inline struct mer_params tree_params(const struct setting *settings)
{
    const struct mer_family *family = tree_family();
    struct mer_params params;
    mer_params_default(family->params, family->n_params, &params);
    for (; settings && settings->name; settings++)
        assert_int_equal(mer_params_set(family->params, family->n_params, settings->name,
                                        settings->value, &params, NULL)
                             .code,
                         MER_OK);
    return params;
}

#define SETTINGS(...) ((const struct setting[]){__VA_ARGS__, {NULL, NULL}})

/* A fitted tree with its context and saved form. */
struct fitted {
    struct mer_alloc alloc;
    struct mer_team *team;
    struct mer_ctx ctx;
    struct mer_model *model;
    struct saved_model saved;
};

static inline void fitted_release(struct fitted *fitted)
{
    saved_model_release(&fitted->saved);
    tree_family()->free(&fitted->ctx, fitted->model);
    mer_team_free(fitted->team);
    assert_int_equal(fitted->alloc.used, 0);
}

static inline void fit_tree(const struct table *table, const struct setting *settings,
                            size_t n_threads, struct fitted *ret)
{
    const struct mer_params params = tree_params(settings);
    const struct mer_fit_data data = {.design = &table->design, .target = &table->target};
    mer_err err = {0};
    *ret = (struct fitted){0};
    mer_alloc_init(&ret->alloc, SIZE_MAX);
    assert_int_equal(mer_team_new(&ret->alloc, n_threads, &ret->team, NULL).code, MER_OK);
    ret->ctx = (struct mer_ctx){.alloc = &ret->alloc, .team = ret->team};
    if (!mer_is_ok(tree_family()->fit(&ret->ctx, &params, &data, &ret->model, &err)))
        fail_msg("%s", err.message);
    assert_int_equal(saved_model_fill(&ret->ctx, tree_family(), ret->model, &ret->saved, NULL).code,
                     MER_OK);
}

static inline void predict_tree(const struct fitted *fitted, const struct mer_design *design,
                                double *ret_outputs)
{
    assert_int_equal(
        tree_family()->predict(&fitted->ctx, fitted->model, design, ret_outputs, NULL).code,
        MER_OK);
}

/* "n_leaves" or "depth" of a saved tree. */
static inline int64_t fitted_integer(const struct fitted *fitted, const char *key)
{
    int64_t value = 0;
    assert_true(mer_json_integer(mer_json_get(mer_json_root(fitted->saved.document), key), &value));
    return value;
}

static inline void assert_same_bundles(const struct mer_bundle *a, const struct mer_bundle *b)
{
    assert_int_equal(a->n_arrays, b->n_arrays);
    for (size_t i = 0; i < a->n_arrays; i++) {
        assert_string_equal(a->arrays[i].name, b->arrays[i].name);
        assert_int_equal(a->arrays[i].n_bytes, b->arrays[i].n_bytes);
        assert_memory_equal(a->arrays[i].data, b->arrays[i].data, a->arrays[i].n_bytes);
    }
}

#endif
